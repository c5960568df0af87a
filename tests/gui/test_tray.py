"""The tray on a real XEmbed panel: what is on the screen, and what clicks on it do."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.desktop import Desktop, Screen, start_desktop, start_trayer, wait_for
from tests.gui import scenes
from tests.gui.fake_manager import FakeManager, FakeTime
from tests.gui.login_item import FakeLoginItem
from wabot_tray.core.reasons import Reason
from wabot_tray.core.states import SessionState
from wabot_tray.gui.actions import AccountActions
from wabot_tray.gui.bridge import ManagerBridge
from wabot_tray.gui.colours import AMBER, BLUE, GREEN, GREY, RED
from wabot_tray.gui.icons import SIZES, state_icon
from wabot_tray.gui.tray import TOOLTIP_LINES, Tray, tooltip_text
from wabot_tray.gui.traymenu import TrayMenu

ENOUGH = 40  # pixels of the state's colour; the smallest shape has twice as many


class Child:
    """The tray program on a desktop of its own."""

    def __init__(self, desktop: Desktop) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.gui.tray_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=desktop.env(),
            text=True,
        )

    def tell(self, **changes: Any) -> None:
        assert self.process.stdin is not None
        named = {name.replace("_", "-"): change for name, change in changes.items()}
        self.process.stdin.write(json.dumps(named) + "\n")
        self.process.stdin.flush()

    def fact(self, name: str) -> Any:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if name in (found := json.loads(line)):
                return found[name]
        raise AssertionError(f"the program ended without {name!r}")

    def facts_until(self, name: str) -> list[dict[str, Any]]:
        """Return all facts up to the first of that name."""
        assert self.process.stdout is not None
        found: list[dict[str, Any]] = []
        for line in self.process.stdout:
            found.append(json.loads(line))
            if name in found[-1]:
                return found
        raise AssertionError(f"the program ended without {name!r}")

    def stop(self) -> int:
        if self.process.poll() is None and self.process.stdin is not None:
            self.process.stdin.close()
        code = self.process.wait(15)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code


@pytest.fixture
def own() -> Iterator[Desktop]:
    """A desktop for this test alone."""
    with start_desktop() as made:
        yield made


@pytest.fixture
def child(own: Desktop) -> Iterator[Child]:
    made = Child(own)
    yield made
    assert made.stop() == 0


def see(screen: Screen, colour: str) -> int:
    return wait_for(
        lambda: (n := screen.tray_count(colour)) >= ENOUGH and n, what=f"{colour} in the tray"
    )


def test_every_state_is_seen_on_the_screen(child: Child, own: Desktop) -> None:
    see(own.screen, GREEN)
    x, y = own.screen.tray_centre()
    assert own.screen.pixel(x, y) == (0x1F, 0xA8, 0x55)
    child.tell(account_1=None)
    for state, reason, colour in (
        ("reconnecting", "link-lost", AMBER),
        ("connected", "logged-in", GREEN),
        ("logged-out", "phone-unlinked", RED),
        ("pairing", "waiting-for-scan", BLUE),
        ("stopped", "stopped-by-person", GREY),
    ):
        child.tell(account_0=[state, reason])
        see(own.screen, colour)


def test_worst_account_owns_the_icon(child: Child, own: Desktop) -> None:
    see(own.screen, GREEN)
    child.tell(account_1=["logged-out", "phone-unlinked"])
    see(own.screen, RED)
    assert own.screen.tray_count(GREEN) == 0


def test_reconnect_now_is_clicked_in_the_menu(child: Child, own: Desktop) -> None:
    see(own.screen, GREEN)
    child.tell(account_1=["waiting", "dial-failed"])
    see(own.screen, AMBER)
    open_menu(own.screen)
    own.screen.press("r")  # its letter is underlined in the menu
    assert {tuple(child.fact("call")), tuple(child.fact("call"))} == {
        ("reconnect", "account-0"),
        ("reconnect", "account-1"),
    }
    assert "Trying again right now" in child.fact("said")


def test_menu_of_one_account_is_reached_by_keys(child: Child, own: Desktop) -> None:
    see(own.screen, GREEN)
    open_menu(own.screen)
    own.screen.press("Down", "Down", "Right", "Up", "Return")  # second account, last line
    assert child.fact("call") == ["stop", "account-1"]


def test_left_click_opens_the_dashboard(child: Child, own: Desktop) -> None:
    see(own.screen, GREEN)
    own.screen.click(*own.screen.tray_centre())
    assert child.fact("wanted") == "dashboard"


def test_middle_click_does_nothing(child: Child, own: Desktop) -> None:
    see(own.screen, GREEN)
    own.screen.click(*own.screen.tray_centre(), button=2)
    own.screen.click(*own.screen.tray_centre())
    open_menu(own.screen)
    own.screen.press("r")
    said = child.facts_until("call")
    assert [fact["wanted"] for fact in said if "wanted" in fact] == ["dashboard"]


@pytest.mark.usefixtures("qapp")
@pytest.mark.parametrize("height", [16, 22, 28])
def test_icon_is_drawn_for_the_panel_and_not_stretched(height: int) -> None:
    with start_desktop(tray=False) as bare:
        child = Child(bare)
        try:
            with start_trayer(bare.server.display, height=height):
                found = see(bare.screen, GREEN)
        finally:
            assert child.stop() == 0
    drawn = {side: pixels_of(GREEN, side) for side in SIZES if side <= height}
    assert found in drawn.values(), (found, drawn)


def pixels_of(colour: str, side: int) -> int:
    """Return how many pixels of the connected icon have exactly `colour`."""
    picture = state_icon(SessionState.CONNECTED).pixmap(side, side).toImage()
    return sum(picture.pixelColor(x, y).name() == colour for x in range(side) for y in range(side))


@pytest.mark.usefixtures("child")
def test_icon_comes_back_after_the_panel_restarts(own: Desktop) -> None:
    see(own.screen, GREEN)
    own.restart_tray()
    see(own.screen, GREEN)


def test_icon_appears_when_the_panel_comes_later() -> None:
    with start_desktop(tray=False) as bare:
        child = Child(bare)
        try:
            assert child.fact("present") is False
            bare.restart_tray()
            assert child.fact("present") is True
            see(bare.screen, GREEN)
        finally:
            assert child.stop() == 0


def open_menu(screen: Screen) -> None:
    before = screen.shot()
    screen.click(*screen.tray_centre(), button=3)
    wait_for(lambda: screen.shot().tobytes() != before.tobytes(), what="the menu")


# --- in this process, over a fake manager --------------------------------------------------------


@pytest.fixture
def manager(time: FakeTime) -> FakeManager:
    return FakeManager(*scenes.shop(), time=time)


@pytest.fixture
def bridge(manager: FakeManager) -> Iterator[ManagerBridge]:
    made = ManagerBridge(manager)
    yield made
    made.close()


@pytest.fixture
def menu(bridge: ManagerBridge, manager: FakeManager) -> TrayMenu:
    return TrayMenu(bridge, AccountActions(manager), FakeLoginItem())


@pytest.fixture
def tray(bridge: ManagerBridge, menu: TrayMenu, time: FakeTime) -> Iterator[Tray]:
    made = Tray(bridge, menu, clock=time.clock)
    yield made
    made.close()


def test_tooltip_has_a_line_per_account_and_the_worst_first(tray: Tray) -> None:
    lines = tray.icon.toolTip().splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("Ferretería López: disconnected, next attempt in 34 seconds")
    assert lines[-1] == "Soporte: stopped"


def test_tooltip_follows_the_time(tray: Tray, time: FakeTime) -> None:
    time.pass_s(4)
    tray.refresh()
    assert "next attempt in 30 seconds" in tray.icon.toolTip()


def test_tooltip_of_many_accounts_is_cut_with_their_number() -> None:
    many = tuple(scenes.account(SessionState.CONNECTED, n) for n in range(TOOLTIP_LINES + 3))
    lines = tooltip_text(many, FakeTime().now()).splitlines()
    assert len(lines) == TOOLTIP_LINES + 1
    assert lines[-1] == "and 3 more accounts"


def test_tooltip_without_accounts_says_so() -> None:
    assert tooltip_text((), FakeTime().now()) == "wabot-tray: no phone is linked yet"


def test_menu_keeps_its_lines_while_accounts_change(menu: TrayMenu, manager: FakeManager) -> None:
    before = menu.actions()
    manager.change("account-0", state=SessionState.WAITING, reason=Reason.DIAL_FAILED)
    assert menu.actions() == before
    assert menu.account_menu("account-0").title().endswith("Disconnected, trying again")
    manager.add("new", "New & old")
    assert menu.account_menu("new").title().startswith("New && old")
    assert [a for a in menu.actions() if a in before] == before


def test_menu_without_accounts_says_so(menu: TrayMenu, manager: FakeManager) -> None:
    assert not menu.empty.isVisible()
    for snapshot in manager.snapshots():
        asyncio.run(manager.remove(snapshot.id))
    assert menu.empty.isVisible()
    with pytest.raises(KeyError):
        menu.account_menu("account-0")


def test_start_at_login_is_ticked_and_changed(menu: TrayMenu) -> None:
    assert not menu.autostart.isChecked()
    menu.autostart.trigger()
    assert menu.autostart.isChecked()
    menu.autostart.trigger()
    assert not menu.autostart.isChecked()


def test_start_at_login_that_is_refused_stays_as_it_was_and_says_why(
    bridge: ManagerBridge, manager: FakeManager
) -> None:
    item = FakeLoginItem()
    item.problem = PermissionError(13, "Permission denied")
    menu = TrayMenu(bridge, AccountActions(manager), item)
    said: list[str] = []
    menu.failed.connect(said.append)
    menu.autostart.trigger()
    assert not menu.autostart.isChecked()
    assert said == ["“Start at login” could not be changed: Permission denied"]


def test_click_on_macos_opens_the_menu_alone(bridge: ManagerBridge, menu: TrayMenu) -> None:
    for platform, expected in (("darwin", 0), ("linux", 1), ("win32", 1)):
        tray = Tray(bridge, menu, platform=platform)
        wanted: list[int] = []
        tray.dashboard_wanted.connect(lambda wanted=wanted: wanted.append(1))
        tray.icon.activated.emit(tray.icon.ActivationReason.Trigger)
        tray.icon.activated.emit(tray.icon.ActivationReason.Context)
        assert len(wanted) == expected
        tray.close()


def test_nothing_listens_after_the_end(manager: FakeManager) -> None:
    bridge = ManagerBridge(manager)
    assert len(manager.listeners) == 1
    bridge.close()
    bridge.close()
    assert manager.listeners == []
