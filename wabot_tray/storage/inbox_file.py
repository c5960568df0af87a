"""The SQLite file under the inbox: opened, committed to, set aside when it is damaged."""

import contextlib
import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeVar

from wabot_tray.core.clock import Clock
from wabot_tray.core.errors import VaultError
from wabot_tray.core.reasons import Reason
from wabot_tray.storage.files import set_aside, storage_error, storage_errors
from wabot_tray.storage.room import is_full

log = logging.getLogger(__name__)
Answer = TypeVar("Answer")

VERSION: Final = 2
_CODE_MASK: Final = 0xFF  # SQLite's primary result codes
# SQLITE_ERROR is a table or column that is not there: the statements themselves are right.
_DAMAGED: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
_LONGEST_LOG_BYTES: Final = 1 << 20
_SCHEMA: Final = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE messages (
    seq INTEGER PRIMARY KEY,
    tag BLOB NOT NULL UNIQUE,      -- HMAC of chat and message id
    state INTEGER NOT NULL,
    received_at INTEGER NOT NULL,  -- milliseconds, UTC
    sending_at INTEGER,
    resent INTEGER NOT NULL DEFAULT 0,
    heard BLOB,                    -- HMAC of chat and rule, while the reply is under way
    sealed BLOB                    -- the message; NULL once it is dealt with
);
CREATE INDEX undone ON messages (state) WHERE state < 2;
CREATE TABLE sent (tag BLOB PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;   -- ids of replies
CREATE TABLE heard (tag BLOB PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;  -- once_per
"""
# What version 1 did not have: receipts heard while a reply was under way.
_RECEIPTS: Final = """
CREATE TABLE receipts (tag BLOB PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
"""


class InboxFile:
    """One SQLite file in WAL mode. Opens itself with the first commit, and again after trouble.

    May be used from several threads: nobody waits while another waits for the disk in `sync`.

    Args:
        path: The file; "-wal" and "-shm" lie beside it while it is open.
        check: What a file of the same key has noted; another file is set aside.
        on_opened: Called with the connection each time the file was opened.
        on_damaged: Called each time a file was set aside.
        clock: Names what is set aside.
    """

    def __init__(
        self,
        path: Path,
        check: bytes,
        on_opened: Callable[[sqlite3.Connection], None],
        on_damaged: Callable[[], None],
        clock: Clock,
    ) -> None:
        self._path = path
        self._check = check
        self._on_opened = on_opened
        self._on_damaged = on_damaged
        self._clock = clock
        self._guard = threading.RLock()  # never held while waiting for the disk
        self._db: sqlite3.Connection | None = None
        self._log_handle: int | None = None

    def commit(
        self, job: Callable[[sqlite3.Connection], Answer], *, is_urgent: bool = False
    ) -> Answer:
        """Do `job` in one transaction; after damage do it again in a new file.

        Args:
            job: Reads and writes; may be called twice.
            is_urgent: Do not wait for the disk: a killed process has it, a power cut may not.

        Raises:
            VaultError: DISK_FULL, STORAGE_UNWRITABLE or VAULT_TOO_NEW. Nothing was changed, or
                what was changed may not outlive a power cut.
        """
        with self._guard:
            answer = self._with_a_new_file_if_need_be(lambda db: _transaction(db, job))
        if not is_urgent:
            self.sync()
        return answer

    def read(self, job: Callable[[sqlite3.Connection], Answer]) -> Answer:
        """Do `job`, which only reads, and so works on a full disk too; otherwise like `commit`.

        Raises:
            VaultError: The file cannot be read.
        """
        with self._guard:
            return self._with_a_new_file_if_need_be(job)

    def sync(self) -> None:
        """Wait until all that was committed is on the disk.

        Raises:
            VaultError: The disk refuses.
        """
        with storage_errors():
            with self._guard:
                if self._db is None:
                    return
                if self._log_handle is None:
                    # SQLite holds no locks on its log, so a handle of our own drops none (POSIX).
                    flags = os.O_RDWR | getattr(os, "O_BINARY", 0)
                    self._log_handle = os.open(f"{self._path}-wal", flags)
                handle = os.dup(self._log_handle)  # the file may be closed meanwhile
            try:
                os.fsync(handle)
                is_long = os.fstat(handle).st_size > _LONGEST_LOG_BYTES
            finally:
                os.close(handle)
        if is_long:
            self.checkpoint()

    def checkpoint(self) -> None:
        """Move the log into the file and empty it. Does nothing while the file is closed.

        Raises:
            VaultError: It could not be written.
        """
        with self._guard:
            if self._db is not None:
                with contextlib.suppress(_DamagedError), self._translated():  # told by next commit
                    self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close the file. A later commit opens it again; closing twice is harmless."""
        with self._guard:
            if self._log_handle is not None:
                os.close(self._log_handle)
                self._log_handle = None
            db, self._db = self._db, None
            if db is not None:
                with contextlib.suppress(sqlite3.Error):
                    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                with contextlib.suppress(sqlite3.Error):
                    db.close()

    def _with_a_new_file_if_need_be(self, job: Callable[[sqlite3.Connection], Answer]) -> Answer:
        try:
            with self._translated():
                return job(self._opened())
        except _DamagedError as err:
            self._begin_anew(err)
        try:
            with self._translated():
                return job(self._opened())
        except _DamagedError as err:  # a disk that damages a new file at once
            raise VaultError(Reason.STORAGE_UNWRITABLE, str(err)) from err

    def _opened(self) -> sqlite3.Connection:
        if self._db is not None:
            return self._db
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        try:
            self._prepare(db)
            self._on_opened(db)
        except BaseException:
            db.close()
            raise
        self._db = db
        return db

    def _prepare(self, db: sqlite3.Connection) -> None:
        db.execute("PRAGMA busy_timeout = 5000")
        db.execute("PRAGMA journal_mode = WAL")
        # `sync` waits for the disk, which is what FULL would do, but not where it is urgent.
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA wal_autocheckpoint = 0")
        db.execute("PRAGMA secure_delete = ON")
        db.execute("PRAGMA temp_store = MEMORY")
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise VaultError(Reason.VAULT_TOO_NEW, f"inbox version {version}")
        if version == 0:
            db.executescript(f"BEGIN;{_SCHEMA}{_RECEIPTS}")
            db.execute("INSERT INTO meta VALUES ('check', ?)", (self._check,))
            db.execute(f"PRAGMA user_version = {VERSION}")
            db.execute("COMMIT")
        if db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise _DamagedError("its pages do not fit together")
        if db.execute("SELECT value FROM meta WHERE name = 'check'").fetchone() != (self._check,):
            raise _DamagedError("it was written with another key")
        if version == 1:
            db.executescript(f"BEGIN;{_RECEIPTS}PRAGMA user_version = {VERSION};COMMIT;")

    def _begin_anew(self, error: Exception) -> None:
        log.warning("the inbox cannot be read and is set aside: %s", error)
        self.close()
        for end in ("", "-wal", "-shm"):
            name = Path(f"{self._path}{end}")
            if name.exists():
                set_aside(name, "damaged", self._clock.now())
        self._on_damaged()

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn what SQLite and the system raise into our errors."""
        try:
            yield
        except sqlite3.DatabaseError as err:
            code = getattr(err, "sqlite_errorcode", sqlite3.SQLITE_MISUSE) & _CODE_MASK
            if code in _DAMAGED:
                raise _DamagedError(str(err)) from err
            # On a full disk SQLite may not get as far as to say so: its index cannot be made.
            is_disk_full = code == sqlite3.SQLITE_FULL or is_full(self._path.parent)
            reason = Reason.DISK_FULL if is_disk_full else Reason.STORAGE_UNWRITABLE
            self.close()
            raise VaultError(reason, str(err)) from err
        except OSError as err:
            self.close()
            raise storage_error(err) from err


class _DamagedError(Exception):
    """The file is no inbox of ours, or no longer."""


def _transaction(db: sqlite3.Connection, job: Callable[[sqlite3.Connection], Answer]) -> Answer:
    try:
        db.execute("BEGIN IMMEDIATE")
        answer = job(db)
        db.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            db.execute("ROLLBACK")
        raise
    return answer
