"""When a person is reminded of a backup."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

EVERY: Final = timedelta(days=30)
FIRST_AFTER: Final = timedelta(days=7)  # nobody who has just begun is told what may go wrong


def backup_is_due(
    now: datetime,
    began: Iterable[datetime],
    made_at: datetime | None,
    put_off_at: datetime | None,
) -> bool:
    """Whether to remind now: once a month, as long as there is something worth keeping.

    A clock that was set back reminds of nothing until it has caught up.

    Args:
        now: Aware time, as are the others.
        began: When each linked account was added.
        made_at: When the last backup was made.
        put_off_at: When the person last put the reminder off.
    """
    first = min(began, default=None)
    if first is None or now - first < FIRST_AFTER:
        return False
    since = [moment for moment in (made_at, put_off_at) if moment is not None]
    return all(now - moment >= EVERY for moment in since)
