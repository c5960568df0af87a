"""Real worker processes that behave well and badly; small scripts stand in for the account."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator
from functools import partial

import pytest

from wabot_tray.core import commands, wire
from wabot_tray.core import events as ev
from wabot_tray.sessions import children, starting, supervisor
from wabot_tray.sessions.supervisor import WorkerProcess

POLITE = "import sys\nfor line in sys.stdin:\n    if '\"Stop\"' in line: sys.exit({status})\n"
UP = wire.encode(ev.LinkLost())
DEAF = f"import os, time\nos.write(1, {UP!r})\nwhile True: time.sleep(9)\n"
STUBBORN = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + DEAF


class Heard:
    """What a worker reported, to wait for."""

    def __init__(self) -> None:
        self.events: list[ev.WorkerEvent] = []
        self._changed = asyncio.Event()

    def __call__(self, event: ev.WorkerEvent) -> None:
        self.events.append(event)
        self._changed.set()

    async def until(self, count: int) -> list[ev.WorkerEvent]:
        async with asyncio.timeout(20):
            while len(self.events) < count:
                self._changed.clear()
                await self._changed.wait()
        return self.events


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
async def workers() -> AsyncIterator[list[WorkerProcess]]:
    made: list[WorkerProcess] = []
    yield made
    for worker in made:
        await worker.kill()


@pytest.fixture(autouse=True)
def _short_graces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "STOP_GRACE_S", 0.3)
    monkeypatch.setattr(supervisor, "TERM_GRACE_S", 0.3)


async def started(script: str, heard: Heard, workers: list[WorkerProcess]) -> WorkerProcess:
    worker = WorkerProcess(partial(children.spawn, [sys.executable, "-c", script]), "shop", heard)
    workers.append(worker)
    await worker.start()
    return worker


def is_gone(worker: WorkerProcess) -> bool:
    assert worker.pid is not None
    try:
        os.kill(worker.pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize(("status", "in_order"), [(0, True), (4, False)])
async def test_worker_that_is_asked_leaves(
    heard: Heard,
    workers: list[WorkerProcess],
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    in_order: bool,
) -> None:
    monkeypatch.setattr(supervisor, "STOP_GRACE_S", 20.0)
    worker = await started(POLITE.format(status=status), heard, workers)
    assert await worker.stop() is in_order
    assert is_gone(worker)
    assert heard.events == []  # it was asked to go; that is no crash
    assert await worker.stop() is in_order


@pytest.mark.parametrize("script", [DEAF, STUBBORN])
async def test_worker_that_does_not_listen_is_made_to_leave(
    heard: Heard, workers: list[WorkerProcess], script: str
) -> None:
    worker = await started(script, heard, workers)
    await heard.until(1)  # it is up, and deaf
    assert await worker.stop() is False
    assert is_gone(worker)


async def test_worker_that_dies_is_reported_once(
    heard: Heard, workers: list[WorkerProcess]
) -> None:
    worker = await started(DEAF, heard, workers)
    await heard.until(1)
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)
    assert await heard.until(2) == [ev.LinkLost(), ev.WorkerExited(status=-signal.SIGKILL)]
    worker.send(commands.Verify(token=1, deadline_s=1))  # harmless


async def test_lines_become_events_and_rubbish_is_passed_over(
    heard: Heard, workers: list[WorkerProcess], caplog: pytest.LogCaptureFixture
) -> None:
    lines = [
        wire.encode(ev.LoggedIn(phone="34600111222")),
        b"rubbish\n",
        b'{"v":99,"type":"LoggedIn"}\n',
        b"x" * (wire.LONGEST_LINE_BYTES + 10) + b"\n",
        wire.encode(ev.LinkLost()),
    ]
    script = f"import os\nfor line in {lines[:3]!r}: os.write(1, line)\n"
    script += f"import sys\nsys.stdout.buffer.write(b'x' * {len(lines[3]) - 1} + b'\\n')\n"
    script += f"sys.stdout.buffer.write({lines[4]!r})\nsys.stdout.flush()\n"
    with caplog.at_level(logging.WARNING, "wabot_tray.sessions.supervisor"):
        await started(script, heard, workers)
        events = await heard.until(3)
    assert events == [ev.LoggedIn(phone="34600111222"), ev.LinkLost(), ev.WorkerExited(status=0)]
    assert sum("not understood" in message for message in caplog.messages) == 2
    assert any("overlong" in message for message in caplog.messages)


async def test_worker_stopped_before_it_was_there_does_not_stay(
    heard: Heard, workers: list[WorkerProcess]
) -> None:
    worker = WorkerProcess(partial(children.spawn, [sys.executable, "-c", DEAF]), "shop", heard)
    workers.append(worker)
    assert await worker.stop() is False
    await worker.start()
    assert is_gone(worker)
    assert heard.events == []


async def test_dismissed_worker_is_told_nothing_more(
    heard: Heard, workers: list[WorkerProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "STOP_GRACE_S", 20.0)
    script = "import sys\nwords = sys.stdin.readline()\nsys.exit(0 if 'Stop' in words else 9)\n"
    worker = await started(script, heard, workers)
    stopping = asyncio.create_task(worker.stop())
    await asyncio.sleep(0)
    worker.send(commands.Verify(token=1, deadline_s=1))
    assert await stopping is True


def test_worker_command_is_this_program_frozen_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    assert starting.worker_command() == [sys.executable, "-m", "wabot_tray", "worker"]
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert starting.worker_command() == [sys.executable, "worker"]
    assert starting.package_root() is None


async def test_program_that_is_not_there_raises(heard: Heard) -> None:
    worker = WorkerProcess(partial(children.spawn, ["/nowhere/at/all"]), "shop", heard)
    with pytest.raises(OSError, match="nowhere"):
        await worker.start()
    assert await worker.stop() is False
