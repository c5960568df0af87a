"""What sealing costs: per commit, by the size of the database, and the delay until it is sealed.

`python -m tests.bench.sealing [MEGABYTES ...]` prints a table.
"""

import asyncio
import os
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from wabot_tray.storage.sealer import Sealer, SealReport
from wabot_tray.storage.vault import Vault
from wabot_tray.storage.watching import watch_database

SIZES_MB: Final = (1, 10, 100)
MESSAGES_A_SECOND: Final = 20
_COMMITS: Final = 40
_SESSION_BYTES: Final = 3000  # what a Signal session of the library is about


@dataclass(slots=True, kw_only=True)
class SealingRow:
    """The figures for one size of database. Medians; wall times include waiting for the disk.

    Args:
        size_mb: Of the live database.
        first_seal_ms: Sealing all of it, as after a pairing or a restored backup.
        open_ms: Unsealing and checking all of it, as at every start.
        open_cpu_ms: Of that, processor time.
        close_ms: Comparing all of it, sealing the rest, renewing the copies.
        pages: Sealed for one message.
        written_bytes: Given to the system for one message, journal included.
        seal_cpu_ms: Processor time of one message's seal.
        seal_ms: Wall time of one message's seal.
        delays_ms: From commit to sealed, one message a second.
        busy_delays_ms: The same under `MESSAGES_A_SECOND`.
        busy_cpu_percent: Of one core, by the sealer under `MESSAGES_A_SECOND`.
    """

    size_mb: float
    first_seal_ms: float = 0.0
    open_ms: float = 0.0
    open_cpu_ms: float = 0.0
    close_ms: float = 0.0
    pages: float = 0.0
    written_bytes: float = 0.0
    seal_cpu_ms: float = 0.0
    seal_ms: float = 0.0
    delays_ms: list[float] = field(default_factory=list)
    busy_delays_ms: list[float] = field(default_factory=list)
    busy_cpu_percent: float = 0.0


def measure_sealing(
    sizes_mb: Sequence[float] = SIZES_MB, *, folder: Path | None = None, busy_s: float = 10.0
) -> list[SealingRow]:
    """Measure one row for each size; some ten seconds each, and more for the large ones.

    Args:
        sizes_mb: Of the live database.
        folder: On the disk to seal to; None for the system's temporary folder.
        busy_s: Seconds of messages at `MESSAGES_A_SECOND`.
    """
    return [_measure(size_mb, folder, busy_s) for size_mb in sizes_mb]


def _measure(size_mb: float, folder: Path | None, busy_s: float) -> SealingRow:
    memory = "/dev/shm" if sys.platform.startswith("linux") else None  # noqa: S108 - memory
    with (
        tempfile.TemporaryDirectory(dir=folder) as disk,
        tempfile.TemporaryDirectory(dir=memory) as live,
    ):
        row = SealingRow(size_mb=size_mb)
        vault = _vault(Path(disk), Path(live))
        vault.open()
        with _library(vault) as db:
            fill(db, size_mb)
            row.first_seal_ms = _timed_ms(vault.seal)[0]
        row.close_ms = _timed_ms(vault.close)[0]
        vault = _vault(Path(disk), Path(live))
        row.open_ms, row.open_cpu_ms = _timed_ms(vault.open)
        with _library(vault) as db:
            _measure_commits(vault, db, row)
            database = Path(live) / "session.db"
            row.delays_ms, _ = asyncio.run(_delays(vault, db, database, 1.0, 5))
            count = round(busy_s * MESSAGES_A_SECOND)
            row.busy_delays_ms, cpu_s = asyncio.run(
                _delays(vault, db, database, 1 / MESSAGES_A_SECOND, count)
            )
            row.busy_cpu_percent = 100 * cpu_s / busy_s
        row.close_ms = _timed_ms(vault.close)[0]
        return row


def _measure_commits(vault: Vault, db: sqlite3.Connection, row: SealingRow) -> None:
    one_message(db, 0)
    vault.seal()  # the first after opening looks at every page
    reports: list[SealReport] = []
    written, walls, cpus = [], [], []
    for number in range(1, _COMMITS + 1):
        one_message(db, number)
        before = _written_bytes()
        started_s, started_cpu_s = time.perf_counter(), time.process_time()
        report = vault.seal()
        cpus.append(time.process_time() - started_cpu_s)
        walls.append(time.perf_counter() - started_s)
        written.append(_written_bytes() - before)
        assert report is not None
        reports.append(report)
    row.pages = statistics.median(report.pages for report in reports)
    row.written_bytes = statistics.median(written)
    row.seal_cpu_ms = statistics.median(cpus) * 1000
    row.seal_ms = statistics.median(walls) * 1000


class _Timed:
    """A vault that notes when each seal began and ended."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self.seals: list[tuple[float, float]] = []
        self.cpu_s = 0.0

    def has_changed(self) -> bool:
        return self._vault.has_changed()

    def seal(self) -> SealReport | None:
        began_s, began_cpu_s = time.monotonic(), time.thread_time()
        report = self._vault.seal()
        self.cpu_s += time.thread_time() - began_cpu_s
        if report is not None:
            self.seals.append((began_s, time.monotonic()))
        return report


async def _delays(
    vault: Vault, db: sqlite3.Connection, database: Path, apart_s: float, count: int
) -> tuple[list[float], float]:
    """Return the milliseconds from each commit to its seal, and the seals' CPU seconds."""
    timed = _Timed(vault)
    sealer = Sealer(
        timed,
        on_trouble=lambda _: None,
        on_sealed=lambda _: None,
        watch=watch_database(database),
    )
    running = asyncio.create_task(sealer.run())
    commits = []
    for number in range(count):
        await asyncio.sleep(apart_s)
        one_message(db, 1000 + number)
        commits.append(time.monotonic())
    async with asyncio.timeout(30):
        while not timed.seals or timed.seals[-1][0] < commits[-1]:  # noqa: ASYNC110 - a thread's
            await asyncio.sleep(0.01)
    await sealer.stop()
    await running
    ends = [next(end for began, end in timed.seals if began >= commit) for commit in commits]
    return [(end - at) * 1000 for end, at in zip(ends, commits, strict=True)], timed.cpu_s


def fill(db: sqlite3.Connection, size_mb: float) -> None:
    """Write sessions and what else the library keeps, up to a size."""
    db.execute("CREATE TABLE sessions (id INTEGER PRIMARY KEY, state BLOB)")
    db.execute("CREATE TABLE secrets (chat TEXT, id TEXT, key BLOB, PRIMARY KEY (chat, id))")
    count = round(size_mb * 1e6 / 4096)
    db.execute("BEGIN")
    for number in range(count):
        db.execute("INSERT INTO sessions VALUES (?, ?)", (number, os.urandom(_SESSION_BYTES)))
    db.execute("COMMIT")


def one_message(db: sqlite3.Connection, number: int) -> None:
    """Change what one message changes: a session steps on, a secret is noted."""
    (count,) = db.execute("SELECT max(id) FROM sessions").fetchone()
    session = random.Random(number).randrange(count)  # noqa: S311 - the same in each run
    db.execute("BEGIN")
    state = os.urandom(_SESSION_BYTES)
    db.execute("UPDATE sessions SET state = ? WHERE id = ?", (state, session))
    secret = (f"{session}@lid", f"{number}-{time.monotonic_ns()}", os.urandom(32))
    db.execute("INSERT INTO secrets VALUES (?, ?, ?)", secret)
    db.execute("COMMIT")


def _vault(disk: Path, live: Path) -> Vault:
    return Vault(disk, live, live_in_ram=True, account_id="bench", data_key=bytes(32))


@contextmanager
def _library(vault: Vault) -> Iterator[sqlite3.Connection]:
    path = vault.database_name.partition("?")[0]
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = OFF")
        yield db


def _timed_ms(work: object) -> tuple[float, float]:
    assert callable(work)
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    work()
    return (time.perf_counter() - wall_s) * 1000, (time.process_time() - cpu_s) * 1000


def _written_bytes() -> int:
    """Return how many bytes this process has given to write calls; 0 where that is not told."""
    if not sys.platform.startswith("linux"):
        return 0
    lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("wchar:")))


def table(rows: Sequence[SealingRow]) -> str:
    """Return the rows as a table for people, in Markdown."""
    head = (
        "| database | open | of that CPU | first seal | close | one message: pages | bytes | CPU |"
        " wall | commit to sealed: median, most | at 20 a second: median, most | CPU |"
    )
    lines = [head, "|" + "---|" * (head.count("|") - 1)]
    for row in rows:
        quiet, busy = row.delays_ms, row.busy_delays_ms
        lines.append(
            f"| {row.size_mb:g} MB | {row.open_ms:.0f} ms | {row.open_cpu_ms:.0f} ms "
            f"| {row.first_seal_ms:.0f} ms | {row.close_ms:.0f} ms | {row.pages:g} "
            f"| {row.written_bytes:.0f} | {row.seal_cpu_ms:.2f} ms | {row.seal_ms:.1f} ms "
            f"| {statistics.median(quiet):.0f}, {max(quiet):.0f} ms "
            f"| {statistics.median(busy):.0f}, {max(busy):.0f} ms | {row.busy_cpu_percent:.1f} % |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(measure_sealing([float(word) for word in sys.argv[1:]] or SIZES_MB)))
