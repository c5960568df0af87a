"""Notices that the computer slept, or that somebody set its clock.

While a computer sleeps the monotonic clock may stand still and the wall clock goes on; a clock that
is set jumps alone. Either way the two clocks disagree, and every link is worth a look.
"""

from datetime import timedelta
from typing import Final

from wabot_tray.core.clock import Clock

NOTICED_FROM_S: Final = 10.0  # less is drift, or the clock being kept right


class JumpDetector:
    """Compares the two clocks from one look to the next.

    Args:
        clock: Injected time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._monotonic = clock.monotonic()
        self._wall = clock.now()

    def observe(self) -> timedelta | None:
        """Return how far the wall clock has jumped since the last look, or None if it has not."""
        monotonic, wall = self._clock.monotonic(), self._clock.now()
        jump_s = (wall - self._wall).total_seconds() - (monotonic - self._monotonic)
        self._monotonic, self._wall = monotonic, wall
        return timedelta(seconds=jump_s) if abs(jump_s) >= NOTICED_FROM_S else None
