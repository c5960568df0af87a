"""A master key in a file, for machines without a keyring: 32 bytes in base64, 0600 and ours."""

import base64
import binascii
import os
import stat
import sys
from pathlib import Path
from typing import Final

from wabot_tray.core.errors import KeyUnavailableError
from wabot_tray.core.reasons import Reason
from wabot_tray.storage.files import storage_errors, sync_folder
from wabot_tray.storage.sealing import KEY_BYTES

_LONGEST_FILE: Final = 1024
# A fifo must not hold us up, and a link must not lead us elsewhere.
_OPEN_FLAGS: Final = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


def explained(reason: Reason, message_key: str, **params: object) -> KeyUnavailableError:
    """Return an error for `reason` that says more than the reason's own sentence."""
    error = KeyUnavailableError(reason, message_key)
    error.message_key = message_key
    error.params = params
    return error


def create_key_file(path: Path) -> None:
    """Write a new random key to `path` (0600). Never overwrites.

    Raises:
        KeyUnavailableError: Something is there already.
        VaultError: The disk is full or cannot be written.
    """
    with storage_errors():
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError as error:
            raise explained(Reason.KEY_WRONG, "error.key_file_exists", path=path) from error
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(base64.b64encode(os.urandom(KEY_BYTES)) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            sync_folder(path.parent)
        except OSError:
            path.unlink(missing_ok=True)
            raise


def read_key_file(path: Path, *, platform: str = sys.platform) -> bytes:
    """Return the key in `path`.

    Windows has no mode bits that say who may read a file; there the folder must be private.

    Raises:
        KeyUnavailableError: KEY_MISSING or KEY_WRONG, with a sentence for each fault.
    """
    try:
        descriptor = os.open(path, _OPEN_FLAGS)
    except FileNotFoundError as error:
        raise explained(Reason.KEY_MISSING, "error.key_file_missing", path=path) from error
    except OSError as error:
        # ELOOP: a symbolic link.
        key = "error.key_file_kind" if path.is_symlink() else "error.key_file_unreadable"
        raise explained(Reason.KEY_WRONG, key, path=path) from error
    try:
        _check_kind(os.fstat(descriptor), path, platform)
        text = os.read(descriptor, _LONGEST_FILE)
    finally:
        os.close(descriptor)
    try:
        key_bytes = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        key_bytes = b""
    if len(key_bytes) != KEY_BYTES:
        raise explained(Reason.KEY_WRONG, "error.key_file_content", path=path)
    return key_bytes


def _check_kind(status: os.stat_result, path: Path, platform: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise explained(Reason.KEY_WRONG, "error.key_file_kind", path=path)
    if platform != "win32":
        if status.st_uid != os.getuid():
            raise explained(Reason.KEY_WRONG, "error.key_file_owner", path=path)
        if status.st_mode & 0o177:
            raise explained(Reason.KEY_WRONG, "error.key_file_mode", path=path)
