"""How fast a worker's lines are taken, so that one that raves cannot keep the program busy."""

import time
from collections.abc import Callable
from typing import Final

# A worker with 20 messages a second reports 20 lines; a pairing or a crash some hundreds at once.
LINES_PER_S: Final = 200.0
LINES_AT_ONCE: Final = 2000


class Pace:
    """A bucket that fills by itself.

    Args:
        per_s: Lines a second in the long run.
        at_once: Lines that may come together after a silence.
        monotonic: Injected time, in seconds.
    """

    def __init__(
        self,
        per_s: float = LINES_PER_S,
        at_once: int = LINES_AT_ONCE,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._each_s = 1 / per_s
        self._slack_s = at_once / per_s
        self._monotonic = monotonic
        self._full_at = monotonic()

    def wait_s(self) -> float:
        """Return the seconds until a line may be taken; mostly 0."""
        return max(0.0, self._full_at + self._each_s - self._slack_s - self._monotonic())

    def take(self) -> None:
        """Count a line that is taken."""
        self._full_at = max(self._full_at, self._monotonic()) + self._each_s
