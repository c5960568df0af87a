"""Whether an account's phone is alive, as far as can be known without asking it.

WhatsApp unlinks a computer whose phone was offline for 14 days, and nothing tells us that a phone
is offline. What we do hear comes from the phone itself (docs/neonize.md): a receipt for each reply
of ours that it has fetched, for what the person read there, and what the person writes there. So a
phone that gave no sign although a reply has waited for it for a day is silent since its last sign.
Where nothing was answered meanwhile there was nothing to fetch, and nothing is claimed.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

OWES_AFTER: Final = timedelta(days=1)
KEPT_EVERY: Final = timedelta(hours=6)  # a sign is not worth a write each time
OWES_KEPT_AFTER: Final = timedelta(hours=1)  # a phone that is on confirms a reply in seconds


@dataclass(slots=True)
class PhoneWatch:
    """What is known of one phone. Times are aware UTC.

    Args:
        seen_at: Its last sign of life.
        owes_since: The first reply after it that it has not confirmed.
    """

    seen_at: datetime | None = None
    owes_since: datetime | None = None
    _replied: int = 0

    def seen(self, at: datetime) -> None:
        """Take note of a sign of life; one from before the last changes nothing."""
        if self.seen_at is None or at > self.seen_at:
            self.seen_at = at
            self.owes_since = None

    def answered(self, replied: int, now: datetime) -> None:
        """Take note of how many replies the worker has sent since its start."""
        if replied and replied != self._replied and self.owes_since is None:
            self.owes_since = now
        self._replied = replied

    def silent_since(self, now: datetime) -> datetime | None:
        """Return the last sign of life, if one is owed."""
        if self.seen_at is None or self.owes_since is None:
            return None
        return self.seen_at if now - self.owes_since >= OWES_AFTER else None

    def worth_keeping(
        self, kept: tuple[datetime | None, datetime | None], now: datetime
    ) -> tuple[datetime | None, datetime | None] | None:
        """Return both times if what is `kept` of them has become wrong enough for a write."""
        seen_at, owes_since = kept
        owes = self.owes_since
        if owes is not None and now - owes < OWES_KEPT_AFTER:
            owes = None
        is_old = self.seen_at is not None and (
            seen_at is None or self.seen_at - seen_at >= KEPT_EVERY
        )
        if not is_old and (owes is None) == (owes_since is None):
            return None
        return self.seen_at, owes
