"""A file of somebody else that is read now and then."""

import contextlib
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_AT_ONCE_BYTES: Final = 1 << 20


class KeptFile:
    """A file that is read here and there; missing, it is empty.

    On POSIX it stays open, also when its name is gone: what was written to it still counts. A new
    file of the same name takes its place. Windows knows neither hazard nor favour: there an open
    file could not be deleted, so it is opened for each read.
    """

    def __init__(self, path: Path, platform: str) -> None:
        self._path = path
        self._keeps_open = platform != "win32"
        self._held: io.FileIO | None = None

    def has_name(self) -> bool:
        """Whether there is a file of this name."""
        return self._path.exists()

    def read(self, offset: int, count: int) -> bytes:
        """Return `count` bytes from `offset` on, fewer where the file ends."""
        with self._opened() as file:
            if file is None:
                return b""
            file.seek(offset)
            return file.read(count)

    def blocks(self, size: int, count: int) -> Iterator[bytes]:
        """Yield the first `count` blocks of `size` bytes; those behind the end are shorter."""
        at_once = max(_AT_ONCE_BYTES // max(size, 1), 1)
        for first in range(0, count, at_once):
            content = self.read(first * size, min(at_once, count - first) * size)
            for number in range(min(at_once, count - first)):
                yield content[number * size : (number + 1) * size]

    def size(self) -> int:
        """Return how long it is, in bytes."""
        with self._opened() as file:
            return 0 if file is None else os.fstat(file.fileno()).st_size

    def identity(self) -> bytes:
        """Return what changes when it is replaced or written to."""
        with self._opened() as file:
            if file is None:
                return b""
            status = os.fstat(file.fileno())
            return f"{status.st_ino}:{status.st_size}:{status.st_mtime_ns}".encode()

    def close(self) -> None:
        """Let go of it. Closing twice is harmless."""
        if self._held is not None:
            self._held.close()
            self._held = None

    @contextlib.contextmanager
    def _opened(self) -> Iterator[io.FileIO | None]:
        if self._keeps_open:
            yield self._kept()
            return
        try:
            file = io.FileIO(self._path)
        except FileNotFoundError:
            yield None
            return
        with file:
            yield file

    def _kept(self) -> io.FileIO | None:
        with contextlib.suppress(FileNotFoundError):
            there = self._path.stat()
            if self._held is not None:
                held = os.fstat(self._held.fileno())
                if (held.st_ino, held.st_dev) == (there.st_ino, there.st_dev):
                    return self._held
                self._held.close()  # nobody locks a file that lost its name
            self._held = io.FileIO(self._path)
        return self._held
