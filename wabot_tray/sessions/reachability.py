"""Notices that WhatsApp's door opens again, while somebody waits for it.

Back-off keeps a dead server from being stormed, but a shop whose router comes back should not wait
out a minute of it. So while a session waits, one cheap connection for all of them is tried every
few seconds and closed again. Only the change from "closed" to "open" counts: a server that accepts
connections and then refuses logins is left to the back-off.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Final

log = logging.getLogger(__name__)

WHATSAPP: Final = ("web.whatsapp.com", 443)
INTERVAL_S: Final = 2.0
TIMEOUT_S: Final = 3.0
# A session may be in the middle of a dial that fails when the door opens; it is called again.
CALLS: Final = 3


async def door_is_open(address: tuple[str, int], timeout_s: float = TIMEOUT_S) -> bool:
    """Return whether a connection to `address` is accepted within `timeout_s` seconds."""
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(*address), timeout_s)
    except (OSError, TimeoutError):
        return False
    writer.close()
    with contextlib.suppress(OSError, TimeoutError):
        await asyncio.wait_for(writer.wait_closed(), timeout_s)
    return True


class Reachability:
    """Looks at the door while `is_needed` says so, and calls `on_back` when it opens.

    Args:
        look: Returns whether the door is open.
        is_needed: Whether anybody waits.
        on_back: Called when the door opens after it was seen closed, and again at the next two
            looks if somebody still waits.
        pause: Waits for so many seconds; injected so that tests do not.
    """

    def __init__(
        self,
        look: Callable[[], Awaitable[bool]],
        is_needed: Callable[[], bool],
        on_back: Callable[[], None],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._look = look
        self._is_needed = is_needed
        self._on_back = on_back
        self._pause = pause
        self._was_open: bool | None = None
        self._calls_left = 0

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            await self._pause(INTERVAL_S)
            await self.step()

    async def step(self) -> None:
        """Look once, if anybody waits."""
        if not self._is_needed():
            self._was_open, self._calls_left = None, 0
            return
        is_open = await self._look()
        if is_open and self._was_open is False:
            log.info("WhatsApp can be reached again")
            self._calls_left = CALLS
        elif not is_open and self._was_open is not False:
            log.info("WhatsApp cannot be reached")
        self._was_open = is_open
        if is_open and self._calls_left:
            self._calls_left -= 1
            self._on_back()
