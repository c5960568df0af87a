"""The program on a real screen with a real tray host, used as a person uses it."""

import re
import subprocess
import time

import pytest
import zxingcpp

from tests.conftest import Measure
from tests.desktop import Screen, start_desktop
from tests.e2e.harness import ROOT, Shop, until
from tests.simulator.people import Customer
from tests.simulator.phone import Phone
from tests.simulator.running import RunningSimulator
from wabot_tray.gui.colours import AMBER, GREEN, RED

pytestmark = pytest.mark.e2e

ICON_PIXELS = 30  # of one colour: more than an outline, less than a 16 px disc


def shows(screen: Screen, colour: str) -> bool:
    return screen.tray_count(colour) >= ICON_PIXELS


def seen_code(screen: Screen) -> str:
    """Return the QR text a phone's camera sees on the screen."""
    found = zxingcpp.read_barcodes(screen.shot(), formats=zxingcpp.BarcodeFormat.QRCode)
    return found[0].text if found else ""


def see_page(screen: Screen, number: int) -> None:
    """Wait for a page of the assistant."""
    until(lambda: screen.windows(f"Step {number} of 6"), f"page {number}", 10)


def choose(screen: Screen, downs: int) -> None:
    """Open the tray menu with the right button and take its entry number `downs`."""
    before = len(screen.windows(""))
    screen.click(*screen.tray_centre(), button=3)
    until(lambda: len(screen.windows("")) > before, "the menu", 10)
    screen.press(*["Down"] * downs, "Return")


@pytest.fixture
def desk_linked(desk: Shop, phone: Phone) -> Shop:
    """On a desktop, running in the tray, linked and connected."""
    desk.start("--minimized")
    desk.answering()
    desk.pair(phone)
    return desk


@pytest.fixture
def screen_of(desk: Shop) -> Screen:
    assert desk.desktop is not None
    return desk.desktop.screen


def test_first_start_leads_from_the_assistant_to_the_first_answer(
    desk: Shop, screen_of: Screen, phone: Phone, ana: Customer, measured: Measure
) -> None:
    began = desk.start()
    until(lambda: screen_of.windows("Step 1 of 6"), "the assistant", 20)
    measured("start -> first window", time.monotonic() - began, "2 s")
    first_key = time.monotonic()
    for page in (2, 3):
        screen_of.press("Return")
        see_page(screen_of, page)
    screen_of.xdotool("type", "Shop")
    screen_of.press("Return")
    code = until(lambda: seen_code(screen_of), "a code on the screen", 20)
    scanned = time.monotonic()
    phone.scan(code)
    until(lambda: shows(screen_of, GREEN), "a green tray icon", 10)
    measured("scan on the screen -> green tray", time.monotonic() - scanned, "1 s")
    session = desk.sessions()["shop"]
    assert (session["state"], session["label"]) == ("connected", "Shop")
    for page in (5, 6):
        screen_of.press("Return")
        see_page(screen_of, page)
    ana.send(phone, "hello")
    reply = ana.wait_for_replies(1, 15)[0].text
    measured("first key -> first answered message", time.monotonic() - first_key, "120 s")
    assert "Thanks for writing to Shop" in reply
    screen_of.press("Return")
    until(lambda: screen_of.windows("Accounts|wabot-tray$"), "the dashboard", 10)
    assert not screen_of.windows("Step 6 of 6")


def test_first_start_without_a_camera_links_by_the_phones_number(
    desk: Shop, screen_of: Screen, phone: Phone, ana: Customer
) -> None:
    desk.start()
    until(lambda: screen_of.windows("Step 1 of 6"), "the assistant", 20)
    for page in (2, 3):
        screen_of.press("Return")
        see_page(screen_of, page)
    screen_of.xdotool("type", "Shop")
    screen_of.press("Return")
    see_page(screen_of, 4)
    until(lambda: seen_code(screen_of), "a code on the screen", 20)
    left, top, *_ = screen_of.window_box(screen_of.windows("Step 4 of 6")[0])
    screen_of.click(left + 170, top + 125)  # "Phone number"
    until(lambda: not seen_code(screen_of), "the page for the number", 10)
    screen_of.xdotool("type", "+34 600 11 12 22")
    screen_of.press("Return")

    def copied() -> str:
        screen_of.click(left + 160, top + 430)  # "Copy", once it is there
        return screen_of.clipboard()

    code = until(copied, "a code to type", 20)
    assert re.fullmatch(r"[0-9A-Z]{4}-[0-9A-Z]{4}", code)
    phone.enter_code(code)
    until(lambda: shows(screen_of, GREEN), "a green tray icon", 10)
    for page in (5, 6):
        screen_of.press("Return")
        see_page(screen_of, page)
    ana.send(phone, "hello")
    assert "Thanks for writing to Shop" in ana.wait_for_replies(1, 15)[0].text


def test_tray_turns_amber_and_green_again(
    desk_linked: Shop, screen_of: Screen, simulator: RunningSimulator
) -> None:
    until(lambda: shows(screen_of, GREEN), "green", 10)
    simulator.faults.refuse()
    simulator.faults.cut()
    until(lambda: shows(screen_of, AMBER), "amber", 10)
    simulator.faults.accept()
    until(lambda: shows(screen_of, GREEN), "green again", 15)
    assert desk_linked.state() == "connected"


def test_tray_turns_red_within_seconds_of_a_logout(
    desk_linked: Shop, screen_of: Screen, phone: Phone, measured: Measure
) -> None:
    until(lambda: shows(screen_of, GREEN), "green", 10)
    began = time.monotonic()
    phone.unlink(phone.companions[0])
    until(lambda: shows(screen_of, RED), "red", 4)
    measured("remote logout -> red tray icon", time.monotonic() - began, "2 s")
    # "Reconnect now" cannot help; it says so in a window instead of trying.
    dials = len(desk_linked.simulator.stats.dials)
    before = set(screen_of.windows(""))
    choose(screen_of, 2)
    until(lambda: set(screen_of.windows("")) - before, "a sentence that says why not", 10)
    assert len(desk_linked.simulator.stats.dials) == dials


def test_reconnect_now_in_the_tray_menu_reconnects(
    desk_linked: Shop, screen_of: Screen, simulator: RunningSimulator
) -> None:
    until(lambda: shows(screen_of, GREEN), "green", 10)
    logins = len(simulator.stats.logins)
    with desk_linked.follow() as follower:
        began = time.monotonic()
        choose(screen_of, 2)  # the account, then "Reconnect now"
        follower.wait("connecting", after=began, timeout_s=10)
        follower.wait("connected", after=began, timeout_s=10)
    assert len(simulator.stats.logins) == logins + 1


def test_restart_on_the_desktop_needs_no_code(
    desk_linked: Shop, screen_of: Screen, simulator: RunningSimulator, measured: Measure
) -> None:
    desk_linked.quit()
    until(lambda: not shows(screen_of, GREEN), "the icon to go", 10)
    began = desk_linked.start("--minimized")
    until(lambda: shows(screen_of, GREEN), "green", 20)
    measured("start -> green tray icon", time.monotonic() - began, "3 s")
    assert simulator.stats.pairings == 1


def test_second_start_brings_up_the_window(desk_linked: Shop, screen_of: Screen) -> None:
    assert not screen_of.windows("Accounts|wabot-tray$")
    second = subprocess.run(
        desk_linked.entry(), cwd=ROOT, env=desk_linked.env, timeout=20, check=False
    )
    assert second.returncode == 0
    until(lambda: screen_of.windows("Accounts|wabot"), "the first program's window", 10)


def test_without_a_tray_the_dashboard_opens(simulator: RunningSimulator) -> None:
    with start_desktop(tray=False) as bare, Shop(simulator, desktop=bare) as shop:
        shop.start("--minimized")
        until(lambda: bare.screen.windows("Accounts|wabot"), "the dashboard", 30)
        checks = shop.cli("diagnose", check=False).stdout
        assert "tray" in checks


@pytest.mark.slow
def test_missing_tray_is_said_once_and_a_second_start_shows_the_window(
    simulator: RunningSimulator,
) -> None:
    with start_desktop(tray=False) as bare, Shop(simulator, desktop=bare) as shop:
        shop.start("--minimized")
        until(lambda: bare.screen.windows("Accounts|wabot"), "the dashboard", 30)
        shop.quit()
        shop.start("--minimized")
        until(lambda: shop.log().count("no tray on this desktop") == 2, "ten seconds", 30)
        assert not bare.screen.windows("Accounts|wabot")
        subprocess.run(shop.entry(), cwd=ROOT, env=shop.env, timeout=20, check=True)
        until(lambda: bare.screen.windows("Accounts|wabot"), "the first program's window", 10)


def test_quit_in_the_tray_menu_ends_everything(desk_linked: Shop, screen_of: Screen) -> None:
    until(lambda: shows(screen_of, GREEN), "green", 10)
    before = len(screen_of.windows(""))
    screen_of.click(*screen_of.tray_centre(), button=3)
    until(lambda: len(screen_of.windows("")) > before, "the menu", 10)
    screen_of.press("Up", "Return")  # the last entry
    assert desk_linked.process is not None
    assert desk_linked.process.wait(20) == 0
    assert desk_linked.family() == []
