"""What a person is told: at once or late, once, together, never a storm, never in quiet hours."""

import dataclasses
import itertools
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wabot_tray.core.clock import Clock
from wabot_tray.core.reasons import Reason
from wabot_tray.core.settings import Settings
from wabot_tray.core.snapshot import SessionSnapshot
from wabot_tray.core.states import SessionState
from wabot_tray.sessions.alerts import (
    GAP_S,
    GATHER_S,
    LOST_AFTER_S,
    PER_HOUR,
    RETURNED,
    SEVERAL,
    STEADY_S,
    Act,
    Alerts,
    Change,
    Tell,
    Withdraw,
)
from wabot_tray.sessions.worries import Kind

S, R = SessionState, Reason
REASONS = {
    S.CONNECTED: R.LOGGED_IN,
    S.RECONNECTING: R.LINK_LOST,
    S.WAITING: R.DIAL_FAILED,
    S.CONNECTING: R.STARTING,
    S.PAIRING: R.WAITING_FOR_SCAN,
    S.STOPPED: R.STOPPED_BY_PERSON,
    S.LOGGED_OUT: R.PHONE_UNLINKED,
    S.REPLACED: R.REPLACED,
    S.BANNED: R.TEMPORARY_BAN,
    S.OUTDATED: R.CLIENT_OUTDATED,
    S.FAILED: R.CRASH_LOOP,
}
TICK_S = 10.0
START = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)


class FakeClock:
    """Both clocks, moved by hand."""

    def __init__(self) -> None:
        self.start = START
        self.passed = timedelta()
        self.clock = Clock(monotonic=self.monotonic, now=self.now)

    def monotonic(self) -> float:
        return 1000.0 + self.passed.total_seconds()

    def now(self) -> datetime:
        return self.start + self.passed

    def advance(self, seconds: float) -> None:
        self.passed += timedelta(seconds=seconds)


class Town:
    """Some accounts, a clock, and somebody who looks every ten seconds as the program does."""

    def __init__(self, *names: str, memory: dict[tuple[str, str], datetime] | None = None) -> None:
        self.clock = FakeClock()
        self.settings = Settings()
        self.accounts: dict[str, SessionSnapshot] = {}
        self.attended: set[str] = set()
        self.memory = memory if memory is not None else {}
        self.log: list[tuple[float, Change]] = []
        for name in names or ("rosa",):
            self.accounts[name] = SessionSnapshot(
                id=name, label=name.title(), phone="573001234567", enabled=True, paired=True,
                state=S.CONNECTED, reason=R.LOGGED_IN, since=self.clock.now(),
            )  # fmt: skip
        self.restart()

    def restart(self) -> None:
        """Begin anew with what was kept, as after a restart of the program."""
        self.alerts = Alerts(self.clock.clock, memory=dict(self.memory), to_local=lambda at: at)

    def put(self, name: str, state: SessionState, **more: object) -> None:
        values: dict[str, object] = {"state": state, "reason": REASONS[state]}
        values |= {"since": self.clock.now(), "notice": None, "phone_silent_since": None}
        values["enabled"] = state is not S.STOPPED
        values["paired"] = state not in {S.LOGGED_OUT, S.PAIRING}
        self.accounts[name] = dataclasses.replace(
            self.accounts[name],
            **(values | more),  # type: ignore[arg-type]  # the test knows
        )

    def look(self) -> list[Change]:
        changes = self.alerts.look(
            self.accounts.values(), self.settings, self.attended.__contains__
        )
        self.memory = dict(self.alerts.memory)
        self.log += [(self.clock.monotonic(), change) for change in changes]
        return list(changes)

    def wait(self, seconds: float) -> list[Change]:
        """Let time pass with looks on the way, and return what they brought."""
        found = self.look()
        end = self.clock.monotonic() + seconds
        while (left := end - self.clock.monotonic()) > 0:
            self.clock.advance(min(left, 1.0 if self.alerts.is_pending else TICK_S))
            found += self.look()
        return found

    def sleep(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @property
    def tells(self) -> list[Tell]:
        return [c for _, c in self.log if isinstance(c, Tell) and not c.is_silent]


def one(changes: list[Change]) -> Tell:
    (found,) = changes
    assert isinstance(found, Tell)
    return found


@pytest.mark.parametrize(
    ("state", "act"),
    [
        (S.LOGGED_OUT, Act.PAIR),
        (S.REPLACED, Act.TAKE_OVER),
        (S.OUTDATED, Act.DETAILS),
        (S.FAILED, Act.RETRY),
        (S.BANNED, Act.DETAILS),
    ],
)
def test_what_only_a_person_can_mend_is_told_at_once_with_what_to_do(
    state: SessionState, act: Act
) -> None:
    town = Town()
    town.look()
    town.put("rosa", state)
    told = one(town.wait(GATHER_S + 1))
    assert (told.key, told.kind, told.act) == ("account:rosa", Kind.ENDED, act)
    assert town.wait(3 * 3600) == []  # and never again while it lasts


@pytest.mark.parametrize("state", [S.RECONNECTING, S.WAITING, S.CONNECTING])
def test_lost_link_is_told_after_three_minutes_and_its_return_once(state: SessionState) -> None:
    town = Town()
    town.put("rosa", state)
    assert town.wait(LOST_AFTER_S - 1) == []
    lost = one(town.wait(20))
    assert (lost.kind, lost.act, lost.worries[0].since) == (
        Kind.LOST,
        Act.DETAILS,
        town.clock.start,
    )
    assert town.wait(3600) == []
    town.put("rosa", S.CONNECTED)
    assert town.wait(STEADY_S - 2) == []
    back = one(town.wait(10))
    assert (back.key, back.kind) == (lost.key, Kind.BACK)
    assert back.away_s == pytest.approx(LOST_AFTER_S + 3600 + STEADY_S + 20, abs=30)
    assert town.wait(2 * 3600) == []


def test_short_outage_is_not_told_and_neither_is_its_end() -> None:
    town = Town()
    for _ in range(20):
        town.put("rosa", S.RECONNECTING)
        town.wait(LOST_AFTER_S - 15)
        town.put("rosa", S.CONNECTED)
        town.wait(60)
    assert town.log == []


def test_flapping_link_is_one_outage_until_it_holds() -> None:
    town = Town()
    town.put("rosa", S.WAITING)
    town.wait(LOST_AFTER_S + 5)
    for _ in range(30):
        town.put("rosa", S.CONNECTED)
        town.wait(STEADY_S - 5)
        town.put("rosa", S.RECONNECTING)
        town.wait(400)
    assert [tell.kind for tell in town.tells] == [Kind.LOST]
    assert len(town.log) == 1


def test_link_that_breaks_between_its_return_and_the_telling_stays_the_same_outage() -> None:
    town = Town("rosa", "pan")
    town.put("rosa", S.WAITING)
    town.wait(LOST_AFTER_S + 5)
    town.put("rosa", S.CONNECTED)
    town.wait(STEADY_S - 6)
    town.put("pan", S.FAILED)  # its notification keeps the return waiting
    town.wait(8)
    town.put("rosa", S.WAITING)
    town.wait(3600)
    assert [tell.kind for tell in town.tells] == [Kind.LOST, Kind.ENDED]


def test_several_at_once_are_one_summary_that_stays_true() -> None:
    town = Town(*"abcd")
    for name in "abc":
        town.put(name, S.WAITING)
    told = one(town.wait(LOST_AFTER_S + 10))
    assert (told.key, told.accounts) == (SEVERAL, ("a", "b", "c"))
    town.put("a", S.STOPPED)
    corrected = one(town.wait(5))
    assert corrected.is_silent
    assert corrected.accounts == ("b", "c")
    town.put("b", S.CONNECTED)
    town.put("c", S.CONNECTED)
    back = one(town.wait(STEADY_S + 5))
    assert (back.key, back.kind, back.accounts) == (SEVERAL, Kind.BACK, ("b", "c"))


def test_returns_together_replace_what_was_told_apart() -> None:
    town = Town(*"ab")
    town.put("a", S.WAITING)
    town.wait(100)
    town.put("b", S.WAITING)
    town.wait(LOST_AFTER_S + 10)
    assert [tell.key for tell in town.tells] == ["account:a", "account:b"]
    town.put("a", S.CONNECTED)
    town.put("b", S.CONNECTED)
    changes = town.wait(STEADY_S + 5)
    assert [c for c in changes if isinstance(c, Withdraw)] == [
        Withdraw("account:a"),
        Withdraw("account:b"),
    ]
    assert [(c.key, c.accounts) for c in changes if isinstance(c, Tell)] == [(RETURNED, ("a", "b"))]


def test_failures_that_trickle_in_become_one_notification_after_the_first() -> None:
    town = Town(*"abcdefgh")
    for name in "abcdefgh":
        town.put(name, S.LOGGED_OUT)
        town.wait(2)
    town.wait(60)
    assert [tell.key for tell in town.tells] == ["account:a", SEVERAL]
    assert town.tells[-1].accounts == tuple("bcdefgh")


def test_one_cause_of_many_is_named_as_one() -> None:
    town = Town(*"ab")
    for name in "ab":
        town.put(name, S.FAILED, reason=R.KEYRING_LOCKED)
    told = one(town.wait(5))
    assert told.shares_cause
    assert told.act is Act.RETRY
    other = Town(*"ab")
    other.put("a", S.FAILED)
    other.put("b", S.FAILED)
    told = one(other.wait(5))
    assert not told.shares_cause
    assert told.act is Act.DETAILS


def test_what_is_over_is_taken_back() -> None:
    town = Town()
    town.put("rosa", S.LOGGED_OUT)
    town.wait(5)
    town.put("rosa", S.PAIRING)
    assert town.look() == [Withdraw("account:rosa")]
    town.put("rosa", S.CONNECTED)
    assert town.wait(600) == []  # the person did it; nobody has to say so


def test_pairing_given_up_is_no_news() -> None:
    town = Town()
    town.put("rosa", S.LOGGED_OUT)
    town.wait(5)
    town.put("rosa", S.PAIRING)
    town.wait(60)
    town.put("rosa", S.LOGGED_OUT, reason=R.PAIRING_CANCELLED)
    assert [c for c in town.wait(3600) if isinstance(c, Tell)] == []


def test_account_that_ends_anew_is_told_anew() -> None:
    town = Town()
    for _ in range(2):
        town.put("rosa", S.LOGGED_OUT)
        assert one(town.wait(GAP_S + 5)).act is Act.PAIR
        town.put("rosa", S.CONNECTED)
        town.wait(60)


def test_account_that_was_never_linked_has_not_ended() -> None:
    town = Town()
    town.put("rosa", S.LOGGED_OUT, phone=None, reason=R.NOT_PAIRED)
    assert town.wait(2 * 3600) == []


def test_account_that_is_stopped_or_removed_is_no_worry() -> None:
    town = Town("rosa", "pan")
    town.put("rosa", S.STOPPED)
    town.put("pan", S.FAILED)
    town.wait(5)
    del town.accounts["pan"]
    assert town.look() == [Withdraw("account:pan")]
    assert town.memory == {}


def test_what_happens_before_somebodys_eyes_is_not_told() -> None:
    town = Town()
    town.attended = {"rosa"}
    town.put("rosa", S.CONNECTED, notice=R.WRONG_PHONE)
    assert town.wait(60) == []
    town.attended = set()
    assert town.wait(3600) == []


def test_another_phone_is_told_beside_the_connection() -> None:
    town = Town()
    town.put("rosa", S.CONNECTED, notice=R.WRONG_PHONE)
    told = one(town.wait(5))
    assert (told.kind, told.worries[0].cause) == (Kind.NOTICE, R.WRONG_PHONE)


def test_phone_that_is_silent_for_twelve_days_is_told_once() -> None:
    town = Town()
    silent = town.clock.now()
    town.put("rosa", S.CONNECTED, phone_silent_since=silent)
    town.sleep(12 * 86400 - 100)
    assert town.wait(90) == []
    assert one(town.wait(30)).kind is Kind.PHONE
    assert town.wait(3600) == []
    town.put("rosa", S.CONNECTED)  # it is there again
    assert town.look() == [Withdraw("account:rosa")]


def test_ban_that_ends_is_told_when_it_is_over() -> None:
    town = Town()
    town.put("rosa", S.BANNED)
    town.wait(7200)
    town.put("rosa", S.CONNECTING)
    assert town.wait(5) == [Withdraw("account:rosa")]
    town.put("rosa", S.CONNECTED)
    assert one(town.wait(STEADY_S + 5)).kind is Kind.BACK


# --- sleep, starts, quiet ------------------------------------------------------------------------


def test_after_a_sleep_three_minutes_count_anew() -> None:
    town = Town(*"abc")
    for name in "abc":
        town.put(name, S.RECONNECTING)
    town.wait(30)
    town.sleep(8 * 3600)
    assert town.wait(LOST_AFTER_S - 5) == []
    for name in "abc":
        town.put(name, S.CONNECTED)
    assert town.wait(3600) == []


def test_start_without_network_is_told_after_three_minutes_in_one() -> None:
    town = Town(*"abcdefghij")
    for name in town.accounts:
        town.put(name, S.CONNECTING)
    town.restart()
    assert town.wait(LOST_AFTER_S - 5) == []
    assert len(one(town.wait(60)).worries) == 10


def test_same_end_is_told_again_at_a_start_once_a_day() -> None:
    town = Town()
    town.put("rosa", S.LOGGED_OUT)
    town.wait(5)
    for _ in range(5):
        town.sleep(4 * 3600)
        town.put("rosa", S.LOGGED_OUT, reason=R.NOT_PAIRED)  # as it is after a restart
        town.restart()
        assert town.wait(600) == []
    town.sleep(4 * 3600)
    town.restart()
    assert one(town.wait(600)).act is Act.PAIR


def test_memory_of_a_clock_that_was_years_ahead_is_dropped() -> None:
    town = Town(memory={("rosa", "logged-out"): datetime(2049, 1, 1, tzinfo=UTC)})
    town.put("rosa", S.LOGGED_OUT)
    assert one(town.wait(5)).kind is Kind.ENDED


def test_nothing_is_told_in_quiet_hours_and_what_still_holds_afterwards() -> None:
    town = Town(*"abc")
    begin = town.clock.now()
    quiet = begin + timedelta(hours=1), begin + timedelta(hours=9)
    town.settings = Settings(quiet_hours=f"{quiet[0]:%H:%M}-{quiet[1]:%H:%M}")
    town.wait(3700)
    town.put("a", S.LOGGED_OUT)
    town.put("b", S.WAITING)
    town.put("c", S.WAITING)
    town.wait(2 * 3600)
    town.put("c", S.CONNECTED)
    assert town.wait(5.5 * 3600) == []
    told = one(town.wait(2 * 3600))
    assert (told.key, told.accounts) == (SEVERAL, ("a", "b"))


def test_return_in_quiet_hours_takes_the_loss_back_without_a_word() -> None:
    town = Town()
    town.put("rosa", S.WAITING)
    town.wait(LOST_AFTER_S + 5)
    town.settings = Settings(quiet_hours=f"{town.clock.now():%H:%M}-{town.clock.start:%H:%M}")
    town.put("rosa", S.CONNECTED)
    assert town.wait(60) == [Withdraw("account:rosa")]
    town.settings = Settings()
    assert town.wait(3600) == []


def test_important_alone_leaves_out_lost_links_and_off_everything() -> None:
    for choice, kinds in (("all", 2), ("important", 1), ("off", 0)):
        town = Town(*"ab")
        town.settings = Settings(notifications=choice)
        town.put("a", S.WAITING)
        town.wait(LOST_AFTER_S + 10)
        town.put("a", S.CONNECTED)
        town.wait(60)
        town.put("b", S.LOGGED_OUT)
        town.wait(60)
        assert len({tell.kind for tell in town.tells} - {Kind.BACK}) == kinds, choice


def test_return_that_the_hour_has_no_room_for_is_at_least_not_denied() -> None:
    town = Town(*"abcde")
    for name in "abcd":  # four lost links, told apart, and the hour has no more for such news
        town.put(name, S.WAITING)
        town.wait(30)
    town.wait(LOST_AFTER_S)
    assert len(town.tells) == 4
    town.put("a", S.CONNECTED)
    assert Withdraw("account:a") in town.wait(60)
    town.put("e", S.FAILED)  # for this there is always room
    assert one(town.wait(30)).kind is Kind.ENDED


# --- never a storm -------------------------------------------------------------------------------

moves = st.one_of(
    st.tuples(
        st.sampled_from("abcde"),
        st.sampled_from(list(S)),
        st.sampled_from([0.0, 1.0, 15.0, 21.0, 60.0, 185.0, 4000.0]),
    ),
    st.tuples(st.just("sleep"), st.just(S.STOPPED), st.sampled_from([100.0, 30000.0, 90000.0])),
    st.tuples(st.just("restart"), st.just(S.STOPPED), st.just(0.0)),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(moves, max_size=60))
def test_whatever_happens_it_is_never_a_storm(story: list[tuple[str, SessionState, float]]) -> None:
    town = Town(*"abcde")
    starts = [0.0]
    for name, state, seconds in story:
        if name == "sleep":
            town.sleep(seconds)
        elif name == "restart":
            town.restart()
            starts.append(town.clock.monotonic())
        else:
            town.put(name, state)
            town.wait(seconds)
    town.wait(4000)
    never_too_many(town, starts)
    never_twice(town)


def never_too_many(town: Town, starts: list[float]) -> None:
    times = [at for at, change in town.log if isinstance(change, Tell) and not change.is_silent]
    for begin, end in zip(starts, [*starts[1:], float("inf")], strict=True):
        run = [at for at in times if begin <= at < end]
        assert all(later - at >= GAP_S for at, later in itertools.pairwise(run))
        assert all(sum(at <= t < at + 3600 for t in run) <= PER_HOUR for at in run)
    silent = sum(isinstance(c, Tell) and c.is_silent for _, c in town.log)
    assert silent <= sum(len(tell.worries) for tell in town.tells)


def never_twice(town: Town) -> None:
    """A return follows a loss that was told, and nothing is taken back that was not shown."""
    losses: Counter[str] = Counter()
    shown: set[str] = set()
    for _, change in town.log:
        if isinstance(change, Withdraw):
            assert change.key in shown
            shown.discard(change.key)
            continue
        shown.add(change.key)
        if change.kind is Kind.BACK:
            for account in change.accounts:
                assert losses[account] > 0
                losses[account] = 0
        elif not change.is_silent:
            losses.update(change.accounts)
