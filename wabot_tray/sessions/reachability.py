"""Notices that WhatsApp's door opens again, while somebody waits for it.

Back-off keeps a dead server from being stormed, but a shop whose router comes back should not wait
out a minute of it. So while a session waits, one cheap connection for all of them is tried every
few seconds and closed again. Only the change from "closed" to "open" counts: a server that accepts
connections and then refuses logins is left to the back-off.
"""

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import Awaitable, Callable
from typing import Final

from wabot_tray.core.reasons import Reason

log = logging.getLogger(__name__)

WHATSAPP: Final = ("web.whatsapp.com", 443)
INTERVAL_S: Final = 2.0
# A door that is open is no news; what makes a session wait then is left to the back-off.
OPEN_INTERVAL_S: Final = 10.0
TIMEOUT_S: Final = 3.0
# A session may be in the middle of a dial that fails when the door opens; it is called again.
CALLS: Final = 3
ADDRESSES: Final = 4  # a name may have many


class Door:
    """One host and port that can be looked at.

    Its name is resolved in a thread of its own, at most one at a time: without a network a resolver
    may take half a minute, and asyncio's pool, which everything else needs too, would soon be full
    of such questions. Nor does the program's end wait for it.

    Args:
        address: A host name or address, and a port.
        timeout_s: A door that has not answered for so many seconds is closed.
    """

    def __init__(self, address: tuple[str, int], timeout_s: float = TIMEOUT_S) -> None:
        self._address = address
        self._timeout_s = timeout_s
        self._asking: threading.Thread | None = None
        self._refusal: OSError | None = None  # what the last address said that did not let us in

    async def is_open(self) -> bool:
        """Return whether a connection is accepted in time."""
        return await self.why_shut() is None

    async def why_shut(self) -> Reason | None:
        """Look, and return why the way is shut, or None where it is open."""
        self._refusal = None
        try:
            async with asyncio.timeout(self._timeout_s):
                if await self._accepts(await self._resolve()):
                    return None
        except (OSError, TimeoutError):
            pass
        return getattr(self._refusal, "reason", Reason.DIAL_FAILED)

    async def _resolve(self) -> list[tuple[str, int]]:
        if self._asking is not None and self._asking.is_alive():
            raise TimeoutError("the last question has no answer yet")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[tuple[str, int]]] = loop.create_future()

        def tell(found: list[tuple[str, int]]) -> None:
            if not answer.done():
                answer.set_result(found)

        def ask() -> None:
            try:
                kinds = socket.getaddrinfo(*self._address, type=socket.SOCK_STREAM)
            except OSError:
                kinds = []
            found = [(str(kind[4][0]), int(kind[4][1])) for kind in kinds]
            with contextlib.suppress(RuntimeError):  # the program has ended meanwhile
                loop.call_soon_threadsafe(tell, found)

        self._asking = threading.Thread(target=ask, name="resolver", daemon=True)
        self._asking.start()
        return await answer

    async def _accepts(self, addresses: list[tuple[str, int]]) -> bool:
        """Try some addresses at once: one kind of them may lead nowhere."""
        tries = [asyncio.create_task(self._knocked(*one)) for one in addresses[:ADDRESSES]]
        try:
            for one in asyncio.as_completed(tries):
                if await one:
                    return True
        finally:
            for each in tries:
                each.cancel()
            await asyncio.gather(*tries, return_exceptions=True)
        return False

    async def _knocked(self, host: str, port: int) -> bool:
        try:
            return await self.knock(host, port)
        except OSError as err:
            self._refusal = err
            return False

    async def knock(self, host: str, port: int) -> bool:
        """Return whether this address lets us in.

        Raises:
            OSError: It does not.
        """
        _, writer = await asyncio.open_connection(host, port)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
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
            is_settled = self._was_open is True and not self._calls_left
            await self._pause(OPEN_INTERVAL_S if is_settled else INTERVAL_S)
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
