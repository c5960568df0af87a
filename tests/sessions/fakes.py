"""Time, timers and workers that the tests own."""

import asyncio
import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from wabot_tray.core import commands
from wabot_tray.core import events as ev
from wabot_tray.core.clock import Clock
from wabot_tray.core.errors import KeyUnavailableError
from wabot_tray.core.reasons import Reason
from wabot_tray.core.settings import Settings
from wabot_tray.core.snapshot import PairingProgress, SessionSnapshot, Update
from wabot_tray.core.states import SessionState
from wabot_tray.sessions.manager import Parts, SessionManager
from wabot_tray.sessions.supervisor import Worker
from wabot_tray.sessions.ways import NO_PASSWORDS, Passwords
from wabot_tray.storage.registry import Registry
from wabot_tray.system.paths import Paths

START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


class Timer:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


@dataclass
class FakeTime:
    """A clock and the timers that hang on it; only `advance` moves them."""

    monotonic_s: float = 1000.0
    wall: datetime = START
    _timers: list[tuple[float, int, Timer]] = field(default_factory=list)
    _order: "itertools.count[int]" = field(default_factory=itertools.count)

    @property
    def clock(self) -> Clock:
        return Clock(monotonic=lambda: self.monotonic_s, now=lambda: self.wall)

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        timer = Timer(callback)
        heapq.heappush(self._timers, (self.monotonic_s + delay_s, next(self._order), timer))
        return timer

    @property
    def pending(self) -> int:
        return sum(timer.callback is not None for _, _, timer in self._timers)

    async def advance(self, seconds: float) -> None:
        """Let `seconds` pass, running what falls due, and everything it sets off."""
        end = self.monotonic_s + seconds
        await settle()
        while self._timers and self._timers[0][0] <= end + 1e-9:
            due, _, timer = heapq.heappop(self._timers)
            self._move_to(due)
            if timer.callback is not None:
                callback, timer.callback = timer.callback, None
                callback()
            await settle()
        self._move_to(end)
        await settle()

    def _move_to(self, moment: float) -> None:
        if moment > self.monotonic_s:
            self.wall += timedelta(seconds=moment - self.monotonic_s)
            self.monotonic_s = moment


async def settle() -> None:
    """Let every task run as far as it can."""
    for _ in range(40):
        await asyncio.sleep(0)


class FakeWorker(Worker):
    """A worker that does what the test says and remembers what it was told."""

    def __init__(self, account_id: str, on_event: Callable[[ev.WorkerEvent], None]) -> None:
        self.account_id = account_id
        self.report = on_event
        self.started: commands.Start | None = None
        self.told: list[commands.Command] = []
        self.ending = ""
        self.answers_verify: bool | None = True  # None: says nothing at all
        self.confirms_unlink = True

    async def start(self) -> None:
        pass

    def send(self, command: commands.Command) -> None:
        if self.ending:
            return
        self.told.append(command)
        if isinstance(command, commands.Start):
            self.started = command
        if isinstance(command, commands.Verify) and self.answers_verify is not None:
            self.report(ev.Verified(token=command.token, answered=self.answers_verify, took_ms=7.0))
        if isinstance(command, commands.Unlink):
            self.report(ev.Unlinked(done=self.confirms_unlink))

    async def stop(self) -> bool:
        self.ending = self.ending or "stopped"
        return True

    async def kill(self) -> None:
        self.ending = self.ending or "killed"


class FakeKeys:
    def __init__(self) -> None:
        self.reason: Reason | None = None
        self.asked: list[str] = []
        self.prompt: asyncio.Future[None] | None = None  # open while it is not done

    async def data_key(self, account_id: str) -> bytes:
        self.asked.append(account_id)
        if self.prompt is not None:
            await self.prompt
        if self.reason is not None:
            raise KeyUnavailableError(self.reason)
        return b"k" * 32

    async def is_available(self) -> bool:
        return self.reason is None


class World:
    """A manager with everything around it in the test's hands."""

    def __init__(
        self,
        folder: Path,
        *,
        accounts: tuple[str, ...] = (),
        passwords: Passwords = NO_PASSWORDS,
    ) -> None:
        self.time = FakeTime()
        self.keys = FakeKeys()
        self.workers: list[FakeWorker] = []
        self.updates: list[Update] = []
        data = folder / "data"
        data.mkdir()
        self.paths = Paths(data=data, runtime=folder / "run" / "one", runtime_in_ram=True)
        self.registry = Registry(self.paths.registry_file, clock=self.time.clock)
        for name in accounts:
            self.registry.add(name, label=name.title())
            self.registry.update(name, paired=True, phone="34600111222")
        parts = Parts(
            registry=self.registry,
            keys=self.keys,
            paths=self.paths,
            make_worker=self._make_worker,
            clock=self.time.clock,
            random=lambda: 0.5,  # no jitter
            call_later=self.time.call_later,
            passwords=passwords,
        )
        self.manager = SessionManager(parts, Settings())
        self.manager.subscribe(self.updates.append)

    def _make_worker(self, account_id: str, on_event: Callable[[ev.WorkerEvent], None]) -> Worker:
        worker = FakeWorker(account_id, on_event)
        self.workers.append(worker)
        return worker

    @property
    def worker(self) -> FakeWorker:
        return self.workers[-1]

    def state(self, account_id: str = "shop") -> SessionState:
        return self.manager.snapshot(account_id).state

    def reason(self, account_id: str = "shop") -> Reason:
        return self.manager.snapshot(account_id).reason

    def states(self, account_id: str = "shop") -> list[SessionState]:
        """Return the states listeners were told of, repeats left out."""
        told = [
            u.state for u in self.updates if isinstance(u, SessionSnapshot) and u.id == account_id
        ]
        return [state for state, _ in itertools.groupby(told)]

    def progress(self) -> list[PairingProgress]:
        return [update for update in self.updates if isinstance(update, PairingProgress)]

    async def connected(self) -> FakeWorker:
        """Start the manager and log every session in."""
        await self.manager.start()
        await self.time.advance(0.5 * max(1, len(self.registry.all())))
        for worker in self.workers:
            worker.report(ev.WorkerReady(pid=1, live_in_ram=True))
            worker.report(ev.LoggedIn(phone="34600111222"))
        await settle()
        self.updates.clear()
        return self.worker
