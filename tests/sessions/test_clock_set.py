"""The wall clock is set by hours: nothing restarts, and what people are shown stays right."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.sessions.fakes import START, World, settle
from wabot_tray.core import events as ev
from wabot_tray.core.reasons import Reason
from wabot_tray.core.snapshot import PairingStage
from wabot_tray.core.states import SessionState as S
from wabot_tray.sessions.session import BAN_GRACE_S

JUMPS = pytest.mark.parametrize(
    "jump", [timedelta(hours=5), timedelta(hours=-5), timedelta(days=400), timedelta(days=-400)]
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, accounts=("shop",))


async def set_clock(world: World, jump: timedelta) -> None:
    """Set it, and let the watch find out, as it does within seconds."""
    world.time.wall += jump
    world.manager.check()
    await settle()
    world.manager.clock_set(jump)
    await settle()


@JUMPS
async def test_connected_account_is_asked_and_left_alone(world: World, jump: timedelta) -> None:
    worker = await world.connected()
    await world.time.advance(600)
    await set_clock(world, jump)
    world.manager.check()
    await world.manager.verify()
    await world.time.advance(3600)
    assert world.workers == [worker]
    snapshot = world.manager.snapshot("shop")
    assert (snapshot.state, snapshot.restarts) == (S.CONNECTED, 0)
    assert snapshot.since == world.time.wall - timedelta(seconds=4200)  # for how long stays right


@JUMPS
async def test_wait_keeps_its_length_and_says_the_right_time(world: World, jump: timedelta) -> None:
    await world.manager.start()
    await world.time.advance(0)
    for _ in range(6):
        world.worker.report(ev.DialFailed())
        await world.time.advance(61)
    world.worker.report(ev.DialFailed())
    await settle()
    due = world.manager.snapshot("shop").next_attempt_at
    assert due is not None
    left = due - world.time.wall
    count = len(world.workers)
    await set_clock(world, jump)
    shown = world.manager.snapshot("shop").next_attempt_at
    assert shown == world.time.wall + left
    await world.time.advance(left.total_seconds() - 1)
    world.manager.check()
    assert len(world.workers) == count
    await world.time.advance(2)
    assert len(world.workers) == count + 1


@JUMPS
async def test_ban_ends_after_its_length_by_no_other_clock(world: World, jump: timedelta) -> None:
    worker = await world.connected()
    until = world.time.wall + timedelta(hours=2)
    worker.report(ev.TemporarilyBanned(expires_at=until, code=101))
    await set_clock(world, jump)
    assert world.manager.snapshot("shop").expires_at == until + jump
    world.manager.check()
    await world.time.advance(2 * 3600 + BAN_GRACE_S - 1)
    world.manager.check()
    assert world.workers == [worker]
    await world.time.advance(2)
    assert world.state() is S.CONNECTING
    assert len(world.workers) == 2


async def test_ban_that_ended_in_a_sleep_is_tried_on_waking(world: World) -> None:
    worker = await world.connected()
    worker.report(ev.TemporarilyBanned(expires_at=START + timedelta(hours=2), code=101))
    world.time.monotonic_s += 3 * 3600  # asleep: the steady clock went on, no timer rang
    world.time.wall += timedelta(hours=3)
    world.manager.resumed()
    await world.time.advance(1)
    assert world.state() is S.CONNECTING
    assert worker.ending == "stopped"


@JUMPS
async def test_code_on_the_screen_keeps_its_time(world: World, jump: timedelta) -> None:
    world.registry.update("shop", paired=False)
    await world.manager.start()
    await world.manager.pair("shop")
    await world.time.advance(1)
    now = world.time.wall
    world.worker.report(
        ev.QrShown(
            code="secret",
            number=1,
            code_expires_at=now + timedelta(seconds=60),
            window_ends_at=now + timedelta(seconds=160),
        )
    )
    await settle()
    await set_clock(world, jump)
    shown = world.progress()[-1]
    assert shown.stage is PairingStage.CODE
    assert shown.code_expires_at == now + jump + timedelta(seconds=60)
    assert shown.window_ends_at == now + jump + timedelta(seconds=160)
    await world.time.advance(70)
    assert world.state() is S.PAIRING
    await world.time.advance(10)  # the code's time and the grace are over, as if nothing had been
    assert (world.state(), world.reason()) == (S.LOGGED_OUT, Reason.QR_EXPIRED)


@JUMPS
async def test_key_that_is_waited_for_is_waited_for(world: World, jump: timedelta) -> None:
    world.keys.reason = Reason.KEYRING_LOCKED
    await world.manager.start()
    await world.time.advance(2)
    await set_clock(world, jump)
    await world.time.advance(30)
    assert world.reason() is Reason.KEYRING_LOCKED
    world.keys.reason = None
    await world.time.advance(4)
    assert world.state() is S.CONNECTING


@JUMPS
async def test_crashes_are_counted_in_time_that_passed(world: World, jump: timedelta) -> None:
    await world.connected()
    for _ in range(4):
        world.worker.report(ev.WorkerExited(status=1))
        await world.time.advance(20)  # the wait of the back-off is over, the login is not
        world.worker.report(ev.LoggedIn(phone="34600111222"))
        await settle()
    await set_clock(world, jump)
    world.worker.report(ev.WorkerExited(status=1))
    assert (world.state(), world.reason()) == (S.FAILED, Reason.CRASH_LOOP)


async def test_worker_is_not_taken_for_hung_by_one_who_was_held_up(world: World) -> None:
    worker = await world.connected()
    worker.report(ev.Heartbeat())
    world.time.monotonic_s += 60  # nobody could ring a timer or read a pipe
    await world.time.advance(0)
    worker.report(ev.Heartbeat())
    await world.time.advance(10)
    assert world.workers == [worker]
    await world.time.advance(20)  # and now it is silent indeed
    assert worker.ending == "killed"
    assert world.reason() in {Reason.WORKER_SILENT, Reason.RETRYING}
