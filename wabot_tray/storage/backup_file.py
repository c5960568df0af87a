"""A backup file: named parts in one sealed stream, the last of them the index of all."""

import contextlib
import glob
import json
import os
import secrets
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

from wabot_tray.core.accounts import checked_id
from wabot_tray.core.errors import AccountError, BackupError
from wabot_tray.core.reasons import Reason
from wabot_tray.storage.files import storage_error, sync_folder
from wabot_tray.storage.registry import Account, account_from, account_values
from wabot_tray.storage.sealed_stream import SealedReader, SealedWriter, StreamKey, key_of

SUFFIX: Final = ".wabot"
KEY: Final = "key"
SESSION: Final = "session"
INBOX: Final = "inbox"
RULES: Final = "rules"
SETTINGS: Final = "settings"
_INDEX: Final = "index"
_FORMAT: Final = 1  # of the parts; the stream has its own
_HEAD: Final = struct.Struct(">HQ")  # length of a part's name, of its content
_LONGEST_NAME: Final = 200
_LARGEST_PART_BYTES: Final = 1 << 30
_LARGEST_INDEX_BYTES: Final = 16 << 20
_PIECE_BYTES: Final = 1 << 20
_NEVER_WAIT: Final = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)

Progress = Callable[[float], None]  # told a share from 0 to 1; may raise to stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """What a backup holds.

    Args:
        made_at: When; aware UTC.
        computer: Where.
        program: The version that wrote it.
        accounts: All that were on the list.
        linked: The ids of those whose link to WhatsApp is inside.
        left_out: The ids of those whose link could not be read.
        files: Which of the files beside the accounts are inside.
    """

    made_at: datetime
    computer: str
    program: str
    accounts: tuple[Account, ...]
    linked: frozenset[str]
    left_out: tuple[str, ...] = ()
    files: frozenset[str] = frozenset()

    def account(self, account_id: str) -> Account:
        """Return one account.

        Raises:
            AccountError: It is not inside.
        """
        for account in self.accounts:
            if account.id == account_id:
                return account
        raise AccountError("error.backup_lacks", id=account_id[:80])


class BackupWriter:
    """Writes one backup beside its place, and puts it there once it is whole.

    Args:
        path: Where to.
        key: A new one.
        replace: Whether a file that is there may go.

    Raises:
        BackupError: Something is there already, or the disk is full or cannot be written; the
            latter from every method.
    """

    def __init__(self, path: Path, key: StreamKey, *, replace: bool) -> None:
        self._path = path
        self._key = key
        self._replace = replace
        self._refuse_existing()
        self._draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        with self._writing():
            for left in path.parent.glob(f".{glob.escape(path.name)}.????????"):
                left.unlink()  # by a killed process
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
            self._file = os.fdopen(os.open(self._draft, flags, 0o600), "w+b")
        try:
            with self._writing():
                self._writer = SealedWriter(self._file, key)
        except BaseException:
            self.abandon()
            raise

    def add(self, name: str, content: bytes) -> None:
        """Add a part."""
        encoded = name.encode()
        with self._writing():
            self._writer.write(_HEAD.pack(len(encoded), len(content)) + encoded)
            for at in range(0, len(content), _PIECE_BYTES):
                self._writer.write(content[at : at + _PIECE_BYTES])

    def finish(self, index: Index, progress: Progress) -> None:
        """Add the index, read everything once more as it lies on the disk, and name the file."""
        self.add(_INDEX, json.dumps(_index_values(index), ensure_ascii=False).encode())
        with self._writing():
            self._writer.finish()
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.seek(len(self._key.header))
            for _ in _parts(self._file, self._key, progress):
                pass
            self._file.close()
            self._refuse_existing()
            self._draft.replace(self._path)
            with contextlib.suppress(OSError):  # some sticks and shares cannot
                sync_folder(self._path.parent)

    def abandon(self) -> None:
        """Remove what was written. After `finish` there is nothing to remove."""
        self._file.close()
        with contextlib.suppress(OSError):
            self._draft.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Blame the place the person chose, not the data folder."""
        try:
            yield
        except OSError as error:
            if storage_error(error).reason is Reason.DISK_FULL:
                raise BackupError("error.backup_full", folder=self._path.parent) from error
            detail = os.strerror(error.errno or 0)
            folder = self._path.parent
            raise BackupError("error.backup_unwritable", folder=folder, detail=detail) from error

    def _refuse_existing(self) -> None:
        if not self._replace and self._path.exists():
            raise BackupError("error.backup_exists", name=self._path.name)


class Backup:
    """A backup that was read once from end to end, and is read again as often as needed.

    Args:
        path: The file.
        key: Its key.
        index: What it holds.
    """

    def __init__(self, path: Path, key: StreamKey, index: Index) -> None:
        self.path = path
        self.index = index
        self._key = key

    def parts(self, progress: Progress) -> Iterator[tuple[str, bytes]]:
        """Yield every part but the index; one is in memory at a time.

        Raises:
            BackupError: The file is damaged.
        """
        with _opened(self.path) as file:
            file.seek(len(self._key.header))
            for name, content in _parts(file, self._key, progress):
                if name != _INDEX:
                    yield name, content


def open_backup(path: Path, passphrase: str, progress: Progress) -> Backup:
    """Open a backup and verify all of it. Takes at least half a second.

    Raises:
        BackupError: It is none, a newer one, damaged, unreadable, or has another passphrase.
    """
    with _opened(path) as file:
        key = key_of(file, passphrase)
        name, content = "", b""
        for name, content in _parts(file, key, progress):  # noqa: B007 - the last one counts
            pass
    if name != _INDEX:
        raise BackupError("error.backup_damaged")
    return Backup(path, key, _index(content))


def account_part(account_id: str, what: str) -> str:
    """Return the name of an account's part."""
    return f"account/{account_id}/{what}"


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | _NEVER_WAIT), "rb") as file:
            yield file
    except FileNotFoundError as error:
        raise BackupError("error.backup_missing", name=path.name) from error
    except OSError as error:
        detail = os.strerror(error.errno or 0)
        raise BackupError("error.backup_unreadable", name=path.name, detail=detail) from error


def _parts(file: BinaryIO, key: StreamKey, progress: Progress) -> Iterator[tuple[str, bytes]]:
    whole = max(1, os.fstat(file.fileno()).st_size)
    reader = SealedReader(file, key)
    progress(0.0)
    while not reader.is_at_end:
        name_bytes, content_bytes = _HEAD.unpack(reader.read(_HEAD.size))
        if name_bytes > _LONGEST_NAME or content_bytes > min(_LARGEST_PART_BYTES, whole):
            raise BackupError("error.backup_damaged")
        name = reader.read(name_bytes)
        pieces = []
        while content_bytes:
            pieces.append(reader.read(min(content_bytes, _PIECE_BYTES)))
            content_bytes -= len(pieces[-1])
            progress(min(1.0, file.tell() / whole))
        yield name.decode("ascii", "replace"), b"".join(pieces)
    progress(1.0)


def _index_values(index: Index) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "made_at": index.made_at.isoformat(),
        "computer": index.computer,
        "program": index.program,
        "accounts": [account_values(account) for account in index.accounts],
        "linked": sorted(index.linked),
        "left_out": list(index.left_out),
        "files": sorted(index.files),
    }


def _index(content: bytes) -> Index:
    if len(content) > _LARGEST_INDEX_BYTES:
        raise BackupError("error.backup_damaged")
    try:
        values: Mapping[str, Any] = json.loads(content)
        if values["format"] > _FORMAT:
            raise BackupError("error.backup_newer")
        accounts = tuple(account_from(dict(entry)) for entry in values["accounts"])
        ids = {account.id for account in accounts}
        linked = frozenset(checked_id(one) for one in values["linked"])
        if len(ids) != len(accounts) or not linked <= ids:
            raise BackupError("error.backup_damaged")
        made_at = datetime.fromisoformat(values["made_at"])
        made_at.utctimetuple()
        return Index(
            made_at=made_at,
            computer=str(values["computer"])[:80],
            program=str(values["program"])[:40],
            accounts=accounts,
            linked=linked,
            left_out=tuple(str(one)[:80] for one in values["left_out"]),
            files=frozenset(str(one) for one in values["files"]),
        )
    except (ValueError, KeyError, TypeError, OverflowError, AttributeError, RecursionError) as err:
        raise BackupError("error.backup_damaged") from err
    except AccountError as err:
        raise BackupError("error.backup_damaged") from err
