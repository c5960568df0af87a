"""What has come in and is not in the inbox yet: a short log that nothing waits for.

The library tells WhatsApp that a message has arrived without waiting for us, and goes on to the
next: what a killed process had not written down by then is lost. The inbox lies on a disk, where
a write may stand still for tens of milliseconds while somebody else syncs (measured). So each
message is first jotted down here, beside the live database: in memory where that is, and safe from
a killed process in either case. What the inbox has is struck out; when all is, the log is emptied.
"""

import contextlib
import os
import struct
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Final

TAG_BYTES: Final = 16
_HEAD: Final = struct.Struct(
    f">I{TAG_BYTES}s"
)  # length of what follows; what the inbox knows it by


class Intake:
    """The log of one account. Every method may be called from any thread, and none raises.

    Args:
        folder: A private folder, made when the log is first written.
    """

    NAME: Final = "intake.log"

    def __init__(self, folder: Path) -> None:
        self._path = folder / self.NAME
        self._guard = threading.Lock()
        self._handle: int | None = None
        self._open: set[bytes] = set()

    def add(self, tag: bytes, sealed: bytes) -> bool:
        """Jot a message down; return whether a process that is killed now leaves it to the next.

        Args:
            tag: 16 bytes the inbox knows it by.
            sealed: The message.
        """
        record = _HEAD.pack(len(sealed), tag) + sealed
        with self._guard:
            try:
                is_whole = os.write(self._opened(), record) == len(record)
            except OSError:  # no room, or no folder: the inbox has to do
                return False
            self._open.add(tag)  # half a record as well: it is emptied with the rest
            return is_whole

    def left(self) -> list[tuple[bytes, bytes]]:
        """Return what an earlier process left, as it was added; a torn end is passed over."""
        with self._guard, contextlib.suppress(OSError):
            records = list(_records(self._path.read_bytes()))
            self._open.update(tag for tag, _ in records)
            return records
        return []

    def strike(self, tags: Iterable[bytes]) -> None:
        """Strike out messages that the inbox has. Twice is harmless."""
        with self._guard:
            if not self._open:
                return
            self._open.difference_update(tags)
            if not self._open:
                with contextlib.suppress(OSError):
                    os.ftruncate(self._opened(), 0)

    def close(self) -> None:
        """Close the log, and remove it where nothing is left in it. `add` opens it again."""
        with self._guard:
            if self._handle is not None:
                os.close(self._handle)
                self._handle = None
            if not self._open:
                with contextlib.suppress(OSError):
                    self._path.unlink(missing_ok=True)

    def _opened(self) -> int:
        if self._handle is None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
            self._handle = os.open(self._path, flags, 0o600)
        return self._handle


def _records(content: bytes) -> Iterable[tuple[bytes, bytes]]:
    at = 0
    while at + _HEAD.size <= len(content):
        length, tag = _HEAD.unpack_from(content, at)
        at += _HEAD.size
        if length == 0 or at + length > len(content):
            return
        yield tag, content[at : at + length]
        at += length
