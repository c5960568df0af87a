"""Whether a folder can be written and has room, asked before anything relies on it."""

import contextlib
import os
import secrets
import shutil
from pathlib import Path
from typing import Final

_DRAFT_BYTES: Final = 64 * 1024


def free_bytes(folder: Path) -> int | None:
    """Return the bytes this user may still write into `folder`, None where it cannot be told."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def is_full(folder: Path) -> bool:
    """Whether nothing fits into `folder` any more, for errors that do not say why."""
    free = free_bytes(folder)
    return free is not None and free < _DRAFT_BYTES


def can_keep(folder: Path) -> bool:
    """Whether a small file can be written into `folder` just now. Blocks; leaves nothing behind.

    Free space alone says little: a folder may be read-only, and a disk keeps blocks for root.
    """
    draft = folder / f".room-{secrets.token_hex(4)}"
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            return os.write(descriptor, bytes(_DRAFT_BYTES)) == _DRAFT_BYTES
        finally:
            os.close(descriptor)
    except OSError:
        return False
    finally:
        with contextlib.suppress(OSError):
            draft.unlink()
