"""Notices a worker that has grown too large, and the moment to replace it."""

import logging
from typing import Final

from wabot_tray.core import events as ev
from wabot_tray.core.clock import Clock

log = logging.getLogger(__name__)

# A worker holds about 70 MB; this many are a leak, and still less than what hurts a small computer.
LIMIT_BYTES: Final = 400 * 2**20
# Nobody has written for so long; twice over the limit, nobody is waited for.
QUIET_S: Final = 30.0
# A worker that needs this much is not replaced all day.
EVERY_S: Final = 3600.0


class Scales:
    """Weighs the workers of one account.

    Args:
        clock: Injected time.
        limit_bytes: What a worker may hold.
    """

    def __init__(self, clock: Clock, limit_bytes: int = LIMIT_BYTES) -> None:
        self._clock = clock
        self._limit_bytes = limit_bytes
        self._found_at: float | None = None

    def finds_too_large(self, beat: ev.Heartbeat) -> bool:
        """Return whether the worker should be replaced now; true at most once an hour."""
        if beat.memory_bytes <= self._limit_bytes:
            return False
        if beat.idle_s < QUIET_S and beat.memory_bytes <= 2 * self._limit_bytes:
            return False
        now = self._clock.monotonic()
        if self._found_at is not None and now - self._found_at < EVERY_S:
            return False
        self._found_at = now
        return True
