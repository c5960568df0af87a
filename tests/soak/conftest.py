"""A WhatsApp and a computer whose program may log in as often as it likes."""

import sys
from collections.abc import Iterator

import pytest

from tests.e2e.conftest import phone, simulator
from tests.e2e.harness import Shop
from tests.simulator.phone import Phone
from tests.simulator.running import RunningSimulator
from tests.soak.traffic import RULES

__all__ = ["phone", "simulator", "stormy"]


class StormyShop(Shop):
    """Its program has no limit of logins."""

    def entry(self) -> list[str]:
        port, key = str(self.simulator.port), self.simulator.root_public_key.hex()
        return [sys.executable, "-m", "tests.soak.storm_entry", port, key]


@pytest.fixture
def stormy(simulator: RunningSimulator, phone: Phone) -> Iterator[Shop]:
    with StormyShop(simulator) as shop:
        shop.write_rules(RULES)
        shop.running().pair(phone)
        yield shop
