"""The icons: one shape and one colour per state, drawn for the pixels they are shown on.

Every shape is told apart without its colour: a square with two bars, a ring, the corners of a QR
code, a disc, an open ring, a clock, a cross, a stop sign with a bar, two arrows, one arrow up,
a warning sign (tests/gui/test_icons.py compares all pairs in grey).
"""

from collections.abc import Callable
from functools import cache
from typing import Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QIcon,
    QPainter,
    QPainterPath,
    QPen,
    QPixmap,
    QPolygonF,
)
from PySide6.QtWidgets import QWidget

from wabot_tray.core.states import SessionState
from wabot_tray.gui.colours import AMBER, GREY, MARKS, OUTLINES, STATE_COLOURS
from wabot_tray.system.paths import resource

# Panels ask for 16 to 32 px, less their own edge, and for twice that on dense screens.
SIZES: Final = (14, 16, 18, 20, 22, 24, 28, 32, 40, 44, 48, 64, 96, 128)
Drawing = tuple[QPainterPath, QPainterPath]  # the body, and the mark upon it


class _Grid:
    """A square of `pixels`, thought of as 16 units; lengths come back as whole pixels."""

    def __init__(self, pixels: int) -> None:
        self.pixels = pixels
        self.line = max(1, round(pixels / 16))  # the outline

    def __call__(self, units: float) -> float:
        return float(round(units * self.pixels / 16))

    @property
    def middle(self) -> float:
        return self.pixels / 2

    def even(self, units: float) -> float:
        """Return a width that lies symmetrically about the middle without blurred edges."""
        half = max(1, int(units * self.pixels / 32 + 0.3))
        return float(2 * half)

    @property
    def frame(self) -> QRectF:
        """The square that leaves room for the outline."""
        side = self.pixels - 2 * self.line
        return QRectF(self.line, self.line, side, side)


@cache
def state_icon(state: SessionState) -> QIcon:
    """Return the icon of `state`. Needs a QGuiApplication, as all icons here do."""
    return _icon(_SHAPES[state], STATE_COLOURS[state])


@cache
def empty_icon() -> QIcon:
    """Return the tray's icon while there is no account."""
    return _icon(_bubble, GREY)


@cache
def warning_icon() -> QIcon:
    """Return the sign beside words of warning."""
    return _icon(_warning, AMBER)


@cache
def app_icon() -> QIcon:
    """Return the program's own icon."""
    return QIcon(str(resource("icons", "wabot-tray.svg")))


def picture(icon: QIcon, side: int, widget: QWidget) -> QPixmap:
    """Return `icon` for a place of `side` by `side` in `widget`, as sharp as its screen is."""
    return icon.pixmap(QSize(side, side), widget.devicePixelRatioF())


def _icon(shape: Callable[[_Grid], Drawing], colour: str) -> QIcon:
    icon = QIcon()
    for pixels in SIZES:
        pixmap = _pixmap(shape, colour, pixels)
        icon.addPixmap(pixmap)
        icon.addPixmap(pixmap, QIcon.Mode.Selected)  # a chosen row does not change the colour
    return icon


def _pixmap(shape: Callable[[_Grid], Drawing], colour: str, pixels: int) -> QPixmap:
    grid = _Grid(pixels)
    body, mark = shape(grid)
    pixmap = QPixmap(pixels, pixels)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    # The pen lies half inside; filling afterwards leaves the half outside as the outline.
    pen = QPen(QColor(OUTLINES[colour]), 2 * grid.line)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.strokePath(body, pen)
    painter.fillPath(body, QColor(colour))
    painter.fillPath(mark, QColor(MARKS[colour]))
    painter.end()
    return pixmap


def _square(g: _Grid) -> Drawing:
    """A square with the two bars of a pause: it is off because somebody wants it off."""
    body, bars = QPainterPath(), QPainterPath()
    inset = g.line + g(1)
    side = g.pixels - 2 * inset
    body.addRoundedRect(QRectF(inset, inset, side, side), g(1.5), g(1.5))
    width, gap, height = g(2), g.even(2), g.even(7)
    top = g.middle - height / 2
    bars.addRect(QRectF(g.middle - gap / 2 - width, top, width, height))
    bars.addRect(QRectF(g.middle + gap / 2, top, width, height))
    return body, bars


def _disc(g: _Grid) -> Drawing:
    body = QPainterPath()
    body.addEllipse(g.frame)
    return body, QPainterPath()


def _ring(g: _Grid) -> Drawing:
    body = QPainterPath()
    body.addEllipse(g.frame)
    width = g(3.2)
    body.addEllipse(g.frame.adjusted(width, width, -width, -width))  # odd-even: a hole
    return body, QPainterPath()


def _open_ring(g: _Grid) -> Drawing:
    """A ring with a quarter missing: what was closed has broken."""
    ring, _ = _ring(g)
    quarter = QPainterPath()
    quarter.addRect(QRectF(g.middle, 0, g.middle, g.middle))
    return ring.subtracted(quarter), QPainterPath()


def _clock(g: _Grid) -> Drawing:
    body, _ = _disc(g)
    return body, _hands(g)


def _stop_sign(g: _Grid) -> Drawing:
    """An octagon with a bar: no entry, until somebody else lifts it."""
    near, far, cut = g.frame.left(), g.frame.right(), g(4)
    corners = (
        (near + cut, near), (far - cut, near), (far, near + cut), (far, far - cut),
        (far - cut, far), (near + cut, far), (near, far - cut), (near, near + cut),
    )  # fmt: skip
    width, height = g.even(9), g.even(3)
    bar = QPainterPath()
    bar.addRect(QRectF(g.middle - width / 2, g.middle - height / 2, width, height))
    return _polygon(*corners), bar


def _hands(g: _Grid) -> QPainterPath:
    hands = QPainterPath()
    hands.setFillRule(Qt.FillRule.WindingFill)
    width, middle = g.even(2.6), g.middle
    left = middle - width / 2
    hands.addRect(QRectF(left, g(3), width, middle + width / 2 - g(3)))
    hands.addRect(QRectF(left, left, g(12) - left, width))
    return hands


def _cross(g: _Grid) -> Drawing:
    near, far, arm, middle = g.frame.left(), g.frame.right(), g(3.2), g.middle
    return _polygon(
        (near + arm, near), (middle, middle - arm), (far - arm, near), (far, near + arm),
        (middle + arm, middle), (far, far - arm), (far - arm, far), (middle, middle + arm),
        (near + arm, far), (near, far - arm), (middle - arm, middle), (near, near + arm),
    ), QPainterPath()  # fmt: skip


def _arrows(g: _Grid) -> Drawing:
    """Two arrows that pass each other: somebody else took this session."""
    near, far, middle = g.frame.left(), g.frame.right(), g.middle
    half, bar, head = g(3), g(1.2), g(5)
    body = QPainterPath()
    for tip, tail, y in ((far, near, near + half), (near, far, far - half)):
        neck = tip + (head if tip < middle else -head)
        body.addPath(
            _polygon(
                (tail, y - bar),
                (neck, y - bar),
                (neck, y - half),
                (tip, y),
                (neck, y + half),
                (neck, y + bar),
                (tail, y + bar),
            )
        )
    return body, QPainterPath()


def _arrow_up(g: _Grid) -> Drawing:
    near, far, middle = g.frame.left(), g.frame.right(), g.middle
    shoulder, half = g(8), g.even(5) / 2
    return _polygon(
        (middle, near), (far, shoulder), (middle + half, shoulder), (middle + half, far),
        (middle - half, far), (middle - half, shoulder), (near, shoulder),
    ), QPainterPath()  # fmt: skip


def _warning(g: _Grid) -> Drawing:
    near, far, middle = g.frame.left(), g.frame.right(), g.middle
    mark = QPainterPath()
    width = g.even(2)
    mark.addRect(QRectF(middle - width / 2, g(5.5), width, g(4.5)))
    mark.addRect(QRectF(middle - width / 2, g(11.5), width, width))
    top = g.even(2) / 2
    return _polygon((middle - top, near), (middle + top, near), (far, far), (near, far)), mark


def _code(g: _Grid) -> Drawing:
    """The three corners of a QR code, and two of its dots."""
    body = QPainterPath()
    near, far, side = g.frame.left(), g.frame.right(), g(6)
    for x, y in ((near, near), (far - side, near), (near, far - side)):
        body.addRect(QRectF(x, y, side, side))
        hole = g(2)
        body.addRect(QRectF(x + hole, y + hole, side - 2 * hole, side - 2 * hole))
    dot = g(3)
    body.addRect(QRectF(far - side, far - side, dot, dot))
    body.addRect(QRectF(far - dot, far - dot, dot, dot))
    return body, QPainterPath()


def _bubble(g: _Grid) -> Drawing:
    body = QPainterPath()
    body.setFillRule(Qt.FillRule.WindingFill)
    frame = g.frame.adjusted(0, g(1), 0, -g(3.5))
    body.addRoundedRect(frame, g(3), g(3))
    tail = _polygon(
        (g(4), frame.bottom() - g(1)), (g(9), frame.bottom() - g(1)), (g(4), g.frame.bottom())
    )
    return body.united(tail), QPainterPath()


def _polygon(*points: tuple[float, float]) -> QPainterPath:
    path = QPainterPath()
    path.addPolygon(QPolygonF([QPointF(x, y) for x, y in points]))
    path.closeSubpath()
    return path


_SHAPES: Final[dict[SessionState, Callable[[_Grid], Drawing]]] = {
    SessionState.STOPPED: _square,
    SessionState.CONNECTING: _ring,
    SessionState.PAIRING: _code,
    SessionState.CONNECTED: _disc,
    SessionState.RECONNECTING: _open_ring,
    SessionState.WAITING: _clock,
    SessionState.LOGGED_OUT: _cross,
    SessionState.BANNED: _stop_sign,
    SessionState.REPLACED: _arrows,
    SessionState.OUTDATED: _arrow_up,
    SessionState.FAILED: _warning,
}
