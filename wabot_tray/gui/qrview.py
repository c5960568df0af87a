"""A QR code that a phone reads: black on white in every theme, whole pixels, a wide margin."""

from typing import Final

import segno
from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from wabot_tray.system.i18n import t

QUIET_MODULES: Final = 4  # ISO/IEC 18004 asks for four
_LINE: Final = QColor("#d9dfe5")
_INK: Final = QColor("#16202a")


class QrView(QWidget):
    """Shows one code at a time. Holds its dots, never its text.

    A pairing code has about 240 characters. At error level L that makes 57 dots a side; a screen
    is clean and flat, so larger dots help a phone more than spare ones.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[bytes, ...] = ()
        self._veil = ""
        self.setAccessibleName(t("pairing.qr_name"))
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setSizePolicy(policy)
        self.setMinimumSize(340, 340)

    def sizeHint(self) -> QSize:
        """Return the size to open with."""
        return QSize(400, 400)

    def show_code(self, text: str) -> None:
        """Show `text` as a QR code, without a veil."""
        made = segno.make(text, error="l", boost_error=False, micro=False)
        self._rows = tuple(bytes(row) for row in made.matrix)
        self._veil = ""
        self.update()

    def veil(self, words: str) -> None:
        """Say `words` in the place of the code: a phone reads even a faint one."""
        if words != self._veil:
            self._veil = words
            self.update()

    def forget(self) -> None:
        """Drop the code."""
        self._rows = ()
        self.update()

    @property
    def module_pixels(self) -> int:
        """How many pixels of the screen one dot's side has; 0 without a code."""
        if not self._rows:
            return 0
        ratio = self.devicePixelRatioF()
        room = int(min(self.width(), self.height()) * ratio)
        return max(1, room // (len(self._rows) + 2 * QUIET_MODULES))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the widget."""
        del event
        painter = QPainter(self)
        painter.fillRect(self.rect(), Qt.GlobalColor.white)
        if self._veil:
            self._paint_words(painter)
        elif self._rows:
            self._paint_code(painter)
        painter.end()

    def _paint_words(self, painter: QPainter) -> None:
        flags = int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap)
        area = self.rect().adjusted(32, 32, -32, -32)
        words = painter.boundingRect(area, flags, self._veil).adjusted(-16, -10, 16, 10)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(_LINE)
        painter.setBrush(Qt.GlobalColor.white)
        painter.drawRoundedRect(words, 10, 10)
        painter.setPen(_INK)
        painter.drawText(area, flags, self._veil)

    def _paint_code(self, painter: QPainter) -> None:
        """Paint runs of dark dots on whole pixels of the screen, whatever its density."""
        ratio, side = self.devicePixelRatioF(), self.module_pixels
        painter.save()
        painter.scale(1 / ratio, 1 / ratio)
        extent = side * len(self._rows)
        left = (int(self.width() * ratio) - extent) // 2
        top = (int(self.height() * ratio) - extent) // 2
        for y, row in enumerate(self._rows):
            start = None
            for x, dark in enumerate((*row, 0)):
                if dark and start is None:
                    start = x
                elif not dark and start is not None:
                    run = QRect(left + start * side, top + y * side, (x - start) * side, side)
                    painter.fillRect(run, Qt.GlobalColor.black)
                    start = None
        painter.restore()
