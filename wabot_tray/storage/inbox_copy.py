"""The inbox on its way through a backup: copied while it is in use, settled where it is restored.

Messages that were not answered when the backup was made are not answered by what is restored:
the account went on, answered them a moment later, and a customer must not hear the same twice.
"""

import contextlib
import logging
import sqlite3
from pathlib import Path
from typing import Final

from wabot_tray.core.errors import BackupError
from wabot_tray.storage.inbox_file import VERSION
from wabot_tray.storage.live import WAL_FORMAT

log = logging.getLogger(__name__)

_DONE: Final = 3  # inbox: dealt with, without a reply
# The newer inbox of the same account knows better, of every message and every reply.
_KNOWLEDGE: Final = (
    "INSERT OR REPLACE INTO messages (tag, state, received_at, sending_at, resent, heard, sealed)"
    " SELECT tag, state, received_at, sending_at, resent, heard, sealed"
    " FROM newer.messages ORDER BY seq",
    "INSERT OR REPLACE INTO sent SELECT tag, at FROM newer.sent",
    "INSERT OR REPLACE INTO heard SELECT tag, at FROM newer.heard",
)
_RECEIPTS: Final = "INSERT OR REPLACE INTO receipts SELECT tag, at FROM newer.receipts"
_WITH_RECEIPTS: Final = 2  # the version that has them


def copy_inbox(path: Path) -> bytes | None:
    """Return an inbox as it is at one moment, also while a worker writes it.

    None where there is none, or one that cannot be read: the account begins a new one then.
    """
    if not path.exists():
        return None
    address = f"{path.absolute().as_uri()}?mode=rw"
    try:
        with (
            contextlib.closing(sqlite3.connect(address, uri=True, timeout=5.0)) as source,
            contextlib.closing(sqlite3.connect(":memory:")) as copy,
        ):
            source.backup(copy)  # one read transaction, since it is one step
            if copy.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                return None
            if not copy.execute("SELECT 1 FROM meta WHERE name = 'check'").fetchone():
                return None
            return copy.serialize()
    except sqlite3.Error:
        return None


def settled(content: bytes, newer: bytes | None = None) -> bytes:
    """Return the inbox `content` as a restored account begins with.

    Args:
        content: From the backup.
        newer: The inbox that it replaces, of the same key: what was answered stays answered, and
            what was not will be.

    Raises:
        BackupError: `content` is no inbox of ours, or a newer version's.
    """
    try:
        with contextlib.closing(_in_memory(content)) as db:
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if version > VERSION:
                raise BackupError("error.backup_newer")
            db.execute("PRAGMA secure_delete = ON")
            db.execute(
                "UPDATE messages SET state = ?, sealed = NULL, sending_at = NULL, heard = NULL"
                " WHERE state < 2",
                (_DONE,),
            )
            if newer is not None:
                _learn(db, version, newer)
            db.commit()
            return db.serialize()
    except sqlite3.Error as error:
        raise BackupError("error.backup_damaged") from error


def _learn(db: sqlite3.Connection, version: int, newer: bytes) -> None:
    db.commit()
    db.execute("ATTACH ':memory:' AS newer")
    try:
        db.deserialize(_plain(newer), name="newer")
        (other,) = db.execute("PRAGMA newer.user_version").fetchone()
        both = min(version, other) >= _WITH_RECEIPTS
        for statement in (*_KNOWLEDGE, _RECEIPTS) if both else _KNOWLEDGE:
            db.execute(statement)
        db.commit()
    except sqlite3.Error as error:  # what is restored is good without it
        log.warning("the inbox that is replaced cannot be read: %s", error)
        db.rollback()
    db.execute("DETACH newer")


def _in_memory(content: bytes) -> sqlite3.Connection:
    db = sqlite3.connect(":memory:")
    db.deserialize(_plain(content))
    return db


def _plain(content: bytes) -> bytes:
    copy = bytearray(content)
    copy[WAL_FORMAT] = b"\1\1"  # memory cannot have a WAL
    return bytes(copy)
