"""A worker that has grown too large is replaced in a quiet moment."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.sessions.fakes import World, settle
from wabot_tray.core import events as ev
from wabot_tray.core.reasons import Reason
from wabot_tray.core.states import SessionState as S
from wabot_tray.sessions.weight import LIMIT_BYTES, QUIET_S

LARGE = LIMIT_BYTES + 1


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path, accounts=("shop",))
    yield world
    await world.manager.close()
    assert world.time.pending == 0


def beat(memory_bytes: int, idle_s: float) -> ev.Heartbeat:
    return ev.Heartbeat(memory_bytes=memory_bytes, idle_s=idle_s)


async def test_large_worker_is_replaced_politely_when_nobody_writes(world: World) -> None:
    worker = await world.connected()
    worker.report(beat(LARGE, QUIET_S - 1))
    await settle()
    assert world.worker is worker
    worker.report(beat(LARGE, QUIET_S))
    await settle()
    assert worker.ending == "stopped"  # sealed, not killed
    assert world.worker is not worker
    assert (world.state(), world.reason()) == (S.CONNECTING, Reason.WORKER_TOO_LARGE)


async def test_worker_of_an_ordinary_size_stays(world: World) -> None:
    worker = await world.connected()
    for size in (0, 70_000_000, LIMIT_BYTES):
        worker.report(beat(size, 86_400))
    await settle()
    assert world.worker is worker


async def test_worker_twice_too_large_is_not_waited_for(world: World) -> None:
    worker = await world.connected()
    worker.report(beat(2 * LIMIT_BYTES + 1, 0))
    await settle()
    assert world.worker is not worker


async def test_worker_that_needs_so_much_is_replaced_once_an_hour(world: World) -> None:
    await world.connected()
    started = len(world.workers)
    for _ in range(120):  # two hours
        world.worker.report(beat(LARGE, 100))
        await settle()
        if world.state() is S.CONNECTING:
            world.worker.report(ev.LoggedIn(phone="34600111222"))
        for _ in range(6):
            await world.time.advance(10)
            world.worker.report(beat(70_000_000, 100))
    assert len(world.workers) - started == 2


async def test_large_worker_that_is_not_connected_is_left_to_its_deadline(world: World) -> None:
    worker = await world.connected()
    worker.report(ev.LinkLost())
    worker.report(beat(LARGE, 100))
    await settle()
    assert world.worker is worker
    assert world.state() is S.RECONNECTING
