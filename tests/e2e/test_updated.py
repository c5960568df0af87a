"""Another version is installed while the program runs: it is said, and one click uses it."""

import json
import subprocess
from collections.abc import Iterator

import pytest

from tests.desktop import Desktop
from tests.e2e.harness import ROOT, until
from tests.e2e.matrix import RULES
from tests.e2e.special_shops import UpdatedShop
from tests.simulator.people import Customer
from tests.simulator.phone import Phone
from tests.simulator.running import RunningSimulator

pytestmark = pytest.mark.e2e


@pytest.fixture
def desk(simulator: RunningSimulator, screen: Desktop) -> Iterator[UpdatedShop]:
    """A computer with a screen, its program not started."""
    with UpdatedShop(simulator, desktop=screen) as shop:
        shop.write_rules(RULES)
        shop.install("old")
        yield shop


def is_told(shop: UpdatedShop) -> bool:
    """Whether `wabot diagnose` says that a restart is left to do."""
    found = json.loads(shop.cli("diagnose", "--json", check=False).stdout)
    return any(check["name"] == "version" for check in found["checks"])


def test_click_on_restart_uses_what_is_installed_and_needs_no_code(
    desk: UpdatedShop, screen: Desktop, phone: Phone, ana: Customer, simulator: RunningSimulator
) -> None:
    desk.start("--minimized")
    desk.answering()
    desk.pair(phone)
    assert not is_told(desk)
    desk.install("new")
    assert is_told(desk)
    subprocess.run(desk.entry(), cwd=ROOT, env=desk.env, timeout=20, check=True)  # brings it up
    window = until(lambda: screen.screen.windows("wabot-tray$"), "the accounts", 10)[0]
    _, top, right, _ = screen.screen.window_box(window)

    def restarted() -> bool:
        screen.screen.click(right - 110, top + 105)  # "Restart now", once it is there
        return "restarting" in desk.log()

    until(restarted, "the restart", 20)
    until(lambda: desk.log().count("[Control] wabot-tray") == 2, "another start", 20)
    desk.answering()
    desk.until_state("connected")
    assert desk.process is not None
    assert desk.process.poll() is None, "whoever started it still has it"
    ana.send(phone, "question")
    assert ana.wait_for_replies(1, 15)[0].text == "answer to: question"
    assert simulator.stats.pairings == 1
    until(lambda: screen.screen.windows("wabot-tray$"), "the window again", 10)
    assert not is_told(desk)
