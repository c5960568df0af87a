"""The way each account takes, and what happens when it changes."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.sessions.fakes import World, settle
from wabot_tray.core.errors import AccountError, KeyUnavailableError, SettingsError
from wabot_tray.core.reasons import Reason
from wabot_tray.core.settings import Settings
from wabot_tray.core.states import SessionState as S
from wabot_tray.sessions import ways as module
from wabot_tray.sessions.reachability import Door
from wabot_tray.sessions.ways import DoorWatches, Ways

PROXY = "http://ana@proxy.example:3128"


class Passwords:
    """Some passwords, or a locked keyring."""

    def __init__(self) -> None:
        self.known = {PROXY: "geheim"}
        self.refusal: KeyUnavailableError | None = None

    async def get(self, address: str) -> str:
        if self.refusal is not None:
            raise self.refusal
        return self.known.get(address, "")


@pytest.fixture
def passwords() -> Passwords:
    return Passwords()


@pytest.fixture
async def world(tmp_path: Path, passwords: Passwords) -> AsyncIterator[World]:
    world = World(tmp_path, accounts=("shop", "bar"), passwords=passwords)
    yield world
    await world.manager.close()


async def test_account_takes_the_settings_way_or_its_own(world: World) -> None:
    ways = world.manager.ways
    assert ways.by_account() == {"shop": "system", "bar": "system"}
    assert await ways.url_of("shop") is None
    world.manager.use(Settings(proxy=PROXY))
    world.manager.set_proxy("bar", "none")
    assert await ways.url_of("shop") == "http://ana:geheim@proxy.example:3128"
    assert await ways.url_of("bar") == ""
    assert ways.all() == {PROXY: ["shop"], "none": ["bar"]}
    world.manager.set_proxy("bar", "")
    assert ways.of("bar") == PROXY


async def test_worker_is_told_its_way_with_the_password(world: World) -> None:
    world.manager.use(Settings(proxy=PROXY))
    await world.connected()
    started = world.workers[0].started
    assert started is not None
    assert started.proxy == "http://ana:geheim@proxy.example:3128"
    assert "geheim" not in repr(started)


async def test_password_behind_a_locked_keyring_waits_for_it(
    world: World, passwords: Passwords
) -> None:
    passwords.refusal = KeyUnavailableError(Reason.KEYRING_LOCKED)
    world.manager.use(Settings(proxy=PROXY))
    await world.manager.start()
    await world.time.advance(1)
    assert (world.state(), world.reason()) == (S.FAILED, Reason.KEYRING_LOCKED)


async def test_changed_way_makes_a_new_link_for_those_it_is_about(world: World) -> None:
    await world.connected()
    shop, bar = world.workers
    world.manager.set_proxy("bar", "none")
    await world.time.advance(1)
    assert (shop.ending, bar.ending) == ("", "stopped")
    world.manager.use(Settings(proxy=PROXY))
    await world.time.advance(1)
    assert shop.ending == "stopped"
    assert len(world.workers) == 4
    assert world.worker.account_id == "shop"
    count = len(world.workers)
    world.manager.use(replace(Settings(proxy=PROXY), theme="dark"))
    world.manager.set_proxy("bar", "none")
    await world.time.advance(1)
    assert len(world.workers) == count
    world.manager.dial_anew(PROXY)  # another password
    await world.time.advance(1)
    assert [worker.account_id for worker in world.workers[count:]] == ["shop"]


async def test_way_of_a_stopped_account_changes_without_a_worker(world: World) -> None:
    await world.connected()
    await world.manager.stop("bar")
    count = len(world.workers)
    world.manager.set_proxy("bar", PROXY)
    await world.time.advance(1)
    assert len(world.workers) == count
    assert world.state("bar") is S.STOPPED


async def test_refused_way_changes_nothing(world: World) -> None:
    with pytest.raises(SettingsError):
        world.manager.set_proxy("shop", "gopher://x")
    with pytest.raises(AccountError):
        world.manager.set_proxy("nobody", "none")
    assert world.registry.get("shop").proxy == ""


async def test_own_way_is_found_again_after_a_restart(world: World) -> None:
    world.manager.set_proxy("shop", "socks5://10.0.0.1")
    (shop, _) = world.registry.load()
    assert shop.proxy == "socks5://10.0.0.1:1080"


async def test_way_of_another_version_is_kept_unused(world: World) -> None:
    world.manager.set_proxy("shop", "none")
    path = world.paths.registry_file
    _write(path, _read(path).replace('"none"', '"gopher://x"'))
    (shop, _) = world.registry.load()
    assert shop.proxy == ""
    world.registry.update("shop", label="Other")
    assert "gopher://x" in _read(path)


class FakeDoor(Door):
    """Opens when the test says so."""

    open_ways: set[str | None]

    def __init__(self, url: str | None) -> None:
        super().__init__(("nowhere", 1))
        self.url = url

    async def is_open(self) -> bool:
        return self.url in self.open_ways


async def test_each_way_is_watched_by_itself(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    FakeDoor.open_ways = {""}
    monkeypatch.setattr(module, "door_by", lambda _address, url, _environ: FakeDoor(url))
    world.manager.set_proxy("shop", PROXY)
    world.manager.set_proxy("bar", "none")
    back: list[list[str]] = []
    ticks: list[asyncio.Future[None]] = []

    async def pause(_seconds: float) -> None:
        ticks.append(asyncio.get_running_loop().create_future())
        await ticks[-1]

    async def tick() -> None:
        due, ticks[:] = list(ticks), []
        for one in due:
            if not one.done():
                one.set_result(None)
        await settle()

    watches = DoorWatches(world.manager.ways, ("x", 1), bool, back.append, pause)
    running = asyncio.create_task(watches.run())
    await settle()
    assert set(watches.watched) == {"system", PROXY, "none"}
    await tick()
    assert back == []
    FakeDoor.open_ways = {"", "http://ana:geheim@proxy.example:3128"}
    await tick()
    assert back == [["shop"]]  # the other door was open all along
    world.manager.set_proxy("shop", "")
    await tick()
    assert set(watches.watched) == {"system", "none"}
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await settle()
    assert all(watch.done() for watch in watches.watched.values())


async def test_look_does_without_a_password_that_cannot_be_had(passwords: Passwords) -> None:
    passwords.refusal = KeyUnavailableError(Reason.KEYRING_LOCKED)
    ways = Ways(None, passwords, Settings)  # type: ignore[arg-type]  # asks for no account
    assert await ways.url_at_hand(PROXY) == PROXY
    assert await ways.url_at_hand("none") == ""
    assert await ways.url_at_hand("http://ana:own@proxy:1") == "http://ana:own@proxy:1"


def _read(path: Path) -> str:
    return path.read_text()


def _write(path: Path, text: str) -> None:
    path.write_text(text)
