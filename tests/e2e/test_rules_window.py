"""A rule written with mouse and keyboard in the window answers a customer."""

import pytest

from tests.desktop import Screen
from tests.e2e.harness import Shop, until
from tests.e2e.test_desktop import choose
from tests.simulator.people import Customer
from tests.simulator.phone import Phone

pytestmark = pytest.mark.e2e

TITLE = "Auto-replies"
ENTRY = 5  # in the tray's menu: the account, all again, link, the dashboard, the rules


def test_rule_written_in_the_window_answers_a_customer(
    desk: Shop, phone: Phone, ana: Customer
) -> None:
    desk.start("--minimized")
    desk.answering()
    desk.pair(phone)
    assert _answer(ana, phone, "question: parking?") == "answer to: question: parking?"
    assert desk.desktop is not None
    screen: Screen = desk.desktop.screen
    choose(screen, ENTRY)
    window = until(lambda: screen.windows(TITLE), "the window of the rules", 20)[0]
    left, top, right, bottom = screen.window_box(window)
    screen.click(left + 75, bottom - 80)  # "Add a rule"
    until(lambda: len(screen.windows("")) > 1, "its menu", 10)
    screen.press("Down", "Return")  # an empty one, above the rule that was there
    screen.xdotool("type", "parking, garage")
    screen.press("Tab", "Tab", "Tab")  # whole words, accents, the answer
    screen.xdotool("type", "Behind the house, {name}.")
    path = desk.seen(desk.data) / "bot.toml"
    before = path.read_text(encoding="utf-8")
    screen.click(right - 50, top + 35)  # "Save"
    until(lambda: path.read_text(encoding="utf-8") != before, "the file", 10)
    saved = path.read_text(encoding="utf-8")
    assert 'words = ["parking", "garage"]' in saved
    assert saved.endswith(before)  # what was there stays as it was, below
    asked, wanted = "a question: is there a GARAGE?", "Behind the house, Ana."
    until(lambda: _answer(ana, phone, asked) == wanted, "the new answer", 30)
    assert _answer(ana, phone, "another question") == "answer to: another question"


def _answer(ana: Customer, phone: Phone, text: str) -> str:
    heard = len(ana.replies)
    ana.send(phone, text)
    return str(ana.wait_for_replies(heard + 1, 15)[heard].text)
