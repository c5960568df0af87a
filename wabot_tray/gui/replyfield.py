"""The words of a reply: placeholders put in by buttons, and what the customer will read."""

from functools import partial
from typing import Final

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QLabel, QPlainTextEdit, QSizePolicy, QVBoxLayout, QWidget

from wabot_tray.bot.rulebook import Template
from wabot_tray.bot.ruledraft import clean
from wabot_tray.bot.rules import template
from wabot_tray.core.errors import BotFileError
from wabot_tray.gui.flow import FlowLayout
from wabot_tray.gui.parts import button, card, label
from wabot_tray.system.i18n import t

_LINES: Final = 3
_MOST_LINES: Final = 10
BUTTONS: Final = {
    "name": "rules.put_name",
    "phone": "rules.put_phone",
    "text": "rules.put_text",
    "time": "rules.put_time",
}


class TextField(QPlainTextEdit):
    """A field of several lines where Tab goes on to the next field."""

    def __init__(self, name: str, lines: int) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setTabChangesFocus(True)
        self._lines = lines
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.document().documentLayout().documentSizeChanged.connect(self.updateGeometry)

    def sizeHint(self) -> QSize:
        """Return room for the text, within limits; beyond, it scrolls."""
        lines = min(max(round(self.document().size().height()), self._lines), _MOST_LINES)
        around = 2 * (self.frameWidth() + round(self.document().documentMargin())) + 20
        return QSize(super().sizeHint().width(), lines * self.fontMetrics().lineSpacing() + around)

    def minimumSizeHint(self) -> QSize:
        """Return the same height."""
        return QSize(super().minimumSizeHint().width(), self.sizeHint().height())

    def show_value(self, text: str) -> None:
        """Show `text`; the cursor stays where it was while nothing changed."""
        if self.toPlainText() != text:
            self.blockSignals(True)
            self.setPlainText(text)
            self.blockSignals(False)

    def value(self) -> str:
        """Return the text as the file can hold it."""
        return clean(self.toPlainText())


class ReplyField(QWidget):
    """A reply and its preview."""

    changed = Signal()

    def __init__(self, name: str) -> None:
        super().__init__()
        self.text = TextField(name, _LINES)
        self.buttons = {
            holder: button(t(key), partial(self.put, holder), role="segment")
            for holder, key in BUTTONS.items()
        }
        self.preview = Bubble(t("rules.preview"))
        row = FlowLayout(6)
        for made in self.buttons.values():
            row.addWidget(made)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.text)
        column.addLayout(row)
        column.addWidget(self.preview)
        self.text.textChanged.connect(self._on_changed)

    def put(self, holder: str) -> None:
        """Write a placeholder where the cursor is."""
        self.text.insertPlainText(f"{{{holder}}}")
        self.text.setFocus()

    def show_value(self, text: str) -> None:
        """Show a reply of the file."""
        is_other = self.text.toPlainText() != text
        self.text.show_value(text)
        if is_other:
            self.text.moveCursor(QTextCursor.MoveOperation.End)
        self._follow()

    def value(self) -> str:
        """Return the reply."""
        return self.text.value()

    def _follow(self) -> None:
        said = filled(self.value())
        self.preview.setVisible(bool(said))
        self.preview.say(said)

    def _on_changed(self) -> None:
        self._follow()
        self.changed.emit()


class Bubble(QWidget):
    """What a customer reads, as a chat shows it."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self.words = QLabel()
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.words.setWordWrap(True)
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.words.setAccessibleName(title)
        frame = card("bubble")
        inside = QVBoxLayout(frame)
        inside.setContentsMargins(12, 8, 12, 8)
        inside.addWidget(self.words)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        if title:
            column.addWidget(label(title, role="quiet"))
        column.addWidget(frame)

    def say(self, words: str) -> None:
        """Show these words."""
        self.words.setText(words)


def filled(reply: str) -> str:
    """Return a reply with the placeholders of an example customer; empty where it has a fault."""
    try:
        made: Template = template(reply, lambda _: BotFileError("error.bot_file"))
    except BotFileError:
        return ""
    values = {
        "name": t("rules.example_name"),
        "phone": "+57 300 555 0100",
        "text": t("rules.example_text"),
        "time": "10:30",
    }
    return made.fill(values).strip()
