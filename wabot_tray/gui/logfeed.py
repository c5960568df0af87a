"""Looks at the log several times a second, in a thread, and hands on what is new."""

import os
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, QTimer, Signal

from wabot_tray.gui.background import Background, Step
from wabot_tray.gui.logmodel import MOST_ENTRIES
from wabot_tray.system.logentries import Fed, LogParser
from wabot_tray.system.logtail import LogTail

LOOK_MS: Final = 250


class LogFeed(QObject):
    """Reads while it is started; what came in between is told at the next start.

    Args:
        log_file: The newest file of the log.
    """

    begun = Signal(object)  # the entries there are, a list
    came = Signal(object)  # what is new, a `Fed`
    failed = Signal(str)  # why the log cannot be read, at each look that failed

    def __init__(self, log_file: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tail = LogTail(log_file)
        self._parser = LogParser()
        self._is_first = True
        self._work = Background("log", self)
        self._work.done.connect(self._on_read)
        self._work.failed.connect(self._on_failed)
        self._looks = QTimer(self)
        self._looks.setInterval(LOOK_MS)
        self._looks.timeout.connect(self._look)

    def start(self) -> None:
        """Begin to look, at once. A second call changes nothing."""
        if not self._looks.isActive():
            self._looks.start()
            self._look()

    def stop(self) -> None:
        """Look no more. What is being read is still told."""
        self._looks.stop()

    def _look(self) -> None:
        self._work.start(self._read)

    def _read(self, _step: Step) -> Fed:
        # The newest file first: what is rotated in between is then read once too often, not lost.
        lines = self._tail.new()
        if self._is_first:
            past = self._tail.past(MOST_ENTRIES)
            lines = [*past, *lines]
        return self._parser.feed(lines[-MOST_ENTRIES:])

    def _on_read(self, fed: Fed) -> None:
        if self._is_first:
            self._is_first = False
            self.begun.emit(fed.entries)
        else:
            self.came.emit(fed)

    def _on_failed(self, error: Exception) -> None:
        number = error.errno if isinstance(error, OSError) else None
        self.failed.emit(os.strerror(number) if number else type(error).__name__)
