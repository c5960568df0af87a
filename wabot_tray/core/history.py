"""What became of an account over time: phases, outages, uptime. Reads no clock and no file.

A history is a sequence of marks, each the beginning of a phase. Marks stand in the order in which
they were written: where a clock was set back, the later one holds.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from wabot_tray.core.reasons import Reason

KEPT: Final = timedelta(days=35)
# Before this program was made no clock was right; nothing is kept that claims to be older.
FIRST: Final = datetime(2025, 1, 1, tzinfo=UTC)


class Phase(StrEnum):
    """How a span of time counts."""

    UP = "up"  # connected
    DOWN = "down"  # wanted on, but not connected
    STARTING = "starting"  # the first attempt; nobody's fault unless it fails
    OFF = "off"  # stopped by the person, or never linked
    UNKNOWN = "unknown"  # the program did not run, or the computer slept


class Repair(StrEnum):
    """What ended an outage."""

    REDIAL = "redial"  # the library's own next attempt
    ANSWERED = "answered"  # the link was slow, not lost
    RESTART = "restart"  # a new worker
    PERSON = "person"  # somebody asked for it
    PAIRED = "paired"  # the phone was linked anew
    STOPPED = "stopped"  # nobody wanted it on any more
    CLOSED = "closed"  # the program ended, or the computer slept


class Period(StrEnum):
    """A span up to now that people look back on, and the bars it is drawn with."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"

    @property
    def length(self) -> timedelta:
        """How far back it goes."""
        return timedelta(days=_DAYS[self])

    @property
    def bar(self) -> timedelta:
        """How much time one bar stands for."""
        return _BARS[self]


_DAYS: Final = {Period.DAY: 1, Period.WEEK: 7, Period.MONTH: 30}
_BARS: Final = {
    Period.DAY: timedelta(minutes=30),
    Period.WEEK: timedelta(hours=3),
    Period.MONTH: timedelta(hours=12),
}


@dataclass(frozen=True, slots=True)
class Mark:
    """The beginning of a phase, or, inside an outage, of what made it worse.

    Args:
        at: Aware UTC.
        phase: What begins.
        reason: Why, as the session said it.
        repair: What ended the outage before, where this is the end of one.
    """

    at: datetime
    phase: Phase
    reason: Reason | None = None
    repair: Repair | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """A phase from its beginning to its end."""

    begin: datetime
    end: datetime
    phase: Phase
    reason: Reason | None = None
    repair: Repair | None = None


@dataclass(frozen=True, slots=True)
class Outage:
    """A time in which the account was wanted on and was not connected.

    Args:
        begin: When the link was lost.
        end: When it was over; None while it lasts.
        cause: What it began with.
        became: What it turned into, where only a person, or WhatsApp, could end it.
        repair: What ended it; None while it lasts.
    """

    begin: datetime
    end: datetime | None
    cause: Reason | None
    became: Reason | None = None
    repair: Repair | None = None

    def length(self, now: datetime) -> timedelta:
        """Return how long it lasted, or has lasted up to now."""
        return max(timedelta(), (self.end or now) - self.begin)


@dataclass(frozen=True, slots=True)
class Uptime:
    """How a stretch of time was spent, in seconds; starting counts as unknown."""

    up_s: float = 0.0
    down_s: float = 0.0
    off_s: float = 0.0
    unknown_s: float = 0.0

    @property
    def share(self) -> float | None:
        """Connected time of the time in which it was wanted on and known; None without any."""
        known_s = self.up_s + self.down_s
        return self.up_s / known_s if known_s > 0 else None


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a strip."""

    begin: datetime
    end: datetime
    spent: Uptime


def timeline(marks: Iterable[Mark], now: datetime) -> tuple[Span, ...]:
    """Return the phases in order without gaps, the last one up to `now`."""
    held: list[Mark] = []
    for mark in marks:
        if mark.at > now:
            continue  # a clock that was ahead for a while
        while held and held[-1].at >= mark.at:
            held.pop()
        held.append(mark)
    spans: list[Span] = []
    for place, mark in enumerate(held):
        after = held[place + 1] if place + 1 < len(held) else None
        phase, reason = mark.phase, mark.reason
        if phase is Phase.STARTING and after is not None and after.phase is Phase.DOWN:
            # A first attempt that failed was the beginning of the outage.
            phase, reason = Phase.DOWN, after.reason
        spans.append(Span(mark.at, after.at if after else now, phase, reason, mark.repair))
    return tuple(spans)


def closed(marks: Sequence[Mark], alive: datetime | None) -> list[Mark]:
    """Return `marks` of a program that ended without a word, with that end.

    Args:
        marks: As they were kept.
        alive: The program's last sign of life beside them, if there was one.
    """
    if not marks or marks[-1].phase is Phase.UNKNOWN:
        return list(marks)
    last = marks[-1].at
    return [*marks, Mark(max(last, alive or last), Phase.UNKNOWN)]


def outages(spans: Sequence[Span]) -> tuple[Outage, ...]:
    """Return the outages in `spans`, which are a timeline, the oldest first."""
    found: list[Outage] = []
    running: Outage | None = None
    for span in spans:
        if span.phase is Phase.DOWN:
            if running is None:
                running = Outage(span.begin, None, span.reason)
            elif span.reason is not running.cause:
                running = replace(running, became=span.reason)
        elif running is not None:
            found.append(replace(running, end=span.begin, repair=_repair(span)))
            running = None
    return (*found, running) if running is not None else tuple(found)


def measure(spans: Iterable[Span], begin: datetime, end: datetime) -> Uptime:
    """Return how the time from `begin` to `end` was spent."""
    spent = {Phase.UP: 0.0, Phase.DOWN: 0.0, Phase.OFF: 0.0}
    for span in spans:
        if span.end > begin and span.begin < end and span.phase in spent:
            inside = min(span.end, end) - max(span.begin, begin)
            spent[span.phase] += inside.total_seconds()
    up_s, down_s, off_s = spent.values()
    whole_s = max(0.0, (end - begin).total_seconds())
    return Uptime(up_s, down_s, off_s, max(0.0, whole_s - up_s - down_s - off_s))


def recent(spans: Iterable[Span], period: Period, now: datetime) -> Uptime:
    """Return how `period` up to now was spent."""
    return measure(spans, now - period.length, now)


def strip(
    spans: Sequence[Span], period: Period, now: datetime, utc_offset: timedelta
) -> tuple[Bar, ...]:
    """Return the bars of `period`, the last one under way.

    They begin at round hours of the person's clock, so that one bar says the same thing all along.

    Args:
        spans: A timeline.
        period: Which.
        now: Aware time.
        utc_offset: Of the person's clock.
    """
    size = period.bar
    local = now + utc_offset
    since_midnight = timedelta(hours=local.hour, minutes=local.minute, seconds=local.second)
    into = since_midnight % size + timedelta(microseconds=local.microsecond)
    into = into or size  # a bar of no length says nothing
    count = period.length // size
    first = now - into - (count - 1) * size
    bars: list[Bar] = []
    place = 0
    for number in range(count):
        begin = first + number * size
        end = min(begin + size, now)
        while place < len(spans) and spans[place].end <= begin:
            place += 1
        last = place
        while last < len(spans) and spans[last].begin < end:
            last += 1
        bars.append(Bar(begin, begin + size, measure(spans[place:last], begin, end)))
    return tuple(bars)


def within(
    found: Iterable[Outage], begin: datetime, end: datetime, now: datetime
) -> tuple[Outage, ...]:
    """Return the outages that touch the time from `begin` to `end`."""
    return tuple(o for o in found if o.begin < end and (o.end or now) >= begin)


def _repair(after: Span) -> Repair:
    match after.phase:
        case Phase.UP:
            return after.repair or Repair.RESTART
        case Phase.OFF:
            return Repair.STOPPED
        case _:
            return Repair.CLOSED


# --- as lines of a file, and between processes ---------------------------------------------------


def to_line(mark: Mark) -> str:
    """Return `mark` as four words."""
    moment = mark.at.astimezone(UTC).isoformat(timespec="milliseconds")
    return f"{moment} {mark.phase} {mark.reason or '-'} {mark.repair or '-'}"


def from_line(line: str) -> Mark:
    """Return the mark in `line`; a reason of another version is passed over.

    Raises:
        ValueError: It is none.
    """
    moment, phase, reason, repair = line.split(" ")
    at = datetime.fromisoformat(moment)
    if at.tzinfo is None or at < FIRST:
        raise ValueError(moment)
    return Mark(at.astimezone(UTC), Phase(phase), _REASONS.get(reason), _REPAIRS.get(repair))


_REASONS: Final = {reason.value: reason for reason in Reason}
_REPAIRS: Final = {repair.value: repair for repair in Repair}
