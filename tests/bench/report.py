"""The page that shows all figures, and the same for machines."""

import importlib.metadata
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from tests.bench.figures import Figure, quantile, table
from tests.bench.sealing import SealingRow

_HEAD = ("figure", "ours", "bare", "ratio", "goal")
_INTRO = """# Benchmarks

`python3 dev.py bench` wrote this. Our program and bare neonize (tests/bench/bare_script.py: a
client, an echo, nothing else) run on the same simulated server, in turns, in one run; figures are
medians, with the smallest and the largest in brackets where there are several. Nothing here passes
or fails. The rule of at most two logins a second is lifted for the starts, by a seam that only this
benchmark has. Times to a login end at the server, those to a reply with the customer.
"""


def machine() -> dict[str, str]:
    """Return what it was measured on."""
    versions = {
        name: importlib.metadata.version(name) for name in ("neonize", "PySide6-Essentials")
    }
    return {
        "cores": str(os.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / 1024**3:.0f} GiB",
        "processor": _processor(),
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": platform.python_version(),
        **versions,
    }


def page(groups: dict[str, list[Figure]], sealing: Sequence[SealingRow], *, quick: bool) -> str:
    """Return the page in Markdown."""
    parts = [_INTRO, _machine_line(quick=quick)]
    for name, figures in groups.items():
        parts += [f"## {name}", table(_HEAD, [figure.row() for figure in figures])]
    if sealing:
        parts += ["## Sealing", _sealing(sealing)]
    parts += ["## What limits each figure", *_limits(groups)]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def as_json(groups: dict[str, list[Figure]], sealing: Sequence[SealingRow]) -> dict[str, Any]:
    """Return everything that was measured."""
    return {
        "machine": machine(),
        "figures": {name: [one.as_json() for one in figures] for name, figures in groups.items()},
        "sealing": [{name: getattr(row, name) for name in row.__slots__} for row in sealing],
    }


def _machine_line(*, quick: bool) -> str:
    line = ", ".join(f"{name} {value}" for name, value in machine().items())
    return f"Measured on: {line}." + (" A quick run: few rounds, noisy." if quick else "")


def _limits(groups: dict[str, list[Figure]]) -> list[str]:
    lines = []
    for figures in groups.values():
        by_limit: dict[str, list[str]] = {}
        for figure in figures:
            if figure.limit:
                by_limit.setdefault(figure.limit, []).append(figure.name)
        lines += [
            f"- {'; '.join(dict.fromkeys(names))}: {limit}" for limit, names in by_limit.items()
        ]
    return ["\n".join(lines)]


def _sealing(rows: Sequence[SealingRow]) -> str:
    head = (
        *("database, MB", "seal a message, CPU ms", "wall ms", "written, KiB"),
        *("commit -> sealed, p50 / max ms", "the same at 20 a second", "CPU at 20 a second, %"),
        *("first seal, ms", "open, ms"),
    )
    lines = [
        (
            f"{row.size_mb:g}",
            f"{row.seal_cpu_ms:.2f}",
            f"{row.seal_ms:.1f}",
            f"{row.written_bytes / 1024:.0f}",
            _spread(row.delays_ms),
            _spread(row.busy_delays_ms),
            f"{row.busy_cpu_percent:.1f}",
            f"{row.first_seal_ms:.0f}",
            f"{row.open_ms:.0f}",
        )
        for row in rows
    ]
    return (
        "The database is sealed page by page beside the running library; the cost follows the "
        "change, not the size.\n\n" + table(head, lines)
    )


def _spread(values: Sequence[float]) -> str:
    return f"{quantile(values, 0.5):.0f} / {max(values):.0f}" if values else "-"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()
