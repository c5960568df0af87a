"""The product's program against a simulator, with a watch on it.

`python -m tests.bench.entry PORT ROOTKEYHEX JOURNAL [arguments of wabot-tray ...]`

Two seams that only a test can reach: logins are not spaced out, so that twenty accounts show what
the program can do; and a timer of 5 ms on Qt's own loop notes how late it comes. Both go into
JOURNAL as JSON when the program ends.
"""

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.simulator.program_entry import main as program
from wabot_tray import __main__ as entry

if TYPE_CHECKING:  # the program is to import things in its own order
    from wabot_tray.control.program import Program
    from wabot_tray.core.settings import Settings
    from wabot_tray.sessions.children import Child

TICK_MS: Final = 5

_launches: list[float] = []  # time.monotonic()
# The same; how late it was; for how much of the time since the last one the thread was working, in
# milliseconds. What is late without work waited for a processor.
_ticks: list[tuple[float, float, float]] = []


def _watch_launches() -> None:
    from wabot_tray.sessions import launching  # noqa: PLC0415
    from wabot_tray.sessions.nursery import Nursery  # noqa: PLC0415

    launch = Nursery.launch

    async def watched(self: Nursery) -> "Child":
        _launches.append(time.monotonic())
        return await launch(self)

    vars(launching)["LOGIN_SPACING_S"] = 0.0
    Nursery.launch = watched  # type: ignore[method-assign]


def _watch_loop() -> None:
    from PySide6.QtCore import Qt, QTimer  # noqa: PLC0415 - headless, nothing loads Qt
    from PySide6.QtWidgets import QApplication  # noqa: PLC0415

    from wabot_tray.gui import app as gui  # noqa: PLC0415

    make = gui.make_application
    last, worked = time.monotonic(), time.thread_time()

    def tick() -> None:
        nonlocal last, worked
        now, work = time.monotonic(), time.thread_time()
        _ticks.append((now, max(0.0, (now - last) * 1000 - TICK_MS), (work - worked) * 1000))
        last, worked = now, work

    def watched(settings: "Settings") -> QApplication:
        app = make(settings)
        timer = QTimer(app)
        timer.setTimerType(Qt.TimerType.PreciseTimer)
        timer.timeout.connect(tick)
        timer.start(TICK_MS)
        return app

    vars(gui)["make_application"] = watched


def main() -> int:
    """Run the program and write down what was seen."""
    journal = Path(sys.argv.pop(3))
    make = entry._make

    def watched(*arguments: Any) -> "Program | None":
        _watch_launches()
        if "--headless" not in sys.argv:
            _watch_loop()
        return make(*arguments)

    entry._make = watched  # type: ignore[assignment]
    try:
        return program()
    finally:
        journal.write_text(json.dumps({"launches": _launches, "ticks": _ticks}), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
