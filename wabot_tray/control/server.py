"""Answers the command line and a second start of the program, over the control socket.

Runs in the program's own asyncio loop (qasync or plain). Whatever a client sends or fails to read,
it costs that client its connection and the program nothing.
"""

import asyncio
import contextlib
import logging
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from wabot_tray import __version__
from wabot_tray.control import protocol
from wabot_tray.control.backupdesk import Emit, Result
from wabot_tray.control.listener import Listening, listen
from wabot_tray.control.ports import Host, Manager
from wabot_tray.control.protocol import Reply, Request
from wabot_tray.core.errors import AccountError, ControlError, WabotError, WireError
from wabot_tray.core.history import to_line
from wabot_tray.core.reasons import Reason
from wabot_tray.core.snapshot import (
    PairingProgress,
    PairingStage,
    SessionRemoved,
    SessionSnapshot,
    Update,
)
from wabot_tray.core.states import SessionState
from wabot_tray.system.paths import Paths, runtime_places

log = logging.getLogger(__name__)

__all__ = ["ControlServer", "Host", "Limits", "Manager"]

LOOK_S: Final = 2.0
_OVER: Final = (PairingStage.DONE, PairingStage.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one client may cost. Times in seconds."""

    clients: int = 32
    request_s: float = 30.0  # from connecting, or the last answer, to a complete request
    write_s: float = 10.0  # for a client to make room for our answer
    method_s: float = 120.0  # for anything that is no stream
    pairing_s: float = 900.0


class Desk(Protocol):
    """Answers some methods that are not about one account."""

    @property
    def streams(self) -> Mapping[str, Callable[[Request, Emit], Awaitable[Result]]]:
        """What answers each of its methods."""


class ControlServer:
    """Listens while the program runs.

    Start it when the manager has its accounts, close it last: `wabot quit` waits for the socket to
    go away.
    """

    def __init__(
        self,
        manager: Manager,
        host: Host,
        paths: Paths,
        *,
        desks: Iterable[Desk] = (),
        limits: Limits | None = None,
    ) -> None:
        self._manager = manager
        self._host = host
        self._paths = paths
        self._limits = limits or Limits()
        self._door: Listening | None = None
        self._clients: set[asyncio.Task[Any]] = set()
        self._loose: set[asyncio.Future[Any]] = set()
        self._streams: dict[str, Callable[[Request, Emit], Awaitable[Result]]] = {
            "watch": self._watch,
            "reconnect": self._reconnect,
            "pair": self._pair,
        }
        for desk in desks:
            self._streams |= desk.streams

    async def start(self, *, lock_held: bool) -> None:
        """Begin to listen.

        Args:
            lock_held: Whether the program holds the lock on its data folder; only then is the
                socket of a crashed program replaced.

        Raises:
            ControlError: Another program listens there.
            OSError: The runtime folder cannot be used.
        """
        self._door = await listen(self._paths, self._serve, lock_held=lock_held)

    async def stay(self, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Open the door anew wherever it is taken away, until cancelled.

        The socket lies in a folder that goes with the login session, and that cleaners clean.
        """
        while True:
            await pause(LOOK_S)
            if self._door is None or self._door.is_there():
                continue
            self._door.close()
            for place in runtime_places(self._paths):
                with contextlib.suppress(OSError, ControlError):
                    self._door = await listen(place, self._serve, lock_held=True)
                    log.warning("control: the socket was taken away; it lies in %s", place.runtime)
                    break

    async def close(self) -> None:
        """Hang up on everybody and remove the socket. Closing twice is harmless."""
        if self._door is not None:
            self._door.close()
            self._door = None
        for task in tuple(self._clients):
            task.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)
        await asyncio.gather(*self._loose, return_exceptions=True)

    # --- One client ------------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if self._door is None:  # it came while we were closing
            writer.close()
            return
        if task is None or len(self._clients) >= self._limits.clients:
            writer.write(
                protocol.encode_reply(Reply(None, error=ControlError("error.control_busy")))
            )
            writer.close()
            return
        self._clients.add(task)
        try:
            while await self._exchange(reader, writer):
                pass
        except (OSError, EOFError, asyncio.CancelledError):
            # A broken connection, a timeout, or our own `close`. Nobody waits for this task, and
            # asyncio before 3.12 reports a cancelled one as a fault.
            pass
        except Exception:
            log.exception("control: a client was dropped")
        finally:
            self._clients.discard(task)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request and say whether to go on with this client."""
        try:
            async with asyncio.timeout(self._limits.request_s):
                line = await reader.readuntil(b"\n")
        except asyncio.LimitOverrunError:
            await self._send(writer, Reply(None, error=WireError(detail="line too long")))
            return False
        try:
            request = protocol.decode_request(line)
        except WabotError as err:
            await self._send(writer, Reply(protocol.request_id(line), error=err))
            return not isinstance(err, WireError)
        answering = asyncio.ensure_future(self._answer(request, writer))
        listening = asyncio.ensure_future(reader.read(1))
        try:
            await asyncio.wait((answering, listening), return_when=asyncio.FIRST_COMPLETED)
            # A client that hangs up, or talks out of turn, no longer wants its answer.
            if listening.done():
                return False
            return await answering
        finally:
            for future in (answering, listening):
                future.cancel()
            await asyncio.gather(answering, listening, return_exceptions=True)

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        async def emit(event: Mapping[str, Any]) -> None:
            await self._send(writer, Reply(request.id, event=event))

        try:
            result = await self._result(request, emit)
        except WabotError as err:
            log.debug("control: %s refused: %s", request.method, err.message_key)
            await self._send(writer, Reply(request.id, error=err))
        except (OSError, EOFError) as err:
            if writer.is_closing():
                raise
            log.warning("control: %s failed: %s", request.method, type(err).__name__)
            await self._send(writer, Reply(request.id, error=_unexpected(err)))
        except Exception as err:
            log.exception("control: %s failed", request.method)
            await self._send(writer, Reply(request.id, error=_unexpected(err)))
        else:
            await self._send(writer, Reply(request.id, result=result))
        if request.method == "quit":
            asyncio.get_running_loop().call_soon(self._host.quit)
        return True

    async def _send(self, writer: asyncio.StreamWriter, reply: Reply) -> None:
        writer.write(protocol.encode_reply(reply))
        try:
            async with asyncio.timeout(self._limits.write_s):
                await writer.drain()
        except TimeoutError:
            writer.transport.abort()  # it does not read; close() would wait for it
            raise

    # --- Methods ---------------------------------------------------------------------------------

    async def _result(self, request: Request, emit: Emit) -> Result:
        if (stream := self._streams.get(request.method)) is not None:
            return await stream(request, emit)
        limit = asyncio.timeout(self._limits.method_s)
        try:
            async with limit:
                return await self._plain(request)
        except TimeoutError as err:
            if not limit.expired():
                raise
            raise ControlError("error.control_timeout") from err

    async def _plain(self, request: Request) -> Result:
        match request.method:
            case "hello" | "quit":  # `_answer` quits once this is on its way
                return {"version": __version__, "pid": _pid()}
            case "status" | "history":
                look = self._status if request.method == "status" else self._history
                return look(request)
            case "verify":
                return await self._verify(request)
            case "diagnose":
                checks = [protocol.to_json(check) for check in self._host.diagnose()]
                return {"checks": checks, "facts": dict(self._host.facts())}
            case "show":
                self._host.show()
                return {}
            case _:
                return await self._change(request)

    async def _change(self, request: Request) -> Result:
        """Do what changes an account, and return the account as it is then."""
        account_id, label = _account(request), str(request.params.get("label", ""))
        log.info("control: %s %s", request.method, account_id)
        if request.method == "add":
            return {"session": protocol.to_json(self._manager.add(account_id, label))}
        self._manager.snapshot(account_id)
        match request.method:
            case "rename":
                self._manager.rename(account_id, label)
            case "remove":
                return {"unlinked": await self._manager.remove(account_id)}
            case "start":
                await self._manager.connect(account_id)
            case _:
                await self._manager.stop(account_id)
        return {"session": protocol.to_json(self._manager.snapshot(account_id))}

    def _wanted(self, request: Request) -> tuple[SessionSnapshot, ...]:
        if "id" in request.params:
            return (self._manager.snapshot(_account(request)),)
        return self._manager.snapshots()

    def _status(self, request: Request) -> Result:
        sessions = [protocol.to_json(snapshot) for snapshot in self._wanted(request)]
        return {"version": __version__, "sessions": sessions}

    def _history(self, request: Request) -> Result:
        account_id = _account(request)
        self._manager.snapshot(account_id)
        return {"marks": [to_line(mark) for mark in self._manager.history.marks(account_id)]}

    async def _verify(self, request: Request) -> Result:
        ids = [s.id for s in self._wanted(request) if s.enabled or "id" in request.params]
        results = await self._manager.verify(ids)
        return {"results": [protocol.to_json(result) for result in results]}

    async def _watch(self, request: Request, emit: Emit) -> Result:
        """Tell every change of the sessions; a slow reader gets the newest state of each."""
        changed: dict[str, SessionSnapshot | SessionRemoved] = {}
        wake = asyncio.Event()

        def heard(update: Update) -> None:
            wanted = request.params.get("id", update.id) == update.id
            if wanted and not isinstance(update, PairingProgress):
                changed[update.id] = update
                wake.set()

        forget = self._manager.subscribe(heard)
        try:
            await emit(self._status(request))
            while True:
                await wake.wait()
                wake.clear()
                while changed:
                    update = changed.pop(next(iter(changed)))
                    if isinstance(update, SessionSnapshot):
                        await emit({"session": protocol.to_json(update)})
                        continue
                    await emit({"removed": update.id})
                    if "id" in request.params:
                        return {}
        finally:
            forget()

    async def _reconnect(self, request: Request, emit: Emit) -> Result:
        """Try at once and wait for each session: connected, past help, or out of time."""
        wanted = [s for s in self._wanted(request) if s.enabled or "id" in request.params]
        wait_s = float(str(request.params["wait_s"]))
        tries = [asyncio.ensure_future(self._reconnect_one(s.id, wait_s, emit)) for s in wanted]
        try:
            return {"sessions": await asyncio.gather(*tries)}
        finally:  # where one has nobody to tell any more, neither have the others
            for one in tries:
                one.cancel()
            await asyncio.gather(*tries, return_exceptions=True)

    async def _reconnect_one(self, account_id: str, wait_s: float, emit: Emit) -> dict[str, Any]:
        log.info("control: reconnect %s", account_id)
        news: asyncio.Queue[Update] = asyncio.Queue()
        forget = self._manager.subscribe(
            lambda u: news.put_nowait(u) if u.id == account_id else None
        )
        limit = asyncio.timeout(wait_s)
        try:
            async with limit:
                await self._manager.reconnect(account_id)
                while (outcome := _outcome(self._manager.snapshot(account_id))) is None:
                    update = await news.get()
                    if isinstance(update, SessionSnapshot):
                        await emit({"session": protocol.to_json(update)})
            return self._told(account_id, outcome)
        except TimeoutError:
            if not limit.expired():
                raise
            return self._told(account_id, "timeout")
        except WabotError as err:
            return {**self._told(account_id, "failed"), "error": protocol.error_to_json(err)}
        finally:
            forget()

    def _told(self, account_id: str, outcome: str) -> dict[str, Any]:
        try:
            session = protocol.to_json(self._manager.snapshot(account_id))
        except AccountError:  # removed meanwhile
            session = None
        return {"id": account_id, "outcome": outcome, "session": session}

    async def _pair(self, request: Request, emit: Emit) -> Result:
        """Tell each step of linking a phone; the attempt ends with the client that began it."""
        account_id = _account(request)
        self._manager.snapshot(account_id)
        steps: asyncio.Queue[PairingProgress] = asyncio.Queue()

        def heard(update: Update) -> None:
            if update.id == account_id and isinstance(update, PairingProgress):
                steps.put_nowait(update)
            elif update.id == account_id and isinstance(update, SessionRemoved):
                steps.put_nowait(_cancelled(account_id))

        forget = self._manager.subscribe(heard)
        running = self._manager.pairing(account_id)
        ours = running is None or running.stage in _OVER
        phone = str(request.params.get("phone", ""))
        try:
            async with asyncio.timeout(self._limits.pairing_s):
                if running is not None and not ours and not _needs_another(running, phone):
                    steps.put_nowait(running)  # a window shows it already: look over its shoulder
                else:
                    await self._manager.pair(account_id, phone)
                while True:
                    step = await steps.get()
                    ours = ours and step.stage not in _OVER
                    await emit(protocol.to_json(step))
                    if step.stage in _OVER:
                        return {}
        finally:
            forget()
            if ours:
                self._let_go(self._cancel_pairing(account_id))

    async def _cancel_pairing(self, account_id: str) -> None:
        with contextlib.suppress(WabotError):
            await self._manager.cancel_pairing(account_id)

    def _let_go(self, work: Awaitable[None]) -> None:
        """Finish `work` although the client that caused it is gone."""
        future = asyncio.ensure_future(work)
        self._loose.add(future)
        future.add_done_callback(self._loose.discard)


def _pid() -> int:
    return os.getpid()


def _account(request: Request) -> str:
    return str(request.params["id"])


def _needs_another(running: PairingProgress, phone: str) -> bool:
    """Whether the attempt under way cannot give what is asked for: a code for this number."""
    return bool(phone) and running.phone != phone and running.stage is not PairingStage.LINKING


def _unexpected(err: BaseException) -> ControlError:
    return ControlError("error.unexpected", detail=type(err).__name__)


def _cancelled(account_id: str) -> PairingProgress:
    reason = Reason.PAIRING_CANCELLED
    return PairingProgress(id=account_id, stage=PairingStage.FAILED, reason=reason)


def _outcome(snapshot: SessionSnapshot) -> str | None:
    """Return how an attempt to reconnect ended, or None while it goes on."""
    if snapshot.state is SessionState.CONNECTED:
        return "connected"
    over = snapshot.state.needs_user or snapshot.state is SessionState.BANNED
    return "failed" if over else None
