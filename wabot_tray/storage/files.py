"""Writing files so that a crash or a full disk never leaves half of one."""

import contextlib
import errno
import os
import secrets
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from wabot_tray.core.errors import VaultError
from wabot_tray.core.reasons import Reason

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


def sync_folder(folder: Path, *, platform: str = sys.platform) -> None:
    """Wait until names that changed in `folder` are on the disk; Windows does so by itself."""
    if platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
