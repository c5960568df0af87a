"""The tray as a StatusNotifier panel sees it: a real child process, a real bus, real dbusmenu."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.desktop import Desktop, start_desktop
from tests.gui.sni_host import Entry, SniHost
from wabot_tray.gui.colours import AMBER, GREEN, RED

LIMIT_S = 15.0


class Child:
    """The program under test and the line-by-line talk with it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def fact(self, name: str) -> Any:
        """Return the next fact of that name."""
        assert self.process.stdout is not None
        async with asyncio.timeout(LIMIT_S):
            while line := await self.process.stdout.readline():
                found = json.loads(line)
                if name in found:
                    return found[name]
        raise AssertionError(f"the program ended without {name!r}")

    def tell(self, **changes: Any) -> None:
        assert self.process.stdin is not None
        named = {name.replace("_", "-"): change for name, change in changes.items()}
        self.process.stdin.write(json.dumps(named).encode() + b"\n")

    async def stop(self) -> None:
        if self.process.returncode is None:
            assert self.process.stdin is not None
            self.process.stdin.close()
            await asyncio.wait_for(self.process.wait(), LIMIT_S)


@pytest.fixture
def bare() -> Any:
    """A desktop without any tray."""
    with start_desktop(tray=False) as made:
        yield made


@pytest.fixture
async def host(bare: Desktop) -> AsyncIterator[SniHost]:
    made = await SniHost.start(bare.bus.address)
    yield made
    await made.close()


@pytest.fixture
async def child(bare: Desktop, host: SniHost) -> AsyncIterator[Child]:
    del host  # only has to be there first
    made = await start_child(bare)
    yield made
    await made.stop()
    assert made.process.returncode == 0


async def start_child(desktop: Desktop) -> Child:
    return Child(
        await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.gui.tray_child",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=desktop.env(),
        )
    )


async def until(look: Any, wanted: Any) -> None:
    """Wait until the coroutine function `look` answers `wanted`."""
    end = asyncio.get_running_loop().time() + LIMIT_S
    while True:
        found = await look()
        if found == wanted or asyncio.get_running_loop().time() > end:
            break
        await asyncio.sleep(0.05)
    assert found == wanted


def shown(menu: Entry) -> list[Entry]:
    return [
        entry
        for entry in menu.children
        if entry.properties.get("type") != "separator" and entry.properties.get("visible", True)
    ]


def labels(menu: Entry) -> list[str]:
    return [entry.label for entry in shown(menu)]


def find(menu: Entry, label: str) -> Entry:
    return next(entry for entry in menu.walk() if entry.label == label)


async def test_icon_follows_the_worst_state(child: Child, host: SniHost) -> None:
    await until(host.colour, GREEN)
    child.tell(account_1=["waiting", "dial-failed"])
    await until(host.colour, AMBER)
    child.tell(account_0=["failed", "crash-loop"])
    await until(host.colour, RED)
    lines = (await host.tooltip()).splitlines()
    assert lines[0] == "La Tienda de Rosa: disconnected, needs you"
    assert lines[1].startswith("Panadería El Trigal: disconnected")
    child.tell(account_0=["connected", "logged-in"], account_1=["connected", "logged-in"])
    await until(host.colour, GREEN)


async def test_menu_and_tooltip_in_another_language_take_the_place_of_the_first(
    child: Child, host: SniHost
) -> None:
    assert (await child.fact("present")) is True
    assert "Reconnect now" in labels(await host.menu())
    child.tell(language="es")

    async def said() -> bool:
        with contextlib.suppress(AssertionError):  # the icon is made anew, and away for a moment
            return "Reconectar ahora" in labels(await host.menu())
        return False

    await until(said, True)
    menu = await host.menu()
    assert labels(menu)[:2] == ["La Tienda de Rosa — Conectada", "Panadería El Trigal — Conectada"]
    assert "Reconnect now" not in labels(menu)
    assert "conectada desde" in await host.tooltip()
    await host.click(find(menu, "Abrir panel"))
    assert await child.fact("wanted") == "dashboard"


async def test_menu_names_accounts_first_and_then_the_program(child: Child, host: SniHost) -> None:
    assert await child.fact("present") is True
    menu = await host.menu()
    assert labels(menu) == [
        "La Tienda de Rosa — Connected",
        "Panadería El Trigal — Connected",
        "Reconnect now",
        "Pair a phone…",
        "Open dashboard",
        "Quit",
    ]
    of_account = labels(shown(menu)[0])
    assert of_account == ["Reconnect now", "Pair again…", "Verify now", "Stop"]


async def test_menu_follows_accounts_in_place(child: Child, host: SniHost) -> None:
    before = {entry.label: entry.id for entry in (await host.menu()).children}
    child.tell(account_0=["replaced", "replaced"], account_1=None, account_2=[])
    renamed = "La Tienda de Rosa — Disconnected, in use elsewhere"

    async def names() -> list[str]:
        return labels(await host.menu())[:2]

    await until(names, [renamed, "ACCOUNT-2 — Disconnected, not linked"])
    menu = await host.menu()
    after = {entry.label: entry.id for entry in menu.children}
    assert after[renamed] == before["La Tienda de Rosa — Connected"]
    assert after["Quit"] == before["Quit"]
    assert "Take over here" in labels(shown(menu)[0])


async def test_clicks_reach_the_accounts(child: Child, host: SniHost) -> None:
    menu = await host.menu()
    await host.click(find(shown(menu)[1], "Stop"))
    assert await child.fact("call") == ["stop", "account-1"]
    await host.click(next(entry for entry in menu.children if entry.label == "Reconnect now"))
    assert await child.fact("call") == ["reconnect", "account-0"]
    assert await child.fact("said") == "Trying again right now: La Tienda de Rosa."
    await host.activate()
    assert await child.fact("wanted") == "dashboard"


async def test_middle_click_does_nothing(child: Child, host: SniHost) -> None:
    await host.activate_secondary()
    await host.activate()  # the only one that is answered
    assert await child.fact("wanted") == "dashboard"
    child.tell(account_0=["stopped", "stopped-by-person"])
    await host.click(find(await host.menu(), "Open dashboard"))
    assert await child.fact("wanted") == "dashboard"


async def test_menu_is_ours_to_give_and_the_item_always_there(host: SniHost, child: Child) -> None:
    assert await child.fact("present") is True
    assert await host.get("ItemIsMenu") is False  # a left click activates, a right click asks
    assert await host.get("Status") == "Active"


async def test_panel_is_given_drawn_pictures_for_its_sizes(child: Child, host: SniHost) -> None:
    assert await child.fact("present") is True
    found = await host.pictures()
    assert {16, 22, 24, 32, 44, 48, 64} <= found.keys()  # the last three for dense screens
    for width, data in found.items():
        assert len(data) == width * width * 4


async def test_quit_ends_the_program(child: Child, host: SniHost) -> None:
    await host.click(find(await host.menu(), "Quit"))
    await asyncio.wait_for(child.process.wait(), LIMIT_S)


async def test_icon_appears_when_the_panel_comes_later_and_after_it_restarts(bare: Desktop) -> None:
    child = await start_child(bare)
    try:
        assert await child.fact("present") is False
        host = await SniHost.start(bare.bus.address)
        assert await child.fact("present") is True
        await until(host.colour, GREEN)
        await host.close()
        host = await SniHost.start(bare.bus.address)
        await until(host.colour, GREEN)
        assert "Quit" in labels(await host.menu())
        await host.close()
    finally:
        await child.stop()
