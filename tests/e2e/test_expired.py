"""An account that WhatsApp unlinked is linked again by one click, and goes on as before."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.desktop import Running, Screen
from tests.e2e.harness import Shop, until
from tests.e2e.test_desktop import choose, seen_code, shows
from tests.notification_server import dunstctl, start_dunst
from tests.simulator.people import Customer
from tests.simulator.phone import Phone
from wabot_tray.gui.colours import GREEN, RED

pytestmark = pytest.mark.e2e


@pytest.fixture
def screen_of(desk: Shop) -> Screen:
    assert desk.desktop is not None
    return desk.desktop.screen


@pytest.fixture
def dunst(desk: Shop, tmp_path: Path) -> Iterator[Running]:
    """The desktop's notification service, before the program starts."""
    with start_dunst(desk.env, tmp_path) as running:
        yield running


@pytest.fixture
def linked(desk: Shop, phone: Phone, screen_of: Screen) -> Shop:
    desk.start("--minimized")
    desk.answering()
    desk.pair(phone)
    until(lambda: shows(screen_of, GREEN), "green", 10)
    return desk


def linked_again(desk: Shop, screen: Screen, phone: Phone, ana: Customer) -> None:
    """Scan what the window shows, and see the account answer by its rules as before."""
    until(lambda: screen.windows("Link a phone to Shop"), "the window that links a phone", 15)
    phone.scan(until(lambda: seen_code(screen), "a code on the screen", 20))
    until(lambda: shows(screen, GREEN), "a green tray icon", 15)
    sessions = desk.sessions()
    assert list(sessions) == ["shop"]
    assert (sessions["shop"]["state"], sessions["shop"]["label"]) == ("connected", "Shop")
    answered = len(ana.replies)
    ana.send(phone, "question 2")
    assert ana.wait_for_replies(answered + 1, 15)[-1].text == "answer to: question 2"


def test_notification_of_the_unlinking_is_clicked(
    dunst: Running, linked: Shop, screen_of: Screen, phone: Phone, ana: Customer
) -> None:
    del dunst
    ana.send(phone, "question 1")
    ana.wait_for_replies(1, 15)
    phone.unlink(phone.companions[0])
    popups = until(lambda: screen_of.xdotool("search", "--onlyvisible", "--class", "Dunst").split(),
                   "a notification", 15)  # fmt: skip
    assert dunstctl(linked.env, "count", "displayed") == "1"
    left, top, right, bottom = screen_of.window_box(popups[0])
    screen_of.click((left + right) // 2, (top + bottom) // 2)
    linked_again(linked, screen_of, phone, ana)
    assert dunstctl(linked.env, "count", "displayed") == "0"
    assert dunstctl(linked.env, "count", "history") == "1"  # it was told once


def test_tray_menu_is_clicked(linked: Shop, screen_of: Screen, phone: Phone, ana: Customer) -> None:
    phone.unlink(phone.companions[0])
    until(lambda: shows(screen_of, RED), "red", 10)
    choose(screen_of, 3)  # the account, "Reconnect now", "Pair a phone…"
    linked_again(linked, screen_of, phone, ana)
