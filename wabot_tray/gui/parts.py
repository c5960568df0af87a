"""The small parts the windows are put together from."""

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QWidget

_NAME_LETTERS = 12


def label(text: str, *, role: str = "", wrap: bool = True) -> QLabel:
    """Return plain text. `role` is the style sheet's: title, heading, quiet or error."""
    made = QLabel(text)
    made.setTextFormat(Qt.TextFormat.PlainText)  # names are the person's own, and no markup
    made.setWordWrap(wrap)
    if role:
        made.setProperty("role", role)
    return made


class NameLabel(QLabel):
    """One line of the person's own words; what does not fit ends in dots, and no window grows."""

    def __init__(self) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)

    def minimumSizeHint(self) -> QSize:
        """Return room for some letters."""
        letters = min(_NAME_LETTERS, max(1, len(self.text())))
        wide = letters * self.fontMetrics().averageCharWidth()
        return QSize(wide, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint as much as there is room for."""
        del event
        painter = QPainter(self)
        room = self.contentsRect()
        shown = self.fontMetrics().elidedText(
            self.text(), Qt.TextElideMode.ElideRight, room.width()
        )
        painter.drawText(room, int(self.alignment() | Qt.TextFlag.TextSingleLine), shown)
        painter.end()


def button(text: str, work: Callable[[], object], *, role: str = "") -> QPushButton:
    """Return a button that does `work`. `role` is the style sheet's: primary, danger or flat."""
    made = QPushButton(text)
    made.setAutoDefault(True)

    def on_clicked() -> None:  # without the signal's argument
        work()

    made.clicked.connect(on_clicked)
    if role:
        made.setProperty("role", role)
    return made


def card(role: str = "card") -> QFrame:
    """Return a panel that stands out from the window."""
    made = QFrame()
    made.setProperty("role", role)
    return made


def restyle(widget: QWidget, name: str, value: str | None) -> None:
    """Set a property the style sheet looks at, and dress the widget anew."""
    widget.setProperty(name, value)
    widget.style().unpolish(widget)
    widget.style().polish(widget)
