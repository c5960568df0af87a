"""What a worker is told when it starts, when its login may begin, and what is left when it goes."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from wabot_tray.core import commands
from wabot_tray.core.clock import Clock
from wabot_tray.core.errors import VaultError
from wabot_tray.core.settings import Settings
from wabot_tray.sessions.keeper import Handle
from wabot_tray.sessions.keywatch import Keys
from wabot_tray.storage.files import storage_errors
from wabot_tray.storage.live import LiveFiles
from wabot_tray.storage.room import can_keep, free_bytes
from wabot_tray.storage.vault import FILE_NAME, remove_live
from wabot_tray.system.paths import Paths, make_private, runtime_places

log = logging.getLogger(__name__)

LOGIN_SPACING_S: Final = 0.5  # at most two logins a second
# What a live database and its log need (live.RESERVE_BYTES), and as much to grow.
LIVE_ROOM_BYTES: Final = 12 << 20
# One that a killed worker left behind is there already; nothing newer is anywhere else.
LEFT_ROOM_BYTES: Final = 1 << 20


class Launching:
    """Prepares the workers of one data folder.

    Args:
        paths: Where everything lies.
        keys: Where the accounts' keys come from.
        clock: Injected time.
        call_later: Runs a callback after so many seconds.
        settings: What workers are told of pace and age; may be replaced at any time.
        way: Returns the proxy of an account, password and all; may raise ReasonedError.
    """

    def __init__(
        self,
        paths: Paths,
        keys: Keys,
        clock: Clock,
        call_later: Callable[[float, Callable[[], None]], Handle],
        settings: Settings,
        way: Callable[[str], Awaitable[str | None]],
    ) -> None:
        self._way = way
        self.settings = settings
        self._paths = paths
        self._keys = keys
        self._clock = clock
        self._call_later = call_later
        self._next_login = 0.0
        self._places: dict[str, Paths] = {}

    async def start_command(self, account_id: str, pair: bool) -> commands.Start:
        """Return an account's first command, its key included, with its folders made.

        Raises:
            KeyUnavailableError: The key cannot be had.
            VaultError: The wrapped key is damaged, or the disk refuses.
        """
        paths = self._paths
        folder = paths.session(account_id)
        with storage_errors():
            for private in (paths.sessions, folder):
                make_private(private)
            place = self._place(account_id)
        self._places[account_id] = place
        return commands.Start(
            account_id=account_id,
            folder=str(folder),
            live_folder=str(place.live(account_id)),
            live_in_ram=place.runtime_in_ram,
            bot_file=str(paths.bot_file),
            data_key=await self._keys.data_key(account_id),
            proxy=await self._way(account_id),
            pair=pair,
            quiet_s=self.settings.quiet_s,
            answer_max_age_s=self.settings.answer_max_age_h * 3600,
        )

    def live_folder(self, account_id: str) -> Path:
        """Return where an account's live database lies, or would lie now."""
        return self._places.get(account_id, self._paths).live(account_id)

    def has_better_place(self, account_id: str) -> bool:
        """Whether a new worker would find room for its live database elsewhere."""
        try:
            place = self._place(account_id)
        except OSError:
            return False
        return place.live(account_id) != self.live_folder(account_id) and _has_room(
            place, account_id
        )

    def _place(self, account_id: str) -> Paths:
        """Return where a live database is to lie: the first place that has room for it.

        Raises:
            OSError: There is no place at all.
        """
        for place in runtime_places(self._paths):
            if _is_left(place, account_id) and _has_room(place, account_id):
                return place
        crowded: Paths | None = None
        error = OSError("no runtime folder")
        for place in runtime_places(self._paths):
            live = place.live(account_id)
            try:
                for private in (place.runtime, live.parent, live):
                    make_private(private)
            except OSError as err:
                error = err
                continue
            if _has_room(place, account_id):
                return place
            crowded = crowded or place
        if crowded is None:
            raise error
        return crowded

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
        for place in runtime_places(self._paths):
            folder = place.live(account_id)
            with contextlib.suppress(OSError):
                folder.rmdir()  # usually it is empty, and nothing has to reach the disk
            if not folder.exists():
                continue
            try:
                remove_live(folder)
            except VaultError as err:
                log.warning("session %s: the live file could not be removed: %s", account_id, err)


def _is_left(place: Paths, account_id: str) -> bool:
    return LiveFiles(place.live(account_id), in_ram=place.runtime_in_ram).has_content


def _has_room(place: Paths, account_id: str) -> bool:
    live = place.live(account_id)
    needed = LIVE_ROOM_BYTES
    vault = place.session(account_id) / FILE_NAME
    with contextlib.suppress(OSError):
        needed += 2 * vault.stat().st_size
    if _is_left(place, account_id):
        needed = LEFT_ROOM_BYTES
    free = free_bytes(live)
    return free is not None and free >= needed
