"""The computer wakes up: told by a real bus, or found by the clocks."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from tests.logind import Logind
from tests.waiting import until
from wabot_tray.core.clock import Clock
from wabot_tray.system.sleep import PULSE_S, SleepWatch

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


@dataclass
class Machine:
    """Its three clocks, and what it told."""

    steady_s: float = 1000.0
    asleep_s: float = 50.0
    wall: datetime = datetime(2026, 11, 22, tzinfo=UTC)
    woke: list[timedelta] = field(default_factory=list)
    jumps: list[timedelta] = field(default_factory=list)

    def watch(self, platform: str = "win32") -> SleepWatch:
        clock = Clock(monotonic=lambda: self.steady_s, now=lambda: self.wall)
        return SleepWatch(
            self.woke.append,
            self.jumps.append,
            clock=clock,
            asleep_s=lambda: self.asleep_s,
            platform=platform,
        )

    def passes(self, seconds: float, *, asleep: bool = False) -> None:
        self.steady_s += seconds
        self.wall += timedelta(seconds=seconds)
        self.asleep_s += seconds if asleep else 0.0


def test_ordinary_pulses_say_nothing() -> None:
    machine = Machine()
    watch = machine.watch()
    for _ in range(1000):
        machine.passes(PULSE_S + 0.3)
        machine.wall += timedelta(milliseconds=5)  # kept right by the network
        watch.pulse()
    assert (machine.woke, machine.jumps) == ([], [])


def test_sleep_is_found_by_the_clocks_however_short_or_long() -> None:
    machine = Machine()
    watch = machine.watch()
    machine.passes(4, asleep=True)
    watch.pulse()
    assert machine.woke == [4 * SECOND]
    machine.passes(60)
    watch.pulse()  # held up for a minute: a virtual machine that was paused
    machine.passes(PULSE_S)
    watch.pulse()
    machine.passes(20)
    machine.passes(8 * 3600, asleep=True)
    watch.pulse()
    assert machine.woke == [4 * SECOND, 60 * SECOND, 8 * HOUR + 20 * SECOND]
    assert machine.jumps == []


@pytest.mark.parametrize("jump", [3 * HOUR, -3 * HOUR, 11 * SECOND])
def test_clock_that_is_set_is_no_sleep(jump: timedelta) -> None:
    machine = Machine()
    watch = machine.watch()
    machine.passes(PULSE_S)
    machine.wall += jump
    watch.pulse()
    machine.passes(PULSE_S)
    watch.pulse()
    assert (machine.woke, machine.jumps) == ([], [jump])


def test_clock_that_is_set_in_a_sleep_is_told_beside_it() -> None:
    machine = Machine()
    watch = machine.watch()
    machine.passes(3600, asleep=True)
    machine.wall -= 2 * HOUR
    watch.pulse()
    assert (machine.woke, machine.jumps) == ([HOUR], [-2 * HOUR])


async def test_logind_is_heard_on_a_real_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine()
    watch = machine.watch("linux")
    with Logind() as logind:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", logind.env["DBUS_SYSTEM_BUS_ADDRESS"])
        task = asyncio.create_task(watch.run())
        await asyncio.wait_for(watch.hears_logind.wait(), 10)
        logind.prepare_for_sleep(True)
        machine.passes(7200, asleep=True)
        logind.prepare_for_sleep(False)
        await until(lambda: machine.woke)
        machine.passes(4)
        watch.pulse()  # the clocks know it too, and it is told once
        assert machine.woke == [2 * HOUR]
        machine.passes(600)
        watch.pulse()
        machine.woke.clear()
        machine.passes(60)
        logind.prepare_for_sleep(False)  # a sleep too short for the clocks, or a lid test
        await until(lambda: machine.woke)
        task.cancel()
        await asyncio.wait([task])


async def test_bus_that_goes_away_is_looked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine()
    rested: list[float] = []
    again = asyncio.Event()

    async def pause(seconds: float) -> None:
        rested.append(seconds)
        if seconds == PULSE_S:
            await asyncio.Event().wait()
        await again.wait()

    watch = machine.watch("linux")
    watch._pause = pause
    with Logind() as first:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", first.env["DBUS_SYSTEM_BUS_ADDRESS"])
        task = asyncio.create_task(watch.run())
        await asyncio.wait_for(watch.hears_logind.wait(), 10)
    await until(lambda: not watch.hears_logind.is_set())
    with Logind() as second:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", second.env["DBUS_SYSTEM_BUS_ADDRESS"])
        again.set()
        await asyncio.wait_for(watch.hears_logind.wait(), 10)
        second.prepare_for_sleep(False)
        await until(lambda: machine.woke)
        task.cancel()
        await asyncio.wait([task])


@pytest.mark.parametrize("address", ["unix:path=/nonexistent", "nonsense", "tcp:host=127.0.0.1"])
async def test_without_a_system_bus_the_clocks_remain(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
    machine = Machine()
    rested = asyncio.Event()

    async def pause(seconds: float) -> None:
        if seconds > PULSE_S:
            rested.set()
        await asyncio.Event().wait()

    watch = machine.watch("linux")
    watch._pause = pause
    task = asyncio.create_task(watch.run())
    await asyncio.wait_for(rested.wait(), 10)
    assert not watch.hears_logind.is_set()
    machine.passes(30, asleep=True)
    watch.pulse()
    assert machine.woke == [30 * SECOND]
    task.cancel()
    await asyncio.wait([task])


async def test_other_signals_are_not_taken_for_a_waking(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine = Machine()
    with Logind() as logind:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", logind.env["DBUS_SYSTEM_BUS_ADDRESS"])
        watch = machine.watch("linux")
        task = asyncio.create_task(watch.run())
        await asyncio.wait_for(watch.hears_logind.wait(), 10)
        logind.say("PrepareForShutdown", False)
        logind.prepare_for_sleep(True)
        logind.prepare_for_sleep(False)
        await until(lambda: machine.woke)
        assert len(machine.woke) == 1
        task.cancel()
        await asyncio.wait([task])
