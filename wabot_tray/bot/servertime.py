"""WhatsApp's clock, as far as its messages tell it.

A shop's computer may have its clock set wrong by hours or days, and messages carry the time of
WhatsApp's. A message that comes at once was sent at most now: so the newest of them, kept on a
clock that nobody sets, is never ahead of WhatsApp's own and soon close behind it.
"""

from datetime import datetime, timedelta
from typing import Final

from wabot_tray.core.clock import Clock

# Less is the way of a message, and a clock as they usually are.
DIFFER_FROM: Final = timedelta(minutes=10)


class ServerTime:
    """Tells the time by WhatsApp's clock, by this computer's until a message came at once.

    Args:
        clock: Injected time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._start: datetime | None = None  # WhatsApp's time when the steady clock stood at zero

    def learn(self, sent_at: datetime) -> None:
        """Take note of a message that was not held back on its way."""
        start = sent_at - timedelta(seconds=self._clock.monotonic())
        if self._start is None or start > self._start:
            self._start = start

    def now(self) -> datetime:
        """Return the time, aware UTC; close to the message's where the computer's is far off."""
        here = self._clock.now()
        if self._start is None:
            return here
        there = self._start + timedelta(seconds=self._clock.monotonic())
        return there if abs(here - there) >= DIFFER_FROM else here
