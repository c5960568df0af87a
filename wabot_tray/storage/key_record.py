"""auth_sessions/keys.json: where the master key of this data folder comes from, never the key."""

import base64
import contextlib
import hmac
from dataclasses import dataclass
from typing import Any, Final

from wabot_tray.core.errors import KeyUnavailableError, VaultError
from wabot_tray.core.reasons import Reason
from wabot_tray.storage.data_keys import FILE_NAME, open_data_key
from wabot_tray.storage.documents import BrokenFileError, Document, NewerFileError
from wabot_tray.storage.files import make_lasting
from wabot_tray.storage.sealing import subkey
from wabot_tray.system.paths import Paths

_VERSION: Final = 1
_CHECK_BYTES: Final = 16
_DEAREST: Final = 1 << 23  # 1 GB; a damaged number must not take all memory
# What is sealed, directly or through a session.key, with the master key.
_SEALED: Final = ("*/session.key*", "*/session.vault*", "*/inbox*")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScryptCost:
    """How a passphrase becomes a key (RFC 7914)."""

    salt: bytes
    n: int
    r: int
    p: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """Which source gave the master key, and a value that tells it from any other key.

    Args:
        source: The `kind` of the source.
        check: Derived from the key by HKDF; gives nothing of it away.
        backend: The keyring's kind, where the source is the keyring.
        entry: The name of the key's entry in that keyring.
        scrypt: Where the source is a passphrase.
    """

    source: str
    check: bytes
    backend: str = ""
    entry: str = ""
    scrypt: ScryptCost | None = None

    def verify(self, key: bytes) -> bytes:
        """Return `key` if it is the one recorded.

        Raises:
            KeyUnavailableError: KEY_WRONG.
        """
        if not hmac.compare_digest(check_value(key), self.check):
            raise KeyUnavailableError(Reason.KEY_WRONG, "the key differs from the one recorded")
        return key


class KeyRecordFile:
    """The record of one data folder."""

    def __init__(self, paths: Paths) -> None:
        self._sessions = paths.sessions
        self._document = Document(paths.sessions / "keys.json", _VERSION, _parse, precious=True)

    def load(self) -> KeyRecord | None:
        """Return the record, or None before the first key.

        Raises:
            KeyUnavailableError: KEY_MISSING, the file and its copy cannot be read.
            VaultError: A newer version wrote it, or the disk refuses.
        """
        try:
            return self._document.load()
        except BrokenFileError as error:
            raise KeyUnavailableError(Reason.KEY_MISSING, "keys.json cannot be read") from error
        except NewerFileError as error:
            raise VaultError(Reason.VAULT_TOO_NEW, "keys.json") from error

    def save(self, record: KeyRecord) -> None:
        """Write the record.

        Raises:
            VaultError: The disk is full or cannot be written.
        """
        values: dict[str, Any] = {
            "source": record.source,
            "backend": record.backend,
            "entry": record.entry,
            "check": _text(record.check),
        }
        if (cost := record.scrypt) is not None:
            values["scrypt"] = {"salt": _text(cost.salt), "n": cost.n, "r": cost.r, "p": cost.p}
        make_lasting(self._sessions)
        self._document.save(values)

    def guards_anything(self) -> bool:
        """Whether something is sealed under this data folder, so that a new key would lose it."""
        return any(any(self._sessions.glob(pattern)) for pattern in _SEALED)

    def opens_with(self, key: bytes) -> bool:
        """Whether `key` opens an account's key here; for a lost record and a key at hand."""
        for wrapped in self._sessions.glob(f"*/{FILE_NAME}"):
            folder = wrapped.parent
            with contextlib.suppress(KeyUnavailableError, VaultError):
                open_data_key(folder, folder.name, key, create=False)
                return True
        return False


def check_value(key: bytes) -> bytes:
    """Return what is recorded of `key` to know it again."""
    return subkey(key, b"master key check", length_bytes=_CHECK_BYTES)


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _parse(values: dict[str, Any]) -> KeyRecord:
    cost = values.get("scrypt")
    return KeyRecord(
        source=str(values["source"]),
        backend=str(values["backend"]),
        entry=str(values["entry"]),
        check=base64.b64decode(values["check"], validate=True),
        scrypt=None if cost is None else _cost(cost),
    )


def _cost(values: dict[str, Any]) -> ScryptCost:
    n, r, p = int(values["n"]), int(values["r"]), int(values["p"])
    if min(n - 1, r, p) < 1 or n & (n - 1) or n * r * p > _DEAREST:
        raise ValueError("no cost a passphrase can have")
    return ScryptCost(salt=base64.b64decode(values["salt"], validate=True), n=n, r=r, p=p)
