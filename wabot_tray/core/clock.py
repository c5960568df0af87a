"""Time, passed in so that tests own it."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _steady(platform: str = sys.platform) -> Callable[[], float]:
    """Return this system's clock that nobody sets and that goes on while the computer sleeps.

    time.monotonic() does so on Windows alone: it stands still in a sleep on Linux (time(2),
    CLOCK_MONOTONIC) and, as Python reads it, on macOS (mach_absolute_time).
    """
    if platform.startswith("linux"):
        return lambda: time.clock_gettime(time.CLOCK_BOOTTIME)
    if platform == "darwin":
        # clock_gettime(3) of macOS: "will continue to increment while the system is asleep".
        return lambda: time.clock_gettime(time.CLOCK_MONOTONIC)
    return time.monotonic


_STEADY = _steady()


@dataclass(frozen=True, slots=True)
class Clock:
    """Two clocks: one that only goes forward, one that people read.

    Args:
        monotonic: Seconds since some start, those asleep too; never jumps back and is never set.
        now: The wall clock, aware UTC; may jump, so it decides nothing that can be counted.
    """

    monotonic: Callable[[], float] = _STEADY
    now: Callable[[], datetime] = _utc_now


SYSTEM_CLOCK = Clock()
