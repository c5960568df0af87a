"""What the tests of storage share."""

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.secret_service import SecretService
from wabot_tray.core.clock import Clock
from wabot_tray.system.paths import Paths


class FakeTime:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.elapsed_s = 0.0
        self.clock = Clock(monotonic=lambda: self.elapsed_s, now=self.now)

    def now(self) -> datetime:
        return datetime(2026, 11, 22, 12, tzinfo=UTC) + timedelta(seconds=self.elapsed_s)

    def pass_s(self, seconds: float) -> None:
        self.elapsed_s += seconds


@pytest.fixture
def time_() -> FakeTime:
    return FakeTime()


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(data=tmp_path / "data", runtime=tmp_path / "runtime", runtime_in_ram=False)


@pytest.fixture(scope="module")
def module_service() -> Iterator[SecretService]:
    with SecretService() as service:
        yield service


@pytest.fixture
def secret_service(
    module_service: SecretService, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SecretService]:
    """A real, unlocked Secret Service that this process uses."""
    bus = module_service.env["DBUS_SESSION_BUS_ADDRESS"]
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", bus)
    yield module_service
    module_service.unlock()


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder where waiting for the disk takes no time; Linux alone has one for certain."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)
