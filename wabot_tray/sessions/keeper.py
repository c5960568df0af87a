"""Keeps one account connected: acts on what its session says, and owns its worker and timers."""

import asyncio
import contextlib
import itertools
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Protocol

from wabot_tray.core import commands
from wabot_tray.core import events as ev
from wabot_tray.core.clock import Clock
from wabot_tray.core.errors import ReasonedError
from wabot_tray.core.reasons import Reason
from wabot_tray.core.snapshot import PairingProgress, VerifyResult
from wabot_tray.core.states import SessionState
from wabot_tray.sessions.linking import Linking
from wabot_tray.sessions.session import BEGINS_ANEW, Session
from wabot_tray.sessions.supervisor import Worker, WorkerFactory
from wabot_tray.sessions.weight import LIMIT_BYTES, Scales

log = logging.getLogger(__name__)

HEARTBEAT_LIMIT_S: Final = 15.0
HEARTBEAT_AGAIN_S: Final = 6.0  # a worker beats every 5 s
HELD_UP_S: Final = 2.0
PROBE_DEADLINE_S: Final = 3.0  # the library has already waited 10 s for its own ping
VERIFY_DEADLINE_S: Final = 10.0
VERIFY_TRIES: Final = 2
ANSWER_MARGIN_S: Final = 2.0  # for a worker that cannot even say that there was no answer
UNLINK_DEADLINE_S: Final = 10.0
# Qt's timers hold 24.8 days and refuse more; a ban may last longer. One that comes early is set
# again.
LONGEST_TIMER_S: Final = 86_400.0


class Handle(Protocol):
    """A timer that can be called off."""

    def cancel(self) -> None:
        """Call it off. A second call is harmless."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a keeper needs of the manager.

    Args:
        clock: Injected time.
        call_later: Runs a callback after so many seconds.
        make_worker: Makes a worker that is not started yet.
        start_command: Returns an account's first command, key included; may raise ReasonedError.
        worker_left: Cleans up after a worker that has sealed its vault and left.
        login_slot: Returns when this login may begin, so that logins are staggered.
        published: Hears that something a person sees has changed.
        pairing: Hears each step of linking a phone.
        on_event: Hears every event before it is acted on, for the registry.
        memory_limit_bytes: What a worker may hold before it is replaced.
    """

    clock: Clock
    call_later: Callable[[float, Callable[[], None]], Handle]
    make_worker: WorkerFactory
    start_command: Callable[[str, bool], Coroutine[Any, Any, commands.Start]]
    worker_left: Callable[[str], None]
    login_slot: Callable[[], Coroutine[Any, Any, None]]
    published: Callable[[str], None]
    pairing: Callable[[PairingProgress], None]
    on_event: Callable[[str, ev.Event], None]
    memory_limit_bytes: int = LIMIT_BYTES


class SessionKeeper:
    """One account, its session, its worker.

    Args:
        session: The account's state.
        surroundings: What the manager provides.
    """

    def __init__(self, session: Session, surroundings: Surroundings) -> None:
        self.session = session
        self.linking = Linking(session, surroundings.clock, surroundings.pairing, self._send)
        self.notices: dict[str, tuple[Reason, str]] = {}
        self.received = 0
        self.replied = 0
        self.live_in_ram: bool | None = None
        self.memory_bytes = 0  # what its worker last said it holds
        self._around = surroundings
        self._scales = Scales(surroundings.clock, surroundings.memory_limit_bytes)
        self._worker: Worker | None = None
        self._timer: Handle | None = None
        self._heartbeat: Handle | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._leaving: set[asyncio.Task[None]] = set()
        self._tokens = itertools.count(1)
        self._probes: dict[int, asyncio.Future[ev.Verified]] = {}
        self._unlinking: asyncio.Future[bool] | None = None
        self._launches = 0
        self._counted = (0, 0)

    # --- what others ask -------------------------------------------------------------------------

    def handle(self, event: ev.Event) -> None:
        """Take `event` in and act on it. Never blocks."""
        self._around.on_event(self.session.id, event)
        if self._is_report(event):
            return
        event = self.linking.reread(event)
        before = self.session.state
        changed = self.session.apply(event)
        self.linking.hear(event, before)
        self._arm()
        if isinstance(event, BEGINS_ANEW):
            if self.session.state is SessionState.CONNECTING:
                self._launch(at_once=before is not SessionState.CONNECTED)
        elif not self.session.state.has_worker:
            self._dismiss(at_once=isinstance(event, ev.DeadlinePassed))
        if (
            isinstance(event, ev.KeepAliveMissed)
            and self.session.state is SessionState.RECONNECTING
        ):
            self._own(self._probe_after_silence(), "probe")
        if changed or before is not self.session.state:
            self._around.published(self.session.id)

    def pair(self, phone: str = "") -> None:
        """Begin to link a phone, begin anew, or change the way while codes show.

        Args:
            phone: Digits, to be linked by a code that is typed; by a QR code without them.
        """
        if self.linking.change_way(phone):
            self._around.published(self.session.id)
        else:
            self.handle(ev.PairAsked(phone=phone))

    def restart(self, reason: Reason) -> None:
        """Replace a worker that no longer does its work, as the back-off allows."""
        if self.session.state.has_worker:
            self.handle(ev.DeadlinePassed(reason=reason))

    def check(self) -> bool:
        """Act on a deadline that has passed; return whether there was one."""
        event = self.session.overdue()
        if event is None:
            return False
        self.handle(event)
        return True

    def clock_set(self, jump: timedelta) -> None:
        """Hear that the wall clock was set: what people are shown moves along."""
        self.session.clock_set(jump)
        self.linking.clock_set(jump)

    def doubt(self) -> None:
        """Ask a connected link for a sign of life; one that gives none is replaced in seconds."""
        if self.session.state is SessionState.CONNECTED:
            self._own(self._probe_in_doubt(), "probe")

    def set_pace(self, pace: commands.SetPace) -> None:
        """Tell a running worker how patient to be; the next one is told at its start."""
        if self._worker is not None:
            self._worker.send(pace)

    async def verify(self) -> VerifyResult:
        """Ask WhatsApp something and wait for the answer; no answer twice restarts the worker."""
        if self.session.state is not SessionState.CONNECTED:
            return VerifyResult(id=self.session.id, connected=False, answered=False, took_ms=None)
        worker = self._worker
        for _ in range(VERIFY_TRIES):
            answer = await self._ask(VERIFY_DEADLINE_S)
            if answer is not None and answer.answered:
                self.session.verified()
                self._around.published(self.session.id)
                return VerifyResult(
                    id=self.session.id, connected=True, answered=True, took_ms=answer.took_ms
                )
            if worker is not self._worker or not self.session.state.has_worker:
                break  # it was replaced in the meantime, for reasons of its own
        else:
            self.restart(Reason.PROBE_UNANSWERED)
        return VerifyResult(id=self.session.id, connected=True, answered=False, took_ms=None)

    async def unlink(self) -> bool:
        """Tell WhatsApp to forget this device; return whether it said yes."""
        if self.session.state is not SessionState.CONNECTED or self._worker is None:
            return False
        self._unlinking = asyncio.get_running_loop().create_future()
        self._worker.send(commands.Unlink())
        try:
            return await asyncio.wait_for(self._unlinking, UNLINK_DEADLINE_S)
        except TimeoutError:
            return False
        finally:
            self._unlinking = None

    async def close(self) -> None:
        """Let the worker go politely and wait for it. Closing twice is harmless."""
        self._launches += 1
        for handle in (self._timer, self._heartbeat):
            if handle is not None:
                handle.cancel()
        self._dismiss(at_once=False)
        for task in self._tasks - self._leaving:
            task.cancel()
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def gone(self) -> None:
        """Wait until no worker of this account is left."""
        while self._leaving:
            await asyncio.wait(self._leaving)

    # --- workers ---------------------------------------------------------------------------------

    def _launch(self, *, at_once: bool) -> None:
        """Start a worker; the one before leaves politely unless it may hang in a dial."""
        self._launches += 1
        self._dismiss(at_once=at_once)
        self._own(self._start_worker(self._launches), "launch")

    async def _start_worker(self, launch: int) -> None:
        """Start a worker unless another launch or a stop has come in between."""
        account_id = self.session.id
        await self.gone()  # two processes must never open one vault
        try:
            start = await self._around.start_command(account_id, self.session.pairing)
        except ReasonedError as err:
            log.warning("session %s: no key: %s", account_id, err)
            if launch == self._launches:  # stopped meanwhile, it means nothing
                self.handle(ev.KeyUnavailable(reason=err.reason))
            return
        if launch != self._launches or self.session.state is not SessionState.CONNECTING:
            return
        worker = self._around.make_worker(account_id, lambda event: self._hear(worker, event))
        self._worker = worker
        try:
            await worker.start()
        except OSError:
            log.exception("session %s: the worker could not be started", account_id)
            self._hear(worker, ev.WorkerExited(status=-1))
            return
        if worker is self._worker:
            self.session.await_turn()
            self._arm()
        await self._around.login_slot()  # it loads the library meanwhile
        worker.send(start)  # harmless if it was dismissed meanwhile
        if worker is self._worker:
            self.session.login_begins()
            self._arm()

    def _hear(self, worker: Worker, event: ev.WorkerEvent) -> None:
        if worker is not self._worker:
            return  # what a dismissed worker still says is history
        try:
            self.handle(event)
        except Exception:  # the next event must still be heard
            log.exception("session %s: %s failed", self.session.id, type(event).__name__)

    def _send(self, command: commands.Command) -> None:
        if self._worker is not None:
            self._worker.send(command)

    def _dismiss(self, *, at_once: bool) -> None:
        if self._heartbeat is not None:
            self._heartbeat.cancel()
            self._heartbeat = None
        for probe in self._probes.values():
            probe.cancel()
        self._probes.clear()
        worker, self._worker = self._worker, None
        if worker is not None:
            self._counted = (self.received, self.replied)
            self._leaving.add(self._own(self._see_off(worker, at_once=at_once), "leave"))

    async def _see_off(self, worker: Worker, *, at_once: bool) -> None:
        if at_once:
            await worker.kill()
        elif await worker.stop():
            self._around.worker_left(self.session.id)

    def _own(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work, name=f"{name}:{self.session.id}")
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        self._leaving.discard(task)
        if not task.cancelled() and (err := task.exception()) is not None:
            log.error("session %s: %s failed", self.session.id, task.get_name(), exc_info=err)

    # --- timers and probes -----------------------------------------------------------------------

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.session.deadline is not None:
            left_s = max(0.0, self.session.deadline - self._around.clock.monotonic())
            delay_s = min(left_s, LONGEST_TIMER_S)
            self._timer = self._around.call_later(delay_s, self._on_deadline)

    def _on_deadline(self) -> None:
        self._timer = None
        if not self.check():
            self._arm()  # a timer may come a moment early

    def _await_heartbeat(self, limit_s: float = HEARTBEAT_LIMIT_S) -> None:
        due = self._around.clock.monotonic() + limit_s
        if self._heartbeat is not None:
            self._heartbeat.cancel()
        self._heartbeat = self._around.call_later(limit_s, lambda: self._on_silence(due))

    def _on_silence(self, due: float) -> None:
        self._heartbeat = None
        if self._around.clock.monotonic() - due > HELD_UP_S:
            # This process was held up itself, so the sign of life may lie unread in the pipe.
            self._await_heartbeat(HEARTBEAT_AGAIN_S)
            return
        log.warning("session %s: the worker no longer gives a sign of life", self.session.id)
        if self.session.state is SessionState.PAIRING:
            self.handle(ev.PairingFailed(reason=Reason.WORKER_SILENT))
        else:
            self.restart(Reason.WORKER_SILENT)

    def _weigh(self, beat: ev.Heartbeat) -> None:
        connected = self.session.state is SessionState.CONNECTED
        if connected and self._scales.finds_too_large(beat):
            megabytes = beat.memory_bytes / 1e6
            log.warning(
                "session %s: the worker holds %.0f MB; it is replaced", self.session.id, megabytes
            )
            self.handle(ev.RestartAsked(reason=Reason.WORKER_TOO_LARGE))

    def _is_report(self, event: ev.Event) -> bool:
        """Take in what moves no state; return whether `event` was of that kind."""
        match event:
            case ev.Heartbeat():
                self.memory_bytes = event.memory_bytes
                self._await_heartbeat()
                self._weigh(event)
            case ev.WorkerReady():
                self.live_in_ram = event.live_in_ram
            case ev.Verified() | ev.Unlinked():
                self._hear_answer(event)
            case ev.Answered():
                received, replied = self._counted
                self.received, self.replied = received + event.received, replied + event.replied
                account_id = self.session.id
                log.info(
                    "session %s: %d received, %d answered", account_id, self.received, self.replied
                )
                self._around.published(self.session.id)
            case ev.LinkCodeRefused():
                if self.session.phone:  # else a QR code shows by now, and is still good
                    self.handle(ev.PairingFailed(reason=event.reason))
            case ev.Noticed():
                self._notice(event)
            case ev.PhoneSeen():
                pass  # heard by the manager
            case _:
                return False
        return True

    def _hear_answer(self, event: ev.Verified | ev.Unlinked) -> None:
        if isinstance(event, ev.Unlinked):
            if self._unlinking is not None and not self._unlinking.done():
                self._unlinking.set_result(event.done)
        elif (probe := self._probes.pop(event.token, None)) is not None and not probe.done():
            probe.set_result(event)

    def _notice(self, event: ev.Noticed) -> None:
        if event.reason is None:
            if self.notices.pop(event.topic, None) is not None:
                log.info("session %s: %s: all is well again", self.session.id, event.topic)
        else:
            self.notices[event.topic] = (event.reason, event.detail)
            log.warning(
                "session %s: %s: %s %s", self.session.id, event.topic, event.reason, event.detail
            )
        self._around.published(self.session.id)

    async def _ask(self, deadline_s: float) -> ev.Verified | None:
        if self._worker is None:
            return None
        token = next(self._tokens)
        probe: asyncio.Future[ev.Verified] = asyncio.get_running_loop().create_future()
        self._probes[token] = probe
        self._worker.send(commands.Verify(token=token, deadline_s=deadline_s))
        with contextlib.suppress(TimeoutError, asyncio.CancelledError):
            return await asyncio.wait_for(probe, deadline_s + ANSWER_MARGIN_S)
        self._probes.pop(token, None)
        return None

    async def _probe_in_doubt(self) -> None:
        worker = self._worker
        answer = await self._ask(PROBE_DEADLINE_S)
        if worker is not self._worker or self.session.state is not SessionState.CONNECTED:
            return
        if answer is not None and answer.answered:
            self.session.verified()
            self._around.published(self.session.id)
        else:
            self.restart(Reason.PROBE_UNANSWERED)

    async def _probe_after_silence(self) -> None:
        """Tell a slow answer from a dead link; whatsmeow itself would wait three minutes."""
        worker = self._worker
        answer = await self._ask(PROBE_DEADLINE_S)
        if worker is not self._worker or self.session.state is not SessionState.RECONNECTING:
            return
        if answer is not None and answer.answered:
            self.handle(ev.LinkProved())
        else:
            self.restart(Reason.KEEPALIVE_TIMEOUT)
