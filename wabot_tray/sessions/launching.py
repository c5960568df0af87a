"""What a worker is told when it starts, when its login may begin, and what is left when it goes."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from wabot_tray.core import commands
from wabot_tray.core.clock import Clock
from wabot_tray.core.errors import VaultError
from wabot_tray.core.settings import Settings
from wabot_tray.sessions.keeper import Handle
from wabot_tray.sessions.keywatch import Keys
from wabot_tray.storage.files import storage_errors
from wabot_tray.storage.room import can_keep
from wabot_tray.storage.vault import remove_live
from wabot_tray.system.paths import Paths, make_private

log = logging.getLogger(__name__)

LOGIN_SPACING_S: Final = 0.5  # at most two logins a second


class Launching:
    """Prepares the workers of one data folder.

    Args:
        paths: Where everything lies.
        keys: Where the accounts' keys come from.
        clock: Injected time.
        call_later: Runs a callback after so many seconds.
        settings: What workers are told of pace and age.
    """

    def __init__(
        self,
        paths: Paths,
        keys: Keys,
        clock: Clock,
        call_later: Callable[[float, Callable[[], None]], Handle],
        settings: Settings,
    ) -> None:
        self._settings = settings
        self._paths = paths
        self._keys = keys
        self._clock = clock
        self._call_later = call_later
        self._next_login = 0.0

    async def start_command(self, account_id: str, pair: bool) -> commands.Start:
        """Return an account's first command, its key included, with its folders made.

        Raises:
            KeyUnavailableError: The key cannot be had.
            VaultError: The wrapped key is damaged, or the disk refuses.
        """
        paths = self._paths
        folder, live = paths.session(account_id), paths.live(account_id)
        with storage_errors():
            for private in (paths.sessions, folder, paths.runtime, live.parent, live):
                make_private(private)
        return commands.Start(
            account_id=account_id,
            folder=str(folder),
            live_folder=str(live),
            live_in_ram=paths.runtime_in_ram,
            bot_file=str(paths.bot_file),
            data_key=await self._keys.data_key(account_id),
            pair=pair,
            quiet_s=self._settings.quiet_s,
            answer_max_age_s=self._settings.answer_max_age_h * 3600,
        )

    def has_room(self, account_id: str) -> bool:
        """Whether what a worker writes could be written now; a short look at the disks. Blocks."""
        folder = self._paths.session(account_id)
        try:
            with storage_errors():
                make_private(folder)
        except VaultError:
            return False
        return can_keep(folder)

    async def login_slot(self) -> None:
        """Return when the next login may begin."""
        now = self._clock.monotonic()
        slot = max(now, self._next_login)
        self._next_login = slot + LOGIN_SPACING_S
        if slot <= now:
            return
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def wake() -> None:
            if not over.done():
                over.set_result(None)

        handle = self._call_later(slot - now, wake)
        try:
            await over
        finally:
            handle.cancel()

    def worker_left(self, account_id: str) -> None:
        """Remove what a worker could not: on Windows nobody may delete a file it has open."""
        try:
            remove_live(self._paths.live(account_id))
        except VaultError as err:
            log.warning("session %s: the live file could not be removed: %s", account_id, err)
