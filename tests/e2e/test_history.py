"""What became of an account, in the real program: an outage, a message, a kill, a new start."""

import json
import time
from typing import Any

import pytest

from tests.e2e.harness import Shop, until
from tests.simulator.people import Customer
from tests.simulator.phone import Phone
from tests.simulator.running import RunningSimulator

pytestmark = pytest.mark.e2e


def history(shop: Shop) -> dict[str, Any]:
    (account,) = json.loads(shop.cli("history", "--json").stdout)["accounts"]
    return dict(account)


@pytest.mark.slow(25)
def test_history_outlives_the_program(
    linked: Shop, simulator: RunningSimulator, phone: Phone, ana: Customer
) -> None:
    linked.until_state("connected")
    ana.send(phone, "question")
    ana.wait_for_replies(1, 15)
    until(lambda: history(linked)["answered_today"] == 1, "the message to be counted", 10)
    simulator.faults.refuse()
    simulator.faults.cut(phone)
    linked.until_state("waiting")
    simulator.faults.accept()
    linked.until_state("connected")
    (outage,) = history(linked)["outages"]
    assert outage["cause"] == "link-lost"
    assert outage["repair"] == "restart"
    assert outage["seconds"] > 0

    linked.quit()
    kept = history(linked)  # from the files
    assert kept["outages"] == [outage]
    assert kept["answered_today"] == 1
    time.sleep(1)  # in which no program runs
    began = time.monotonic()
    linked.running()
    linked.until_state("connected")
    again = history(linked)
    assert again["outages"] == [outage]  # neither the time without the program nor its start
    assert again["answered_today"] == 1
    spent = again["uptime"]["day"]
    assert 0 < spent["share"] < 1
    before = kept["uptime"]["day"]
    assert spent["connected_s"] - before["connected_s"] <= time.monotonic() - began
