"""What the program costs while it runs: memory, descriptors, threads, disk. Does it grow?"""

import contextlib
import itertools
import statistics
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import psutil

from tests.e2e.harness import Shop

MIB: Final = 1024 * 1024
_AGES_S: Final = (30.0, 60.0, 120.0, 240.0, 480.0, 960.0, 1920.0)  # bands of equal age
_WARM_S: Final = 120.0  # what a process takes in at first is no growth
_LEAST: Final = 3  # samples in each third of a life that is to be judged


@dataclass(frozen=True, slots=True)
class Sample:
    """One process at one moment."""

    at: float  # time.monotonic()
    role: str  # "main", "worker" or "other"
    pid: int
    age_s: float
    rss: int  # bytes
    pss: int  # bytes
    descriptors: int
    threads: int


@dataclass(frozen=True, slots=True)
class Disk:
    """What lies on the disk and in the live folder at one moment, in bytes."""

    at: float  # time.monotonic()
    logs: int
    data: int  # everything else in the data folder
    live: int


@dataclass(frozen=True, slots=True)
class Quantity:
    """Something that must not grow.

    Args:
        name: How the report calls it.
        of: Reads it from a sample.
        limit: The growth that is still noise, in its own unit.
    """

    name: str
    of: Callable[[Sample], float]
    limit: float


QUANTITIES: Final = (
    # The Go heap breathes: its collector waits for twice what is live (GOGC 100), and where in
    # that cycle a sample falls differs by some MiB. A leak of 0.02 MiB a reconnect passes this.
    Quantity("PSS, MiB", lambda sample: sample.pss / MIB, 6.0),
    Quantity("descriptors", lambda sample: sample.descriptors, 3.0),
    # Go keeps a thread for every call that ever blocked beside others; it ends none.
    Quantity("threads", lambda sample: sample.threads, 4.0),
)


@dataclass(frozen=True, slots=True)
class Growth:
    """How much more there was at the end than at the beginning."""

    whose: str
    quantity: Quantity
    early: float
    late: float
    samples: int

    @property
    def is_too_much(self) -> bool:
        """Whether this is more than noise."""
        return self.late - self.early > self.quantity.limit


def look_at(process: psutil.Process, role: str) -> Sample | None:
    """Return what a process costs; None if it has gone."""
    try:
        with process.oneshot():
            memory = process.memory_full_info()
            return Sample(
                at=time.monotonic(),
                role=role,
                pid=process.pid,
                age_s=datetime.now(UTC).timestamp() - process.create_time(),
                rss=memory.rss,
                pss=memory.pss,
                descriptors=process.num_fds(),
                threads=process.num_threads(),
            )
    except (psutil.Error, OSError):
        return None


def look_at_all(shop: Shop) -> list[Sample]:
    """Return what every process of the program costs; the command line's are left out."""
    workers = {process.pid for process in shop.workers()}
    main = shop.process.pid if shop.process is not None else 0
    samples = []
    for process in shop.family():
        with contextlib.suppress(psutil.Error):
            if process.pid == main:
                role = "main"
            elif process.pid in workers:
                role = "worker"
            elif "wabot_tray.cli.main" in process.cmdline():
                continue
            else:
                role = "other"
            if (sample := look_at(process, role)) is not None:
                samples.append(sample)
    return samples


class Recorder:
    """Takes a sample now and then until the block ends."""

    def __init__(self, shop: Shop, interval_s: float) -> None:
        self.samples: list[Sample] = []
        self.disk: list[Disk] = []
        self._shop = shop
        self._interval_s = interval_s
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._record, name="samples", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_over.set()
        self._thread.join()

    def _record(self) -> None:
        while True:
            self.samples += look_at_all(self._shop)
            logs, data = _size(self._shop.data / "logs"), _size(self._shop.data)
            live = _size(self._shop.runtime)
            self.disk.append(Disk(time.monotonic(), logs, data - logs, live))
            if self._is_over.wait(self._interval_s):
                return


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):  # gone meanwhile
            total += path.lstat().st_size if path.is_file() else 0
    return total


def growth_in_one_life(samples: Sequence[Sample], role: str) -> list[Growth]:
    """Compare the first and the last third of the longest life of a role, warm-up left out."""
    lives: defaultdict[int, list[Sample]] = defaultdict(list)
    for sample in samples:
        if sample.role == role and sample.age_s >= _WARM_S:
            lives[sample.pid].append(sample)
    if not lives:
        return []
    life = max(lives.values(), key=len)
    third = len(life) // 3
    if third < _LEAST:
        return []
    minutes = (life[-1].at - life[0].at) / 60
    whose = f"{role}, one process over {minutes:.0f} min"
    return [_compare(whose, each, life[:third], life[-third:]) for each in QUANTITIES]


def growth_between_lives(samples: Sequence[Sample], role: str) -> list[Growth]:
    """Compare processes of the first and of the last third of the run that are equally old."""
    chosen = [sample for sample in samples if sample.role == role]
    if not chosen:
        return []
    begin, end = chosen[0].at, chosen[-1].at
    third = (end - begin) / 3
    early_pids = {sample.pid for sample in chosen if sample.at <= begin + third}
    early, late = [], []
    for low, high in itertools.pairwise(_AGES_S):
        aged = [sample for sample in chosen if low <= sample.age_s < high]
        first = [sample for sample in aged if sample.at <= begin + third]
        last = [
            sample for sample in aged if sample.at >= end - third and sample.pid not in early_pids
        ]
        count = min(len(first), len(last))
        early += first[:count]
        late += last[:count]
    if len(early) < _LEAST:
        return []
    whose = f"{role}s of equal age, first and last third"
    return [_compare(whose, each, early, late) for each in QUANTITIES]


def _compare(
    whose: str, quantity: Quantity, early: Iterable[Sample], late: Iterable[Sample]
) -> Growth:
    first, last = [quantity.of(one) for one in early], [quantity.of(one) for one in late]
    return Growth(
        whose, quantity, statistics.median(first), statistics.median(last), len(first) + len(last)
    )
