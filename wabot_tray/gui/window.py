"""What every window of its own has: a name, an icon, a remembered place, a key that closes it.

When the language changes, every window is closed and made anew; `carry` and `resume` take over
what would be lost.
"""

from typing import Final, TypeVar

from PySide6.QtCore import QByteArray, QSettings, QSize
from PySide6.QtGui import QCloseEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QWidget

from wabot_tray.gui.icons import app_icon

T = TypeVar("T", bound=QWidget)
TURN_MS: Final = 10  # between two steps of an opening that takes long, for everything else
_LETTERS: Final = 40  # no window is narrower than so many letters


def keep_for_later(part: T, window: QWidget) -> T:
    """Return `part`, unseen, which goes with `window` if that ends before it has its place."""
    part.setParent(window)
    part.hide()
    return part


class Window(QWidget):
    """A window that remembers where it was and how large.

    Args:
        name: Under which its place is kept, e.g. "logs".
        title: In its frame.
        store: Where places are kept.
        size: At the first opening; never more than the screen has.
    """

    def __init__(self, name: str, title: str, store: QSettings, size: QSize) -> None:
        super().__init__()
        self._store = store
        self._place = f"{name}/geometry"
        self.setObjectName("window")
        self.setWindowTitle(title)
        self.setWindowIcon(app_icon())
        available = self.screen().availableSize()
        least = QSize(_LETTERS * self.fontMetrics().averageCharWidth(), 0)
        self.setMinimumSize(least.boundedTo(available))
        self.resize(size.boundedTo(available))
        if isinstance(saved := store.value(self._place), QByteArray):
            self.restoreGeometry(saved)
        QShortcut(QKeySequence.StandardKey.Close, self, self.close)

    def carry(self) -> object:
        """Return what the same window, made anew in another language, is to go on with."""
        return None

    def resume(self, carried: object) -> None:
        """Go on with what `carry` returned."""

    def end(self) -> None:
        """Close as the program ends: no question can be asked any more."""
        self.close()

    def bring_up(self) -> None:
        """Show the window in front of the others."""
        if self.isMinimized():
            self.showNormal()
        self.show()
        self.raise_()
        self.activateWindow()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Remember place and size."""
        self._store.setValue(self._place, self.saveGeometry())
        super().closeEvent(event)
