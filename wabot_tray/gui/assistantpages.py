"""The pages of the first-run assistant: one question each."""

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from wabot_tray.bot.templates import Template, suggested_reply
from wabot_tray.core.snapshot import SessionSnapshot
from wabot_tray.core.states import SessionState
from wabot_tray.gui.dialogs import LABEL_LENGTH
from wabot_tray.gui.icons import app_icon, picture, state_icon
from wabot_tray.gui.parts import button, card, label
from wabot_tray.system.i18n import language, t

# Each language in its own words: who looks for theirs cannot read the other.
LANGUAGES: Final = {"es": "Español", "en": "English"}
# What may be answered from the start, and when it is.
REPLIES: Final = {
    Template.GREETING: ("assistant.reply_greeting", "assistant.reply_greeting_when"),
    Template.AWAY: ("assistant.reply_away", "assistant.reply_away_when"),
    Template.PRICES: ("assistant.reply_prices", "assistant.reply_prices_when"),
}
PROMISES: Final = ("assistant.promise_link", "assistant.promise_stay", "assistant.promise_answer")
FACTS: Final = (
    "assistant.fact_unofficial",
    "assistant.fact_ban",
    "assistant.fact_phone",
    "assistant.fact_private",
)
_PICTURE: Final = 72
_SIGN: Final = 22
_LINES, _EDGE = 3, 10  # of the field for a reply


class Page(QWidget):
    """One step: a heading, some words, and what is asked."""

    ready_changed = Signal()

    def __init__(self, heading: str, words: str) -> None:
        super().__init__()
        self.heading = label(heading, role="title")
        self.words = label(words, role="quiet")
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(12)
        self.body.addWidget(self.heading)
        self.body.addWidget(self.words)
        self.body.addSpacing(4)

    @property
    def is_ready(self) -> bool:
        """Whether the person may go on."""
        return True

    @property
    def go_key(self) -> str:
        """The text of the button that goes on."""
        return "assistant.next"

    @property
    def skip_key(self) -> str:
        """The text of the button that leaves this step out; empty where that is no choice."""
        return ""

    def first_focus(self) -> QWidget | None:
        """Return what the keyboard is for when the page appears; None for the button."""
        return None


class WelcomePage(Page):
    """The language, and what the program does."""

    language_chosen = Signal(str)
    restore_wanted = Signal()

    def __init__(self, *, can_restore: bool) -> None:
        super().__init__(t("assistant.welcome"), t("assistant.welcome_words"))
        image = QLabel()
        image.setPixmap(picture(app_icon(), _PICTURE, self))
        self.body.insertWidget(0, image)
        for key in PROMISES:
            self.body.addLayout(_line(SessionState.CONNECTED, t(key)))
        self.body.addSpacing(10)
        name = label(t("assistant.language"), role="heading")
        self.body.addWidget(name)
        row = QHBoxLayout()
        row.setSpacing(24)
        self.languages: dict[str, QRadioButton] = {}
        for code, own_name in LANGUAGES.items():
            made = QRadioButton(own_name)
            made.setChecked(code == language())
            made.setAccessibleDescription(t("assistant.language"))
            made.toggled.connect(lambda on, code=code: self._on_language(code, chosen=on))
            self.languages[code] = made
            row.addWidget(made)
        row.addStretch(1)
        self.body.addLayout(row)
        self.body.addStretch(1)
        self.restore = button(t("assistant.restore"), self.restore_wanted.emit, role="flat")
        self.restore.setVisible(can_restore)
        self.body.addWidget(self.restore, 0, Qt.AlignmentFlag.AlignLeft)

    def _on_language(self, code: str, *, chosen: bool) -> None:
        if chosen and code != language():
            self.language_chosen.emit(code)


class HonestPage(Page):
    """What the program is not, and what may happen."""

    def __init__(self) -> None:
        super().__init__(t("assistant.honest"), t("assistant.honest_words"))
        for key in FACTS:
            title, _, words = t(key).partition("\n")
            panel = card()
            inside = QVBoxLayout(panel)
            inside.setContentsMargins(16, 12, 16, 12)
            inside.setSpacing(4)
            inside.addWidget(label(title, role="heading"))
            inside.addWidget(label(words))
            self.body.addWidget(panel)
        self.body.addStretch(1)

    @property
    def go_key(self) -> str:
        """The text of the button that goes on."""
        return "assistant.understood"


class NamePage(Page):
    """What the account is called."""

    def __init__(self) -> None:
        super().__init__(t("assistant.name"), t("assistant.name_words"))
        self.name = QLineEdit()
        self.name.setMaxLength(LABEL_LENGTH)
        self.name.setPlaceholderText(t("add.name_example"))
        self.name.setAccessibleName(t("add.name"))
        self.problem = label("", role="error")
        self.problem.hide()
        self.body.addWidget(self.name)
        self.body.addWidget(self.problem)
        self.body.addStretch(1)
        self.name.textChanged.connect(self._on_text)

    @property
    def is_ready(self) -> bool:
        """Whether there is a name."""
        return bool(self.name.text().strip())

    def first_focus(self) -> QWidget:
        """Return the field."""
        return self.name

    def refuse(self, text: str) -> None:
        """Say why this name will not do."""
        self.problem.setText(text)
        self.problem.show()
        self.name.setFocus()

    def _on_text(self) -> None:
        self.problem.hide()
        self.ready_changed.emit()


class LinkPage(Page):
    """The phone; the panel that links it comes and goes with the page."""

    def __init__(self) -> None:
        super().__init__(t("assistant.link"), "")
        self.words.hide()
        self.panel: QWidget | None = None
        self.is_linked = False

    @property
    def is_ready(self) -> bool:
        """Whether a phone is linked."""
        return self.is_linked

    @property
    def skip_key(self) -> str:
        """A phone can be linked another day."""
        return "" if self.is_linked else "assistant.link_later"

    def hold(self, panel: QWidget | None) -> None:
        """Show `panel`, or none."""
        if self.panel is not None:
            self.body.removeWidget(self.panel)
            self.panel.deleteLater()
        self.panel = panel
        if panel is not None:
            self.body.addWidget(panel, 1)


class ReplyCard(QFrame):
    """One reply: whether it is given, when, and its words."""

    changed = Signal()

    def __init__(self, template: Template) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self.template = template
        title, hint = (t(key) for key in REPLIES[template])
        self.wanted = QCheckBox(title)
        self.wanted.setAccessibleDescription(hint)
        self.text = QPlainTextEdit()
        self.text.setTabChangesFocus(True)
        self.text.setAccessibleName(title)
        self.text.setFixedHeight(_LINES * self.fontMetrics().lineSpacing() + 2 * _EDGE)
        self.text.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(6)
        column.addWidget(self.wanted)
        column.addWidget(label(hint, role="quiet"))
        column.addWidget(self.text)
        self.wanted.toggled.connect(self.text.setVisible)
        self.wanted.toggled.connect(self.changed)
        self.text.textChanged.connect(self.changed)


class ReplyPage(Page):
    """The first automatic replies, in the shop's own words."""

    def __init__(self) -> None:
        super().__init__(t("assistant.reply"), t("assistant.reply_words"))
        self._suggested: dict[Template, str] = {}
        self.cards = {template: ReplyCard(template) for template in REPLIES}
        for one in self.cards.values():
            self.body.addWidget(one)
            one.changed.connect(self._on_changed)
        self.body.addWidget(label(t("assistant.reply_name_hint", name="{name}"), role="quiet"))
        self.problem = label("", role="error")
        self.problem.hide()
        self.body.addWidget(self.problem)
        self.body.addStretch(1)
        self.cards[Template.GREETING].wanted.setChecked(True)

    @property
    def is_ready(self) -> bool:
        """Whether something is ticked, and whatever is ticked has words."""
        chosen = self.chosen()
        return bool(chosen) and all(text.strip() for text in chosen.values())

    @property
    def skip_key(self) -> str:
        """No reply is a choice, too."""
        return "assistant.reply_none"

    def suggest(self, shop: str) -> None:
        """Put in words that fit a shop of this name, where the person has not changed them."""
        for template, one in self.cards.items():
            if one.text.toPlainText() == self._suggested.get(template, ""):
                self._suggested[template] = suggested_reply(template, shop)
                one.text.setPlainText(self._suggested[template])

    def chosen(self) -> dict[Template, str]:
        """Return the replies that are wanted, by template."""
        ticked = (one for one in self.cards.values() if one.wanted.isChecked())
        return {one.template: one.text.toPlainText() for one in ticked}

    def refuse(self, text: str) -> None:
        """Say why these replies cannot be used."""
        self.problem.setText(text)
        self.problem.show()

    def _on_changed(self) -> None:
        self.problem.hide()
        self.ready_changed.emit()


class LastPage(Page):
    """Start at login, and the first answered message, live."""

    def __init__(self, *, has_login_item: bool) -> None:
        super().__init__(t("assistant.last"), "")
        self.autostart = QCheckBox(t("assistant.autostart"))
        self.autostart.setVisible(has_login_item)
        self.autostart_hint = label(t("assistant.autostart_hint"), role="quiet")
        self.autostart_hint.setVisible(has_login_item)
        panel = card()
        inside = QHBoxLayout(panel)
        inside.setContentsMargins(18, 16, 18, 16)
        inside.setSpacing(14)
        self.sign = QLabel()
        self.state = label("", role="heading")
        self.hint = label("")
        column = QVBoxLayout()
        column.setSpacing(4)
        column.addWidget(self.state)
        column.addWidget(self.hint)
        inside.addWidget(self.sign, 0, Qt.AlignmentFlag.AlignTop)
        inside.addLayout(column, 1)
        self.body.addWidget(panel)
        self.body.addSpacing(8)
        self.body.addWidget(self.autostart)
        self.body.addWidget(self.autostart_hint)
        self.body.addSpacing(8)
        self.body.addWidget(label(t("assistant.tray_hint"), role="quiet"))
        self.body.addStretch(1)

    @property
    def go_key(self) -> str:
        """The text of the button that ends it."""
        return "assistant.finish"

    def show_for(self, snapshot: SessionSnapshot, *, answers: bool) -> None:
        """Follow the account: not linked, connected, or its first answer given."""
        is_connected = snapshot.state is SessionState.CONNECTED
        if snapshot.replied:
            keys = "assistant.answered", "assistant.answered_words"
        elif is_connected and answers:
            keys = "assistant.try_it", "assistant.try_it_words"
        elif is_connected:
            keys = "assistant.ready", "assistant.ready_words"
        elif snapshot.paired:
            keys = "assistant.connecting", "assistant.connecting_words"
        else:
            keys = "assistant.unlinked", "assistant.unlinked_words"
        self.sign.setPixmap(picture(state_icon(snapshot.state), _SIGN, self))
        self.state.setText(t(keys[0]))
        self.hint.setText(t(keys[1]))


def _line(state: SessionState, words: str) -> QHBoxLayout:
    """Return a line with a sign before it."""
    row = QHBoxLayout()
    row.setSpacing(10)
    sign = QLabel()
    sign.setPixmap(picture(state_icon(state), _SIGN, sign))
    row.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
    row.addWidget(label(words), 1)
    return row


def plain_button(text: str, work: Callable[[], object]) -> QPushButton:
    """Return a button that Return does not press by itself."""
    made = button(text, work)
    made.setAutoDefault(False)
    return made
