"""No window holds up the loop: ticks that come late are counted, and held against idle times.

The computer that runs the tests has other work, too. So a tick is late by what the loop's thread
itself has worked since the last one; only a very long wait counts as well, for whatever reason. And
idle times and busy ones take turns: what the neighbours cost falls on both alike.
"""

import asyncio
import itertools
import time as real_time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from PySide6.QtCore import QObject, Qt, QTimer

from tests.gui import scenes
from tests.gui.fake_manager import FakeManager, FakeTime
from tests.gui.fake_program import FakeProgram
from tests.gui.login_item import FakeLoginItem
from wabot_tray.bot.rulebook_file import install_example
from wabot_tray.core.states import SessionState
from wabot_tray.gui.logwindow import LogWindow
from wabot_tray.gui.openings import OPENINGS
from wabot_tray.gui.windows import Windows

Runner = Callable[[Awaitable[Any]], Any]
ACCOUNTS: Final = 20
LATE_S: Final = 0.05  # of work
LONG_S: Final = 0.5  # by the clock
TURN_S: Final = 0.25
SLACK: Final = 3  # ticks that nobody can help
LINE: Final = "2026-11-20 08:00:00 INFO  [Keeper] session account-{}: {} received, 1 answered\n"


class Ticks(QObject):
    """Counts the ticks that come late, idle and busy ones apart."""

    def __init__(self) -> None:
        super().__init__()
        self.late = {"idle": 0, "busy": 0}
        self.now = "idle"
        self._last, self._worked = real_time.monotonic(), real_time.thread_time()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._timer.start(5)

    def _tick(self) -> None:
        now, worked = real_time.monotonic(), real_time.thread_time()
        is_late = worked - self._worked > LATE_S or now - self._last > LONG_S
        self.late[self.now] += is_late
        self._last, self._worked = now, worked

    async def take_turns(self, work: Callable[[], object], turns: int = 1) -> None:
        """Rest for a turn, then work for one: as often as it goes, at 50 a second."""
        for _ in range(turns):
            self.now = "idle"
            await asyncio.sleep(TURN_S)
            self.now = "busy"
            end = real_time.monotonic() + TURN_S
            while real_time.monotonic() < end:
                work()
                await asyncio.sleep(0.02)


@pytest.fixture
def manager(time: FakeTime) -> FakeManager:
    many = (scenes.account(SessionState.CONNECTED, number) for number in range(ACCOUNTS))
    return FakeManager(*many, time=time)


@pytest.fixture
def program(tmp_path: Path, manager: FakeManager) -> FakeProgram:
    made = FakeProgram(tmp_path, manager)
    install_example(made.paths.bot_file, "en")
    made.paths.logs.mkdir(parents=True)
    lines = (LINE.format(number % ACCOUNTS, number) for number in range(20_000))
    made.paths.log_file.write_text("".join(lines), encoding="utf-8")
    return made


@pytest.fixture
def windows(program: FakeProgram, time: FakeTime, run: Runner) -> Iterator[Windows]:
    made = Windows(program, lambda: None, login_item=FakeLoginItem(), clock=time.clock)
    yield made
    run(made.close())


def test_twenty_accounts_and_every_window_hold_nothing_up(
    windows: Windows, program: FakeProgram, manager: FakeManager, run: Runner
) -> None:
    states = itertools.cycle(
        (SessionState.WAITING, SessionState.RECONNECTING, SessionState.CONNECTED)
    )
    numbers = itertools.count()

    def change() -> None:
        number = next(numbers)
        manager.change(f"account-{number % ACCOUNTS}", state=next(states), replied=number)

    def flood() -> None:
        with program.paths.log_file.open("a", encoding="utf-8") as file:
            file.write("".join(LINE.format(n % ACCOUNTS, n) for n in range(100)))

    async def live() -> dict[str, int]:
        ticks = Ticks()
        await ticks.take_turns(windows.show_dashboard, 4)  # the cards come one by one
        await ticks.take_turns(change, 4)
        for opening in OPENINGS:
            await ticks.take_turns(partial(windows.show_window, opening.name))
        await ticks.take_turns(change, 2)  # with every window open
        await ticks.take_turns(flood, 4)
        logs = windows.window("logs")
        assert isinstance(logs, LogWindow)
        bundle = logs.ask_bundle()
        await ticks.take_turns(change, 4)
        bundle.close()
        await ticks.take_turns(lambda: None)
        return ticks.late

    late = run(live())
    assert late["busy"] <= 2 * late["idle"] + SLACK, late
