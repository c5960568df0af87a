"""Time, passed in so that tests own it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Clock:
    """Two clocks: one that only goes forward, one that people read.

    Args:
        monotonic: Seconds since some start; never jumps back.
        now: The wall clock, aware UTC; may jump.
    """

    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = _utc_now


SYSTEM_CLOCK = Clock()
