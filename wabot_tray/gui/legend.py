"""What the bars of a strip mean, each beside its words."""

from typing import Final

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QHBoxLayout, QWidget

from wabot_tray.core.history import Uptime
from wabot_tray.gui.parts import label
from wabot_tray.gui.uptimestrip import paint_bar
from wabot_tray.system.i18n import t

_SAMPLES: Final = (
    ("strip.legend_up", Uptime(up_s=1)),
    ("strip.legend_down", Uptime(up_s=1, down_s=1)),
    ("strip.legend_off", Uptime(off_s=1)),
    ("strip.legend_unknown", Uptime(unknown_s=1)),
)


def legend() -> QWidget:
    """Return a line that explains the bars."""
    made = QWidget()
    row = QHBoxLayout(made)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(6)
    for key, spent in _SAMPLES:
        row.addWidget(_Sample(spent))
        row.addWidget(label(t(key), role="quiet"), 1)
    return made


class _Sample(QWidget):
    """One bar."""

    def __init__(self, spent: Uptime) -> None:
        super().__init__()
        self._spent = spent
        self.setFixedSize(QSize(8, self.fontMetrics().height()))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the widget."""
        del event
        painter = QPainter(self)
        quiet = self.palette().color(QPalette.ColorRole.PlaceholderText)
        paint_bar(painter, QRectF(self.rect()), self._spent, quiet)
        painter.end()
