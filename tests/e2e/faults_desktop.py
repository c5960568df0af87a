"""Faults of the desktop around the tray icon: panels of both kinds that crash and come back."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Coroutine
from typing import Any, Final, Self, TypeVar

from tests.desktop import Desktop, start_desktop
from tests.e2e.faults_machine import SleepyShop, sleeps
from tests.e2e.harness import Shop
from tests.e2e.matrix import Fault, Scene
from tests.gui.sni_host import SniHost
from wabot_tray.gui.colours import AMBER, GREEN

ICON_PIXELS: Final = 30  # of one colour: more than an outline, less than a 16 px disc
T = TypeVar("T")


class DesktopShop(Shop):
    """A computer with a screen of its own and a panel that the row takes away."""

    has_panel = True

    def furnish(self, stack: contextlib.ExitStack) -> None:
        super().furnish(stack)
        self.desktop = stack.enter_context(start_desktop(tray=self.has_panel))


class Panel:
    """A StatusNotifier panel in a thread of its own, on the bus the program uses."""

    def __init__(self, address: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._host = self.do(SniHost.start(address))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.do(self._host.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Do `work` on the panel's loop and return what it returns."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def shows(self, colour: str) -> bool:
        """Whether the program's icon is there and mostly of `colour`."""
        with contextlib.suppress(TimeoutError, AssertionError):
            return self.do(self._colour()) == colour
        return False

    async def _colour(self) -> str:
        await self._host.item(timeout_s=0.5)
        return await self._host.colour()


def desktop_of(scene: Scene) -> Desktop:
    assert scene.shop.desktop is not None
    return scene.shop.desktop


def panel_restarts(scene: Scene) -> None:
    """The sessions do not care, and the icon is back with the state of now."""
    desktop = desktop_of(scene)
    shows = desktop.screen.tray_count
    scene.waits(lambda: shows(GREEN) >= ICON_PIXELS, 20, "a green icon")
    worker = scene.worker()
    scene.begins()
    desktop.stop_tray()
    scene.answers("question without a panel")
    began = time.monotonic()
    desktop.restart_tray()
    scene.waits(lambda: shows(GREEN) >= ICON_PIXELS, 20, "a green icon again")
    scene.took(time.monotonic() - began)
    assert scene.worker() == worker
    scene.simulator.faults.refuse()
    scene.simulator.faults.cut()
    scene.waits(lambda: shows(AMBER) >= ICON_PIXELS, 20, "an amber icon: it is alive")
    scene.simulator.faults.accept()
    scene.waits(lambda: shows(GREEN) >= ICON_PIXELS, 20, "green once more")
    scene.answers("question beside the new panel")


def notifier_panel_restarts(scene: Scene) -> None:
    """The same with a panel of the other kind (StatusNotifier, as KDE's and GNOME's are)."""
    address = scene.shop.env["DBUS_SESSION_BUS_ADDRESS"]
    with Panel(address) as panel:
        scene.open()
        scene.waits(lambda: panel.shows(GREEN), 20, "a green icon")
        worker = scene.worker()
        scene.begins()
    scene.answers("question without a panel")
    began = time.monotonic()
    with Panel(address) as panel:
        scene.waits(lambda: panel.shows(GREEN), 20, "a green icon again")
        scene.took(time.monotonic() - began)
        assert scene.worker() == worker
        scene.simulator.faults.refuse()
        scene.simulator.faults.cut()
        scene.waits(lambda: panel.shows(AMBER), 20, "an amber icon: it is alive")
        scene.simulator.faults.accept()
        scene.waits(lambda: panel.shows(GREEN), 20, "green once more")
        scene.answers("question beside the new panel")


class SleepyDesktopShop(SleepyShop, DesktopShop):
    """One with a screen, a panel, and a system bus with a logind."""


class BareDesktopShop(DesktopShop):
    """The same without a panel, for a row that brings its own."""

    has_panel = False


FAULTS: Final = [
    Fault("panel-killed", "machine", "The panel with the tray crashes and comes back.",
          panel_restarts, goal_s=3, everyone=True, make_shop=DesktopShop),
    Fault("notifier-panel-killed", "machine",
          "A StatusNotifier panel crashes and comes back.", notifier_panel_restarts,
          goal_s=3, everyone=True, make_shop=BareDesktopShop, prepare=lambda _: None),
    Fault("sleep-desktop", "machine", "The same as “sleep”, with windows and a tray.",
          sleeps, goal_s=5, everyone=True, make_shop=SleepyDesktopShop, slow=10),
]  # fmt: skip
