"""Sources of the 32-byte master key: the system's keyring, a key file, a passphrase.

There is no other: without a key nothing starts, and nothing is ever stored in plain text instead.
Keyrings block while their prompt is open, so every source works in threads of its own.
"""

import asyncio
import base64
import binascii
import concurrent.futures
import hashlib
import logging
import os
import secrets
import threading
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Final, Protocol, TypeVar

from wabot_tray.core.errors import KeyUnavailableError
from wabot_tray.core.reasons import Reason
from wabot_tray.storage.key_file import explained, read_key_file
from wabot_tray.storage.key_record import KeyRecord, KeyRecordFile, ScryptCost, check_value
from wabot_tray.storage.sealing import KEY_BYTES
from wabot_tray.storage.system_keyring import SystemKeyring
from wabot_tray.system.paths import Paths

log = logging.getLogger(__name__)

# A person who finds the prompt needs a while; the caller shows KEYRING_SLOW and asks again.
PROMPT_DEADLINE_S: Final = 20.0
_PROBE_DEADLINE_S: Final = 5.0
_SHORTEST_PASSPHRASE: Final = 8
_SALT_BYTES: Final = 16
Answer = TypeVar("Answer")


class KeySource(Protocol):
    """Where the master key comes from."""

    @property
    def kind(self) -> str:
        """One of "keyring", "key-file" and "passphrase"."""

    async def master_key(self, *, create: bool) -> bytes:
        """Return the 32-byte key. A call while another is pending waits for the same answer.

        Args:
            create: Make a key where none was made and nothing is sealed yet.

        Raises:
            KeyUnavailableError: KEYRING_LOCKED, KEYRING_ABSENT, KEYRING_SLOW, KEY_MISSING or
                KEY_WRONG. After KEYRING_SLOW the question stays open; ask again.
            VaultError: The record of the key cannot be read or written.
        """

    async def is_available(self) -> bool:
        """Whether `master_key` would answer without a person. Never opens a prompt."""


class _ThreadedKeys(ABC):
    """Asks in a daemon thread, so that an open prompt holds up neither the loop nor the exit."""

    kind: ClassVar[str]

    def __init__(self, paths: Paths, deadline_s: float) -> None:
        self._record_file = KeyRecordFile(paths)
        self._deadline_s = deadline_s
        self._guard = threading.Lock()
        self._pending: tuple[bool, concurrent.futures.Future[bytes]] | None = None
        self._is_overdue = False
        self._key: bytes | None = None

    async def master_key(self, *, create: bool) -> bytes:
        """Return the master key; see KeySource."""
        overdue = self._pending if self._is_overdue else None
        if overdue is not None and await self.is_available() and self._pending is overdue:
            # Unlocked by other means; the prompt is still open and may stay so for ever.
            self._pending = None
        if self._key is not None:
            return self._key
        asked_to_create, answer = self._ask(create=create)
        try:
            return await self._within_deadline(answer)
        except KeyUnavailableError as error:
            if create and not asked_to_create and error.reason is Reason.KEY_MISSING:
                return await self.master_key(create=True)
            raise

    async def is_available(self) -> bool:
        """Whether the key can be had without a person; see KeySource."""
        if self._key is not None:
            return True
        probe = asyncio.wrap_future(_in_thread(self._probe, "key probe"))
        try:
            async with asyncio.timeout(_PROBE_DEADLINE_S):
                return await asyncio.shield(probe)
        except TimeoutError:
            return False

    @abstractmethod
    def _fetch(self, *, create: bool) -> bytes:
        """Return the key, checked and recorded; may block."""

    @abstractmethod
    def _probe(self) -> bool:
        """Whether `_fetch` would answer at once; asks nobody."""

    def _ask(self, *, create: bool) -> tuple[bool, concurrent.futures.Future[bytes]]:
        with self._guard:
            if self._pending is None or self._pending[1].done():
                self._is_overdue = False
                answer = _in_thread(lambda: self._remembered(create=create), "master key")
                self._pending = (create, answer)
            return self._pending

    async def _within_deadline(self, answer: concurrent.futures.Future[bytes]) -> bytes:
        waiter = asyncio.wrap_future(answer)
        try:
            async with asyncio.timeout(self._deadline_s):
                return await asyncio.shield(waiter)
        except TimeoutError as error:
            self._is_overdue = True
            # Nobody may ever look at the late answer.
            waiter.add_done_callback(lambda late: late.cancelled() or late.exception())
            detail = f"no answer in {self._deadline_s:g} s"
            raise KeyUnavailableError(Reason.KEYRING_SLOW, detail) from error

    def _remembered(self, *, create: bool) -> bytes:
        # Kept in memory: a keyring that locks with the screen must not keep a worker from
        # being restarted.
        self._key = self._fetch(create=create)
        return self._key

    def _recorded(self) -> KeyRecord | None:
        """Return the record of this data folder, if it is one of this kind of source.

        Raises:
            KeyUnavailableError: KEY_WRONG, the key came from another source.
        """
        record = self._record_file.load()
        if record is not None and record.source != self.kind:
            raise KeyUnavailableError(Reason.KEY_WRONG, f"the key came from: {record.source}")
        return record

    def _refuse_new_key(self, *, create: bool) -> None:
        """Raise KEY_MISSING unless a key may be made: never a new one over an old vault."""
        if not create or self._record_file.guards_anything():
            raise KeyUnavailableError(Reason.KEY_MISSING, f"no key in the {self.kind}")


class KeyringKeys(_ThreadedKeys):
    """The key lies in the system's keyring, under a random name recorded in keys.json.

    The random name lets two data folders live side by side. A key is stored, then read back,
    then recorded: a crash between leaves an entry nobody uses, never a vault without its key.

    Args:
        paths: The data folder.
        keyring: The keyring; None takes the system's.
        deadline_s: Seconds until KEYRING_SLOW.
    """

    kind = "keyring"

    def __init__(
        self,
        paths: Paths,
        *,
        keyring: SystemKeyring | None = None,
        deadline_s: float = PROMPT_DEADLINE_S,
    ) -> None:
        super().__init__(paths, deadline_s)
        self._keyring = keyring if keyring is not None else SystemKeyring()

    def _fetch(self, *, create: bool) -> bytes:
        record = self._recorded()
        if record is None:
            self._refuse_new_key(create=create)
            return self._make()
        if record.backend != self._keyring.name:
            detail = f"the key is in {record.backend}, this system has {self._keyring.name}"
            raise KeyUnavailableError(Reason.KEYRING_ABSENT, detail)
        text = self._keyring.get(record.entry)
        if text is None:
            self._refuse_new_key(create=create)
            return self._make()
        try:
            return record.verify(base64.b64decode(text, validate=True))
        except binascii.Error as error:
            raise KeyUnavailableError(Reason.KEY_WRONG, "the entry is no key") from error

    def _probe(self) -> bool:
        return self._keyring.is_open()

    def _make(self) -> bytes:
        key, entry = os.urandom(KEY_BYTES), secrets.token_hex(8)
        self._keyring.set(entry, base64.b64encode(key).decode("ascii"))
        record = KeyRecord(
            source=self.kind, check=check_value(key), backend=self._keyring.name, entry=entry
        )
        self._record_file.save(record)
        log.info("a new master key lies in the keyring (%s)", self._keyring.name)
        return key


class KeyFileKeys(_ThreadedKeys):
    """The key lies in a file the person named on purpose (see key_file).

    Args:
        path: The key file.
        paths: The data folder.
    """

    kind = "key-file"

    def __init__(self, path: Path, paths: Paths) -> None:
        super().__init__(paths, PROMPT_DEADLINE_S)
        self._path = path

    def _fetch(self, *, create: bool) -> bytes:
        record = self._recorded()
        key = read_key_file(self._path)
        if record is not None:
            return record.verify(key)
        if not self._record_file.opens_with(key):
            self._refuse_new_key(create=create)
        self._record_file.save(KeyRecord(source=self.kind, check=check_value(key)))
        return key

    def _probe(self) -> bool:
        try:
            read_key_file(self._path)
        except KeyUnavailableError:
            return False
        return True


class PassphraseKeys(_ThreadedKeys):
    """The key follows from a passphrase by scrypt; neither is stored.

    Args:
        paths: The data folder.
        ask: Returns the passphrase; called in a thread, with True where it is a new one (the
            caller then asks twice) and False where it must be the known one.
        deadline_s: Seconds until KEYRING_SLOW; a person is typing.
        cost: The salt and cost of a new passphrase; None takes a random salt and 64 MB.
    """

    kind = "passphrase"

    def __init__(
        self,
        paths: Paths,
        ask: Callable[[bool], str],
        *,
        deadline_s: float = 300.0,
        cost: ScryptCost | None = None,
    ) -> None:
        super().__init__(paths, deadline_s)
        self._ask_person = ask
        self._cost = cost

    def _fetch(self, *, create: bool) -> bytes:
        record = self._recorded()
        if record is not None and record.scrypt is not None:
            return record.verify(_stretched(self._ask_person(False), record.scrypt))
        self._refuse_new_key(create=create)
        passphrase = self._ask_person(True)
        if len(passphrase) < _SHORTEST_PASSPHRASE:
            raise explained(Reason.KEY_WRONG, "error.passphrase_short", length=_SHORTEST_PASSPHRASE)
        cost = self._cost or ScryptCost(salt=os.urandom(_SALT_BYTES), n=1 << 16, r=8, p=1)
        key = _stretched(passphrase, cost)
        record = KeyRecord(source=self.kind, check=check_value(key), scrypt=cost)
        self._record_file.save(record)
        return key

    def _probe(self) -> bool:
        return False  # only a person has it


def _stretched(passphrase: str, cost: ScryptCost) -> bytes:
    """Return the key a passphrase stands for; the same letters typed otherwise are the same."""
    return hashlib.scrypt(
        unicodedata.normalize("NFKC", passphrase).encode(),
        salt=cost.salt,
        n=cost.n,
        r=cost.r,
        p=cost.p,
        maxmem=256 * cost.n * cost.r,
        dklen=KEY_BYTES,
    )


def _in_thread(work: Callable[[], Answer], name: str) -> concurrent.futures.Future[Answer]:
    """Start `work` in a daemon thread of its own: an executor's threads hold up the exit."""
    future: concurrent.futures.Future[Answer] = concurrent.futures.Future()
    future.set_running_or_notify_cancel()  # from here on nobody can cancel it

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits
            future.set_exception(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return future
