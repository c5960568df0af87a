"""The watches: their intervals, no overlap, the network, waking up by logind or by the clock."""

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from dbus_fast import Message, MessageType
from dbus_fast.aio import MessageBus
from PySide6.QtNetwork import QNetworkInformation

from tests.desktop import Desktop, start_bus
from tests.gui.fake_manager import FakeManager, FakeTime
from wabot_tray.core.settings import Settings
from wabot_tray.core.snapshot import VerifyResult
from wabot_tray.gui.jobs import Jobs
from wabot_tray.gui.watches import NetworkWatch, SleepWatch, Watches

Runner = Callable[[Awaitable[Any]], Any]


class SlowManager(FakeManager):
    """Takes its time to verify."""

    def __init__(self) -> None:
        super().__init__()
        self.may_answer = asyncio.Event()

    async def verify(self, account_ids: Sequence[str] | None = None) -> tuple[VerifyResult, ...]:
        answer = await super().verify(account_ids)
        await self.may_answer.wait()
        return answer


def test_timers_have_the_settings_intervals() -> None:
    settings = Settings(check_interval_s=30, verify_interval_s=90)
    watches = Watches(FakeManager(), Jobs(print), settings)
    assert (watches.check.interval(), watches.verify.interval()) == (30_000, 90_000)
    assert watches.check.isActive()
    watches.close()
    assert not watches.check.isActive()
    assert not watches.verify.isActive()


def test_check_and_verify_reach_the_manager(run: Runner) -> None:
    manager, jobs = FakeManager(), Jobs(print)
    watches = Watches(manager, jobs, Settings())

    async def live() -> None:
        watches.check.timeout.emit()
        watches.verify.timeout.emit()
        await asyncio.sleep(0)

    run(live())
    assert manager.calls == [("check",), ("verify",)]
    watches.close()


def test_verify_that_takes_long_is_not_doubled(run: Runner) -> None:
    manager, jobs = SlowManager(), Jobs(print)
    watches = Watches(manager, jobs, Settings())

    async def live() -> None:
        watches.verify.timeout.emit()
        await asyncio.sleep(0)
        watches.verify.timeout.emit()
        await asyncio.sleep(0)
        assert manager.calls == [("verify",)]
        manager.may_answer.set()
        while jobs.names:  # noqa: ASYNC110 - the job's end has no event
            await asyncio.sleep(0)
        watches.verify.timeout.emit()
        await asyncio.sleep(0)

    run(live())
    assert manager.calls == [("verify",)] * 2
    watches.close()


def test_verify_that_fails_does_not_end_the_watch(
    run: Runner, caplog: pytest.LogCaptureFixture
) -> None:
    manager = FakeManager()
    said: list[str] = []
    jobs = Jobs(said.append)
    watches = Watches(manager, jobs, Settings())

    async def broken(_ids: object = None) -> tuple[VerifyResult, ...]:
        raise ValueError("broken")

    manager.verify = broken  # type: ignore[method-assign,assignment]

    async def live() -> None:
        watches.verify.timeout.emit()
        await asyncio.sleep(0)

    run(live())
    assert "watch: verify failed" in caplog.text
    assert said == []  # the states tell the person
    assert watches.verify.isActive()
    watches.close()


def test_network_is_passed_on_only_where_it_is_certain() -> None:
    manager = FakeManager()
    watch = NetworkWatch(manager)
    reach = QNetworkInformation.Reachability
    for found in (reach.Disconnected, reach.Local, reach.Unknown, reach.Online):
        watch.on_reachability(found)
    assert manager.calls == [("network_changed", "False"), ("network_changed", "True")]


def test_late_pulse_means_that_the_computer_slept(time: FakeTime) -> None:
    manager = FakeManager()
    watch = SleepWatch(manager, clock=time.clock, platform="win32")
    assert not watch.hears_logind
    time.pass_s(10)
    watch.on_pulse()
    assert manager.calls == []
    time.pass_s(3600)
    watch.on_pulse()
    time.pass_s(10)
    watch.on_pulse()
    assert manager.calls == [("resumed",)]
    watch.close()


def test_one_sleep_is_told_once(time: FakeTime) -> None:
    manager = FakeManager()
    watch = SleepWatch(manager, clock=time.clock, platform="win32")
    watch.onPrepareForSleep(True)
    time.pass_s(7200)
    watch.onPrepareForSleep(False)
    time.pass_s(4)
    watch.on_pulse()
    assert manager.calls == [("resumed",)]
    time.pass_s(600)
    watch.onPrepareForSleep(False)
    assert manager.calls == [("resumed",)] * 2
    watch.close()


def test_logind_is_heard_on_a_real_bus(desktop: Desktop) -> None:
    """A child on a system bus of its own; the test plays logind."""
    script = """
import sys
from PySide6.QtCore import QCoreApplication
from tests.gui.fake_manager import FakeManager
from wabot_tray.gui.watches import SleepWatch
app = QCoreApplication([])
class Manager(FakeManager):
    def resumed(self):
        print("resumed", flush=True)
        app.quit()
watch = SleepWatch(Manager())
print(watch.hears_logind, flush=True)
app.exec()
"""
    with start_bus() as bus:
        child = subprocess.Popen(
            [sys.executable, "-c", script],
            env=desktop.env({"DBUS_SYSTEM_BUS_ADDRESS": bus.address}),
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        assert child.stdout.readline() == "True\n"
        asyncio.run(play_logind(bus.address))
        assert child.stdout.readline() == "resumed\n"
        assert child.wait(10) == 0
        child.stdout.close()


async def play_logind(address: str) -> None:
    bus = await MessageBus(bus_address=address).connect()
    await bus.request_name("org.freedesktop.login1")
    for going in (True, False):
        signal = Message(
            message_type=MessageType.SIGNAL,
            path="/org/freedesktop/login1",
            interface="org.freedesktop.login1.Manager",
            member="PrepareForSleep",
            signature="b",
            body=[going],
        )
        await bus.send(signal)
    bus.disconnect()
    await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]


def test_without_a_system_bus_nothing_is_lost(desktop: Desktop) -> None:
    script = """
from PySide6.QtCore import QCoreApplication
from tests.gui.fake_manager import FakeManager
from wabot_tray.gui.watches import SleepWatch
app = QCoreApplication([])
print(SleepWatch(FakeManager()).hears_logind)
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=desktop.env({"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"}),
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert (done.stdout, done.stderr) == ("False\n", "")
