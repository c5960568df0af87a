"""Phases, outages and uptime: pure arithmetic."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from wabot_tray.core.history import (
    Mark,
    Outage,
    Period,
    Phase,
    Repair,
    Uptime,
    from_line,
    measure,
    outages,
    recent,
    strip,
    timeline,
    to_line,
    within,
)
from wabot_tray.core.reasons import Reason

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
P = Phase


def at(hours: float) -> datetime:
    """Return a moment so many hours before now."""
    return NOW - timedelta(hours=hours)


def marks(*found: tuple[float, Phase]) -> list[Mark]:
    return [Mark(at(hours), phase, Reason.LINK_LOST) for hours, phase in found]


def phases(*found: tuple[float, Phase]) -> list[tuple[float, float, Phase]]:
    """Return begin, end (hours before now) and phase of each span."""
    spans = timeline(marks(*found), NOW)
    return [
        ((NOW - s.begin) / timedelta(hours=1), (NOW - s.end) / timedelta(hours=1), s.phase)
        for s in spans
    ]


def test_timeline_has_no_gaps_and_reaches_to_now() -> None:
    assert phases((5, P.UP), (3, P.DOWN), (2, P.UP)) == [
        (5, 3, P.UP),
        (3, 2, P.DOWN),
        (2, 0, P.UP),
    ]
    assert phases() == []


def test_first_attempt_that_failed_began_the_outage() -> None:
    assert phases((3, P.STARTING), (2, P.DOWN)) == [(3, 2, P.DOWN), (2, 0, P.DOWN)]
    assert phases((3, P.STARTING), (2, P.UP)) == [(3, 2, P.STARTING), (2, 0, P.UP)]


def test_clock_set_back_lets_the_later_mark_hold() -> None:
    assert phases((5, P.UP), (2, P.DOWN), (3, P.UP), (1, P.OFF)) == [
        (5, 3, P.UP),
        (3, 1, P.UP),
        (1, 0, P.OFF),
    ]


def test_marks_of_a_clock_that_was_ahead_are_passed_over() -> None:
    assert phases((5, P.UP), (-400, P.DOWN), (4, P.UP)) == [(5, 4, P.UP), (4, 0, P.UP)]


def test_outage_has_its_first_cause_and_what_it_turned_into() -> None:
    found = outages(
        timeline(
            [
                Mark(at(9), P.UP, Reason.LOGGED_IN),
                Mark(at(8), P.DOWN, Reason.LINK_LOST),
                Mark(at(7), P.DOWN, Reason.PHONE_UNLINKED),
                Mark(at(6), P.UP, Reason.LOGGED_IN, Repair.PAIRED),
                Mark(at(2), P.DOWN, Reason.DIAL_FAILED),
            ],
            NOW,
        )
    )
    assert found == (
        Outage(at(8), at(6), Reason.LINK_LOST, Reason.PHONE_UNLINKED, Repair.PAIRED),
        Outage(at(2), None, Reason.DIAL_FAILED),
    )
    assert found[0].length(NOW) == timedelta(hours=2)
    assert found[1].length(NOW) == timedelta(hours=2)


@pytest.mark.parametrize(
    ("after", "repair"),
    [
        (Mark(at(1), P.UP), Repair.RESTART),
        (Mark(at(1), P.UP, None, Repair.REDIAL), Repair.REDIAL),
        (Mark(at(1), P.OFF), Repair.STOPPED),
        (Mark(at(1), P.UNKNOWN), Repair.CLOSED),
    ],
)
def test_outage_says_what_ended_it(after: Mark, repair: Repair) -> None:
    (found,) = outages(timeline([Mark(at(2), P.DOWN), after], NOW))
    assert (found.end, found.repair) == (at(1), repair)


def test_start_that_worked_is_no_outage() -> None:
    assert outages(timeline(marks((3, P.UNKNOWN), (2, P.STARTING), (1, P.UP)), NOW)) == ()


def test_uptime_counts_only_time_that_was_wanted_and_known() -> None:
    spans = timeline(
        marks((20, P.UP), (11, P.DOWN), (10, P.OFF), (6, P.UNKNOWN), (2, P.STARTING), (1, P.UP)),
        NOW,
    )
    spent = recent(spans, Period.DAY, NOW)
    hour = 3600.0
    assert spent == Uptime(up_s=10 * hour, down_s=hour, off_s=4 * hour, unknown_s=9 * hour)
    assert spent.share == pytest.approx(10 / 11)
    assert Uptime(off_s=5, unknown_s=5).share is None


def test_uptime_is_cut_at_the_edges() -> None:
    spans = timeline(marks((20, P.UP)), NOW)
    assert measure(spans, at(30), at(15)).up_s == 5 * 3600
    assert measure(spans, at(2), at(1)) == Uptime(up_s=3600)


@pytest.mark.parametrize(("period", "count"), [(Period.DAY, 48), (Period.WEEK, 56), ("month", 60)])
def test_strip_has_its_bars_at_round_hours_of_the_local_clock(period: Period, count: int) -> None:
    period = Period(period)
    now = NOW + timedelta(minutes=7, seconds=3, microseconds=5)
    offset = timedelta(hours=-5)
    bars = strip(timeline(marks((100, P.UP)), now), period, now, offset)
    assert len(bars) == count
    for bar in bars:
        local = bar.begin + offset
        into = timedelta(hours=local.hour, minutes=local.minute, seconds=local.second)
        assert into % period.bar == timedelta()
        assert local.microsecond == 0
    assert bars[-1].begin < now <= bars[-1].end
    assert all(a.end == b.begin for a, b in itertools.pairwise(bars))


def test_strip_says_the_same_as_the_whole() -> None:
    spans = timeline(marks((30, P.UP), (9.7, P.DOWN), (8.2, P.UP), (3.1, P.OFF)), NOW)
    bars = strip(spans, Period.DAY, NOW, timedelta())
    whole = recent(spans, Period.DAY, NOW)
    assert sum(bar.spent.up_s for bar in bars) == pytest.approx(whole.up_s)
    assert sum(bar.spent.down_s for bar in bars) == pytest.approx(whole.down_s)
    assert sum(bar.spent.off_s for bar in bars) == pytest.approx(whole.off_s)


def test_outages_of_a_stretch_of_time_are_those_that_touch_it() -> None:
    old, new, lasting = Outage(at(9), at(8), None), Outage(at(5), at(4), None), None
    lasting = Outage(at(2), None, None)
    every = (old, new, lasting)
    assert within(every, at(8.5), at(6), NOW) == (old,)
    assert within(every, at(4.5), at(0), NOW) == (new, lasting)


def test_mark_survives_its_line() -> None:
    for mark in (
        Mark(NOW, P.UP, Reason.LOGGED_IN, Repair.REDIAL),
        Mark(NOW + timedelta(milliseconds=250), P.UNKNOWN),
    ):
        assert from_line(to_line(mark)) == mark


def test_reason_of_another_version_is_passed_over() -> None:
    assert from_line("2026-11-22T12:00:00+00:00 down from-the-future -").reason is None


@pytest.mark.parametrize(
    "line",
    [
        "",
        "down",
        "2026-11-22T12:00:00+00:00 down -",
        "2026-11-22T12:00:00 down - -",
        "2026-11-22T12:00:00+00:00 sideways - -",
        "1970-01-01T00:00:00+00:00 up - -",
        "\0\0\0\0",
    ],
)
def test_line_that_is_no_mark_is_refused(line: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever is wrong, it is the same error
        from_line(line)
