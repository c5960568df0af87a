"""A strip of bars: how much of each stretch of time an account was connected.

Told apart without colour: a full bar is connected, hatching from the top is time without a link, a
line at the bottom is time in which it was stopped, a dot is time of which nothing is known.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QHelpEvent, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from wabot_tray.core.history import Bar, Outage, Uptime, within
from wabot_tray.gui.colours import GREEN, RED
from wabot_tray.gui.wording import day_and_span
from wabot_tray.system.historytexts import cause
from wabot_tray.system.i18n import t, tn
from wabot_tray.system.texts import duration_words

_LEAST_PER_BAR: Final = 3  # px
_LINES: Final = 1.7  # of text is the strip high
_OUTAGES_TOLD: Final = 3


class UptimeStrip(QWidget):
    """Paints bars; a tooltip says what one of them stands for."""

    def __init__(self, *, lines: float = _LINES, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bars: Sequence[Bar] = ()
        self._outages: Sequence[Outage] = ()
        self._now: datetime | None = None
        self._lines = lines
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    @property
    def bars(self) -> Sequence[Bar]:
        """What is painted, the oldest first."""
        return self._bars

    def show_bars(self, bars: Sequence[Bar], outages: Sequence[Outage], now: datetime) -> None:
        """Paint `bars`; `outages` explain them."""
        self._outages, self._now = outages, now
        if bars != self._bars:
            self._bars = bars
            self.update()

    def sizeHint(self) -> QSize:
        """Return room for bars that can be told from each other."""
        return QSize(self.minimumSizeHint().width() * 2, self.minimumSizeHint().height())

    def minimumSizeHint(self) -> QSize:
        """Return the least that can be read."""
        wide = max(1, len(self._bars)) * _LEAST_PER_BAR
        return QSize(wide, round(self._lines * self.fontMetrics().height()))

    def bar_area(self, number: int) -> QRectF:
        """Return where a bar stands."""
        step = self.width() / max(1, len(self._bars))
        gap = 2 if step >= 2 * _LEAST_PER_BAR else 1
        left, right = round(number * step), round((number + 1) * step)
        return QRectF(left, 0, max(1, right - left - gap), self.height())

    def words_at(self, where: QPoint) -> str:
        """Return what the bar under a point stands for, or nothing where there is none."""
        if not self._bars or self._now is None or not self.rect().contains(where):
            return ""
        number = min(len(self._bars) - 1, where.x() * len(self._bars) // max(1, self.width()))
        return bar_words(self._bars[number], self._outages, self._now)

    def event(self, event: QEvent) -> bool:
        """Say what lies under the pointer."""
        if isinstance(event, QHelpEvent) and event.type() is QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self.words_at(event.pos()), self)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the widget."""
        del event
        painter = QPainter(self)
        quiet = self.palette().color(QPalette.ColorRole.PlaceholderText)
        for number, bar in enumerate(self._bars):
            paint_bar(painter, self.bar_area(number), bar.spent, quiet)
        painter.end()


def paint_bar(painter: QPainter, area: QRectF, spent: Uptime, quiet: QColor) -> None:
    """Paint one bar.

    Args:
        painter: Of the widget.
        area: All the room it has.
        spent: What it stands for.
        quiet: The colour of what is neither good nor bad.
    """
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    share, corner = spent.share, min(2.5, area.width() / 3)
    if share is None:
        painter.setBrush(quiet)
        if spent.off_s > 0:
            painter.drawRect(QRectF(area.left(), area.bottom() - 2, area.width(), 2))
        else:
            radius = min(2.0, area.width() / 2)
            middle = QPointF(area.center().x(), area.bottom() - radius)
            painter.drawEllipse(middle, radius, radius)
        return
    if share >= 1:
        painter.setBrush(QColor(GREEN))
        painter.drawRoundedRect(area, corner, corner)
        return
    # Short outages are seen too, and so is a short time with a link.
    least = min(5.0, area.height() / 3)
    up = share * area.height()
    up = min(area.height() - least, max(least, up)) if share > 0 else 0.0
    lost = QRectF(area.left(), area.top(), area.width(), area.height() - up)
    faint = QColor(RED)
    faint.setAlphaF(0.35)
    painter.setBrush(faint)
    painter.drawRect(lost)
    painter.setBrush(QBrush(QColor(RED), Qt.BrushStyle.BDiagPattern))
    painter.drawRect(lost)
    painter.setBrush(QColor(RED))
    painter.drawRect(QRectF(lost.left(), lost.top(), lost.width(), 2))
    painter.setBrush(QColor(GREEN))
    painter.drawRect(QRectF(area.left(), lost.bottom(), area.width(), up))


def bar_words(bar: Bar, outages: Sequence[Outage], now: datetime) -> str:
    """Return what a bar stands for: when, how much, and what went wrong."""
    lines = [day_and_span(bar.begin, bar.end), spent_words(bar.spent)]
    touched = within(outages, bar.begin, bar.end, now)
    for outage in touched[-_OUTAGES_TOLD:]:
        length = duration_words(outage.length(now).total_seconds())
        lines.append(t("strip.outage", length=length, cause=cause(outage)))
    if len(touched) > _OUTAGES_TOLD:
        lines.append(tn("strip.more_outages", len(touched) - _OUTAGES_TOLD))
    return "\n".join(lines)


def spent_words(spent: Uptime) -> str:
    """Return how a stretch of time was spent, in a few words."""
    if spent.share is None:
        return t("strip.off" if spent.off_s > spent.unknown_s else "strip.unknown")
    if spent.down_s == 0:
        return t("strip.all_up")
    if spent.up_s == 0:
        return t("strip.all_down")
    up = duration_words(spent.up_s)
    return t("strip.partly", up=up, down=duration_words(spent.down_s))
