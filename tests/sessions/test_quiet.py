"""Hours without a word from anybody, with time in the test's hands."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.sessions.fakes import World
from wabot_tray.core import events as ev
from wabot_tray.core.settings import Settings
from wabot_tray.core.states import SessionState as S

HEARTBEAT_S = 5
NAMES = ("shop", "bakery", "bikes")
SETTINGS = Settings()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path, accounts=NAMES)
    await world.connected()
    yield world
    await world.manager.close()


async def pass_quietly(world: World, hours: float) -> None:
    """Do what the program does while nobody writes: beat, look, and ask WhatsApp."""
    began = world.time.monotonic_s
    next_check_s, next_verify_s = SETTINGS.check_interval_s, SETTINGS.verify_interval_s
    while (gone_s := world.time.monotonic_s - began) < hours * 3600:
        for worker in [worker for worker in world.workers if not worker.ending]:
            worker.report(ev.Heartbeat())
        if gone_s >= next_check_s:
            world.manager.check()
            next_check_s += SETTINGS.check_interval_s
        if gone_s >= next_verify_s:
            await world.manager.verify()
            next_verify_s += SETTINGS.verify_interval_s
        await world.time.advance(HEARTBEAT_S)


async def test_hours_of_quiet_restart_nobody(world: World) -> None:
    before = list(world.workers)
    await pass_quietly(world, 2)
    assert world.workers == before
    assert [world.states(name) for name in NAMES] == [[S.CONNECTED]] * 3
    for name in NAMES:
        snapshot = world.manager.snapshot(name)
        assert snapshot.restarts == 0
        assert snapshot.last_verified_at is not None
        since = world.time.wall - snapshot.last_verified_at
        assert since.total_seconds() <= SETTINGS.verify_interval_s + HEARTBEAT_S


async def test_zombie_among_quiet_accounts_is_found_within_one_interval(world: World) -> None:
    zombie = next(worker for worker in world.workers if worker.account_id == "bakery")
    others = [worker for worker in world.workers if worker is not zombie]
    await pass_quietly(world, 1)
    zombie.answers_verify = False
    await pass_quietly(world, (SETTINGS.verify_interval_s + 2 * HEARTBEAT_S) / 3600)
    assert zombie.ending == "killed"
    assert world.state("bakery") is S.CONNECTING
    assert not any(worker.ending for worker in others)
