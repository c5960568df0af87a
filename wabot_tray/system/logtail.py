"""Reads the program's log as it grows, through its rotations."""

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from wabot_tray.system.logs import KEPT_FILES

_NEVER_WAIT: Final = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_CHUNK_BYTES: Final = 4 << 20  # of one file at one look; the log is rotated at 2 MiB
_LONGEST_BYTES: Final = 64 * 1024  # of one line that does not end


class LogTail:
    """Yields each complete line once, whatever becomes of the file meanwhile.

    Holds no file open between two looks: on Windows that would keep the program from rotating it.
    """

    def __init__(self, log_file: Path) -> None:
        self._log_file = log_file
        self._identity: tuple[int, int] | None = None
        self._position = 0
        self._held = b""
        self._was_gone = False

    def new(self) -> list[str]:
        """Return the complete lines since the last look, at first those of the newest file.

        Raises:
            OSError: The file is there and cannot be read.
        """
        try:
            with _opened(self._log_file) as file:
                found: list[str] = []
                identity = _identity(file)
                if self._identity not in (None, identity):
                    found = self._rest_of_old()
                    self._begin_anew()
                elif self._was_gone or os.fstat(file.fileno()).st_size < self._position:
                    self._begin_anew()  # emptied, or made anew with the old one's inode
                self._identity, self._was_gone = identity, False
                return found + self._read(file)
        except FileNotFoundError:
            self._was_gone = True
            return []  # not there yet, or between two names

    def past(self, lines: int) -> list[str]:
        """Return the last complete lines of the files before the newest, at most `lines`."""
        found: list[str] = []
        for path in self._older():
            if len(found) >= lines:
                break
            with contextlib.suppress(OSError), _opened(path) as file:
                found[:0] = [_text(line) for line in file.read(_CHUNK_BYTES).splitlines()]
        return found[-lines:] if lines else []

    def _older(self) -> Iterator[Path]:
        """Yield the rotated files, the newest first."""
        for number in range(1, KEPT_FILES + 1):
            yield self._log_file.with_name(f"{self._log_file.name}.{number}")

    def _rest_of_old(self) -> list[str]:
        """Return what was added to the file we read before it was given another name."""
        between: list[str] = []
        for path in self._older():
            with contextlib.suppress(OSError), _opened(path) as file:
                if _identity(file) == self._identity:
                    return self._read(file) + between
                between[:0] = [_text(line) for line in file.read(_CHUNK_BYTES).splitlines()]
        return []

    def _begin_anew(self) -> None:
        self._position, self._held = 0, b""

    def _read(self, file: BinaryIO) -> list[str]:
        too_much = os.fstat(file.fileno()).st_size - self._position - _CHUNK_BYTES
        if too_much > 0:  # a file that could not be rotated; its end is what matters
            self._position, self._held = file.seek(self._position + too_much), b""
            self._position += len(file.readline())
        file.seek(self._position)
        *whole, held = (self._held + file.read(_CHUNK_BYTES)).split(b"\n")
        self._held = held[-_LONGEST_BYTES:]
        self._position = file.tell()
        return [_text(line) for line in whole]


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open a plain file. Never waits, whatever lies in its place."""
    descriptor = os.open(path, os.O_RDONLY | _NEVER_WAIT)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), str(path))
        yield file


def _identity(file: BinaryIO) -> tuple[int, int]:
    status = os.fstat(file.fileno())
    return status.st_dev, status.st_ino


def _text(line: bytes) -> str:
    text = line.decode("utf-8", "replace").rstrip("\r")
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)
