"""What customers wrote and what became of it: a sealed SQLite file beside the vault.

A message goes from received to sending to sent (or to done, where no rule answers); `sending` is
written before the reply leaves and `sent` after WhatsApp took it, so that a crash leaves at most
one reply per chat in doubt. Everything that says something is sealed with AES-256-GCM under a key
of its own, bound to its row; chats, messages and rules appear as HMACs. Content is overwritten once
a message is dealt with; the HMACs stay for a while so that nothing is answered twice.
"""

import hashlib
import hmac
import json
import logging
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from pathlib import Path
from typing import Final

from wabot_tray.core.clock import SYSTEM_CLOCK, Clock
from wabot_tray.core.messages import IncomingMessage
from wabot_tray.storage.inbox_file import InboxFile
from wabot_tray.storage.intake import TAG_BYTES, Intake
from wabot_tray.storage.sealing import Seal, UnsealError, subkey

log = logging.getLogger(__name__)

KEPT: Final = timedelta(days=30)  # how long a message is known to be dealt with
HEARD_KEPT: Final = timedelta(days=400)  # the longest `once_per` that works
RECEIPTS_KEPT: Final = timedelta(days=2)  # they only settle what a crash left in doubt


class _State(IntEnum):
    RECEIVED = 0
    SENDING = 1
    SENT = 2
    DONE = 3
    UNREADABLE = 4


@dataclass(slots=True)
class Stored:
    """A message in the inbox.

    Args:
        tag: What the inbox knows it by.
        message: The message.
        sending_at: When its reply was about to leave, if nobody knows what became of that;
            aware UTC, whole milliseconds.
        resent: Whether its reply was in doubt before and was sent again.
    """

    tag: bytes
    message: IncomingMessage
    sending_at: datetime | None = None
    resent: bool = False


class Inbox:
    """The inbox of one account. Opens itself with the first call, and again after trouble.

    Every method may be called from any thread. Most wait for the disk; those that are told to be
    urgent do not, and neither do the ones that read memory only (`knows_sent`, `last_heard`).
    What is written urgently survives a killed process at once, and a power cut after `sync`.

    Args:
        path: The file; "-wal" and "-shm" lie beside it while it is open.
        key: The account's 32-byte data key.
        on_damaged: Called when the file could not be read and was set aside.
        clock: Injected time.
        intake: Where messages are jotted down before they are kept; by default nowhere.
    """

    def __init__(
        self,
        path: Path,
        key: bytes,
        on_damaged: Callable[[], None] = lambda: None,
        clock: Clock = SYSTEM_CLOCK,
        intake: Intake | None = None,
    ) -> None:
        self._intake = intake
        self._seal = Seal(subkey(key, b"inbox content"))
        self._mac_key = subkey(key, b"inbox names")
        self._on_damaged = on_damaged
        self._clock = clock
        self._file = InboxFile(path, self._mac(b"check"), self._load, on_damaged, clock)
        self._sent: set[bytes] = set()
        self._heard: dict[bytes, int] = {}
        self._pruned_at: datetime | None = None

    # --- names -----------------------------------------------------------------------------------

    def tag(self, message: IncomingMessage) -> bytes:
        """Return what the inbox knows `message` by."""
        return self._mac(b"message", message.chat, message.message_id)

    def knows_sent(self, message_id: str) -> bool:
        """Return whether a message of this id was sent from here, as far as is remembered."""
        return self._mac(b"sent", message_id) in self._sent

    def secret(self, stored: Stored) -> bytes:
        """Return 32 bytes that mark the reply under way, of this attempt and no other.

        The library notes them with the message's id before the message leaves.
        """
        assert stored.sending_at is not None  # noqa: S101 - only a reply under way has one
        attempt = _stamp(stored.sending_at).to_bytes(8)
        return hmac.digest(self._mac_key, b"secret\0" + stored.tag + attempt, hashlib.sha256)

    def last_heard(self, chat: str, reply_key: str) -> datetime | None:
        """Return when `chat` was last given the reply of this rule."""
        stamp = self._heard.get(self._mac(b"heard", chat, reply_key))
        return None if stamp is None else _moment(stamp)

    def _mac(self, kind: bytes, *parts: str) -> bytes:
        text = kind + b"".join(b"\0" + part.encode(errors="surrogatepass") for part in parts)
        return hmac.digest(self._mac_key, text, hashlib.sha256)[:TAG_BYTES]

    # --- the life of a message -------------------------------------------------------------------

    def jot(self, message: IncomingMessage) -> bool:
        """Write a message down where nothing waits for a disk, until `receive` has kept it.

        Takes some hundredths of a millisecond. Returns whether that could be done.
        """
        if self._intake is None:
            return False
        tag = self.tag(message)
        return self._intake.add(tag, self._sealed(tag, message))

    def jotted(self) -> list[IncomingMessage]:
        """Return what an earlier process jotted down and did not keep, in the order it came."""
        found = []
        for tag, sealed in self._intake.left() if self._intake else []:
            try:
                found.append(self._unsealed(tag, sealed))
            except UnsealError:
                log.warning("a message that had just come in cannot be read")
                self._struck([tag])
        return found

    def _struck(self, tags: Sequence[bytes]) -> None:
        if self._intake is not None:
            self._intake.strike(tags)

    def receive(
        self, messages: Sequence[IncomingMessage], *, is_urgent: bool = False
    ) -> list[Stored]:
        """Keep messages. One commit for all.

        Returns:
            Those that were not known before, in the order given.

        Raises:
            VaultError: None of them could be kept: DISK_FULL or STORAGE_UNWRITABLE.
        """
        now = _stamp(self._clock.now())
        rows = [(self.tag(message), message) for message in messages]

        def job(db: sqlite3.Connection) -> list[Stored]:
            new = []
            for tag, message in rows:
                added = db.execute(
                    "INSERT OR IGNORE INTO messages (tag, state, received_at, sealed)"
                    " VALUES (?, ?, ?, ?)",
                    (tag, _State.RECEIVED, now, self._sealed(tag, message)),
                )
                if added.rowcount == 1:
                    new.append(Stored(tag, message))
            return new

        kept = self._file.commit(job, is_urgent=is_urgent)
        self._struck([tag for tag, _ in rows])
        return kept

    def known(self, messages: Sequence[IncomingMessage]) -> set[bytes]:
        """Return the tags of those messages that were kept before. Only reads.

        Raises:
            VaultError: The inbox cannot be read.
        """
        tags = [self.tag(message) for message in messages]
        query = "SELECT 1 FROM messages WHERE tag = ?"
        return self._file.read(
            lambda db: {tag for tag in tags if db.execute(query, (tag,)).fetchone()}
        )

    def undone(self) -> list[Stored]:
        """Return what is not dealt with yet, oldest first.

        A row that cannot be read is left where it is, reported as damage and not returned again.

        Raises:
            VaultError: The inbox cannot be read.
        """
        rows = self._file.read(
            lambda db: db.execute(
                "SELECT tag, state, sending_at, resent, sealed FROM messages"
                " WHERE state < 2 ORDER BY seq"
            ).fetchall()
        )
        found: list[Stored] = []
        unreadable: list[bytes] = []
        for tag, state, sending_at, resent, sealed in rows:
            try:
                message = self._unsealed(tag, sealed)
            except UnsealError:
                unreadable.append(tag)
                continue
            since = _moment(sending_at) if state == _State.SENDING else None
            found.append(Stored(tag, message, since, bool(resent)))
        if unreadable:
            log.warning("%d messages of the inbox cannot be read", len(unreadable))
            statement = "UPDATE messages SET state = ? WHERE tag = ?"
            rows = [(_State.UNREADABLE, tag) for tag in unreadable]
            self._file.commit(lambda db: db.executemany(statement, rows))
            self._on_damaged()
        return sorted(found, key=lambda stored: stored.message.sent_at)

    def mark_sending(self, stored: Stored, reply_key: str) -> None:
        """Write that a reply is about to leave, and set `sending_at` where it is not set. Urgent.

        Call `sync` while the reply is on its way.

        Raises:
            VaultError: It could not be written.
        """
        if stored.sending_at is None:
            stored.sending_at = _moment(_stamp(self._clock.now()))
        now = _stamp(stored.sending_at)
        heard = self._mac(b"heard", stored.message.chat, reply_key)
        self._file.commit(
            lambda db: db.execute(
                "UPDATE messages SET state = ?, sending_at = ?, heard = ? WHERE tag = ?",
                (_State.SENDING, now, heard, stored.tag),
            ),
            is_urgent=True,
        )

    def mark_not_sent(self, stored: Stored, *, resent: bool, is_urgent: bool = False) -> None:
        """Write that the reply did not leave, or is given up for lost and will be sent again.

        Args:
            stored: The message.
            resent: Whether the next attempt is a second one after doubt.
            is_urgent: Do not wait for the disk.

        Raises:
            VaultError: It could not be written.
        """
        self._file.commit(
            lambda db: db.execute(
                "UPDATE messages SET state = ?, sending_at = NULL, heard = NULL, resent = ?"
                " WHERE tag = ?",
                (_State.RECEIVED, resent, stored.tag),
            ),
            is_urgent=is_urgent,
        )

    def finish(
        self,
        stored: Stored,
        *,
        reply_key: str | None,
        sent_id: str | None = None,
        is_urgent: bool = False,
    ) -> None:
        """Write that a message is dealt with, and overwrite what it said. Twice is harmless.

        It holds for messages too that could not be kept when they came.

        Args:
            stored: The message.
            reply_key: The rule whose reply was sent, or None if there was no reply; after doubt
                "" takes the one noted by `mark_sending`.
            sent_id: The reply's id at WhatsApp, where it is known.
            is_urgent: Do not wait for the disk.

        Raises:
            VaultError: It could not be written.
        """
        now = _stamp(self._clock.now())
        state = _State.DONE if reply_key is None else _State.SENT
        chat = stored.message.chat

        def job(db: sqlite3.Connection) -> bytes | None:
            heard = self._mac(b"heard", chat, reply_key) if reply_key else None
            if reply_key == "":
                row = db.execute("SELECT heard FROM messages WHERE tag = ?", (stored.tag,))
                heard = (row.fetchone() or (None,))[0]
            db.execute(
                "INSERT INTO messages (tag, state, received_at) VALUES (?, ?, ?) ON CONFLICT (tag)"
                " DO UPDATE SET state = excluded.state, sealed = NULL, heard = NULL",
                (stored.tag, state, now),
            )
            if sent_id:
                _upsert(db, "sent", self._mac(b"sent", sent_id), now)
            if heard is not None:
                _upsert(db, "heard", heard, now)
            return heard

        heard = self._file.commit(job, is_urgent=is_urgent)
        self._struck([stored.tag])
        if heard is not None:
            self._heard[heard] = now
        if sent_id:
            self._sent.add(self._mac(b"sent", sent_id))

    def note_receipts(self, stored: Stored, message_ids: Sequence[str]) -> None:
        """Write that receipts of messages unknown so far came while a reply was under way. Urgent.

        Raises:
            VaultError: It could not be written.
        """
        now = _stamp(self._clock.now())
        tags = [self._mac(b"receipt", message_id) for message_id in message_ids]
        tags.append(self._attempt(stored))

        def job(db: sqlite3.Connection) -> None:
            for tag in tags:
                _upsert(db, "receipts", tag, now)

        self._file.commit(job, is_urgent=True)

    def has_receipt(self, stored: Stored, message_id: str | None) -> bool:
        """Return whether a receipt came for the reply in doubt. Only reads.

        Args:
            stored: The message whose reply is in doubt.
            message_id: The reply's id where it is known; else any receipt of that time counts.

        Raises:
            VaultError: The inbox cannot be read.
        """
        tag = self._mac(b"receipt", message_id) if message_id else self._attempt(stored)
        query = "SELECT 1 FROM receipts WHERE tag = ?"
        return self._file.read(lambda db: db.execute(query, (tag,)).fetchone()) is not None

    def _attempt(self, stored: Stored) -> bytes:
        return self._mac(b"attempt", self.secret(stored).hex())

    def remember_sent(self, message_ids: Sequence[str]) -> None:
        """Note ids of messages that were sent from here or from the phone.

        Raises:
            VaultError: It could not be written.
        """
        now = _stamp(self._clock.now())
        tags = [self._mac(b"sent", message_id) for message_id in message_ids]
        self._sent.update(tags)

        def job(db: sqlite3.Connection) -> None:
            for tag in tags:
                _upsert(db, "sent", tag, now)

        self._file.commit(job, is_urgent=True)

    # --- the file --------------------------------------------------------------------------------

    def sync(self) -> None:
        """Wait until all that was written is on the disk.

        Raises:
            VaultError: The disk refuses.
        """
        self._file.sync()

    def probe(self) -> None:
        """Write something that changes nothing.

        Raises:
            VaultError: The inbox still cannot be written.
        """
        self._file.commit(lambda db: db.execute("UPDATE meta SET value = value"))

    def tidy(self) -> None:
        """Move the log into the file and, once a day, forget what is old. For quiet moments.

        Raises:
            VaultError: It could not be written.
        """
        now = self._clock.now()
        if self._pruned_at is None or now - self._pruned_at > timedelta(days=1):
            self._file.commit(lambda db: self._prune(db, now))
            self._pruned_at = now
        self._file.checkpoint()

    def close(self) -> None:
        """Close the file. It opens itself again when it is used; closing twice is harmless."""
        self._file.close()
        if self._intake is not None:
            self._intake.close()

    def _load(self, db: sqlite3.Connection) -> None:
        # What this process knows of stays known, even where the file had to begin anew.
        self._sent |= {tag for (tag,) in db.execute("SELECT tag FROM sent")}
        self._heard = dict(db.execute("SELECT tag, at FROM heard")) | self._heard

    def _prune(self, db: sqlite3.Connection, now: datetime) -> None:
        limit = _stamp(now - KEPT)
        db.execute("DELETE FROM messages WHERE received_at < ?", (limit,))
        db.execute("DELETE FROM sent WHERE at < ?", (limit,))
        db.execute("DELETE FROM heard WHERE at < ?", (_stamp(now - HEARD_KEPT),))
        db.execute("DELETE FROM receipts WHERE at < ?", (_stamp(now - RECEIPTS_KEPT),))

    # --- content ---------------------------------------------------------------------------------

    def _sealed(self, tag: bytes, message: IncomingMessage) -> bytes:
        content = {
            "chat": message.chat,
            "id": message.message_id,
            "phone": message.sender_phone,
            "name": message.sender_name,
            "text": message.text,
            "sent_at": message.sent_at.isoformat(),
            "group": message.is_group,
        }
        return self._seal.seal(json.dumps(content).encode(), tag)

    def _unsealed(self, tag: bytes, sealed: bytes) -> IncomingMessage:
        content = json.loads(self._seal.unseal(sealed or b"", tag))
        return IncomingMessage(
            chat=content["chat"],
            message_id=content["id"],
            sender_phone=content["phone"],
            sender_name=content["name"],
            text=content["text"],
            sent_at=datetime.fromisoformat(content["sent_at"]),
            is_group=content["group"],
            offline=True,
        )


def _upsert(db: sqlite3.Connection, table: str, tag: bytes, at: int) -> None:
    statement = f"INSERT OR REPLACE INTO {table} (tag, at) VALUES (?, ?)"  # noqa: S608 - our names
    db.execute(statement, (tag, at))


def _stamp(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _moment(stamp: int) -> datetime:
    return datetime.fromtimestamp(stamp / 1000, UTC)
