"""A dead server is not stormed, whatever kills it; and its return is noticed at once.

The servers here do to a worker what was measured with neonize 0.5.2 (docs/neonize.md), the redials
of the library included.
"""

import asyncio
import random
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.sessions.fakes import FakeWorker, World, settle
from wabot_tray.core import commands
from wabot_tray.core import events as ev
from wabot_tray.core.reasons import Reason
from wabot_tray.core.states import SessionState as S
from wabot_tray.sessions.reachability import Reachability
from wabot_tray.sessions.supervisor import Worker

DAY_S = 24 * 3600.0
MINUTES = 24 * 60
FIRST = 35  # attempts before the back-off has grown, and what the library did meanwhile


class Server:
    """Counts the attempts to log in, and answers as its kind does."""

    def __init__(self, world: World, seed: int = 1) -> None:
        self.world = world
        self.attempts: Counter[str] = Counter()
        self.recent: deque[float] = deque(maxlen=3)
        self.crowd = 0  # the most attempts within one second
        self.is_well = False
        world.manager._parts = replace(
            world.manager._parts,
            make_worker=self.make_worker,
            random=random.Random(seed).random,  # noqa: S311 - jitter is no secret
        )
        world.manager._around = replace(world.manager._around, make_worker=self.make_worker)

    def make_worker(self, account_id: str, on_event: Callable[[ev.WorkerEvent], None]) -> Worker:
        worker = Dialling(self, account_id, on_event)
        self.world.workers.append(worker)
        return worker

    def later(self, delay_s: float, worker: FakeWorker, act: Callable[[], None]) -> None:
        """Do `act` unless the worker is gone by then."""

        def run() -> None:
            if not worker.ending:
                act()

        self.world.time.call_later(delay_s, run)

    def dial(self, worker: FakeWorker) -> None:
        """Take an attempt of this worker."""
        self.attempts[worker.account_id] += 1
        now = self.world.time.monotonic_s
        self.recent.append(now)
        self.crowd = max(self.crowd, sum(now - at < 1 - 1e-6 for at in self.recent))
        if self.is_well:
            self.later(0.02, worker, lambda: worker.report(ev.LoggedIn(phone="34600111222")))
        else:
            self.answer(worker)

    def answer(self, worker: FakeWorker) -> None:
        """Do what is wrong with this server; here the port is closed."""
        self.later(0.01, worker, lambda: worker.report(ev.DialFailed()))


class Busy(Server):
    """Breaks off every login, as with <failure 503>: whatsmeow redials after 0, 2, 4 .. s.

    The first redial is on its way before anybody can stop it.
    """

    def dial(self, worker: FakeWorker) -> None:
        self.redial(worker, 0)

    def redial(self, worker: FakeWorker, delay_s: float) -> None:
        super().dial(worker)
        if self.is_well:
            return

        def refused() -> None:
            if delay_s:
                self.later(delay_s, worker, lambda: self.redial(worker, delay_s + 2))
            else:
                self.redial(worker, 2)
            worker.report(ev.LinkLost())

        self.later(0.1, worker, refused)

    def answer(self, worker: FakeWorker) -> None:
        pass


class Mute(Server):
    """Accepts connections and says nothing."""

    def answer(self, worker: FakeWorker) -> None:
        pass


class Fickle(Server):
    """Lets everybody in and throws them out again at once; whatsmeow redials without a pause."""

    def answer(self, worker: FakeWorker) -> None:
        def out() -> None:
            worker.report(ev.LinkLost())
            self.later(0.01, worker, lambda: self.dial(worker))

        self.later(0.05, worker, lambda: worker.report(ev.LoggedIn(phone="34600111222")))
        self.later(0.10, worker, out)


class Dialling(FakeWorker):
    """A worker whose library dials as soon as it is told to start."""

    def __init__(
        self, server: Server, account_id: str, on_event: Callable[[ev.WorkerEvent], None]
    ) -> None:
        super().__init__(account_id, on_event)
        self.server = server

    def send(self, command: commands.Command) -> None:
        super().send(command)
        if isinstance(command, commands.Start) and not self.ending:
            self.server.dial(self)


def door_watch(server: Server, look: Callable[[], bool]) -> asyncio.Task[None]:
    """Run the product's look at the door on the test's time."""
    world = server.world

    async def pause(seconds: float) -> None:
        over = asyncio.Event()
        world.time.call_later(seconds, over.set)
        await over.wait()

    async def looked() -> bool:
        return look()

    back = Reachability(
        looked,
        world.manager.trouble,
        lambda: world.manager.network_changed(online=True),
        pause,
    )
    return asyncio.create_task(back.run())


async def ended(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


@pytest.mark.parametrize(
    ("kind", "days"), [(Busy, 1.0), (Server, 0.25), (Mute, 0.25), (Fickle, 0.25)]
)
async def test_day_of_a_dead_server_costs_an_attempt_a_minute(
    tmp_path: Path, kind: type[Server], days: float
) -> None:
    world = World(tmp_path, accounts=("shop",))
    server = kind(world)
    await world.manager.start()
    await world.time.advance(days * DAY_S)
    assert server.attempts["shop"] <= days * MINUTES + FIRST
    assert server.attempts["shop"] >= days * MINUTES / 3  # it has not given up either
    await world.manager.close()


async def test_door_that_opens_and_closes_for_hours_is_no_reason_to_storm(tmp_path: Path) -> None:
    world = World(tmp_path, accounts=("shop",))
    server = Server(world)
    looks = 0

    def flaps() -> bool:
        nonlocal looks
        looks += 1
        return looks % 2 == 0

    watch = door_watch(server, flaps)
    await world.manager.start()
    await world.time.advance(DAY_S / 8)
    assert server.attempts["shop"] <= MINUTES / 8 + FIRST
    await ended(watch)
    await world.manager.close()


@pytest.mark.parametrize(
    ("away_s", "seed"),
    [(DAY_S, 0), *((away_s, seed) for away_s in (30.0, 300.0, 1800.0) for seed in range(3))],
)
async def test_network_back_is_connected_within_5_s_however_long_it_was_away(
    tmp_path: Path, away_s: float, seed: int
) -> None:
    world = World(tmp_path, accounts=("shop",))
    server = Server(world, seed)
    server.is_well = True
    await world.manager.start()
    await world.time.advance(400)
    assert world.state() is S.CONNECTED
    server.is_well = False
    world.worker.report(ev.LinkLost())
    # A closed door changes nothing: of a long absence the last looks are enough.
    unseen_s = max(0.0, away_s - 300)
    await world.time.advance(unseen_s)
    watch = door_watch(server, lambda: server.is_well)
    await world.time.advance(away_s - unseen_s + seed * 0.7)
    assert world.state() is not S.CONNECTED
    server.is_well = True
    await world.time.advance(4.2)  # a worker needs the rest to start
    assert world.state() is S.CONNECTED
    await ended(watch)
    await world.manager.close()


async def test_network_back_without_a_look_at_the_door_waits_for_the_backoff(
    tmp_path: Path,
) -> None:
    """A firewall may let nothing but the library through."""
    world = World(tmp_path, accounts=("shop",))
    server = Server(world)
    await world.manager.start()
    await world.time.advance(DAY_S / 8)
    server.is_well = True
    await world.time.advance(76)
    assert world.state() is S.CONNECTED
    await world.manager.close()


async def test_network_back_does_not_wait_for_a_dial_that_hangs(tmp_path: Path) -> None:
    world = World(tmp_path, accounts=("shop",))
    server = Mute(world)
    await world.manager.start()
    await world.time.advance(10)
    hanging = world.worker
    server.is_well = True
    world.manager.network_changed(online=True)
    await world.time.advance(0.6)
    assert hanging.ending == "killed"
    assert world.state() is S.CONNECTED
    await world.manager.close()


async def test_network_back_leaves_a_young_dial_alone(tmp_path: Path) -> None:
    world = World(tmp_path, accounts=("shop",))
    Mute(world)
    await world.manager.start()
    await world.time.advance(3)
    young = world.worker
    world.manager.network_changed(online=True)
    await world.time.advance(0.5)
    assert world.worker is young
    assert not young.ending
    await world.manager.close()


async def test_logins_of_many_accounts_are_two_a_second_and_each_has_its_time(
    tmp_path: Path,
) -> None:
    """The hundredth waits 50 s for its turn, longer than a login may take, and is not at fault."""
    names = tuple(f"shop-{number}" for number in range(100))
    world = World(tmp_path, accounts=names)
    server = Server(world)
    server.is_well = True
    await world.manager.start()
    await world.time.advance(51)
    assert {world.state(name) for name in names} == {S.CONNECTED}
    assert all(server.attempts[name] == 1 for name in names)
    assert server.crowd <= 2
    await world.manager.close()


async def test_workers_that_die_together_do_not_come_back_together(tmp_path: Path) -> None:
    names = tuple(f"shop-{number}" for number in range(20))
    world = World(tmp_path, accounts=names)
    server = Server(world)
    server.is_well = True
    await world.manager.start()
    await world.time.advance(11)
    for worker in tuple(world.workers):
        worker.report(ev.WorkerExited(status=-9))
    await world.time.advance(14)
    assert {world.state(name) for name in names} == {S.CONNECTED}
    assert server.crowd <= 2
    await world.manager.close()


async def test_link_that_breaks_now_and_then_is_left_to_the_library(tmp_path: Path) -> None:
    """A poor radio link is no storm: what held for a while was worth its login."""
    world = World(tmp_path, accounts=("shop",))
    server = Server(world)
    server.is_well = True
    await world.manager.start()
    await world.time.advance(1)
    worker = world.worker
    for _ in range(200):
        worker.report(ev.LinkLost())
        await world.time.advance(0.1)
        worker.report(ev.LoggedIn(phone="34600111222"))
        await world.time.advance(15)
    assert world.worker is worker
    await world.manager.close()


async def test_links_that_break_at_once_are_a_server_that_is_not_well(tmp_path: Path) -> None:
    world = World(tmp_path, accounts=("shop",))
    Fickle(world)
    await world.manager.start()
    await world.time.advance(2.5)
    await settle()
    assert (world.state(), world.reason()) == (S.WAITING, Reason.SERVER_BUSY)
    await world.manager.close()
