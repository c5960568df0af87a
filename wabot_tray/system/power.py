"""Notices that the computer slept, that the program was held up, or that the clock was set.

No single clock tells these apart. A sleep is what the clock that goes on in sleep has counted and
the one that stands still has not. A program that was stopped (a virtual machine that was paused,
SIGSTOP) looks late, by any clock. A wall clock that moved while the steady one did not was set: no
link has suffered, but the times that people are shown are wrong.
"""

import ctypes
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from wabot_tray.core.clock import SYSTEM_CLOCK, Clock

SLEPT_FROM_S: Final = 2.0
HELD_UP_FROM_S: Final = 15.0  # between two looks; no load keeps the loop away for so long
SET_FROM_S: Final = 10.0  # less is drift, or the clock being kept right
_WINDOWS_TICKS_A_SECOND: Final = 10_000_000


@dataclass(frozen=True, slots=True)
class Noticed:
    """What happened between two looks.

    Args:
        away: How long the computer slept or the program was held up; zero if it was not.
        wall_jump: How far the wall clock was set, backwards below zero; zero if it was not.
    """

    away: timedelta = timedelta()
    wall_jump: timedelta = timedelta()


class Detector:
    """Compares the clocks from one look to the next.

    Args:
        clock: Injected time.
        asleep_s: Returns the seconds this computer has slept since it started.
    """

    def __init__(self, clock: Clock, asleep_s: Callable[[], float]) -> None:
        self._clock = clock
        self._asleep_s = asleep_s
        self._looked = self._look()

    def observe(self) -> Noticed:
        """Return what happened since the last look."""
        before, self._looked = self._looked, self._look()
        passed_s = self._looked[0] - before[0]
        slept_s = self._looked[1] - before[1]
        jump = self._looked[2] - before[2] - timedelta(seconds=passed_s)
        is_away = slept_s >= SLEPT_FROM_S or passed_s >= HELD_UP_FROM_S
        is_set = abs(jump.total_seconds()) >= SET_FROM_S
        return Noticed(
            away=timedelta(seconds=passed_s) if is_away else timedelta(),
            wall_jump=jump if is_set else timedelta(),
        )

    def _look(self) -> Any:
        return self._clock.monotonic(), self._asleep_s(), self._clock.now()


def asleep_clock(platform: str = sys.platform) -> Callable[[], float]:
    """Return what tells the seconds this computer has slept since it started.

    Two clocks read one after the other: some microseconds of noise. Where a system has no pair of
    them it tells zero for ever, and a sleep is noticed by its length alone.
    """
    if platform == "win32":
        return _asleep_on_windows()
    # What stands still in a sleep: CLOCK_MONOTONIC on Linux, CLOCK_UPTIME_RAW on macOS.
    awake = time.CLOCK_MONOTONIC if platform.startswith("linux") else _macos_awake()
    if awake is None:
        return lambda: 0.0
    return lambda: SYSTEM_CLOCK.monotonic() - time.clock_gettime(awake)


def _macos_awake() -> int | None:
    return getattr(time, "CLOCK_UPTIME_RAW", None)


def _asleep_on_windows() -> Callable[[], float]:
    """Interrupt time is kept with and without the sleep (QueryUnbiasedInterruptTime)."""
    kernel: Any = getattr(ctypes, "windll").kernel32  # noqa: B009 - Windows alone has it
    kernel.GetTickCount64.restype = ctypes.c_ulonglong

    def asleep_s() -> float:
        awake = ctypes.c_ulonglong()
        kernel.QueryUnbiasedInterruptTime(ctypes.byref(awake))
        return float(kernel.GetTickCount64() / 1000 - awake.value / _WINDOWS_TICKS_A_SECOND)

    return asleep_s
