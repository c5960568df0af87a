"""Accounts that are set down: no worker lives meanwhile, and what is wanted comes back."""

import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.sessions.fakes import World, settle
from wabot_tray.core.errors import ControlError
from wabot_tray.core.states import SessionState as S


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path, accounts=("shop", "bar"))
    await world.manager.start()
    await world.time.advance(1)
    yield world
    await world.manager.close()
    assert world.time.pending == 0


async def test_set_down_account_has_no_worker_and_comes_back_as_listed(world: World) -> None:
    before = len(world.workers)
    async with world.manager.set_down(("shop",)) as registry:
        assert world.manager.snapshot("shop").state is S.STOPPED
        assert world.manager.snapshot("bar").state is S.CONNECTING
        await world.time.advance(120)
        shop = [worker for worker in world.workers if worker.account_id == "shop"]
        assert all(worker.ending for worker in shop)
        registry.put([dataclasses.replace(registry.get("shop"), label="Restored")])
    await world.time.advance(1)
    assert world.manager.snapshot("shop").state is S.CONNECTING
    assert world.manager.snapshot("shop").label == "Restored"
    assert len(world.workers) > before


async def test_account_that_is_new_in_the_list_begins(world: World) -> None:
    told: list[str] = []
    world.manager.subscribe(lambda update: told.append(update.id))
    async with world.manager.set_down(("new", "off")) as registry:
        shop = registry.get("shop")
        registry.put(
            [
                dataclasses.replace(shop, id="new"),
                dataclasses.replace(shop, id="off", enabled=False),
            ]
        )
    await settle()
    assert world.manager.snapshot("new").state is S.CONNECTING
    assert world.manager.snapshot("off").state is S.STOPPED
    assert {"new", "off"} <= set(told)


async def test_set_down_account_refuses_every_wish(world: World) -> None:
    manager = world.manager
    async with manager.set_down(("shop", "new")):
        for work in (
            manager.connect,
            manager.stop,
            manager.reconnect,
            manager.pair,
            manager.remove,
        ):
            with pytest.raises(ControlError) as caught:
                await work("shop")
            assert caught.value.message_key == "error.restore_under_way"
        with pytest.raises(ControlError):
            manager.add("new")
        with pytest.raises(ControlError):
            async with manager.set_down(("shop",)):
                raise AssertionError
    await manager.stop("shop")


async def test_account_comes_back_where_the_block_failed(world: World) -> None:
    with pytest.raises(OSError, match="no room"):
        async with world.manager.set_down(("shop",)):
            raise OSError("no room")
    await settle()
    assert world.manager.snapshot("shop").state is S.CONNECTING
