"""The program on a machine without a screen: the same calls, driven by the loop."""

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Final

from wabot_tray.control.program import Program
from wabot_tray.core.errors import WabotError
from wabot_tray.sessions.alertlog import LOOK_S, AlertLog

log = logging.getLogger(__name__)

_SLICE_S: Final = 15.0
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


def run(program: Program) -> int:
    """Run until SIGINT, SIGTERM or `wabot quit`; return the exit status."""
    with contextlib.suppress(KeyboardInterrupt):  # Windows has no add_signal_handler
        return asyncio.run(_run(program))
    return 0


async def _run(program: Program) -> int:
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    program.on_quit = over.set
    if sys.platform != "win32":
        for number in _SIGNALS:
            loop.add_signal_handler(number, over.set)
    timers: list[asyncio.Task[None]] = []
    try:
        await program.start()
        alerts = AlertLog(program.manager.snapshots, lambda: program.settings)
        timers = [
            asyncio.create_task(every(lambda: LOOK_S, alerts.look)),
            asyncio.create_task(every(lambda: program.settings.check_interval_s, program.check)),
            asyncio.create_task(every(lambda: program.settings.verify_interval_s, program.verify)),
        ]
        await over.wait()
    except (WabotError, OSError) as err:
        log.error("%s", err)  # noqa: TRY400 - a sentence, not a traceback
        return 1
    finally:
        for timer in timers:
            timer.cancel()
        await program.close()
    return 0


async def every(
    interval_s: Callable[[], float],
    work: Callable[[], Awaitable[None]],
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Do `work` every `interval_s()` seconds, never twice at a time, until cancelled."""
    while True:
        waited_s = 0.0
        # In slices: a shorter interval must not wait for the end of a longer one.
        while (left_s := interval_s() - waited_s) > 0:
            await pause(min(left_s, _SLICE_S))
            waited_s += min(left_s, _SLICE_S)
        try:
            await work()
        except Exception:
            log.exception("a watch failed; it goes on")
