"""How long to wait before the next attempt."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

FIRST_DELAY_S: Final = 2.0
LONGEST_DELAY_S: Final = 60.0
JITTER: Final = 0.25
STEADY_AFTER_S: Final = 300.0  # a link that held this long wipes the slate clean


@dataclass(slots=True)
class Backoff:
    """Doubling delays with jitter, forgotten after a link that held.

    Args:
        random: Returns a number in [0, 1); injected so that tests know the delays.
        first_s: The first delay in seconds.
        longest_s: No delay exceeds this many seconds, jitter aside.
    """

    random: Callable[[], float]
    first_s: float = FIRST_DELAY_S
    longest_s: float = LONGEST_DELAY_S
    _failures: int = field(default=0, init=False)

    @property
    def failures(self) -> int:
        """How many delays were handed out since the last reset."""
        return self._failures

    def next_delay_s(self) -> float:
        """Return the seconds to wait now; each call waits longer than the one before."""
        plain = min(self.longest_s, self.first_s * 2.0 ** min(self._failures, 32))
        self._failures += 1
        return plain * (1 - JITTER + 2 * JITTER * self.random())

    def reset(self) -> None:
        """Forget all failures. Resetting twice is harmless."""
        self._failures = 0
