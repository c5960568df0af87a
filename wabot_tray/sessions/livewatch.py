"""Watches the folders of the live databases: their memory may run full, or go with a login session.

A database without room loses every message that comes in: whatsmeow cannot store the keys, asks
for the message four times and gives up (measured with neonize 0.5.2). And one that lost its name
is lost with its process. Either way the worker is asked to leave, which seals what it has, and the
next one finds another place.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, Protocol

from wabot_tray.core import events as ev
from wabot_tray.core.reasons import Reason
from wabot_tray.core.states import SessionState
from wabot_tray.sessions.keeper import SessionKeeper
from wabot_tray.storage.live import LiveFiles
from wabot_tray.storage.room import free_bytes

log = logging.getLogger(__name__)

INTERVAL_S: Final = 1.0
TOPIC: Final = "live"
# Some messages need a few pages; the log's own reserve (live.RESERVE_BYTES) lasts far longer.
LOW_BYTES: Final = 1 << 20


class Places(Protocol):
    """Where live databases lie."""

    def live_folder(self, account_id: str) -> Path:
        """Return where an account's live database lies."""

    def has_better_place(self, account_id: str) -> bool:
        """Whether a new worker would find room for it elsewhere."""


class LiveWatch:
    """Looks at every connected account's live folder.

    Args:
        places: Where they lie.
        keepers: Returns every account's keeper.
        free: Returns the bytes left in a folder; injected so that tests own them.
        pause: Waits for so many seconds.
    """

    def __init__(
        self,
        places: Places,
        keepers: Callable[[], list[SessionKeeper]],
        *,
        free: Callable[[Path], int | None] = free_bytes,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._places = places
        self._keepers = keepers
        self._free = free
        self._pause = pause

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            await self._pause(INTERVAL_S)
            self.look()

    def look(self) -> None:
        """Look once. Cheap: two questions to the system for each account."""
        for keeper in self._keepers():
            if keeper.session.state is SessionState.CONNECTED:
                self._look_at(keeper)

    def _look_at(self, keeper: SessionKeeper) -> None:
        account_id = keeper.session.id
        folder = self._places.live_folder(account_id)
        if not (folder / LiveFiles.DATABASE).exists():
            log.warning("session %s: the live database was taken away", account_id)
            keeper.handle(ev.RestartAsked())
            return
        free = self._free(folder)
        if free is not None and free >= LOW_BYTES:
            if TOPIC in keeper.notices:
                keeper.handle(ev.Noticed(topic=TOPIC, reason=None))
            return
        if TOPIC not in keeper.notices:
            keeper.handle(ev.Noticed(topic=TOPIC, reason=Reason.LIVE_FULL))
        if self._places.has_better_place(account_id):
            log.warning("session %s: no room for the live database; it moves", account_id)
            keeper.handle(ev.RestartAsked())
