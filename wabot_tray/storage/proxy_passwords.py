"""The passwords of proxies: auth_sessions/proxies.json, each sealed under the master key.

They are kept by address, so that a proxy which is chosen again needs no second asking.
"""

import asyncio
import base64
import logging
from typing import Any, Final

from wabot_tray.storage.documents import BrokenFileError, Document
from wabot_tray.storage.files import make_lasting
from wabot_tray.storage.keyring import KeySource
from wabot_tray.storage.sealing import Seal, UnsealError, subkey
from wabot_tray.system.paths import Paths

log = logging.getLogger(__name__)

FILE_NAME: Final = "proxies.json"
_VERSION: Final = 1


class ProxyPasswords:
    """The sealed passwords of one data folder.

    Args:
        source: Where the master key comes from.
        paths: The data folder.
    """

    def __init__(self, source: KeySource, paths: Paths) -> None:
        self._source = source
        self._folder = paths.sessions
        self._document = Document(paths.sessions / FILE_NAME, _VERSION, _parse)

    async def get(self, address: str) -> str:
        """Return the password of the proxy with this bare address, or "" where none can be read.

        Raises:
            KeyUnavailableError: The master key cannot be had.
            VaultError: The disk refuses.
        """
        sealed = (await asyncio.to_thread(self._load)).get(address)
        if sealed is None:
            return ""
        key = await self._source.master_key(create=False)
        try:
            return _seal(key).unseal(sealed, _bound_to(address)).decode()
        except UnsealError:
            log.warning("the password of a proxy was sealed under another key; it is asked anew")
            return ""

    async def put(self, address: str, password: str) -> None:
        """Keep the password of a proxy; "" forgets it.

        Raises:
            KeyUnavailableError: The master key cannot be had.
            VaultError: The disk is full or cannot be written.
        """
        known = await asyncio.to_thread(self._load)
        if password:
            key = await self._source.master_key(create=True)
            known[address] = _seal(key).seal(password.encode(), _bound_to(address))
        elif known.pop(address, None) is None:
            return
        await asyncio.to_thread(self._save, known)

    def has(self, address: str) -> bool:
        """Whether a password is kept for the proxy with this bare address. Reads the disk."""
        return address in self._load()

    def _load(self) -> dict[str, bytes]:
        try:
            return self._document.load() or {}
        except BrokenFileError:
            # Nothing but passwords a person still knows; the next one begins a new file.
            log.warning("%s and its copy cannot be read; the passwords are asked anew", FILE_NAME)
            return {}

    def _save(self, known: dict[str, bytes]) -> None:
        make_lasting(self._folder)
        values = {address: base64.b64encode(one).decode("ascii") for address, one in known.items()}
        self._document.save({"passwords": values})


def _seal(master_key: bytes) -> Seal:
    return Seal(subkey(master_key, b"seals proxy passwords"))


def _bound_to(address: str) -> bytes:
    return f"wabot-tray proxy:{address}".encode()


def _parse(values: dict[str, Any]) -> dict[str, bytes]:
    return {
        str(address): base64.b64decode(sealed, validate=True)
        for address, sealed in values["passwords"].items()
    }
