"""A session manager without sessions: it remembers what it was asked and moves when told to."""

import asyncio
import dataclasses
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from wabot_tray.core.accounts import checked_id
from wabot_tray.core.errors import AccountError, ControlError, ReasonedError, WabotError
from wabot_tray.core.history import Mark
from wabot_tray.core.reasons import Reason
from wabot_tray.core.snapshot import (
    PairingProgress,
    PairingStage,
    SessionRemoved,
    SessionSnapshot,
    Update,
    VerifyResult,
)
from wabot_tray.core.states import SessionState

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def session(account_id: str, **changes: Any) -> SessionSnapshot:
    """Return a connected session, but for `changes`."""
    plain = SessionSnapshot(
        id=account_id,
        label="",
        phone="34600111222",
        enabled=True,
        paired=True,
        state=SessionState.CONNECTED,
        reason=Reason.LOGGED_IN,
        since=NOW,
    )
    return dataclasses.replace(plain, **changes)


class FakeHistory:
    """What the test has put there."""

    def __init__(self) -> None:
        self.kept: dict[str, list[Mark]] = {}

    def marks(self, account_id: str) -> Sequence[Mark]:
        return self.kept.get(account_id, [])


class FakeManager:
    """Satisfies `control.server.Manager`; `script` says what reconnecting and pairing lead to."""

    def __init__(self, *sessions: SessionSnapshot) -> None:
        self.history = FakeHistory()
        self.sessions = {s.id: s for s in sessions}
        self.asked: list[tuple[str, ...]] = []
        self.listeners: list[Callable[[Update], None]] = []
        self.progress: dict[str, PairingProgress] = {}
        self.errors: dict[str, Exception] = {}
        self.reconnects_to: dict[str, SessionSnapshot] = {}
        self.pairing_steps: list[PairingProgress] = []
        self.unanswered: set[str] = set()
        self._moves: set[asyncio.Task[None]] = set()

    # --- What tests do -------------------------------------------------------------------------

    def tell(self, update: Update) -> None:
        """Make `update` true and tell everybody."""
        if isinstance(update, SessionSnapshot):
            self.sessions[update.id] = update
        elif isinstance(update, PairingProgress):
            self.progress[update.id] = update
        else:
            self.sessions.pop(update.id, None)
        for listener in tuple(self.listeners):
            listener(update)

    def soon(self, *updates: Update) -> None:
        """Tell `updates` one by one, after the caller has returned."""

        async def move() -> None:
            for update in updates:
                await asyncio.sleep(0)
                self.tell(update)

        task = asyncio.ensure_future(move())
        self._moves.add(task)
        task.add_done_callback(self._moves.discard)

    def _ask(self, *words: str) -> None:
        self.asked.append(words)
        if (error := self.errors.get(words[0])) is not None:
            raise error

    # --- What the server needs -----------------------------------------------------------------

    def snapshots(self) -> tuple[SessionSnapshot, ...]:
        return tuple(self.sessions.values())

    def snapshot(self, account_id: str) -> SessionSnapshot:
        try:
            return self.sessions[account_id]
        except KeyError:
            raise AccountError("error.account_unknown", id=account_id) from None

    def pairing(self, account_id: str) -> PairingProgress | None:
        return self.progress.get(account_id)

    def subscribe(self, listener: Callable[[Update], None]) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    def add(self, account_id: str, label: str = "") -> SessionSnapshot:
        self._ask("add", account_id, label)
        if checked_id(account_id) in self.sessions:
            raise AccountError("error.account_taken", id=account_id)
        self.tell(_unpaired(account_id, label))
        return self.sessions[account_id]

    def rename(self, account_id: str, label: str) -> None:
        self._ask("rename", account_id, label)
        self.tell(dataclasses.replace(self.snapshot(account_id), label=label))

    async def remove(self, account_id: str) -> bool:
        self._ask("remove", account_id)
        connected = self.snapshot(account_id).state is SessionState.CONNECTED
        self.tell(SessionRemoved(id=account_id))
        return connected

    async def connect(self, account_id: str) -> None:
        self._ask("connect", account_id)
        self.tell(session(account_id, state=SessionState.CONNECTING, reason=Reason.STARTING))

    async def stop(self, account_id: str) -> None:
        self._ask("stop", account_id)
        stopped = {"state": SessionState.STOPPED, "reason": Reason.STOPPED_BY_PERSON}
        self.tell(session(account_id, enabled=False, **stopped))

    async def reconnect(self, account_id: str) -> None:
        self._ask("reconnect", account_id)
        now = self.snapshot(account_id)
        if now.state is SessionState.LOGGED_OUT:
            raise ReasonedError(Reason.PHONE_UNLINKED)
        trying = dataclasses.replace(now, state=SessionState.CONNECTING, reason=Reason.RETRYING)
        self.tell(trying)
        if (then := self.reconnects_to.get(account_id)) is not None:
            self.soon(then)

    async def pair(self, account_id: str, phone: str = "") -> None:
        self._ask("pair", account_id, *([phone] if phone else []))
        if self.snapshot(account_id).state is SessionState.CONNECTED:
            raise ControlError("error.already_linked", id=account_id)
        self.soon(*self.pairing_steps)

    async def cancel_pairing(self, account_id: str) -> None:
        self._ask("cancel_pairing", account_id)

    async def verify(self, account_ids: Sequence[str] | None = None) -> tuple[VerifyResult, ...]:
        ids = list(self.sessions) if account_ids is None else list(account_ids)
        self._ask("verify", *ids)
        return tuple(self._verified(self.snapshot(account_id)) for account_id in ids)

    def _verified(self, now: SessionSnapshot) -> VerifyResult:
        connected = now.state is SessionState.CONNECTED
        answered = connected and now.id not in self.unanswered
        return VerifyResult(
            id=now.id, connected=connected, answered=answered, took_ms=41.5 if answered else None
        )


def _unpaired(account_id: str, label: str) -> SessionSnapshot:
    out = {"state": SessionState.LOGGED_OUT, "reason": Reason.NOT_PAIRED}
    return session(account_id, label=label, phone=None, paired=False, **out)


def step(account_id: str, stage: PairingStage, **details: Any) -> PairingProgress:
    """Return one step of a pairing."""
    return PairingProgress(id=account_id, stage=stage, **details)


def refused(error: WabotError, method: str, manager: FakeManager) -> FakeManager:
    """Let `manager` refuse `method` with `error`."""
    manager.errors[method] = error
    return manager
