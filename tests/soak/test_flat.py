"""Memory, descriptors and threads stay flat, however often links break and workers are replaced."""

import itertools
import time
from functools import partial

import pytest

from tests.conftest import Measure
from tests.e2e.harness import Shop, until
from tests.simulator.companion import Companion
from tests.simulator.faults import Cut
from tests.simulator.phone import Phone
from tests.simulator.running import RunningSimulator
from tests.soak.samples import MIB, Sample, look_at_all

pytestmark = [pytest.mark.e2e, pytest.mark.slow(45)]

CUTS, WARM_UP = 500, 100
RESTARTS, FIRST_RESTARTS = 50, 10
THREADS_SLACK = 2  # Go makes a thread when a call happens to block, and keeps it
# What is forgotten of a connection or of a worker is rarely less than a buffer of 8 KiB: 4 MiB
# after 500 cuts. Two samples of a process at rest differ by up to 1 MiB, as its allocators please.
LIMIT_MIB = 2.0
# A new worker is another process: some hundred KiB more or less than the one before, and the
# library's pool may hold one connection to the database more, which is three descriptors.
FRESH_LIMIT_MIB = 3.0
FRESH_DESCRIPTORS = 3

Cost = dict[str, Sample]  # by role


def cost_of(shop: Shop) -> Cost:
    """Return what the program costs once it is at rest: nobody is leaving, nothing is closing."""
    looks: list[list[tuple[int, int]]] = []

    def steady() -> Cost:
        samples = look_at_all(shop)
        looks.append([(one.pid, one.descriptors) for one in samples])
        time.sleep(0.2)  # the passing of time is what shows it
        by_role = {one.role: one for one in samples}
        is_whole = set(by_role) == {"main", "worker", "other"} and len(samples) == len(by_role)
        return by_role if is_whole and looks[-4:] == [looks[-1]] * 4 else {}

    return until(steady, "the program at rest", 30)


def assert_flat(before: Cost, after: Cost) -> str:
    """Fail where something grew; return what there was to see."""
    seen = []
    for role, early in before.items():
        late = after[role]
        is_fresh = late.pid != early.pid
        grown_mib = (late.pss - early.pss) / MIB
        seen.append(f"{role} {grown_mib:+.2f} MiB")
        more = late.descriptors - early.descriptors
        assert more <= (FRESH_DESCRIPTORS if is_fresh else 0), (role, early, late)
        assert late.threads - early.threads <= THREADS_SLACK, (role, early, late)
        assert grown_mib < (FRESH_LIMIT_MIB if is_fresh else LIMIT_MIB), (role, early, late)
    return ", ".join(seen)


def cut(simulator: RunningSimulator, phone: Phone, times: int) -> None:
    """Cut the link so often, each time once it is back."""
    (companion,) = phone.companions
    hows: tuple[Cut, ...] = ("fin", "rst", "ws")
    for how in itertools.islice(itertools.cycle(hows), times):
        logins = len(simulator.stats.logins)
        simulator.faults.cut(phone, how)
        is_back = partial(_is_back, simulator, companion, logins)
        simulator.wait_until(is_back, 30)


def _is_back(simulator: RunningSimulator, companion: Companion, logins: int) -> bool:
    return len(simulator.stats.logins) > logins and companion.is_active


def test_five_hundred_reconnects_leave_nothing_behind(
    stormy: Shop, simulator: RunningSimulator, phone: Phone, measured: Measure
) -> None:
    workers = stormy.workers()
    cut(simulator, phone, WARM_UP)
    before = cost_of(stormy)
    began = time.monotonic()
    cut(simulator, phone, CUTS)
    took_s = time.monotonic() - began
    seen = assert_flat(before, cost_of(stormy))
    measured(f"{CUTS} cuts, each repaired; growth: {seen}", took_s, "no growth")
    assert stormy.workers() == workers


def test_fifty_restarted_workers_leave_nothing_behind(stormy: Shop, measured: Measure) -> None:
    def restart(times: int) -> None:
        with stormy.follow() as follower:
            for _ in range(times):
                began = time.monotonic()
                stormy.cli("reconnect", "shop")
                follower.wait("connected", after=follower.wait("connecting", after=began))

    restart(FIRST_RESTARTS)
    before = cost_of(stormy)
    began = time.monotonic()
    restart(RESTARTS)
    took_s = time.monotonic() - began
    after = cost_of(stormy)
    assert after["worker"].pid != before["worker"].pid
    seen = assert_flat(before, after)
    measured(f"{RESTARTS} workers replaced; growth: {seen}", took_s, "no growth")
