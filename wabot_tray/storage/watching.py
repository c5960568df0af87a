"""Tells when the library writes to its database, so that nobody has to look several times a second.

Linux tells by inotify(7), for files in memory as well. Elsewhere, and where the system has no watch
left to give, there is none, and the sealer looks by itself.
"""

import asyncio
import ctypes
import logging
import os
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

log = logging.getLogger(__name__)

_MODIFY, _MOVED_FROM, _DELETE = 0x2, 0x40, 0x200
_OVERFLOW, _IGNORED = 0x4000, 0x8000
_NONBLOCK, _CLOEXEC = 0o4000, 0o2000000
_EVENT: Final = struct.Struct("=iIII")
_READ_BYTES: Final = 64 * 1024


class Watch(Protocol):
    """Notices changes of a database."""

    @property
    def is_blind(self) -> bool:
        """Whether changes may go unnoticed from now on, for good."""

    def arm(self, on_change: Callable[[], None]) -> None:
        """Forget what happened so far and call back once, on the loop, at the next change."""

    def close(self) -> None:
        """Let go of the watch. Closing twice is harmless."""


def watch_database(database: Path, *, platform: str = sys.platform) -> Watch | None:
    """Return a watch on an SQLite database and its log, or None where the system has none."""
    if not platform.startswith("linux"):
        return None
    try:
        return _Inotify(database)
    except OSError as error:  # by default 128 watchers for each user
        log.info("the live database is looked at instead of being watched: %s", error)
        return None


class _Inotify:
    """inotify on the folder of a database; its memory-mapped index tells nothing and need not.

    Every commit writes to the log, or to the database, before it is visible in the index.
    """

    def __init__(self, database: Path) -> None:
        self.is_blind = False
        self._names = {os.fsencode(f"{database.name}{end}") for end in ("", "-wal", "-journal")}
        self._kept = {os.fsencode(f"{database.name}{end}") for end in ("", "-wal")}
        self._on_change: Callable[[], None] | None = None
        libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = libc.inotify_init1(_NONBLOCK | _CLOEXEC)
        if self._descriptor < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1")
        folder, mask = os.fsencode(database.parent), _MODIFY | _MOVED_FROM | _DELETE
        if libc.inotify_add_watch(self._descriptor, folder, ctypes.c_uint32(mask)) < 0:
            error = OSError(ctypes.get_errno(), "inotify_add_watch")
            self.close()
            raise error

    def arm(self, on_change: Callable[[], None]) -> None:
        """Forget what happened so far and call back once, on the loop, at the next change."""
        if self._descriptor >= 0:
            self._saw_change()
            self._on_change = on_change
            asyncio.get_running_loop().add_reader(self._descriptor, self._readable)

    def close(self) -> None:
        """Let go of the watch. Closing twice is harmless."""
        self._disarm()
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _disarm(self) -> None:
        if self._on_change is not None:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            self._on_change = None

    def _readable(self) -> None:
        on_change = self._on_change
        if on_change is not None and (self._saw_change() or self.is_blind):
            self._disarm()  # a commit writes many times; once is enough
            on_change()

    def _saw_change(self) -> bool:
        """Read what happened and return whether it concerns the database."""
        is_change = False
        while events := self._events():
            for mask, name in events:
                is_change = is_change or name in self._names
                is_gone = mask & (_MOVED_FROM | _DELETE) and name in self._kept
                # What is written to a file without a name belongs to no folder.
                self.is_blind = self.is_blind or bool(is_gone or mask & (_OVERFLOW | _IGNORED))
        return is_change

    def _events(self) -> list[tuple[int, bytes]]:
        try:
            raw = os.read(self._descriptor, _READ_BYTES)
        except BlockingIOError:
            return []
        found, start = [], 0
        while start < len(raw):
            _, mask, _, length = _EVENT.unpack_from(raw, start)
            start += _EVENT.size + length
            found.append((mask, raw[start - length : start].rstrip(b"\0")))
        return found
