"""The pages of "Backup and restore" but for the choosing: the start, a backup, work, its end."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from wabot_tray.core.states import SessionState
from wabot_tray.gui.icons import picture, state_icon, warning_icon
from wabot_tray.gui.parts import button, card, label
from wabot_tray.gui.passphrasefields import PassphraseFields
from wabot_tray.gui.wording import ago, no_markup, point_in_time
from wabot_tray.storage.backup_notes import Notes
from wabot_tray.system.i18n import t

_SIGN: Final = 20
_LARGE_SIGN: Final = 44
_WHOLE: Final = 1000


class BackupPage(QScrollArea):
    """A title, some words, parts below each other, and a row of buttons that never scrolls away."""

    def __init__(self, title: str, words: str = "") -> None:
        super().__init__()
        self.setObjectName("page")
        self.setAccessibleName(title)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        body = QWidget()
        body.setObjectName("page")
        self.column = QVBoxLayout(body)
        self.column.setContentsMargins(28, 24, 28, 8)
        self.column.setSpacing(14)
        self.title = label(title, role="title")
        self.column.addWidget(self.title)
        self.words = label(words, role="quiet")
        self.words.setVisible(bool(words))
        self.column.addWidget(self.words)
        self.setWidget(body)
        self.buttons: list[QWidget] = []

    def sizeHint(self) -> QSize:
        """Ask for no more than the window gives."""
        return QSize(0, 0)

    def begin(self) -> None:
        """Be shown: put the keyboard where one begins."""

    def add_problem(self) -> QLabel:
        """Add the place where a refusal is said, and return it."""
        made = label("", role="error")
        made.hide()
        self.column.addWidget(made)
        return made


class HomePage(BackupPage):
    """What can be done, and when it was last done."""

    make_wanted = Signal()
    restore_wanted = Signal()
    folder_wanted = Signal()
    reminder_changed = Signal(bool)

    def __init__(self) -> None:
        super().__init__(t("saving.title"))
        self.make = button(t("saving.make"), self.make_wanted.emit, role="primary")
        self.folder = button(t("saving.show_folder"), self.folder_wanted.emit, role="flat")
        self.last = label("", role="quiet")
        self.last.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.reminder = QCheckBox(t("saving.remind"))
        self.reminder.clicked.connect(self._on_reminder)
        self.restore = button(t("restoring.start"), self.restore_wanted.emit)
        self._card(
            t("saving.heading"), t("saving.words"), self.last, [self.make, self.folder],
            self.reminder,
        )  # fmt: skip
        self._card(t("restoring.heading"), t("restoring.words"), None, [self.restore])
        self.column.addStretch(1)

    def begin(self) -> None:
        """Put the keyboard on the usual wish."""
        self.make.setFocus()

    def show_state(self, notes: Notes, now: datetime, *, can_make: bool, reminds: bool) -> None:
        """Show when the last backup was made, and what can be done now."""
        self.make.setEnabled(can_make)
        if not can_make:
            self.last.setText(t("saving.nothing_yet"))
        elif notes.made_at is None:
            self.last.setText(t("saving.never"))
        else:
            words = {"ago": ago(notes.made_at, now), "path": breakable(notes.path)}
            self.last.setText(t("saving.last", **words))
            self.last.setToolTip(point_in_time(notes.made_at))
        self.folder.setVisible(notes.made_at is not None)
        self.reminder.setChecked(reminds)

    def _on_reminder(self, is_on: bool) -> None:
        self.reminder_changed.emit(is_on)

    def _card(
        self,
        heading: str,
        words: str,
        more: QWidget | None,
        buttons: Sequence[QWidget],
        last: QWidget | None = None,
    ) -> None:
        made = card()
        column = QVBoxLayout(made)
        column.setContentsMargins(20, 18, 20, 18)
        column.setSpacing(10)
        column.addWidget(label(heading, role="heading"))
        column.addWidget(label(words))
        if more is not None:
            column.addWidget(more)
        row = QHBoxLayout()
        row.setSpacing(10)
        for part in buttons:
            row.addWidget(part)
        row.addStretch(1)
        column.addSpacing(4)
        column.addLayout(row)
        if last is not None:
            column.addWidget(last)
        self.column.addWidget(made)


class MakePage(BackupPage):
    """Where to, and a passphrase typed twice."""

    place_wanted = Signal()
    wanted = Signal()

    def __init__(self, back: Callable[[], object]) -> None:
        super().__init__(t("saving.heading"), t("saving.inside"))
        self.place = FileRow(t("saving.file"), t("saving.change"), self.place_wanted.emit)
        self.passphrase = PassphraseFields(is_new=True)
        self.column.addWidget(self.place)
        self.column.addWidget(self.passphrase)
        self.column.addWidget(caution(t("backup.old_copy")))
        self.problem = self.add_problem()
        self.column.addStretch(1)
        self.back = button(t("saving.back"), back)
        self.go = button(t("saving.go"), self.wanted.emit, role="primary")
        self.buttons = [self.back, self.go]
        self.passphrase.changed.connect(self._follow)
        self.passphrase.entered.connect(self._on_entered)
        self.place.field.textChanged.connect(self._follow)
        self._follow()

    def begin(self) -> None:
        """Put the keyboard on the passphrase; the place is usually right."""
        self.show_problem("")
        self.passphrase.first.setFocus()

    def show_problem(self, sentence: str) -> None:
        """Say why it did not work; "" where it did."""
        self.problem.setText(sentence)
        self.problem.setVisible(bool(sentence))
        if sentence:
            self.ensureWidgetVisible(self.problem)

    def _follow(self) -> None:
        self.go.setEnabled(self.passphrase.is_ready and bool(self.place.path))

    def _on_entered(self) -> None:
        if self.go.isEnabled():
            self.wanted.emit()


class WorkPage(BackupPage):
    """How far it is, and a way out."""

    def __init__(self, cancel: Callable[[], object]) -> None:
        super().__init__("")
        self.bar = QProgressBar()
        self.bar.setRange(0, _WHOLE)
        self.bar.setTextVisible(False)
        self.percent = label("", role="quiet")
        self.column.addWidget(self.bar)
        self.column.addWidget(self.percent)
        self.column.addStretch(1)
        self.cancel = button(t("gui.cancel"), cancel)
        self.buttons = [self.cancel]

    def begin(self) -> None:
        """Put the keyboard on the only button."""
        self.cancel.setFocus()

    def start(self, title: str, words: str) -> None:
        """Begin at nothing."""
        self.title.setText(title)
        self.setAccessibleName(title)
        self.bar.setAccessibleName(title)
        self.words.setText(words)
        self.words.setVisible(bool(words))
        self.show_share(0.0)

    def show_share(self, share: float) -> None:
        """Show how far it is, from 0 to 1."""
        self.bar.setValue(round(share * _WHOLE))
        self.percent.setText(t("saving.share", share=round(share * 100)))


class DonePage(BackupPage):
    """It worked: what came of it, and where to go from here."""

    def __init__(self, done: Callable[[], object]) -> None:
        super().__init__("")
        sign = QLabel()
        sign.setPixmap(picture(state_icon(SessionState.CONNECTED), _LARGE_SIGN, self))
        self.column.insertWidget(0, sign)
        self.text = label("")
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.column.addWidget(self.text)
        self.cautions = QVBoxLayout()
        self.cautions.setSpacing(10)
        self.column.addLayout(self.cautions)
        self.column.addStretch(1)
        self.other = button("", self._on_other)
        self.done = button(t("saving.done"), done, role="primary")
        self.buttons = [self.other, self.done]
        self._other_work: Callable[[], object] = done

    def begin(self) -> None:
        """Put the keyboard on the way out."""
        self.done.setFocus()

    def tell(
        self,
        title: str,
        words: str,
        *,
        text: str = "",
        cautions: Sequence[str] = (),
        other: tuple[str, Callable[[], object]],
    ) -> None:
        """Say what was done; `other` is a second button and what it does."""
        self.title.setText(title)
        self.setAccessibleName(title)
        self.words.setText(words)
        self.words.setVisible(bool(words))
        self.text.setText(text)
        self.text.setVisible(bool(text))
        while (item := self.cautions.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.deleteLater()
        for one in cautions:
            self.cautions.addWidget(caution(one))
        self.other.setText(other[0])
        self._other_work = other[1]

    def _on_other(self) -> None:
        self._other_work()


class FileRow(QWidget):
    """A file's place, which can be typed, and a button that asks for another."""

    def __init__(self, name: str, words: str, choose: Callable[[], object]) -> None:
        super().__init__()
        self.field = QLineEdit()
        self.field.setAccessibleName(name)
        self.button = button(words, choose)
        heading = label(name)
        heading.setBuddy(self.field)
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addWidget(self.field, 1)
        row.addWidget(self.button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(heading)
        column.addLayout(row)

    @property
    def path(self) -> Path | None:
        """What stands there; None where nothing does."""
        text = self.field.text().strip()
        return Path(text).expanduser().absolute() if text else None

    def show_path(self, path: Path) -> None:
        """Show `path`, its end in view: that is what tells files apart."""
        self.field.setText(str(path))
        self.field.setToolTip(no_markup(str(path)))


def caution(text: str) -> QFrame:
    """Return a card with a sign and words that a person should read."""
    made = card("banner")
    made.setProperty("tone", "warning")
    sign = QLabel()
    sign.setPixmap(picture(warning_icon(), _SIGN, made))
    row = QHBoxLayout(made)
    row.setContentsMargins(14, 10, 14, 10)
    row.setSpacing(12)
    row.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
    row.addWidget(label(text), 1)
    return made


def breakable(path: str) -> str:
    """Return a path that may be broken into lines behind its separators."""
    return path.replace("/", "/\u200b").replace("\\", "\\\u200b")
