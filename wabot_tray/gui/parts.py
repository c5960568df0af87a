"""The small parts the windows are put together from."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QWidget


def label(text: str, *, role: str = "", wrap: bool = True) -> QLabel:
    """Return plain text. `role` is the style sheet's: title, heading, quiet or error."""
    made = QLabel(text)
    made.setTextFormat(Qt.TextFormat.PlainText)  # names are the person's own, and no markup
    made.setWordWrap(wrap)
    if role:
        made.setProperty("role", role)
    return made


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
