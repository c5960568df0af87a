from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.control.fake_manager import FakeManager, session
from tests.control.wire_client import WireClient
from wabot_tray.control.protocol import Check
from wabot_tray.control.server import ControlServer, Host, Limits
from wabot_tray.core.reasons import Reason
from wabot_tray.core.states import SessionState
from wabot_tray.system.paths import Paths

StartServer = Callable[..., Awaitable[ControlServer]]
Dial = Callable[[], Awaitable[WireClient]]


class FakeHost:
    """Counts what the program around the server was asked."""

    def __init__(self) -> None:
        self.shown = 0
        self.quits = 0
        self.checks: list[Check] = []
        self.facts: dict[str, object] = {}
        self.host = Host(
            show=self._show,
            quit=self._quit,
            diagnose=lambda: self.checks,
            facts=lambda: self.facts,
        )

    def _show(self) -> None:
        self.shown += 1

    def _quit(self) -> None:
        self.quits += 1


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    (tmp_path / "data").mkdir()
    return Paths(data=tmp_path / "data", runtime=tmp_path / "run", runtime_in_ram=True)


@pytest.fixture
def manager() -> FakeManager:
    off: dict[str, Any] = {"state": SessionState.LOGGED_OUT, "reason": Reason.PHONE_UNLINKED}
    return FakeManager(session("shop", label="Main shop"), session("bar", **off))


@pytest.fixture
def host() -> FakeHost:
    return FakeHost()


@pytest.fixture
async def start_server(
    manager: FakeManager, host: FakeHost, paths: Paths
) -> AsyncIterator[StartServer]:
    async with AsyncExitStack() as stack:

        async def start(**limits: Any) -> ControlServer:
            server = ControlServer(manager, host.host, paths, limits=Limits(**limits))
            await server.start(lock_held=True)
            stack.push_async_callback(server.close)
            return server

        yield start


@pytest.fixture
async def dial(paths: Paths) -> AsyncIterator[Dial]:
    async with AsyncExitStack() as stack:

        async def connect() -> WireClient:
            client = await WireClient.connect(paths)
            stack.push_async_callback(client.close)
            return client

        yield connect
