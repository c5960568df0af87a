"""One process at a time: a lock on a file that the system frees when its holder dies.

The program holds one for its data folder, a worker one for its account's folder: two processes
must never open one vault. A killed process frees its locks, so no stale lock needs a judge.
"""

import logging
import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from wabot_tray.storage.files import storage_errors

if sys.platform == "win32":  # pragma: no cover - runs on Windows alone
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        # Locks a byte far behind the text, so that others can still read who holds it.
        os.lseek(descriptor, 1 << 20, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


log = logging.getLogger(__name__)


class FileLock:
    """A lock on `path`, held from `acquire` until `release` or the end of the process.

    The file itself stays: deleting it would let two processes lock two files of one name.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    @property
    def is_held(self) -> bool:
        """Whether this object holds the lock."""
        return self._descriptor is not None

    def acquire(self) -> bool:
        """Take the lock and return True, or False where another holder lives. Never waits.

        A second call while it is held changes nothing.

        Raises:
            VaultError: The file cannot be made.
        """
        if self._descriptor is not None:
            return True
        with storage_errors():
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        if not _try_lock(descriptor):
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        self._note_holder(descriptor)
        return True

    def release(self) -> None:
        """Give the lock back. Releasing twice is harmless."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def holder(self) -> int | None:
        """Return the process id that last took the lock, for a message to a person."""
        try:
            return int(self._path.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def _note_holder(self, descriptor: int) -> None:
        try:
            os.ftruncate(descriptor, 0)
            os.lseek(descriptor, 0, os.SEEK_SET)
            os.write(descriptor, str(os.getpid()).encode("ascii"))
        except OSError as error:  # a full disk must not keep the lock from being held
            log.debug("lock %s: holder not noted: %s", self._path.name, error)
