"""The live databases' folders: full, gone, elsewhere."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.sessions.fakes import FakeWorker, World, settle
from wabot_tray.core import events as ev
from wabot_tray.core.reasons import Reason
from wabot_tray.core.states import SessionState as S
from wabot_tray.sessions import launching
from wabot_tray.sessions.livewatch import LOW_BYTES
from wabot_tray.storage.live import LiveFiles
from wabot_tray.system.paths import Paths

MUCH = 1 << 30


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, accounts=("shop",))


@pytest.fixture
def free(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[Path, int]:
    """The bytes that are free in each runtime folder, of which there are two."""
    other = replace(world.paths, runtime=tmp_path / "other" / "one", runtime_in_ram=False)
    found = {world.paths.runtime: MUCH, other.runtime: MUCH}

    def left(folder: Path) -> int | None:
        return next((found[place] for place in found if place in folder.parents), None)

    def places(paths: Paths) -> list[Paths]:
        return [paths, other]

    monkeypatch.setattr(launching, "runtime_places", places)
    monkeypatch.setattr(launching, "free_bytes", left)
    monkeypatch.setattr(world.manager.live_watch, "_free", left)
    return found


def live(worker: FakeWorker) -> Path:
    """Do what a worker does first: have a database."""
    assert worker.started is not None
    folder = Path(worker.started.live_folder)
    (folder / LiveFiles.DATABASE).write_bytes(b"a database")
    return folder


async def looks(world: World) -> None:
    world.manager.live_watch.look()
    await world.time.advance(1)


async def test_folder_with_room_is_left_alone(world: World, free: dict[Path, int]) -> None:
    worker = await world.connected()
    assert world.paths.runtime in live(worker).parents
    await looks(world)
    assert (world.workers, world.updates) == ([worker], [])
    assert free


async def test_account_moves_out_of_a_folder_that_runs_full(
    world: World, free: dict[Path, int]
) -> None:
    worker = await world.connected()
    live(worker)
    here, there = free
    free[here] = LOW_BYTES - 1
    await looks(world)
    assert world.manager.snapshot("shop").notice is Reason.LIVE_FULL
    assert worker.ending == "stopped"  # politely: it seals what it has
    moved = world.worker
    assert moved is not worker
    assert moved.started is not None
    assert there in live(moved).parents
    assert not moved.started.live_in_ram
    moved.report(ev.LoggedIn(phone="34600111222"))
    await looks(world)
    assert world.state() is S.CONNECTED
    assert world.manager.snapshot("shop").notice is None


async def test_without_another_place_the_person_is_told_and_nothing_restarts(
    world: World, free: dict[Path, int]
) -> None:
    worker = await world.connected()
    live(worker)
    for folder in free:
        free[folder] = 0
    for _ in range(5):
        await looks(world)
    assert world.manager.snapshot("shop").notice is Reason.LIVE_FULL
    assert world.workers == [worker]
    free[next(iter(free))] = MUCH
    await looks(world)
    assert world.manager.snapshot("shop").notice is None


async def test_database_that_lost_its_name_is_sealed_and_made_anew(
    world: World, free: dict[Path, int]
) -> None:
    worker = await world.connected()
    folder = live(worker)
    (folder / LiveFiles.DATABASE).unlink()
    await looks(world)
    assert worker.ending == "stopped"
    assert len(world.workers) == 2
    assert free


async def test_database_that_was_left_behind_is_where_the_next_worker_goes(
    world: World, free: dict[Path, int]
) -> None:
    _, there = free
    left = replace(world.paths, runtime=there).live("shop")
    left.mkdir(parents=True)
    (left / LiveFiles.DATABASE).write_bytes(b"newer than the vault")
    worker = await world.connected()
    assert worker.started is not None
    assert Path(worker.started.live_folder) == left


async def test_place_that_cannot_be_made_is_passed_over(
    world: World, free: dict[Path, int]
) -> None:
    here, there = free
    here.parent.mkdir(parents=True)
    here.write_text("a file where the folder should be", encoding="utf-8")
    worker = await world.connected()
    assert worker.started is not None
    assert there in Path(worker.started.live_folder).parents
    await settle()
