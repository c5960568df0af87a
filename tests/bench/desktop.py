"""On a real screen: until the icon is there, and how late the windows' loop gets."""

import subprocess
import sys
import time
from typing import Any, Final

from tests.bench.figures import Figure, quantile
from tests.bench.stage import Logins, OurShop, samples_by_role
from tests.desktop import PANEL_HEIGHT, Desktop
from tests.e2e.harness import ROOT, until
from tests.simulator.running import RunningSimulator
from tests.soak.samples import MIB
from wabot_tray.gui.colours import AMBER, GREEN

_ICON_PIXELS: Final = 30
_SETTLE_S: Final = 3.0


def tray_start(ours: OurShop, desktop: Desktop, rounds: int) -> list[Figure]:
    """Start our program and the least that shows an icon, in turns."""
    shown = Figure(
        name="program start -> tray icon shown",
        unit="s",
        beside="PySide6 and an icon, nothing else",
        limit="Python's and Qt's own start; a look at the screen takes 40 ms.",
    )
    green = Figure(
        name="program start -> green tray icon, 1 account",
        unit="s",
        limit="The same, and the worker's login.",
    )
    weight = Figure(
        name="main process with windows, PSS",
        unit="MiB",
        limit="Qt's libraries, read from disk once and shared with nobody here.",
        digits=1,
    )
    for number in range(rounds):
        began = ours.start("--minimized")
        shown.ours.append(_until_shown(desktop, AMBER, GREEN) - began)
        green.ours.append(_until_shown(desktop, GREEN) - began)
        if number == rounds - 1:
            time.sleep(_SETTLE_S)
            weight.ours.append(sum(one.pss for one in samples_by_role(ours)["main"]) / MIB)
        ours.quit()
        _until_gone(desktop)
        began = time.monotonic()
        command = [sys.executable, "-m", "tests.bench.bare_tray"]
        with subprocess.Popen(command, cwd=ROOT, env=desktop.env()) as bare:
            shown.bare.append(_until_shown(desktop, GREEN) - began)
            bare.kill()
        _until_gone(desktop)
    return [shown, green, weight]


def loop_lag(simulator: RunningSimulator, ours: OurShop, rounds: int) -> list[Figure]:
    """Start the program with its windows and all accounts, and see how late its loop is."""
    count = len(ours.phones)
    runs = [_ticks_of_one_start(simulator, ours) for _ in range(rounds)]
    what = f"the windows' loop while {count} accounts start"
    return [
        Figure(
            name=f"{kind} {what}, {name}",
            unit="ms",
            ours=[quantile([tick[place] for tick in run], part) for run in runs],
            goal="16" if (place, name) == (0, "p99") else "",
            limit=limit,
            digits=1,
        )
        for place, kind, limit in (
            (
                0,
                "lag of",
                f"Two cores for {count} workers: what is not work waits for a processor.",
            ),
            (1, "work of one step of", "What main does for a worker, the windows wait for."),
        )
        for name, part in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))
    ]


def _ticks_of_one_start(simulator: RunningSimulator, ours: OurShop) -> list[tuple[float, float]]:
    """Return how late each tick was, and the work that was done since the one before, in ms."""
    logins = Logins(simulator, list(ours.phones.values()))
    ours.start("--minimized")
    last = logins.wait(len(ours.phones))
    ours.answering()
    time.sleep(1)  # what follows the last login belongs to it
    seen: dict[str, Any] = ours.ended()
    first = seen["launches"][0]
    return [(late, work) for at, late, work in seen["ticks"] if first <= at <= last + 1]


def _until_shown(desktop: Desktop, *colours: str) -> float:
    until(lambda: _pixels(desktop, *colours) >= _ICON_PIXELS, "the tray icon", 30)
    return time.monotonic()


def _until_gone(desktop: Desktop) -> None:
    until(lambda: _pixels(desktop, AMBER, GREEN) == 0, "an empty tray", 20)


def _pixels(desktop: Desktop, *colours: str) -> int:
    """Return how many pixels of the panel's strip have one of these colours."""
    picture = desktop.screen.shot()
    strip = picture.crop((0, picture.height - PANEL_HEIGHT, picture.width, picture.height))
    found = strip.getcolors(strip.width * strip.height) or []
    wanted = {tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5)) for colour in colours}
    return sum(number for number, colour in found if colour in wanted)
