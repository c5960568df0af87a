"""The real command line in processes of its own, against a real server with a fake manager."""

import asyncio
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.control.conftest import FakeHost
from tests.control.fake_manager import FakeManager, session
from tests.waiting import until
from wabot_tray.control.server import ControlServer
from wabot_tray.core.reasons import Reason
from wabot_tray.core.states import SessionState
from wabot_tray.system.paths import Paths, find_paths

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 30.0
Answer = TypeVar("Answer")


@pytest.fixture(scope="session", autouse=True)
def catalogues() -> None:
    """Compile the texts; a fresh checkout has none compiled."""
    found = importlib.util.spec_from_file_location(
        "build_catalogues", ROOT / "packaging" / "build_catalogues.py"
    )
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    module.compile_catalogues()


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str


class Cli:
    """Runs `wabot` on one data folder."""

    def __init__(self, paths: Paths, home: Path) -> None:
        self.paths = paths
        kept = ("PATH", "XDG_RUNTIME_DIR", "TMPDIR", "SYSTEMROOT")
        self.env = {name: os.environ[name] for name in kept if name in os.environ}
        self.env |= {
            "LANG": "en_GB.UTF-8",
            "PYTHONUTF8": "1",
            "HOME": str(home),
            "WABOT_TRAY_DATA_DIR": str(paths.data),
            "PYTHONPATH": str(ROOT),
        }

    def start(self, *words: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start a command and return its process."""
        return subprocess.Popen(
            [sys.executable, "-m", "wabot_tray.cli.main", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**self.env, **(env or {})},
            text=True,
        )

    def __call__(self, *words: str, env: Mapping[str, str] | None = None) -> Result:
        """Run a command to its end."""
        with self.start(*words, env=env) as process:
            out, err = process.communicate(timeout=LIMIT_S)
            return Result(process.returncode, out, err)

    def interrupted(self, process: subprocess.Popen[str]) -> Result:
        """Press Ctrl+C and wait."""
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=LIMIT_S)
        return Result(process.returncode, out, err)


class Program:
    """A server with a fake manager in a loop of its own, as the real program has one."""

    def __init__(self, paths: Paths, manager: FakeManager) -> None:
        self.paths = paths
        self.manager = manager
        self.host = FakeHost()
        self.server = ControlServer(manager, self.host.host, paths)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> None:
        self._thread.start()
        self.run(self.server.start(lock_held=True))

    def run(self, work: Awaitable[Answer]) -> Answer:
        """Do `work` in the program's loop."""

        async def wrapped() -> Answer:
            return await work

        return asyncio.run_coroutine_threadsafe(wrapped(), self._loop).result(LIMIT_S)

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait until `holds`, asked in the program's loop."""
        self.run(until(holds))

    def tell(self, *updates: Any) -> None:
        async def tell() -> None:
            for update in updates:
                self.manager.tell(update)

        self.run(tell())

    def close(self) -> None:
        self.run(self.server.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(LIMIT_S)
        self._loop.close()


@pytest.fixture
def paths(tmp_path: Path) -> Iterator[Paths]:
    (tmp_path / "data").mkdir()
    found = find_paths(tmp_path / "data")
    yield found
    shutil.rmtree(found.runtime, ignore_errors=True)


@pytest.fixture
def cli(paths: Paths, tmp_path: Path) -> Cli:
    return Cli(paths, tmp_path)


@pytest.fixture
def manager() -> FakeManager:
    off: dict[str, Any] = {"state": SessionState.LOGGED_OUT, "reason": Reason.PHONE_UNLINKED}
    return FakeManager(session("shop", label="Main shop"), session("bar", **off))


@pytest.fixture
def program(paths: Paths, manager: FakeManager) -> Iterator[Program]:
    running = Program(paths, manager)
    running.start()
    yield running
    running.close()
