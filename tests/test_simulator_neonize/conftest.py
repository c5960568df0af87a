"""A simulator for each module, a phone with one companion, and clients that log in as it."""

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulator import (
    Customer,
    Phone,
    RunningSimulator,
)
from tests.simulator.bare_process import BareProcess, pair

_numbers = itertools.count(1000)


@pytest.fixture(scope="module")
def running() -> Iterator[RunningSimulator]:
    with RunningSimulator() as simulator:
        yield simulator


@pytest.fixture(scope="module")
def phone(running: RunningSimulator) -> Phone:
    return running.add_phone("34600111222", name="Shop")


@pytest.fixture(scope="module")
def paired_database(
    running: RunningSimulator, phone: Phone, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A database of a companion that has logged in once. Tests work on copies."""
    database = tmp_path_factory.mktemp("paired") / "session.db"
    with BareProcess(running, database) as client:
        pair(running, phone, client)
    running.wait_until(lambda: not running.live(phone))
    return database


@pytest.fixture
def database(paired_database: Path, tmp_path: Path) -> Path:
    shutil.copy(paired_database, tmp_path / "session.db")
    return tmp_path / "session.db"


@pytest.fixture
def new_phone(running: RunningSimulator) -> Phone:
    """A phone of the test's own, to pair with."""
    return running.add_phone(f"3460022{next(_numbers)}")


@pytest.fixture
def ana(running: RunningSimulator) -> Customer:
    return running.add_customer(f"3465500{next(_numbers)}", name="Ana")


@pytest.fixture
def simulator(running: RunningSimulator) -> Iterator[RunningSimulator]:
    yield running
    running.faults.clear()
    running.faults.cut(how="rst")
    running.wait_until(lambda: not running.connections)


@pytest.fixture
def client(simulator: RunningSimulator, database: Path) -> Iterator[BareProcess]:
    with BareProcess(simulator, database) as process:
        process.wait_for_login()
        yield process
