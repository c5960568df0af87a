"""A WhatsApp and a computer for each test."""

from collections.abc import Iterator

import pytest

from tests.desktop import Desktop, start_desktop
from tests.e2e.harness import Shop
from tests.e2e.matrix import RULES
from tests.simulator.people import Customer
from tests.simulator.phone import Phone
from tests.simulator.running import RunningSimulator


@pytest.fixture
def simulator() -> Iterator[RunningSimulator]:
    with RunningSimulator() as simulator:
        yield simulator


@pytest.fixture
def phone(simulator: RunningSimulator) -> Phone:
    return simulator.add_phone("34600111222", "Shop")


@pytest.fixture
def ana(simulator: RunningSimulator) -> Customer:
    return simulator.add_customer("34655000001", "Ana")


@pytest.fixture
def shop(simulator: RunningSimulator) -> Iterator[Shop]:
    """A computer without a screen, with rules, its program not started."""
    with Shop(simulator) as shop:
        shop.write_rules(RULES)
        yield shop


@pytest.fixture
def linked(shop: Shop, phone: Phone) -> Shop:
    """The same with the program running and a phone linked and connected."""
    shop.running().pair(phone)
    return shop


@pytest.fixture(scope="session")
def screen() -> Iterator[Desktop]:
    with start_desktop() as desktop:
        yield desktop


@pytest.fixture
def desk(simulator: RunningSimulator, screen: Desktop) -> Iterator[Shop]:
    """A computer with a screen and a tray host, with rules, its program not started."""
    with Shop(simulator, desktop=screen) as shop:
        shop.write_rules(RULES)
        yield shop
