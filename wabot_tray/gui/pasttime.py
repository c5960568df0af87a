"""An account's history as the windows show it, worked out again only where something changed."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from PySide6.QtCore import QLocale

from wabot_tray.core.history import (
    Bar,
    Outage,
    Period,
    Span,
    Uptime,
    outages,
    recent,
    strip,
    timeline,
)
from wabot_tray.gui.ports import History
from wabot_tray.gui.wording import locale
from wabot_tray.system.historytexts import percent
from wabot_tray.system.i18n import t

FRESH_S: Final = 30.0

PERIOD_KEYS: Final = {
    Period.DAY: "period.day",
    Period.WEEK: "period.week",
    Period.MONTH: "period.month",
}
LAST_KEYS: Final = {
    Period.DAY: "period.last_day",
    Period.WEEK: "period.last_week",
    Period.MONTH: "period.last_month",
}


@dataclass(frozen=True, slots=True)
class Past:
    """What there is to show of one account.

    Args:
        at: When it was worked out.
        spent: How each period was spent.
        bars: Of the period in view.
        outages: All that are kept, the oldest first.
        has_any: Whether anything is kept at all.
    """

    at: datetime
    spent: dict[Period, Uptime]
    bars: tuple[Bar, ...]
    outages: tuple[Outage, ...]
    has_any: bool


class PastReader:
    """Works out one account's past.

    Args:
        history: Where the marks are.
        account_id: Whose.
        fresh_s: How long a past is good enough where nothing changed. Many readers have different
            ones, so that they do not all work in the same second.
    """

    def __init__(self, history: History, account_id: str, fresh_s: float = FRESH_S) -> None:
        self._history = history
        self._id = account_id
        self._fresh_s = fresh_s
        self._revision: int | None = None
        self._period: Period | None = None
        self._spans: tuple[Span, ...] = ()
        self._past: Past | None = None

    def read(self, period: Period, now: datetime) -> Past | None:
        """Return the past as it is now, or None where it is still as it was last time."""
        past, revision = self._past, self._history.revision(self._id)
        age_s = (now - past.at).total_seconds() if past is not None else -1.0
        if past is None or revision != self._revision or not 0 <= age_s < self._fresh_s:
            self._spans = timeline(self._history.marks(self._id), now)
            past = Past(
                at=now,
                spent={one: recent(self._spans, one, now) for one in Period},
                bars=(),
                outages=outages(self._spans),
                has_any=bool(self._spans),
            )
        elif period is self._period:
            return None
        offset = past.at.astimezone().utcoffset() or timedelta()
        self._past = replace(past, bars=strip(self._spans, period, past.at, offset))
        self._revision, self._period = revision, period
        return self._past


def percent_words(spent: Uptime) -> str:
    """Return how much of the time it was connected, as this country writes it."""
    return percent(spent.share, locale().decimalPoint())


def uptime_sentence(period: Period, spent: Uptime) -> str:
    """Return the same as a sentence for those who hear it."""
    if spent.share is None:
        return t("strip.name_unknown", period=t(LAST_KEYS[period]))
    return t("strip.name", period=t(LAST_KEYS[period]), percent=percent_words(spent))


def csv_separator() -> str:
    """Return what this country's spreadsheets part cells with: never what parts decimals."""
    comma = QLocale.system().decimalPoint() == ","
    return ";" if comma else ","
