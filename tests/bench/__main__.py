"""`python3 dev.py bench`: our program beside bare neonize, on one simulator, in one run.

Writes docs/benchmarks.md; with --quick or --json it writes to the terminal only. About ten
minutes, two with --quick.
"""

import argparse
import contextlib
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from tests.bench import desktop as on_screen
from tests.bench import messages, starts
from tests.bench.figures import Figure
from tests.bench.report import as_json, page
from tests.bench.sealing import SealingRow, measure_sealing
from tests.bench.stage import BareShop, OurShop
from tests.desktop import start_desktop
from tests.e2e.harness import ROOT
from tests.simulator.running import RunningSimulator

PAGE: Final = ROOT / "docs" / "benchmarks.md"
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How thorough a run is.

    Args:
        rounds: Turns of each.
        counts: Accounts, beside one.
        messages: In each turn.
        idle_s: Seconds of doing nothing.
        sizes_mb: Of databases to seal.
        busy_s: Seconds of sealing under load.
    """

    rounds: int = 5
    counts: tuple[int, ...] = (5, 20)
    messages: int = 200
    idle_s: float = 60.0
    sizes_mb: tuple[float, ...] = (1.0, 10.0, 100.0)
    busy_s: float = 10.0


QUICK: Final = Plan(rounds=2, counts=(5,), messages=40, idle_s=10.0, sizes_mb=(1.0,), busy_s=3.0)


def main() -> int:
    """Measure and return the exit status."""
    parser = argparse.ArgumentParser(prog="dev.py bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds, five accounts")
    parser.add_argument("--json", action="store_true", help="every measurement, as JSON")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the page there")
    chosen = parser.parse_args()
    groups, sealing = measure(QUICK if chosen.quick else Plan())
    text = page(groups, sealing, quick=chosen.quick)
    if chosen.json:
        json.dump(as_json(groups, sealing), sys.stdout, indent=1)
        print()
    else:
        print(text)
    where = chosen.report or (None if chosen.quick or chosen.json else PAGE)
    if where is not None:
        where.write_text(text, encoding="utf-8")
    return 0


def measure(plan: Plan) -> tuple[dict[str, list[Figure]], list[SealingRow]]:
    """Return every figure, by heading, and the sealing's."""
    rounds = plan.rounds
    groups: dict[str, list[Figure]] = {}
    with contextlib.ExitStack() as stack:
        simulator = stack.enter_context(RunningSimulator())
        desktop = stack.enter_context(start_desktop())
        ours = stack.enter_context(OurShop(simulator, desktop))
        bare = stack.enter_context(BareShop(simulator))
        begin = starts.Starts(simulator, ours, bare, (plan.counts[-1], plan.idle_s))
        _step("one account", lambda: begin.measure(1, rounds))
        tray = _step("tray", lambda: on_screen.tray_start(ours, desktop, rounds))
        ours.headless()
        ours.answering()
        restart = _step("restarts", lambda: starts.restarts(ours, bare, rounds * 2))
        cut = _step("cuts", lambda: starts.cuts(simulator, ours, bare, rounds * 2))
        groups["Messages"] = _step(
            "messages", lambda: messages.replies(simulator, ours, bare, rounds, plan.messages)
        )
        for count in plan.counts:
            _step(f"{count} accounts", partial(begin.measure, count, min(rounds, 3)))
        lag = _step("loop", lambda: on_screen.loop_lag(simulator, ours, min(rounds, 3)))
        groups["Start"] = [*tray, *begin.figures, restart]
        groups["Links"] = [cut]
        groups["Memory"] = begin.memory()
        groups["Work"] = [*begin.idle(), *lag]
    sealing = _step("sealing", lambda: measure_sealing(plan.sizes_mb, busy_s=plan.busy_s))
    order = ("Start", "Messages", "Links", "Memory", "Work")
    return {name: groups[name] for name in order}, sealing


def _step(name: str, work: Callable[[], T]) -> T:
    print(f"bench: {name}", file=sys.stderr, flush=True)
    return work()


if __name__ == "__main__":
    sys.exit(main())
