"""What the library's own database says of replies that were under way when a worker ended.

The library gives a message its id itself and tells it only once WhatsApp has acknowledged the
message. But a message that carries a secret is noted in `whatsmeow_message_secrets`, with its id
and that secret, before anything of it leaves (send.go of whatsmeow; held to by a test with neonize
0.5.2). So a secret that is not there belongs to a message that never left, and one that is there
tells the id whose receipts prove that it did.
"""

import contextlib
import logging
import sqlite3
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

_WAL_HEADER_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Traces:
    """Which replies the library had begun to send.

    Args:
        ids: The message's id, by secret.
        is_complete: Whether a message whose secret is not among them certainly never left. Not so
            where the database is older than the end of the worker, as after a power cut.
    """

    ids: Mapping[bytes, str] = field(default_factory=dict)
    is_complete: bool = False


def find_traces(database: Path, secrets: Collection[bytes], *, is_complete: bool) -> Traces:
    """Look for `secrets` in a session database that nobody has open, its log folded in.

    Without the table, or with a database that cannot be read, nothing is known; with a log that is
    not folded in, nothing is known of what is not found.

    Args:
        database: The live database.
        secrets: What the messages in question carried.
        is_complete: Whether the database is as the library left it.
    """
    # Read as it lies there: no lock, no log and no checkpoint of ours (see ADR 2).
    address = f"{database.absolute().as_uri()}?mode=ro&immutable=1"
    query = "SELECT message_id FROM whatsmeow_message_secrets WHERE key = ?"
    try:
        with contextlib.closing(sqlite3.connect(address, uri=True)) as db:
            found = {secret: db.execute(query, (secret,)).fetchone() for secret in secrets}
    except sqlite3.Error as err:
        log.warning("the traces of replies under way cannot be read: %s", err)
        return Traces()
    if _has_log(database):
        log.warning("the session database has a log that was not looked at")
        is_complete = False
    ids = {secret: str(row[0]) for secret, row in found.items() if row is not None}
    return Traces(ids, is_complete)


def _has_log(database: Path) -> bool:
    """Whether there is a write-ahead log with something in it; a reserve of zeros holds nothing."""
    try:
        with database.with_name(f"{database.name}-wal").open("rb") as file:
            return bool(file.read(_WAL_HEADER_BYTES).strip(b"\0"))
    except FileNotFoundError:
        return False
    except OSError:
        return True
