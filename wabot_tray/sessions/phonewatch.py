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

from wabot_tray.core.events import Answered, Event, PairingSucceeded, PhoneSeen

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


class Phones:
    """The watches of all accounts."""

    def __init__(self) -> None:
        self._watches: dict[str, PhoneWatch] = {}

    def adopt(self, account_id: str, seen_at: datetime | None, owes_since: datetime | None) -> None:
        """Watch an account's phone, from what was kept of it."""
        self._watches[account_id] = PhoneWatch(seen_at, owes_since)

    def forget(self, account_id: str) -> None:
        """Watch it no longer."""
        self._watches.pop(account_id, None)

    def heard(self, account_id: str, event: Event, now: datetime) -> None:
        """Take note of what an event says of the phone; a last word of one just removed is none."""
        if (watch := self._watches.get(account_id)) is None:
            return
        match event:
            case PairingSucceeded():
                watch.seen(now)  # it has scanned
            case PhoneSeen():
                watch.seen(event.at)
            case Answered():
                watch.answered(event.replied, now)
            case _:
                pass

    def silent_since(self, account_id: str, now: datetime) -> datetime | None:
        """Return the last sign of life of a phone that owes one. KeyError for an unknown one."""
        return self._watches[account_id].silent_since(now)

    def worth_keeping(
        self, account_id: str, kept: tuple[datetime | None, datetime | None], now: datetime
    ) -> tuple[datetime | None, datetime | None] | None:
        """Return what is to be written down, if anything. KeyError for an unknown one."""
        return self._watches[account_id].worth_keeping(kept, now)
