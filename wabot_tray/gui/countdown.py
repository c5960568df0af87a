"""A ring that empties, with the seconds in its middle."""

import math

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QWidget


class CountdownRing(QWidget):
    """Shows what is left of a span of time."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._left_s = 0.0
        self._whole_s = 1.0
        side = max(56, self.fontMetrics().height() * 3)
        self.setFixedSize(QSize(side, side))

    @property
    def seconds(self) -> int:
        """The number in the middle."""
        return max(0, math.ceil(self._left_s))

    def show_left(self, left_s: float, whole_s: float) -> None:
        """Show that `left_s` of `whole_s` seconds are left."""
        self._left_s, self._whole_s = max(0.0, left_s), max(1.0, whole_s)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the widget."""
        del event
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        width = 5.0
        area = QRectF(self.rect()).adjusted(width, width, -width, -width)
        colours = self.palette()
        painter.setPen(QPen(colours.color(QPalette.ColorRole.Mid), width))
        painter.drawEllipse(area)
        pen = QPen(colours.color(QPalette.ColorRole.Accent), width)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        share = min(1.0, self._left_s / self._whole_s)
        if share > 0:
            painter.drawArc(area, 90 * 16, int(360 * 16 * share))
        painter.setPen(colours.color(QPalette.ColorRole.WindowText))
        font = self.font()
        font.setBold(True)
        painter.setFont(font)
        painter.drawText(area, int(Qt.AlignmentFlag.AlignCenter), str(self.seconds))
        painter.end()
