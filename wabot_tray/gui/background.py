"""Work that blocks, in a thread of its own, its news told on the loop of the windows."""

import logging
import queue
import threading
from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QObject, QTimer, Signal

log = logging.getLogger(__name__)

LOOK_MS: Final = 40  # between looks for news
Step = Callable[[int, int], None]


class Cancelled(Exception):  # noqa: N818 - nothing went wrong
    """Nobody waits for this work any more. Raised by its `Step`, it ends it."""


class Background(QObject):
    """Does one thing at a time. The thread dies with the process and holds nothing up.

    Args:
        name: The thread's, for whoever looks for a fault.
    """

    progressed = Signal(int, int)  # so much done, of so much
    done = Signal(object)  # what the work returned
    failed = Signal(object)  # the error it ended with

    def __init__(self, name: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self._cancel: threading.Event | None = None
        self._progress: tuple[int, int] | None = None
        self._news: queue.SimpleQueue[tuple[str, object]] = queue.SimpleQueue()
        self._look = QTimer(self)
        self._look.setInterval(LOOK_MS)
        self._look.timeout.connect(self._on_look)

    @property
    def is_busy(self) -> bool:
        """Whether something is being done."""
        return self._cancel is not None

    def start(self, work: Callable[[Step], object]) -> bool:
        """Do `work` unless something is being done already; return whether it was begun.

        Args:
            work: Gets a `Step` to tell its progress by, which raises `Cancelled` to end it.
        """
        if self.is_busy:
            return False
        self._cancel = cancel = threading.Event()
        news: queue.SimpleQueue[tuple[str, object]] = queue.SimpleQueue()
        self._news, self._progress = news, None

        def step(done: int, whole: int) -> None:
            if cancel.is_set():
                raise Cancelled
            self._progress = (done, whole)  # the newest alone matters

        def run() -> None:
            try:
                news.put(("done", work(step)))
            except Cancelled:
                news.put(("cancelled", None))
            except Exception as err:  # noqa: BLE001 - told to whoever asked, who knows more
                news.put(("failed", err))

        threading.Thread(target=run, name=self._name, daemon=True).start()
        self._look.start()
        return True

    def cancel(self) -> None:
        """End the work at its next step, and hear no more of it. Without work, nothing changes."""
        if self._cancel is not None:
            self._cancel.set()
        self._finish()

    def _finish(self) -> None:
        self._look.stop()
        self._cancel = None

    def _on_look(self) -> None:
        progress, self._progress = self._progress, None
        if progress is not None:
            self.progressed.emit(*progress)
        try:
            kind, what = self._news.get_nowait()
        except queue.Empty:
            return
        self._finish()
        if kind == "done":
            self.done.emit(what)
        elif kind == "failed":
            self.failed.emit(what)
