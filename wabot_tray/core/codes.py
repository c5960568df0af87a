"""How many codes an account may ask for to be linked by its number.

After about seven WhatsApp gives an account none for hours (field reports), so we stop long before:
codes that follow each other within a quarter of an hour are a series, a series has three, and then
there is a quarter of an hour without. Linking the phone ends a series at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

CODES: Final = 3
PAUSE: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeAllowance:
    """What is left of a series of codes. Times are aware UTC."""

    left: int
    again_at: datetime | None = None  # end of the pause; None while there is one left


def series(asked: Sequence[datetime], now: datetime) -> tuple[datetime, ...]:
    """Return those of the codes that still count.

    Args:
        asked: When each came, in order.
        now: Aware time. A clock that was set back makes no pause longer than it is.
    """
    if not asked or now - asked[-1] >= PAUSE:
        return ()
    return tuple(min(moment, now) for moment in asked)


def allowance(asked: Sequence[datetime], now: datetime) -> CodeAllowance:
    """Return how many codes may still be asked for. See `series`."""
    counted = series(asked, now)
    left = max(0, CODES - len(counted))
    return CodeAllowance(left=left, again_at=None if left else counted[-1] + PAUSE)


def with_one_more(asked: Sequence[datetime], now: datetime) -> tuple[datetime, ...]:
    """Return the series after a code has come."""
    return (*series(asked, now), now)[-CODES:]


def used_up(now: datetime) -> tuple[datetime, ...]:
    """Return the series of an account to which WhatsApp itself gives no more codes."""
    return (now,) * CODES
