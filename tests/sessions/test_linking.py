"""Linking by number: when codes are asked for, how many, and what changing the way costs."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.sessions.fakes import FakeWorker, World, settle
from wabot_tray.core import codes, commands
from wabot_tray.core import events as ev
from wabot_tray.core.errors import ControlError
from wabot_tray.core.reasons import Reason
from wabot_tray.core.snapshot import PairingProgress, PairingStage, PairingWay
from wabot_tray.core.states import SessionState as S
from wabot_tray.storage.registry import Registry

NUMBER = "34600111222"
OTHER = "573001234567"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A program with one account that no phone is linked to."""
    world = World(tmp_path, accounts=("shop",))
    world.registry.update("shop", paired=False, phone=None)
    await world.manager.start()
    yield world
    await world.manager.close()
    assert world.time.pending == 0


def qr(world: World, number: int = 1) -> ev.QrShown:
    now, left_s = world.time.wall, 160 if number == 1 else 120 - 20 * number
    return ev.QrShown(
        code=f"qr-{number}",
        number=number,
        code_expires_at=now + timedelta(seconds=60 if number == 1 else 20),
        window_ends_at=now + timedelta(seconds=left_s),
    )


def give(world: World, code: str = "ABCD-1234", phone: str = NUMBER) -> None:
    expires_at = world.time.wall + timedelta(seconds=160)
    world.worker.report(ev.LinkCodeShown(code=code, phone=phone, expires_at=expires_at))


async def begin(world: World, phone: str = NUMBER) -> FakeWorker:
    """Ask for a code, and let the worker come as far as its first QR code."""
    await world.manager.pair("shop", phone)
    await world.time.advance(1)
    world.worker.report(qr(world))
    return world.worker


def asked(worker: FakeWorker) -> list[str]:
    return [command.phone for command in worker.told if isinstance(command, commands.AskCode)]


def last(world: World) -> PairingProgress:
    return world.progress()[-1]


async def test_code_is_asked_for_once_qr_codes_show_and_ends_connected(world: World) -> None:
    await world.manager.pair("shop", NUMBER)
    await world.time.advance(1)
    assert asked(world.worker) == []
    world.worker.report(qr(world))
    assert asked(world.worker) == [NUMBER]
    assert (last(world).stage, last(world).way) == (PairingStage.STARTING, PairingWay.PHONE)
    give(world)
    shown = last(world)
    assert (shown.stage, shown.way, shown.code) == (
        PairingStage.CODE,
        PairingWay.PHONE,
        "ABCD-1234",
    )
    assert shown.code_expires_at == world.time.wall + timedelta(seconds=160)
    assert world.reason() is Reason.WAITING_FOR_CODE
    world.worker.report(qr(world, 2))  # they come all the same, and change nothing that is seen
    assert last(world) is shown
    assert asked(world.worker) == [NUMBER]
    assert world.reason() is Reason.WAITING_FOR_CODE
    assert "ABCD" not in repr(shown) + repr(world.worker.told)
    assert NUMBER not in repr(world.worker.told)
    world.worker.report(ev.PairingSucceeded(phone=NUMBER))
    world.worker.report(ev.LoggedIn(phone=NUMBER))
    assert (last(world).stage, last(world).way) == (PairingStage.DONE, PairingWay.PHONE)
    assert world.manager.code_allowance("shop") == codes.CodeAllowance(left=3)


async def test_changing_the_way_and_back_shows_what_is_there(world: World) -> None:
    worker = await begin(world, "")
    assert (last(world).way, last(world).code) == (PairingWay.QR, "qr-1")
    await world.manager.pair("shop", NUMBER)
    assert last(world).stage is PairingStage.STARTING
    give(world)
    await world.manager.pair("shop")
    assert (last(world).way, last(world).code) == (PairingWay.QR, "qr-1")
    assert world.reason() is Reason.WAITING_FOR_SCAN
    await world.manager.pair("shop", NUMBER)
    assert (last(world).way, last(world).code) == (PairingWay.PHONE, "ABCD-1234")
    assert world.reason() is Reason.WAITING_FOR_CODE
    assert asked(worker) == [NUMBER]
    assert world.workers == [worker]
    assert world.manager.code_allowance("shop").left == 2


async def test_way_chosen_before_the_first_code_is_the_one_that_counts(world: World) -> None:
    await world.manager.pair("shop")
    await world.manager.pair("shop", NUMBER)
    await world.time.advance(1)
    world.worker.report(qr(world))
    assert asked(world.worker) == [NUMBER]
    assert len(world.workers) == 1


async def test_another_number_gets_another_code_on_the_same_connection(world: World) -> None:
    worker = await begin(world)
    give(world)
    await world.manager.pair("shop", OTHER)
    assert asked(worker) == [NUMBER, OTHER]
    give(world, "ZZZZ-9999", OTHER)
    assert (last(world).code, last(world).phone) == ("ZZZZ-9999", OTHER)
    assert world.manager.code_allowance("shop").left == 1


async def test_code_that_comes_after_the_way_was_changed_is_not_shown(world: World) -> None:
    await begin(world)
    await world.manager.pair("shop")
    give(world)
    assert last(world).way is PairingWay.QR
    assert world.manager.code_allowance("shop").left == 2  # WhatsApp gave it all the same


async def test_late_in_an_attempt_a_code_gets_a_new_one(world: World) -> None:
    worker = await begin(world, "")
    await world.time.advance(59)
    world.worker.report(qr(world, 2))
    await world.manager.pair("shop", NUMBER)
    await world.time.advance(1)
    assert world.worker is not worker  # 80 s would not do to fetch the phone and type
    assert worker.ending


async def test_new_code_of_the_same_way_begins_anew(world: World) -> None:
    worker = await begin(world)
    give(world)
    await begin(world)
    assert world.worker is not worker
    give(world, "EFGH-5678")
    assert last(world).code == "EFGH-5678"
    assert world.manager.code_allowance("shop").left == 1


async def test_code_nobody_types_expires_as_such(world: World) -> None:
    worker = await begin(world)
    give(world)
    worker.report(ev.PairingFailed(reason=Reason.QR_EXPIRED))
    assert (world.state(), world.reason()) == (S.LOGGED_OUT, Reason.CODE_EXPIRED)
    assert (last(world).stage, last(world).way) == (PairingStage.FAILED, PairingWay.PHONE)


async def test_worker_that_falls_silent_with_a_code_expires(world: World) -> None:
    await begin(world)
    give(world)
    await world.time.advance(160 + 15)
    assert (world.state(), world.reason()) == (S.LOGGED_OUT, Reason.CODE_EXPIRED)


async def test_qr_code_spoilt_by_a_typed_one_is_made_anew(world: World) -> None:
    worker = await begin(world)
    give(world)
    await world.manager.pair("shop")
    worker.report(ev.PairingFailed(reason=Reason.QR_REJECTED))
    assert (last(world).stage, last(world).way) == (PairingStage.STARTING, PairingWay.QR)
    await world.time.advance(1)
    assert world.worker is not worker
    world.worker.report(qr(world))
    world.worker.report(ev.PairingFailed(reason=Reason.QR_REJECTED))
    assert (world.state(), world.reason()) == (S.LOGGED_OUT, Reason.QR_REJECTED)


async def test_clock_that_is_set_moves_both_codes(world: World) -> None:
    await begin(world)
    give(world)
    jump = timedelta(hours=3)
    world.time.wall += jump
    world.manager.clock_set(jump)
    assert last(world).code_expires_at == world.time.wall + timedelta(seconds=160)
    await world.manager.pair("shop")
    assert last(world).code_expires_at == world.time.wall + timedelta(seconds=60)


@pytest.mark.parametrize("reason", [Reason.NUMBER_REFUSED, Reason.PAIRING_NO_NETWORK])
async def test_refused_code_ends_the_attempt_and_counts_nothing(
    world: World, reason: Reason
) -> None:
    worker = await begin(world)
    worker.report(ev.LinkCodeRefused(reason=reason))
    assert (world.state(), world.reason()) == (S.LOGGED_OUT, reason)
    assert world.manager.code_allowance("shop").left == 3


async def test_refusal_after_the_way_was_changed_leaves_the_qr_code(world: World) -> None:
    worker = await begin(world)
    await world.manager.pair("shop")
    worker.report(ev.LinkCodeRefused(reason=Reason.NUMBER_REFUSED))
    assert world.state() is S.PAIRING
    assert last(world).code == "qr-1"


async def test_whatsapps_own_limit_begins_the_pause_at_once(world: World) -> None:
    worker = await begin(world)
    worker.report(ev.LinkCodeRefused(reason=Reason.CODE_LIMIT))
    assert world.reason() is Reason.CODE_LIMIT
    again_at = world.manager.code_allowance("shop").again_at
    assert again_at == world.time.wall + codes.PAUSE
    with pytest.raises(ControlError, match="codes_paused"):
        await world.manager.pair("shop", NUMBER)


async def test_fourth_code_waits_a_quarter_of_an_hour_through_a_restart(world: World) -> None:
    for number in range(3):
        await begin(world)
        give(world, f"AAAA-000{number}")
        await world.manager.cancel_pairing("shop")
        await world.time.advance(60)
    third = world.time.wall - timedelta(seconds=60)
    with pytest.raises(ControlError) as refused:
        await world.manager.pair("shop", NUMBER)
    assert refused.value.params == {"id": "shop", "minutes": 14}
    assert world.manager.code_allowance("shop").again_at == third + codes.PAUSE
    later = Registry(world.paths.registry_file, clock=world.time.clock)  # another start
    later.load()
    assert codes.allowance(later.get("shop").codes, world.time.wall).left == 0
    await world.manager.pair("shop")  # the other way is open
    await world.manager.cancel_pairing("shop")
    await world.time.advance(14 * 60)
    await begin(world)
    give(world)
    assert world.manager.code_allowance("shop").left == 2


async def test_pause_keeps_the_last_code_that_shows(world: World) -> None:
    for _ in range(3):
        await begin(world)
        give(world)
        await world.time.advance(1)
        if world.manager.code_allowance("shop").left:
            await world.manager.cancel_pairing("shop")
    await world.manager.pair("shop")
    await world.manager.pair("shop", NUMBER)  # no new one: it is there
    assert (last(world).way, last(world).stage) == (PairingWay.PHONE, PairingStage.CODE)
    for number in (OTHER, NUMBER):  # another, or a newer one
        with pytest.raises(ControlError, match="codes_paused"):
            await world.manager.pair("shop", number)
    assert last(world).stage is PairingStage.CODE


async def test_scanned_phone_is_not_disturbed_by_another_wish(world: World) -> None:
    worker = await begin(world)
    worker.report(ev.PairingSucceeded(phone=NUMBER))
    await world.manager.pair("shop", OTHER)
    await settle()
    assert asked(worker) == [NUMBER]
    assert last(world).stage is PairingStage.LINKING


@pytest.mark.parametrize("clock_moved", [timedelta(0), timedelta(hours=-5)])
def test_no_pause_is_longer_than_it_is(world: World, clock_moved: timedelta) -> None:
    now: datetime = world.time.wall + clock_moved
    again_at = codes.allowance(codes.used_up(world.time.wall), now).again_at
    assert again_at is not None
    assert again_at - now == codes.PAUSE


def test_codes_far_apart_are_no_series(world: World) -> None:
    asked: tuple[datetime, ...] = ()
    now = world.time.wall
    for _ in range(5):
        now += timedelta(minutes=16)
        assert codes.allowance(asked, now) == codes.CodeAllowance(left=3)
        asked = codes.with_one_more(asked, now)
    assert asked == (now,)
