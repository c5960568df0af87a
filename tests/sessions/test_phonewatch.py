"""When a phone counts as silent, what is kept of it, and how the manager hears of it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.sessions.fakes import World
from wabot_tray.core import events as ev
from wabot_tray.sessions.phonewatch import PhoneWatch

START = datetime(2026, 11, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def test_phone_that_confirms_each_reply_is_never_silent() -> None:
    watch = PhoneWatch(START)
    for hour in range(1, 500):
        now = START + timedelta(hours=hour)
        watch.answered(hour, now)
        watch.seen(now)
        assert watch.silent_since(now + 20 * DAY) is None


def test_phone_that_owes_a_sign_is_silent_since_its_last() -> None:
    watch = PhoneWatch(START)
    watch.answered(1, START + 5 * DAY)
    watch.answered(2, START + 7 * DAY)
    assert watch.silent_since(START + 5.9 * DAY) is None
    assert watch.silent_since(START + 6 * DAY) == START
    watch.seen(START + 8 * DAY)
    assert watch.silent_since(START + 30 * DAY) is None


def test_nothing_is_claimed_where_nothing_was_answered_or_nothing_ever_heard() -> None:
    watch = PhoneWatch(START)
    watch.answered(0, START + DAY)
    assert watch.silent_since(START + 30 * DAY) is None
    unknown = PhoneWatch()
    unknown.answered(3, START)
    assert unknown.silent_since(START + 30 * DAY) is None


def test_same_count_again_is_no_new_reply_and_old_signs_change_nothing() -> None:
    watch = PhoneWatch(START)
    watch.answered(1, START)
    watch.seen(START + DAY)
    watch.answered(1, START + 2 * DAY)  # a message came in, none went out
    assert watch.owes_since is None
    watch.seen(START - DAY)
    assert watch.seen_at == START + DAY


@pytest.mark.parametrize(
    ("seen", "owes", "kept", "worth"),
    [
        (0, None, (None, None), True),  # the first sign
        (5, None, (0, None), False),
        (6, None, (0, None), True),
        (0, 9.5, (0, None), False),  # half an hour: it may well be confirmed
        (0, 8, (0, None), True),
        (0, 8, (0, 8), False),
        (1, None, (0, 8), True),  # confirmed after all
    ],
)
def test_only_what_matters_is_written(
    seen: float, owes: float | None, kept: tuple[float | None, float | None], worth: bool
) -> None:
    def at(hours: float | None) -> datetime | None:
        return None if hours is None else START + timedelta(hours=hours)

    watch = PhoneWatch(at(seen), at(owes))
    found = watch.worth_keeping((at(kept[0]), at(kept[1])), START + timedelta(hours=10))
    assert found == ((at(seen), at(owes)) if worth else None)


async def test_manager_shows_a_silent_phone_and_remembers_it(tmp_path: Path) -> None:
    world = World(tmp_path, accounts=("shop",))
    worker = await world.connected()
    seen = world.time.wall
    worker.report(ev.PhoneSeen(at=seen))
    worker.report(ev.Answered(received=1, replied=1))
    world.time.wall += 2 * DAY
    snapshot = world.manager.snapshot("shop")
    assert snapshot.phone_silent_since == seen
    world.manager.check()
    account = world.registry.get("shop")
    assert (account.phone_seen, account.phone_owes) == (seen, seen)
    worker.report(ev.PhoneSeen(at=world.time.wall))
    assert world.manager.snapshot("shop").phone_silent_since is None
    world.manager.check()
    account = world.registry.get("shop")
    assert (account.phone_seen, account.phone_owes) == (world.time.wall, None)
