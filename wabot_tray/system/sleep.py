"""Waits for the computer to wake up, or for its clock to be set, and says so at once.

On Linux logind announces both ends of a sleep on the system bus. Everywhere, and where there is no
such bus, a look at the clocks every few seconds finds the same a little later.

Nothing has to be done before a sleep: every commit is sealed within a second anyway, and a battery
that runs empty meanwhile costs no more than a power cut does. So no sleep is held up.
"""

import asyncio
import contextlib
import importlib
import logging
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final

from wabot_tray.core.clock import SYSTEM_CLOCK, Clock
from wabot_tray.system.power import Detector, asleep_clock

log = logging.getLogger(__name__)

PULSE_S: Final = 5.0
BUS_AGAIN_S: Final = 60.0  # a bus that is not there, or went away, is looked for again
# One waking is told by logind and found by the clocks too.
SAME_WAKING_S: Final = 2 * PULSE_S
_LOGIND: Final = "org.freedesktop.login1"
_PATH: Final = "/org/freedesktop/login1"
_INTERFACE: Final = "org.freedesktop.login1.Manager"
_SIGNAL: Final = "PrepareForSleep"


class SleepWatch:
    """Calls back on the loop when the computer woke up or its clock was set.

    Args:
        on_woke: Called once per sleep, with how long it was; zero where only logind knows.
        on_clock_set: Called with how far the wall clock was set.
        clock: Injected time.
        asleep_s: Returns the seconds this computer has slept since it started.
        pause: Waits for so many seconds; injected so that tests do not.
        platform: As sys.platform.
    """

    def __init__(
        self,
        on_woke: Callable[[timedelta], None],
        on_clock_set: Callable[[timedelta], None],
        *,
        clock: Clock = SYSTEM_CLOCK,
        asleep_s: Callable[[], float] | None = None,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        platform: str = sys.platform,
    ) -> None:
        self._on_woke = on_woke
        self._on_clock_set = on_clock_set
        self._clock = clock
        self._detector = Detector(clock, asleep_s or asleep_clock(platform))
        self._pause = pause
        self._platform = platform
        self._told_at: float | None = None
        self.hears_logind = asyncio.Event()

    async def run(self) -> None:
        """Watch until cancelled."""
        bus: asyncio.Task[None] | None = None
        if self._platform.startswith("linux"):
            bus = asyncio.get_running_loop().create_task(self._listen(), name="logind")
        try:
            while True:
                await self._pause(PULSE_S)
                self.pulse()
        finally:
            if bus is not None:
                bus.cancel()
                await asyncio.wait([bus])

    def pulse(self) -> None:
        """Look at the clocks once."""
        noticed = self._detector.observe()
        if noticed.wall_jump:
            log.info("the clock was set by %.0f s", noticed.wall_jump.total_seconds())
            self._on_clock_set(noticed.wall_jump)
        if noticed.away:
            self._woke(noticed.away)

    def _woke(self, away: timedelta) -> None:
        now = self._clock.monotonic()
        if self._told_at is not None and now - self._told_at < SAME_WAKING_S:
            return
        self._told_at = now
        self._on_woke(away)

    # --- logind ----------------------------------------------------------------------------------

    async def _listen(self) -> None:
        while True:
            try:
                await self._hear()
            except Exception as err:  # noqa: BLE001 - no bus, or one that went away
                log.debug("logind is not heard: %s: %s", type(err).__name__, err)
            self.hears_logind.clear()
            await self._pause(BUS_AGAIN_S)

    async def _hear(self) -> None:
        """Hear logind until the bus goes away; raises what the bus does."""
        # jeepney comes with the Secret Service's library; Linux alone has both.
        jeepney = importlib.import_module("jeepney")
        connections = importlib.import_module("jeepney.io.asyncio")

        bus: Any = await connections.open_dbus_connection("SYSTEM")
        try:
            rule = jeepney.MatchRule(
                type="signal", sender=_LOGIND, interface=_INTERFACE, member=_SIGNAL, path=_PATH
            )
            await bus.send(jeepney.message_bus.AddMatch(rule))
            while True:
                message = await bus.receive()
                fields = message.header.fields
                if message.header.message_type.name == "method_return":
                    self.hears_logind.set()  # the answer to AddMatch, the only question
                elif _SIGNAL in fields.values() and message.body == (False,):
                    self._woke(self._slept())
        finally:
            with contextlib.suppress(OSError):
                await bus.close()

    def _slept(self) -> timedelta:
        """Return what the clocks say of the sleep that logind has ended."""
        noticed = self._detector.observe()
        if noticed.wall_jump:
            self._on_clock_set(noticed.wall_jump)
        return noticed.away
