"""One worker process: started, listened to, asked to stop, and killed if it will not."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final, Protocol

from wabot_tray.core import commands, events, exits, wire
from wabot_tray.core.errors import WireError
from wabot_tray.sessions.children import Child, Launch
from wabot_tray.sessions.pace import Pace
from wabot_tray.system.logs import log_worker_line

log = logging.getLogger(__name__)

STOP_GRACE_S: Final = 5.0
TERM_GRACE_S: Final = 2.0


class Worker(Protocol):
    """What a keeper needs of a worker; tests have one that speaks the same lines."""

    async def start(self) -> None:
        """Start it; it waits for its first command."""

    def send(self, command: commands.Command) -> None:
        """Hand it a command; dropped when it is gone."""

    async def stop(self) -> bool:
        """Ask it to exit, then make it; return whether it left in good order, all sealed."""

    async def kill(self) -> None:
        """End it now."""


WorkerFactory = Callable[[str, Callable[[events.WorkerEvent], None]], Worker]


class WorkerProcess:
    """A worker in a process of its own.

    Args:
        launch: Starts the process.
        account_id: For the logs only.
        on_event: Hears every event, and `WorkerExited` once if the process ends unasked.
    """

    def __init__(
        self,
        launch: Launch,
        account_id: str,
        on_event: Callable[[events.WorkerEvent], None],
    ) -> None:
        self._launch = launch
        self._on_event = on_event
        self._account_id = account_id
        self._child: Child | None = None
        self._readers: list[asyncio.Task[None]] = []
        self._asked_to_go = False

    @property
    def pid(self) -> int | None:
        """The process id, or None before the start."""
        return None if self._child is None else self._child.pid

    async def start(self) -> None:
        """Start the process; it loads the library and waits for its first command.

        One that was asked to stop before it was there is ended again.

        Raises:
            OSError: The process could not be started.
        """
        self._child = child = await self._launch()
        if self._asked_to_go:
            await self.kill()
            return
        self._readers = [
            asyncio.create_task(self._read_events(child), name="worker-events"),
            asyncio.create_task(self._read_log(child), name="worker-log"),
        ]

    def send(self, command: commands.Command) -> None:
        """Hand `command` over. A worker that is gone, or has to go, misses it."""
        if self._asked_to_go and not isinstance(command, commands.Stop):
            return
        if self._child is not None:
            self._child.write(wire.encode(command))

    async def stop(self) -> bool:
        """Ask, then TERM, then KILL, each with its deadline. Stopping twice is harmless.

        Returns:
            Whether the worker left in good order, with its vault sealed.
        """
        self._asked_to_go = True
        self.send(commands.Stop())
        if await self._gone_within(STOP_GRACE_S):
            return self._child is not None and self._child.status == exits.SEALED
        log.warning("%s: the worker did not stop when asked; it is terminated", self._account_id)
        if self._child is not None:
            self._child.terminate()
        if not await self._gone_within(TERM_GRACE_S):
            await self.kill()
        return False

    async def kill(self) -> None:
        """End the process now and wait until it is gone. Killing twice is harmless."""
        self._asked_to_go = True
        if self._child is None:
            return
        self._child.kill()
        await self._gone_within(None)

    async def _gone_within(self, limit_s: float | None) -> bool:
        if self._child is None:
            return True
        try:
            await asyncio.wait_for(self._child.wait(), limit_s)
        except TimeoutError:
            return False
        for reader in self._readers:
            if reader is not asyncio.current_task():
                await asyncio.wait([reader], timeout=1.0)
        return True

    async def _read_events(self, child: Child) -> None:
        pace = Pace()
        while line := await self._line(child.stdout):
            # Nothing else gets a turn while lines are there to be read, nor does a sign of life
            # behind ten thousand others count as one: a worker that raves is soon a silent one.
            await asyncio.sleep(0 if self._asked_to_go else pace.wait_s())
            if self._asked_to_go:
                continue  # history; its end is not seen before all of it is read
            pace.take()
            try:
                event = wire.decode_event(line)
            except WireError as err:
                log.warning(
                    "%s: a line of the worker was not understood: %s", self._account_id, err
                )
                continue
            self._on_event(event)
        status = await child.wait()
        if not self._asked_to_go:
            log.warning("%s: the worker ended by itself with status %s", self._account_id, status)
            self._on_event(events.WorkerExited(status=status))

    async def _read_log(self, child: Child) -> None:
        pace, dropped = Pace(), 0
        while line := await self._line(child.stderr):
            await asyncio.sleep(0)
            if pace.wait_s():  # it is read all the same: a full pipe would hold the library up
                dropped += 1
                continue
            if dropped:
                log.warning("%s: %d lines of the worker were dropped", self._account_id, dropped)
                dropped = 0
            pace.take()
            log_worker_line(self._account_id, line.decode(errors="replace"))

    async def _line(self, stream: asyncio.StreamReader) -> bytes:
        while True:
            try:
                return await stream.readline()
            except ValueError:  # longer than the limit; the reader has dropped it
                log.warning("%s: an overlong line of the worker was dropped", self._account_id)


def worker_factory(launch: Launch) -> WorkerFactory:
    """Return what makes a `WorkerProcess` for an account."""

    def make(account_id: str, on_event: Callable[[events.WorkerEvent], None]) -> Worker:
        return WorkerProcess(launch, account_id, on_event)

    return make
