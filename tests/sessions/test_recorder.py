"""The recorder: what is known of each account, across restarts, sleeps, clocks and full disks."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from tests.sessions.fakes import START, FakeTime, World
from wabot_tray.core import events as ev
from wabot_tray.core.errors import VaultError
from wabot_tray.core.history import Mark, Phase, outages, recent, timeline
from wabot_tray.core.history import Period as Periods
from wabot_tray.core.reasons import Reason
from wabot_tray.core.snapshot import SessionSnapshot
from wabot_tray.core.states import SessionState as S
from wabot_tray.sessions.recorder import ALIVE_S, COUNTS_S, DOUBT_S, Recorder
from wabot_tray.storage.history_file import Count, HistoryFolder

SHOP = SessionSnapshot(
    id="shop",
    label="",
    phone="34600111222",
    enabled=True,
    paired=True,
    state=S.CONNECTED,
    reason=Reason.LOGGED_IN,
    since=START,
)
LOST = replace(SHOP, state=S.RECONNECTING, reason=Reason.LINK_LOST)
UP, DOWN, UNKNOWN = Phase.UP, Phase.DOWN, Phase.UNKNOWN


class Desk:
    """One folder, and one recorder after the other upon it."""

    def __init__(self, folder: Path) -> None:
        self.time = FakeTime()
        self.folder = HistoryFolder(folder / "history", self.time.clock)
        self.recorder = self._made()

    def _made(self) -> Recorder:
        return Recorder(
            self.time.clock,
            self.time.call_later,
            self.folder,
            day_of=lambda moment: moment.astimezone(UTC).date(),
        )

    async def begin(self) -> Recorder:
        self.recorder.begin(["shop"])
        await self.written()
        return self.recorder

    async def written(self) -> None:
        """Wait until the threads are done."""
        recorder = self.recorder
        if recorder._loading is not None:
            await recorder._loading
        while recorder._writing is not None:
            await recorder._writing

    async def restart(self, *, killed: bool = False, after_s: float = 3600.0) -> Recorder:
        """End the program, let time pass, and start it again."""
        if killed:
            await self.written()
            for timer in self.recorder._timers.values():
                timer.cancel()
        else:
            await self.recorder.close()
        self._jump(after_s)
        self.recorder = self._made()
        return await self.begin()

    def _jump(self, seconds: float) -> None:
        self.time.wall += timedelta(seconds=seconds)
        self.time.monotonic_s += seconds

    def phases(self) -> list[tuple[float, Phase]]:
        """Return the marks, in minutes since the start."""
        marks = self.recorder.marks("shop")
        return [((mark.at - START).total_seconds() / 60, mark.phase) for mark in marks]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


async def test_time_in_which_the_program_was_closed_is_not_known(desk: Desk) -> None:
    recorder = await desk.begin()
    recorder.note(SHOP)
    await desk.time.advance(600)
    recorder = await desk.restart()
    recorder.note(SHOP)
    assert desk.phases() == [(0, UP), (10, UNKNOWN), (70, UP)]
    assert desk.folder.marks("shop")[:2] == list(recorder.marks("shop"))[:2]
    await recorder.close()


async def test_time_after_a_kill_is_not_known_from_the_last_sign_of_life_on(desk: Desk) -> None:
    recorder = await desk.begin()
    recorder.note(SHOP)
    for _ in range(3):
        await desk.time.advance(ALIVE_S)
        await desk.written()
    await desk.time.advance(ALIVE_S / 2)
    recorder = await desk.restart(killed=True)
    assert desk.phases() == [(0, UP), (15, UNKNOWN)]
    assert desk.folder.marks("shop")[-1].phase is UNKNOWN
    await recorder.close()


async def test_what_was_said_before_the_files_were_read_comes_after_them(desk: Desk) -> None:
    recorder = await desk.begin()
    recorder.note(SHOP)
    await recorder.close()
    desk._jump(60)
    desk.recorder = recorder = desk._made()
    recorder.begin(["shop"])
    recorder.note(LOST)  # at once, while a thread reads
    await desk.written()
    assert desk.phases() == [(0, UP), (0, UNKNOWN), (1, DOWN)]
    assert [mark.phase for mark in desk.folder.marks("shop")] == [UP, UNKNOWN, DOWN]
    await recorder.close()


async def test_sleep_is_not_known(desk: Desk) -> None:
    recorder = await desk.begin()
    recorder.note(SHOP)
    desk._jump(7200)
    recorder.slept(timedelta(seconds=6600))
    assert desk.phases() == [(0, UP), (10, UNKNOWN), (120, UP)]
    recorder.slept(timedelta())  # nobody knows how long: nothing is made up
    assert len(desk.phases()) == 3
    await recorder.close()


async def test_outage_ends_where_the_computer_falls_asleep(desk: Desk) -> None:
    recorder = await desk.begin()
    recorder.note(SHOP)
    recorder.note(LOST)
    desk._jump(600)
    recorder.slept(timedelta(seconds=300))
    found = outages(timeline(recorder.marks("shop"), desk.time.wall))
    assert [outage.length(desk.time.wall).total_seconds() for outage in found] == [300, 0]
    await recorder.close()


async def test_clock_set_forward_leaves_a_time_that_nobody_lived(desk: Desk) -> None:
    recorder = await desk.begin()
    recorder.note(SHOP)
    await desk.time.advance(60)
    desk.time.wall += timedelta(hours=2)
    recorder.clock_set(timedelta(hours=2))
    assert desk.phases() == [(0, UP), (1, UNKNOWN), (121, UP)]
    await recorder.close()


async def test_clock_set_back_writes_over_the_hour_that_comes_again(desk: Desk) -> None:
    recorder = await desk.begin()
    recorder.note(SHOP)
    await desk.time.advance(3600)
    recorder.note(LOST)
    desk.time.wall -= timedelta(minutes=30)
    recorder.clock_set(timedelta(minutes=-30))
    await desk.time.advance(600)
    spans = timeline(recorder.marks("shop"), desk.time.wall)
    spent = recent(spans, Periods.DAY, desk.time.wall)
    assert (spent.up_s, spent.down_s) == (1800, 600)
    await recorder.close()


async def test_clock_that_begins_years_ago_spoils_nothing(desk: Desk) -> None:
    recorder = await desk.begin()
    recorder.note(SHOP)
    await desk.time.advance(600)
    await recorder.close()
    right = desk.time.wall
    desk.time.wall = datetime(2025, 6, 1, tzinfo=UTC)
    desk.recorder = recorder = desk._made()
    recorder.note(SHOP)
    await desk.begin()
    await desk.time.advance(60)
    recorder.note(LOST)
    assert desk.phases() == [(0, UP), (10, UNKNOWN)]
    jump = right + timedelta(minutes=5) - desk.time.wall
    desk.time.wall += jump
    recorder.clock_set(jump)
    assert desk.phases()[2:] == [(10, UNKNOWN), (15, DOWN)]
    await recorder.close()


async def test_clock_that_nobody_sets_right_is_believed_in_the_end(desk: Desk) -> None:
    recorder = await desk.begin()
    desk.time.wall += timedelta(days=900)  # it was wrong then
    recorder.note(SHOP)
    recorder._beat()
    await recorder.close()
    desk.time.wall = START + timedelta(hours=1)
    desk.recorder = recorder = desk._made()
    recorder.note(SHOP)
    await desk.begin()
    await desk.time.advance(DOUBT_S)
    assert desk.phases()[-1] == (70, UP)
    await recorder.close()


# --- messages ------------------------------------------------------------------------------------


async def test_messages_of_today_survive_a_restart(desk: Desk) -> None:
    recorder = await desk.begin()
    recorder.note(replace(SHOP, received=3, replied=2))
    recorder.note(replace(SHOP, received=5, replied=4))
    recorder = await desk.restart()
    recorder.note(replace(SHOP, received=1, replied=1))  # the program counts from nothing again
    assert recorder.today("shop") == Count(6, 5)
    await recorder.close()


async def test_messages_are_written_within_a_minute(desk: Desk) -> None:
    recorder = await desk.begin()
    recorder.note(replace(SHOP, received=3, replied=2))
    await desk.time.advance(COUNTS_S)
    recorder = await desk.restart(killed=True)
    assert recorder.today("shop") == Count(3, 2)
    await recorder.close()


async def test_midnight_begins_a_new_count(desk: Desk) -> None:
    recorder = await desk.begin()
    recorder.note(replace(SHOP, received=3, replied=2))
    await desk.time.advance(86_400)
    assert recorder.today("shop") == Count()
    recorder.note(replace(SHOP, received=4, replied=3))
    assert recorder.today("shop") == Count(1, 1)
    assert recorder._pulse.days["shop"].keys() == {date(2026, 11, 22), date(2026, 11, 23)}
    await recorder.close()


# --- files ---------------------------------------------------------------------------------------


async def test_quiet_program_writes_once_every_few_minutes(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = await desk.begin()
    recorder.note(SHOP)
    await desk.written()
    writes = spied(desk.folder, monkeypatch)
    for _ in range(60):
        recorder.note(SHOP)
        await desk.time.advance(60)
        await desk.written()
    assert writes == ["save_pulse"] * 12
    await recorder.close()


def spied(folder: HistoryFolder, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    writes: list[str] = []

    def spy(name: str) -> Callable[..., object]:
        real = getattr(folder, name)

        def call(*args: object) -> object:
            writes.append(name)
            return real(*args)

        return call

    for name in ("append", "save_pulse", "remove"):
        monkeypatch.setattr(folder, name, spy(name))
    return writes


async def test_disk_that_refuses_costs_nothing_once_it_works_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    recorder = await desk.begin()

    def refuse(*_: object) -> None:
        raise VaultError(Reason.DISK_FULL)

    for name in ("append", "save_pulse"):
        monkeypatch.setattr(desk.folder, name, refuse)
    recorder.note(SHOP)
    await desk.time.advance(60)
    recorder.note(LOST)
    await desk.written()
    assert desk.phases() == [(0, UP), (1, DOWN)]
    assert caplog.text.count("cannot be written") == 1
    monkeypatch.undo()
    await desk.time.advance(ALIVE_S)
    await desk.written()
    assert [mark.phase for mark in desk.folder.marks("shop")] == [UP, DOWN]
    assert "written again" in caplog.text
    await recorder.close()


async def test_removed_account_leaves_nothing(desk: Desk, tmp_path: Path) -> None:
    recorder = await desk.begin()
    recorder.note(replace(SHOP, replied=2))
    await desk.written()
    recorder.note(LOST)
    recorder.forget("shop")
    await recorder.close()
    assert recorder.marks("shop") == ()
    assert not (tmp_path / "history" / "shop.log").exists()
    assert "shop" not in (tmp_path / "history" / "pulse.json").read_text()


async def test_new_account_does_not_inherit_a_name(desk: Desk) -> None:
    desk.folder.append("cafe", [Mark(START, UP)])
    recorder = await desk.begin()
    recorder.added("cafe")
    recorder.note(replace(SHOP, id="cafe"))
    await desk.written()
    assert len(desk.folder.marks("cafe")) == 1
    assert desk.folder.marks("cafe")[0].reason is Reason.LOGGED_IN
    await recorder.close()


async def test_end_leaves_no_timer_and_takes_nothing_more(desk: Desk) -> None:
    recorder = await desk.begin()
    recorder.note(replace(SHOP, replied=1))
    await recorder.close()
    await recorder.close()
    recorder.note(LOST)
    assert desk.time.pending == 0
    assert recorder._writing is None
    assert [mark.phase for mark in desk.folder.marks("shop")] == [UP, UNKNOWN]


# --- in the manager ------------------------------------------------------------------------------


async def test_manager_records_what_its_sessions_go_through(tmp_path: Path) -> None:
    world = World(tmp_path, accounts=("shop",))
    worker = await world.connected()
    await world.time.advance(3600)
    worker.report(ev.LinkLost())
    await world.time.advance(3)
    worker.report(ev.LoggedIn(phone="34600111222"))
    worker.report(ev.Answered(received=4, replied=3))
    await world.time.advance(60)
    spans = timeline(world.manager.history.marks("shop"), world.time.wall)
    (outage,) = outages(spans)
    assert (outage.cause, outage.repair) == (Reason.LINK_LOST, "redial")
    assert outage.length(world.time.wall) == timedelta(seconds=3)
    assert world.manager.snapshot("shop").answered_today == 3
    await world.manager.remove("shop")
    assert world.manager.history.marks("shop") == ()
    await world.manager.close()


async def test_manager_leaves_a_stopped_account_out_of_the_count(tmp_path: Path) -> None:
    world = World(tmp_path, accounts=("shop",))
    world.registry.update("shop", enabled=False)
    await world.manager.start()
    (mark,) = world.manager.history.marks("shop")
    assert mark.phase is Phase.OFF
    await world.manager.close()
