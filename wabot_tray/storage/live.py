"""The live database of one account: plain SQLite in a private folder, in memory where possible."""

import contextlib
import json
import logging
import os
import secrets
import sqlite3
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from wabot_tray.storage.files import storage_errors, sync_folder
from wabot_tray.system.paths import make_private

log = logging.getLogger(__name__)

# SQLite quotes what it cannot parse, and that need not be text.
_UNREADABLE: Final = (sqlite3.Error, UnicodeDecodeError)
_RECORD: Final = "session.live"
_DRAFTS: Final = ".draft-*"
_RECORD_BYTES: Final = 512
# A log is folded in after 1000 pages (sqlite.org/wal.html), with 24 bytes of header each.
RESERVE_BYTES: Final = 32 + 1024 * (4096 + 24)
_OLDER_NS: Final = 60 * 10**9
WAL_FORMAT: Final = slice(18, 20)  # of a database's header: 2 for WAL, 1 for a journal


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """Which live database this is, and what was last sealed of it.

    Args:
        account_id: Whose it is.
        live_id: Random, made with the file.
        generation: Of the vault it came from or was last sealed to; 0 before the first seal.
        digest: Of that generation, hexadecimal.
        is_over: Whether the vault has all of it and it was about to be removed.
    """

    account_id: str
    live_id: str
    generation: int = 0
    digest: str = ""
    is_over: bool = False


class LiveFiles:
    """The files of one live database.

    Args:
        folder: A folder for this account alone; made private.
        in_ram: Whether the folder lies in memory, so that nothing need be synced. On a disk what
            is written here is synced: a power cut must not leave half a database that is newer
            than its vault, or an old log beside a new database.
    """

    DATABASE: Final = "session.db"

    def __init__(self, folder: Path, *, in_ram: bool) -> None:
        self.folder = folder
        self.in_ram = in_ram
        self.database = folder / self.DATABASE
        self._record = folder / _RECORD

    @property
    def all(self) -> list[Path]:
        """Every file that may hold a part of the database."""
        return [
            self.folder / f"{self.DATABASE}{suffix}" for suffix in ("", "-wal", "-journal", "-shm")
        ]

    @property
    def has_content(self) -> bool:
        """Whether there is a database that was written to."""
        return any(path.exists() and path.stat().st_size > 0 for path in self.all)

    def lineage(self) -> Lineage | None:
        """Return what is recorded of the live database, None where nothing can be read."""
        try:
            return Lineage(**json.loads(self._record.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def record(self, lineage: Lineage) -> None:
        """Write what the live database is.

        Raises:
            VaultError: The disk is full or cannot be written.
        """
        content = json.dumps(asdict(lineage)).encode().ljust(_RECORD_BYTES)
        if not (self.in_ram and self._overwritten(content)):
            self._put(self._record, content)

    def _overwritten(self, content: bytes) -> bool:
        """Write over the record that is there, which needs no room where memory is full.

        A killed process leaves the old or the new one: it is one write to one page.
        """
        try:
            descriptor = os.open(self._record, os.O_WRONLY | getattr(os, "O_BINARY", 0))
        except FileNotFoundError:
            return False
        try:
            return os.write(descriptor, content) == len(content)
        except OSError:
            return False
        finally:
            os.close(descriptor)

    def reserve(self) -> None:
        """Take the memory that the log grows to anyway, so that a folder that runs full has it.

        SQLite takes a log of zeros for an empty one and writes over it (sqlite3 3.40, and the one
        in neonize 0.5.2). Without room, or on a disk, there is no reserve.
        """
        if not self.in_ram:
            return
        log_file = self.folder / f"{self.DATABASE}-wal"
        try:
            descriptor = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError:
            return
        try:
            os.posix_fallocate(descriptor, 0, RESERVE_BYTES)  # memory folders are Linux's alone
        except OSError:
            log_file.unlink(missing_ok=True)
        finally:
            os.close(descriptor)

    def put(self, content: bytes) -> None:
        """Write the database, empty or whole, dated so that any later write is seen by its date.

        Raises:
            VaultError: The disk is full or cannot be written.
        """
        self._put(self.database, content)
        with storage_errors():
            status = self.database.stat()
            older_ns = status.st_mtime_ns - _OLDER_NS
            os.utime(self.database, ns=(status.st_atime_ns, older_ns))

    def fold(self) -> int | None:
        """Fold the WAL in and return the database's bytes, or None if SQLite finds it damaged.

        Nobody else may have it open.

        Raises:
            VaultError: The file cannot be read.
        """
        try:
            with contextlib.closing(sqlite3.connect(self.database, isolation_level=None)) as db:
                if not _is_sound(db):
                    return None
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except _UNREADABLE as error:
            log.warning("the live database cannot be read: %s", error)
            return None
        with storage_errors():
            return self.database.stat().st_size

    def contents(self) -> dict[str, bytes]:
        """Return every file that holds a part of the database, by name; a reserve holds none.

        Raises:
            VaultError: A file cannot be read.
        """
        with storage_errors():
            found = {path.name: path.read_bytes() for path in self.all if path.exists()}
        return {name: content for name, content in found.items() if content.strip(b"\0")}

    def is_half_removed(self, lineage: Lineage | None) -> bool:
        """Whether a process was killed while it removed a database its vault has all of."""
        return lineage is not None and lineage.is_over and not self.database.exists()

    def remove(self) -> None:
        """Remove every file of the database. Removing twice is harmless.

        Raises:
            VaultError: A file cannot be removed (Windows: it is still open somewhere).
        """
        with storage_errors():
            # In this order on the disk too: without its log the database is an older one.
            for group in ([self.database], self.all, [self._record, *self.folder.glob(_DRAFTS)]):
                for path in group:
                    path.unlink(missing_ok=True)
                if not self.in_ram and self.folder.exists():
                    sync_folder(self.folder)
            with contextlib.suppress(OSError):  # not empty, or not there
                self.folder.rmdir()

    def _put(self, path: Path, content: bytes) -> None:
        with storage_errors():
            make_private(self.folder)
            draft = self.folder / f".draft-{secrets.token_hex(4)}"
            try:
                descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "wb") as file:
                    file.write(content)
                    if not self.in_ram:
                        file.flush()
                        os.fsync(file.fileno())
                draft.replace(path)
                if not self.in_ram:
                    sync_folder(self.folder)
            except BaseException:
                draft.unlink(missing_ok=True)
                raise


def is_sound(content: bytes) -> bool:
    """Whether SQLite finds no fault in the database `content`. Looks at it in memory."""
    copy = bytearray(content)
    copy[WAL_FORMAT] = b"\1\1"  # memory cannot have a WAL
    with contextlib.closing(sqlite3.connect(":memory:")) as db:
        try:
            db.deserialize(copy)
            return _is_sound(db)
        except _UNREADABLE:
            return False


def _is_sound(db: sqlite3.Connection) -> bool:
    (verdict,) = db.execute("PRAGMA integrity_check(1)").fetchone()
    return bool(verdict == "ok")
