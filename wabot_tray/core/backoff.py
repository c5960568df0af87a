"""How long to wait before the next attempt, and how many there may be."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

FIRST_DELAY_S: Final = 2.0
LONGEST_DELAY_S: Final = 60.0
JITTER: Final = 0.25
STEADY_AFTER_S: Final = 300.0  # a link that held this long wipes the slate clean
ATTEMPTS_AT_ONCE: Final = 30.0


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


@dataclass(slots=True)
class Allowance:
    """How many attempts may still be made: some at once, then one a minute, whatever their cause.

    Back-off spaces what we do ourselves; this also counts what the library does, and what the
    network's return brings forward. It may fall below zero, and is earned back then as well.

    Args:
        monotonic: Returns seconds; injected.
        most: The attempts that may be made at once.
        every_s: Seconds in which one more is earned.
    """

    monotonic: Callable[[], float]
    most: float = ATTEMPTS_AT_ONCE
    every_s: float = LONGEST_DELAY_S
    _left: float = field(init=False)
    _counted_at: float = field(init=False)

    def __post_init__(self) -> None:
        self.reset()

    @property
    def left(self) -> float:
        """How many attempts are left; not a whole number, and perhaps below zero."""
        now = self.monotonic()
        self._left = min(self.most, self._left + (now - self._counted_at) / self.every_s)
        self._counted_at = now
        return self._left

    def spend(self) -> None:
        """Count an attempt."""
        self._left = self.left - 1

    def give_back(self) -> None:
        """Count an attempt no more: it was a good one."""
        self._left = min(self.most, self.left + 1)

    def reset(self) -> None:
        """Begin anew. Resetting twice is harmless."""
        self._left, self._counted_at = self.most, self.monotonic()

    def wait_s(self, reserve: float = 0.0) -> float:
        """Return the seconds until one more attempt leaves at least `reserve`."""
        return max(0.0, (1 + reserve - self.left) * self.every_s)
