"""Python's garbage collector, kept on Qt's thread."""

import gc
from typing import Final

from PySide6.QtCore import QObject, QTimer

TICK_MS: Final = 2000
# Python's own: a collection of the young at 700 new objects, of the older at ten of the younger.
_YOUNG, _MIDDLE, _OLD = 700, 10, 10


class Cleaner(QObject):
    """Collects now and then, in place of Python's own collector.

    Python collects on whichever thread happens to make an object. Where that is a thread of the
    pool, and the garbage holds a closed window's objects, Qt ends their timers from a foreign
    thread: "Timers cannot be stopped from another thread", or a crash (seen with PySide6 6.11).

    What exists when this is made, modules above all, is left out: nobody waits for it to be
    looked through.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        gc.collect()
        gc.freeze()
        gc.disable()
        self._timer = QTimer(self)
        self._timer.timeout.connect(clean)
        self._timer.start(TICK_MS)

    def close(self) -> None:
        """Leave it to Python again. A second call changes nothing."""
        self._timer.stop()
        gc.enable()


def clean() -> int:
    """Collect the oldest generation that is due, and return how much was found."""
    young, middle, old = gc.get_count()
    if old > _OLD:
        return gc.collect(2)
    if middle > _MIDDLE:
        return gc.collect(1)
    if young > _YOUNG:
        return gc.collect(0)
    return 0
