"""A disk or a key that comes back: tried again by itself, and never in a storm."""

import itertools
import os
from pathlib import Path

import pytest

from tests.sessions.fakes import World
from wabot_tray.core import events as ev
from wabot_tray.core.reasons import Reason
from wabot_tray.core.states import SessionState as S
from wabot_tray.storage import room


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, accounts=("shop",))


async def passes(world: World, seconds: float) -> None:
    """Let time pass; the looks at the disk are done in a thread."""
    for _ in range(round(seconds)):
        await world.time.advance(1)
        look = world.manager._return_watch._look
        if look is not None:
            await look


@pytest.mark.parametrize(
    "reason", [Reason.DISK_FULL, Reason.STORAGE_UNWRITABLE, Reason.IN_USE_ELSEWHERE]
)
async def test_disk_that_can_be_written_again_is_used_again(
    world: World, monkeypatch: pytest.MonkeyPatch, reason: Reason
) -> None:
    worker = await world.connected()
    has_room = False
    monkeypatch.setattr("wabot_tray.sessions.launching.can_keep", lambda _: has_room)
    worker.report(ev.StorageFailed(reason=reason))
    await passes(world, 60)
    assert (world.state(), world.reason()) == (S.FAILED, reason)
    assert world.workers == [worker]
    has_room = True
    await passes(world, 4)
    assert world.state() is S.CONNECTING
    assert len(world.workers) == 2


async def test_disk_that_only_looks_well_is_tried_ever_more_rarely(world: World) -> None:
    worker = await world.connected()
    worker.report(ev.StorageFailed(reason=Reason.DISK_FULL))
    tries = []
    for second in range(900):
        before = len(world.workers)
        await passes(world, 1)
        if len(world.workers) > before:
            tries.append(second)
            world.worker.report(ev.StorageFailed(reason=Reason.DISK_FULL))
    gaps = [later - earlier for earlier, later in itertools.pairwise(tries)]
    assert gaps == sorted(gaps)
    assert 60 <= gaps[-1] <= 64
    assert len(tries) < 22


@pytest.mark.parametrize("reason", [Reason.VAULT_DAMAGED, Reason.VAULT_TOO_NEW])
async def test_what_no_disk_brings_back_is_left_to_the_person(world: World, reason: Reason) -> None:
    worker = await world.connected()
    worker.report(ev.StorageFailed(reason=reason))
    await passes(world, 600)
    assert world.workers == [worker]


async def test_folder_that_could_not_be_made_is_made_later(world: World) -> None:
    world.paths.sessions.write_text("a file where the folder should be", encoding="utf-8")
    await world.manager.start()
    await passes(world, 8)
    assert (world.state(), world.reason()) == (S.FAILED, Reason.STORAGE_UNWRITABLE)
    world.paths.sessions.unlink()
    await passes(world, 4)
    assert world.state() is S.CONNECTING


async def test_looking_ends_with_the_program_and_with_the_wish(world: World) -> None:
    worker = await world.connected()
    worker.report(ev.StorageFailed(reason=Reason.DISK_FULL))
    await world.manager.stop("shop")
    await passes(world, 10)
    assert world.time.pending == 0
    assert world.state() is S.STOPPED
    await world.manager.close()


def test_room_is_told_by_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert room.can_keep(tmp_path)
    assert not room.can_keep(tmp_path / "missing")
    free = room.free_bytes(tmp_path)
    assert free is not None
    assert free > 0
    assert room.free_bytes(tmp_path / "missing") is None
    monkeypatch.setattr(os, "write", lambda *_: 1)  # a disk that takes only a part
    assert not room.can_keep(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_full_disk_is_told_from_one_that_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not room.is_full(tmp_path)
    assert not room.is_full(tmp_path / "missing")
    monkeypatch.setattr(room, "free_bytes", lambda _: 4096)
    assert room.is_full(tmp_path)


async def test_fault_after_a_good_repair_is_repaired_at_once_again(tmp_path: Path) -> None:
    world = World(tmp_path, accounts=("shop",))
    await world.connected()
    for _ in range(6):  # a fault a minute: each repair was good, none has to wait for the last
        await world.time.advance(60)
        world.worker.report(ev.LinkLost())
        await world.time.advance(21)  # the library does not repair it; a new worker does
        assert world.state() is S.CONNECTING
        world.worker.report(ev.LoggedIn(phone="34600111222"))
    await world.manager.close()


async def test_fault_right_after_a_repair_waits_longer_and_longer(tmp_path: Path) -> None:
    world = World(tmp_path, accounts=("shop",))
    await world.connected()
    waited = 0
    for _ in range(3):  # the link breaks a second after each login: the repair was none
        await world.time.advance(1)
        world.worker.report(ev.LinkLost())
        await world.time.advance(21)
        waited += world.state() is S.WAITING
        await world.time.advance(61)
        world.worker.report(ev.LoggedIn(phone="34600111222"))
    assert waited == 2  # all but the first
    await world.manager.close()
