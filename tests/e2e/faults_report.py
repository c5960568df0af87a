"""Plays the fault matrix, each row alone, and writes what was measured to docs/faults.md.

`python -m tests.e2e.faults_report [--only KEY ...] [--accounts N] [--record FILE] [--write FILE]`

Rows that are not played keep what the record says of them. Run it on a machine with nothing else
to do: every time in the report is a time of this machine.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tests.e2e.matrix import GROUPS, QUIET_S, Fault, all_faults

ROOT: Final = Path(__file__).resolve().parents[2]
ROW_LIMIT_S: Final = 900.0
LONGEST_PATH: Final = 7
QUIET_MS: Final = 1000 * QUIET_S
TITLES: Final = {
    "network": "Network",
    "whatsapp": "WhatsApp",
    "processes": "Processes",
    "machine": "The computer",
}
HEAD: Final = """\
# Faults, and how long each lasts

Written by `python3 dev.py faults`: every row is played alone, by the whole program in real
processes, against the simulated WhatsApp of `tests/simulator`. The tests assert each goal twice
over; the times are those of one run on {machine}.

Where a fault can hit one account alone, the shop has {accounts} accounts, and the others are
written to without a pause. The last column is the median time of their replies undisturbed and
while the fault lasted, with the 0.6 s of quiet before each reply taken off; the ratio of what a
customer sees, quiet included; and how many replies there were.
"""


def main(arguments: Sequence[str]) -> int:
    """Play, record and write; return 1 if a row failed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", metavar="KEY", help="play these rows alone")
    parser.add_argument("--accounts", type=int, default=5)
    parser.add_argument("--record", type=Path, default=ROOT / "build" / "faults.jsonl")
    parser.add_argument("--write", type=Path, default=ROOT / "docs" / "faults.md")
    chosen = parser.parse_args(arguments)
    chosen.record.parent.mkdir(parents=True, exist_ok=True)
    faults = all_faults()
    if unknown := set(chosen.only or ()) - {fault.key for fault in faults}:
        parser.error(f"no such row: {', '.join(sorted(unknown))}")
    failed = [
        fault.key
        for fault in faults
        if (chosen.only is None or fault.key in chosen.only)
        and not play(fault, chosen.accounts, chosen.record)
    ]
    record = read(chosen.record)
    chosen.write.write_text(report(faults, record, chosen.accounts), encoding="utf-8")
    print(f"written: {chosen.write}")
    if failed:
        print(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


def play(fault: Fault, accounts: int, record: Path) -> bool:
    """Play one row in a process of its own; return whether it passed."""
    print(f"{fault.key}: {fault.what}", flush=True)
    environment = {
        **os.environ,
        "WABOT_FAULTS_ACCOUNTS": str(accounts),
        "WABOT_FAULTS_RECORD": str(record),
    }
    test = f"tests/e2e/test_faults.py::test_fault[{fault.key}]"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test]
    command += ["-o", f"faulthandler_timeout={ROW_LIMIT_S:g}"]
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=ROW_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        problem = f"not over after {ROW_LIMIT_S:g} s"
    else:
        if done.returncode == 0:
            return True
        said = done.stdout.splitlines()
        why = [one for one in said if one.startswith(("E  ", ">", "tests/"))]
        problem = "\n".join([*why, *said[-40:]])
    print(problem)
    with record.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps({"key": fault.key, "failed": True}) + "\n")
    return False


def read(record: Path) -> dict[str, dict[str, Any]]:
    """Return the last outcome of each row."""
    if not record.exists():
        return {}
    lines = record.read_text(encoding="utf-8").splitlines()
    return {outcome["key"]: outcome for outcome in map(json.loads, lines)}


def report(faults: Sequence[Fault], record: dict[str, dict[str, Any]], accounts: int) -> str:
    """Return the whole document."""
    parts = [HEAD.format(accounts=accounts, machine=machine())]
    for group in GROUPS:
        rows = [fault for fault in faults if fault.group == group]
        if not rows:
            continue
        parts.append(f"\n## {TITLES[group]}\n")
        parts.append("| fault | what the person sees | goal | measured | the others' replies |\n")
        parts.append("|---|---|---|---|---|\n")
        parts += [line(fault, record.get(fault.key)) for fault in rows]
    return "".join(parts)


def machine() -> str:
    """Say what the times were taken on."""
    python = ".".join(map(str, sys.version_info[:3]))
    return f"{os.cpu_count()} cores, {sys.platform}, Python {python}"


def line(fault: Fault, outcome: dict[str, Any] | None) -> str:
    """Return one row of a table."""
    if outcome is None:
        cells = [fault.what, "", fault.goal_text, "not played", ""]
    elif outcome.get("failed"):
        cells = [fault.what, "", fault.goal_text, "**failed**", ""]
    else:
        cells = [
            fault.what,
            path(outcome["path"]),
            fault.goal_text,
            measured(outcome),
            others(outcome),
        ]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def path(steps: Sequence[str]) -> str:
    """Return the states a row went through; what repeats is told once, with how often."""
    shown: list[str] = []
    rest = list(steps)
    while rest:
        times = 1
        while rest[:2] == rest[2 * times : 2 * times + 2]:
            times += 1
        if times > 1:
            shown.append(f"{times} times [{' → '.join(rest[:2])}]")
            del rest[: 2 * times]
        else:
            shown.append(rest.pop(0))
    if len(shown) > LONGEST_PATH:
        shown = [*shown[: LONGEST_PATH - 2], "…", shown[-1]]
    return " → ".join(shown)


def measured(outcome: dict[str, Any]) -> str:
    """Return the figure of a row and the remarks on it."""
    seconds = outcome["measured_s"]
    figure = [] if seconds is None else [f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"]
    return "; ".join([*figure, *outcome["notes"]]) or "as it should"


def others(outcome: dict[str, Any]) -> str:
    """Return how the neighbours fared."""
    before, during = outcome["undisturbed_ms"], outcome["disturbed_ms"]
    if before is None or during is None:
        return "—"
    seen = (QUIET_MS + during) / (QUIET_MS + before)
    return f"{before:.0f} → {during:.0f} ms; {seen:.2f}; {outcome['replies']} replies"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
