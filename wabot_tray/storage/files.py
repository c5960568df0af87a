"""Writing files so that a crash or a full disk never leaves half of one."""

import contextlib
import errno
import os
import secrets
import stat
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from wabot_tray.core.errors import VaultError
from wabot_tray.core.reasons import Reason
from wabot_tray.system.paths import make_private

_NEVER_WAIT: Final = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_FULL: Final = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}


def storage_error(error: OSError) -> VaultError:
    """Return what `error` means to the person: the disk is full, or it cannot be written."""
    reason = Reason.DISK_FULL if error.errno in _FULL else Reason.STORAGE_UNWRITABLE
    return VaultError(reason, str(error))


@contextlib.contextmanager
def storage_errors() -> Iterator[None]:
    """Turn every OSError of the block into a VaultError with its reason."""
    try:
        yield
    except OSError as error:
        raise storage_error(error) from error


class StrangeFileError(OSError):
    """What lies in a file's place is none of ours: a folder, a pipe, or far too much."""


def read_plain(path: Path, longest_bytes: int) -> bytes:
    """Return what the file `path` holds. Never waits, whatever lies in its place.

    Raises:
        StrangeFileError: It is no plain file, or longer than `longest_bytes`.
        OSError: It is not there or cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | _NEVER_WAIT)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > longest_bytes:
            raise StrangeFileError(errno.EINVAL, "this is none of our files", str(path))
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(longest_bytes)
    finally:
        os.close(descriptor)


def write_atomic(path: Path, content: bytes) -> None:
    """Replace `path` by `content`, for this user alone (0600), and wait until it is on the disk.

    After a crash the file holds the old content or the new, never a part.

    Raises:
        VaultError: The disk is full or cannot be written; the old content is still there.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with storage_errors():
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
            sync_folder(path.parent)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise


def sync_file(path: Path) -> None:
    """Wait until what was written to a file is on the disk."""
    descriptor = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path, *, platform: str = sys.platform) -> None:
    """Wait until names that changed in `folder` are on the disk; Windows does so by itself."""
    if platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_lasting(folder: Path) -> None:
    """Create `folder` for this user alone, so that no power cut takes it with all it will hold.

    A second call changes nothing.

    Raises:
        VaultError: It cannot be made, or belongs to somebody else.
    """
    is_new = not folder.exists()
    with storage_errors():
        make_private(folder)
    if is_new:  # a folder's name lies in the folder above, which may be new as well
        for above in folder.parents:
            with contextlib.suppress(OSError):  # not ours to open, or on a medium without syncs
                sync_folder(above)


def set_aside(path: Path, why: str, now: datetime) -> Path:
    """Rename `path` out of the way, never over another file, and return its new name.

    Raises:
        VaultError: The folder cannot be written.
    """
    stamp = f"{now:%Y%m%dT%H%M%SZ}"
    target = path.with_name(f"{path.name}.{why}-{stamp}")
    while target.exists():
        target = path.with_name(f"{path.name}.{why}-{stamp}-{secrets.token_hex(2)}")
    with storage_errors():
        path.rename(target)
    return target
