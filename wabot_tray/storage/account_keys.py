"""From the one master key to each account's own."""

import asyncio

from wabot_tray.storage.data_keys import open_data_key
from wabot_tray.storage.keyring import KeySource
from wabot_tray.system.paths import Paths


class AccountKeys:
    """The accounts' keys of one data folder.

    Args:
        source: Where the master key comes from.
        paths: The data folder.
    """

    def __init__(self, source: KeySource, paths: Paths) -> None:
        self._source = source
        self._paths = paths

    async def data_key(self, account_id: str) -> bytes:
        """Return an account's 32-byte key; one is made where nothing is sealed under another.

        Raises:
            KeyUnavailableError: The master key cannot be had, or is not the one that was used.
            VaultError: The wrapped key is damaged, or the disk refuses.
        """
        master_key = await self._source.master_key(create=True)
        folder = self._paths.session(account_id)
        return await asyncio.to_thread(open_data_key, folder, account_id, master_key, create=True)

    async def is_available(self) -> bool:
        """Whether a key could be had now without a person. Never opens a prompt."""
        return await self._source.is_available()
