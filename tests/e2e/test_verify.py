"""The round trip that proves a link: what it finds, what it leaves alone, and what nobody can see.

A zombie is a link whose socket is open and whose login still counts, while the server no longer
works for it. Whatever answers the round trip passes for healthy: a server that only kept messages
back could not be told from customers who do not write. `withholds_messages` shows that limit, and
that the next login brings everything.
"""

import os
import time
from pathlib import Path

import pytest

from tests.conftest import Measure
from tests.e2e.harness import Shop, until
from tests.simulator.people import Customer
from tests.simulator.phone import Phone
from tests.simulator.running import RunningSimulator

pytestmark = [pytest.mark.e2e, pytest.mark.slow(60)]

NUMBER = "34600111222"
CHECK_S, VERIFY_S = 5, 15  # the shortest a person can set
TWO_MISSES_S = 24.0  # each is waited for 10 s, and 2 s for a worker that says nothing at all
QUIET_S = float(os.environ.get("WABOT_QUIET_S", "100"))


@pytest.fixture
def watchful(shop: Shop, phone: Phone) -> Shop:
    """A program that looks and asks as often as a person can make it."""
    shop.data.mkdir(parents=True, exist_ok=True)
    settings = f"check_interval_s = {CHECK_S}\nverify_interval_s = {VERIFY_S}\n"
    Path(shop.data / "settings.toml").write_text(settings, encoding="utf-8")
    shop.running().pair(phone)
    return shop


def assert_answers(ana: Customer, phone: Phone, text: str) -> None:
    before = len(ana.replies)
    ana.send(phone, text)
    assert ana.wait_for_replies(before + 1, 15)[-1].text == f"answer to: {text}"


@pytest.mark.parametrize("kind", ["answers pings only", "answers all but the round trip"])
def test_zombie_is_found_within_one_interval(
    watchful: Shop,
    simulator: RunningSimulator,
    phone: Phone,
    ana: Customer,
    kind: str,
    measured: Measure,
) -> None:
    faults = simulator.faults.of(phone)
    with watchful.follow() as follower:
        began = time.monotonic()
        if kind == "answers pings only":
            faults.is_zombie = True
            ana.send(phone, "question to a zombie")
        else:
            faults.drops_passive = True
        found = follower.wait("connecting", after=began, timeout_s=2 * (VERIFY_S + TWO_MISSES_S))
        simulator.faults.clear()
        follower.wait("connected", after=found, timeout_s=90)
    measured(f"zombie ({kind}) -> found", found - began, f"{VERIFY_S} s and two misses")
    until(lambda: kind != "answers pings only" or ana.replies, "what the zombie kept from us", 20)
    assert_answers(ana, phone, "question after the zombie")


def test_messages_kept_back_are_no_reason_to_restart_and_come_with_the_next_login(
    watchful: Shop, simulator: RunningSimulator, phone: Phone, ana: Customer
) -> None:
    assert_answers(ana, phone, "question before")
    workers = watchful.workers()
    simulator.faults.of(phone).withholds_messages = True
    ana.send(phone, "question kept back")
    asked = simulator.stats.passive_round_trips[NUMBER]
    until(lambda: simulator.stats.passive_round_trips[NUMBER] >= asked + 2, "two rounds", 60)
    assert watchful.state() == "connected"
    assert watchful.workers() == workers
    simulator.faults.clear()
    watchful.cli("reconnect", "shop")
    assert ana.wait_for_replies(2, 30)[-1].text == "answer to: question kept back"


@pytest.mark.slow(105)
def test_quiet_account_is_left_alone(
    watchful: Shop, simulator: RunningSimulator, phone: Phone, ana: Customer, measured: Measure
) -> None:
    """`WABOT_QUIET_S` makes it longer; hours are in tests/sessions/test_quiet.py."""
    stats = simulator.stats
    workers = watchful.workers()
    with watchful.follow() as follower:
        began = time.monotonic()
        logins, pings = len(stats.logins), stats.pings[NUMBER]
        asked = stats.passive_round_trips[NUMBER]
        time.sleep(QUIET_S)  # nobody writes
        assert follower.states() == ["connected"]
    assert watchful.workers() == workers
    assert len(stats.logins) == logins
    rounds = stats.passive_round_trips[NUMBER] - asked
    assert rounds >= (QUIET_S - VERIFY_S) / VERIFY_S / 2
    assert stats.pings[NUMBER] - pings >= QUIET_S / 30 - 1
    measured(f"quiet, {rounds} round trips, nothing restarted", time.monotonic() - began, "-")
    assert_answers(ana, phone, "question after the quiet")
