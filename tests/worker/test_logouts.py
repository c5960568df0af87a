"""A logout that the library tells nobody, brought about in a real worker."""

import contextlib
import logging
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

import pytest

from tests.e2e.harness import ROOT
from tests.simulator.faults import Failure
from tests.simulator.phone import Phone
from tests.simulator.running import RunningSimulator
from wabot_tray.core import commands, exits, wire
from wabot_tray.core import events as ev
from wabot_tray.core.reasons import Reason
from wabot_tray.worker.logouts import LOGGER, LogoutLines


class Worker:
    """A real worker at the simulator, with an error output that can be clogged."""

    def __init__(self, simulator: RunningSimulator, start: commands.Start) -> None:
        self._clog = threading.Lock()
        reader, self._writer = os.pipe()
        self._errors = os.fdopen(reader, "rb", 0)
        port, key = str(simulator.port), simulator.root_public_key.hex()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.simulator.worker_entry", port, key],
            cwd=ROOT,
            env={**os.environ, "NEONIZE_BOT_TAG": "off"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._writer,
        )
        self._told: queue.SimpleQueue[ev.WorkerEvent | None] = queue.SimpleQueue()
        assert self.process.stdout is not None
        self._threads = [
            threading.Thread(target=self._listen, args=(self.process.stdout,), daemon=True),
            threading.Thread(target=self._drain, daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        self.do(start)

    def do(self, command: commands.Command) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(wire.encode(command))
        self.process.stdin.flush()

    def hears(self, kind: type[ev.WorkerEvent], within_s: float = 20) -> ev.WorkerEvent:
        end = time.monotonic() + within_s
        with contextlib.suppress(queue.Empty):
            while (event := self._told.get(timeout=max(0.0, end - time.monotonic()))) is not None:
                if isinstance(event, kind):
                    return event
        raise AssertionError(f"no {kind.__name__} within {within_s:g} s")

    def clog(self) -> None:
        """Fill its error output; whoever writes there from now on waits."""
        self._clog.acquire()
        os.set_blocking(self._writer, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(self._writer, b"." * 1024)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(self._writer, b"\n")
        os.set_blocking(self._writer, True)

    def unclog(self) -> None:
        self._clog.release()

    def stop(self) -> list[ev.WorkerEvent]:
        """Tell it to stop; return what it still had to say."""
        self.do(commands.Stop())
        rest = []
        while (event := self._told.get(timeout=20)) is not None:
            rest.append(event)
        assert self.process.wait(20) == exits.SEALED
        return rest

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        if self._clog.locked():
            self.unclog()
        os.close(self._writer)
        for thread in self._threads:
            thread.join()
        for pipe in (self.process.stdin, self.process.stdout, self._errors):
            if pipe is not None:
                pipe.close()

    def _listen(self, pipe: BinaryIO) -> None:
        for line in pipe:
            self._told.put(wire.decode_event(line))
        self._told.put(None)

    def _drain(self) -> None:
        while self._errors.read(1):
            with self._clog:
                pass


@pytest.fixture
def simulator() -> Iterator[RunningSimulator]:
    with RunningSimulator() as made:
        yield made


@pytest.fixture
def begin(simulator: RunningSimulator, tmp_path: Path) -> Iterator[Callable[[bool], Worker]]:
    with contextlib.ExitStack() as stack:

        def beginning(pair: bool) -> Worker:
            made = Worker(
                simulator,
                commands.Start(
                    account_id="shop",
                    folder=str(tmp_path / "shop"),
                    live_folder=str(tmp_path / "live"),
                    live_in_ram=False,
                    bot_file=str(tmp_path / "bot.toml"),
                    data_key=b"k" * 32,
                    pair=pair,
                ),
            )
            stack.callback(made.close)
            return made

        yield beginning


def link(phone: Phone, worker: Worker) -> None:
    shown = worker.hears(ev.QrShown)
    assert isinstance(shown, ev.QrShown)
    phone.scan(shown.code)
    worker.hears(ev.LoggedIn)
    worker.stop()


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("failure", "reason"),
    [(Failure(401), Reason.PHONE_UNLINKED), (Failure(403), Reason.LOGIN_REFUSED)],
)
def test_logout_before_the_library_hands_over_events_is_told(
    failure: Failure,
    reason: Reason,
    simulator: RunningSimulator,
    begin: Callable[[bool], Worker],
) -> None:
    phone = simulator.add_phone("34600111222", "Shop")
    link(phone, begin(True))
    # Between its login and its first look for events the library writes a line to its error output:
    # with no room there, the session is gone when it looks.
    simulator.faults.handshake_delay_s = 1
    simulator.faults.of(phone).login_failure = failure
    worker = begin(False)
    worker.hears(ev.WorkerReady)
    simulator.wait_until(lambda: simulator.stats.delayed_handshakes == 1)
    worker.clog()
    refused = partial(simulator.stats.logins_of, phone.number, f"failure {failure.reason}")
    simulator.wait_until(refused, 30)
    time.sleep(1)  # for the session to be deleted: the fault itself
    worker.unclog()
    assert worker.hears(ev.LoggedOut) == ev.LoggedOut(reason=reason)
    rest = worker.stop()
    assert not [event for event in rest if isinstance(event, ev.LoggedOut)]
    assert len(refused()) <= 2  # see docs/neonize.md


@pytest.mark.parametrize(
    ("line", "heard"),
    [
        (
            "Got 401: logged out from another device connect failure, "
            "sending LoggedOut event and deleting session",
            [False],
        ),
        (
            "Got 403: primary device was logged out connect failure, "
            "sending LoggedOut event and deleting session",
            [True],
        ),
        (
            "Got device removed stream error, sending LoggedOut event and deleting session",
            [False],
        ),
        ("Got replaced stream error, sending StreamReplaced event", []),
        ("Successfully authenticated", []),
    ],
)
def test_lines_of_logouts_are_heard_and_none_is_kept(
    line: str, heard: list[bool], caplog: pytest.LogCaptureFixture
) -> None:
    refused: list[bool] = []
    lines = LogoutLines(refused.append)
    lines.open()
    lines.open()
    try:
        logging.getLogger(LOGGER).info(line)
        logging.getLogger(LOGGER).warning("a warning")
    finally:
        lines.close()
        lines.close()
    logging.getLogger(LOGGER).warning(line)  # as loud as it takes to be heard
    assert refused == heard
    assert [record.getMessage() for record in caplog.records] == ["a warning", line]
