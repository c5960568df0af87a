"""Accounts without workers: the same methods as the real manager, moved by the test."""

import dataclasses
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from wabot_tray.core import codes
from wabot_tray.core.accounts import checked_id
from wabot_tray.core.clock import Clock
from wabot_tray.core.codes import CodeAllowance
from wabot_tray.core.errors import AccountError, WabotError
from wabot_tray.core.history import Mark
from wabot_tray.core.reasons import Reason
from wabot_tray.core.snapshot import (
    PairingProgress,
    PairingStage,
    PairingWay,
    SessionRemoved,
    SessionSnapshot,
    Update,
    VerifyResult,
)
from wabot_tray.core.states import SessionState

NOON = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)


class FakeTime:
    """A clock the test moves."""

    def __init__(self, now: datetime = NOON) -> None:
        self.moment = now
        self.clock = Clock(monotonic=self.monotonic, now=self.now)

    def monotonic(self) -> float:
        return (self.moment - NOON).total_seconds()

    def now(self) -> datetime:
        return self.moment

    def pass_s(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


class FakeHistory:
    """Marks that the test has put there."""

    def __init__(self) -> None:
        self._marks: dict[str, list[Mark]] = {}

    def marks(self, account_id: str) -> Sequence[Mark]:
        return tuple(self._marks.get(account_id, ()))

    def revision(self, account_id: str) -> int:
        return len(self._marks.get(account_id, ()))

    def add(self, account_id: str, *marks: Mark) -> None:
        self._marks.setdefault(account_id, []).extend(marks)


class FakeManager:
    """Holds snapshots; `calls` records what a window asked for, in order."""

    def __init__(self, *snapshots: SessionSnapshot, time: FakeTime | None = None) -> None:
        self.time = time or FakeTime()
        self.calls: list[tuple[str, ...]] = []
        self.failures: dict[tuple[str, ...], WabotError] = {}  # raised once for that call
        self.codes: tuple[datetime, ...] = ()  # that were asked for
        self.can_unlink = True
        self.answers: tuple[VerifyResult, ...] = ()
        self.listeners: list[Callable[[Update], None]] = []
        self.history = FakeHistory()
        self._sessions = {snapshot.id: snapshot for snapshot in snapshots}
        self._pairings: dict[str, PairingProgress] = {}

    def snapshots(self) -> tuple[SessionSnapshot, ...]:
        return tuple(self._sessions.values())

    def snapshot(self, account_id: str) -> SessionSnapshot:
        if account_id not in self._sessions:
            raise AccountError("error.account_unknown", id=account_id)
        return self._sessions[account_id]

    def pairing(self, account_id: str) -> PairingProgress | None:
        return self._pairings.get(account_id)

    def subscribe(self, listener: Callable[[Update], None]) -> Callable[[], None]:
        self.listeners.append(listener)

        def remove() -> None:
            if listener in self.listeners:
                self.listeners.remove(listener)

        return remove

    def add(self, account_id: str, label: str = "") -> SessionSnapshot:
        self._called("add", account_id, label)
        checked_id(account_id)
        if account_id in self._sessions:
            raise AccountError("error.account_taken", id=account_id)
        made = snapshot(account_id, label=label, now=self.time.now())
        self._sessions[account_id] = made
        self._tell(made)
        return made

    def rename(self, account_id: str, label: str) -> None:
        self._called("rename", account_id, label)
        self.change(account_id, label=label)

    async def remove(self, account_id: str) -> bool:
        self._called("remove", account_id)
        del self._sessions[account_id]
        self._tell(SessionRemoved(id=account_id))
        return self.can_unlink

    async def connect(self, account_id: str) -> None:
        self._called("connect", account_id)
        self.change(account_id, enabled=True, state=SessionState.CONNECTING, reason=Reason.STARTING)

    async def stop(self, account_id: str) -> None:
        self._called("stop", account_id)
        self.change(
            account_id, enabled=False, state=SessionState.STOPPED, reason=Reason.STOPPED_BY_PERSON
        )

    async def reconnect(self, account_id: str) -> None:
        self._called("reconnect", account_id)

    async def pair(self, account_id: str, phone: str = "") -> None:
        self._called("pair", account_id, *([phone] if phone else []))
        way = PairingWay.PHONE if phone else PairingWay.QR
        self.pairing_step(account_id, PairingStage.STARTING, way=way, phone=phone or None)

    def code_allowance(self, account_id: str) -> CodeAllowance:
        self.snapshot(account_id)
        return codes.allowance(self.codes, self.time.now())

    async def cancel_pairing(self, account_id: str) -> None:
        self._called("cancel_pairing", account_id)
        if account_id in self._pairings:
            self.pairing_step(
                account_id, PairingStage.FAILED, reason=Reason.PAIRING_CANCELLED, keep=False
            )

    async def verify(self, account_ids: Sequence[str] | None = None) -> tuple[VerifyResult, ...]:
        self._called("verify", *(account_ids or ()))
        return self.answers

    def check(self) -> None:
        self._called("check")

    def network_changed(self, *, online: bool) -> None:
        self._called("network_changed", str(online))

    # --- what only a test can do -----------------------------------------------------------------

    def change(self, account_id: str, **values: object) -> None:
        """Move an account, as its worker would."""
        moved = dataclasses.replace(
            self._sessions[account_id],
            **({"since": self.time.now()} | values),  # type: ignore[arg-type]  # the test knows
        )
        self._sessions[account_id] = moved
        self._tell(moved)

    def pairing_step(
        self, account_id: str, stage: PairingStage, *, keep: bool = True, **values: object
    ) -> None:
        """Report one step of linking a phone."""
        step = PairingProgress(
            id=account_id,
            stage=stage,
            **values,  # type: ignore[arg-type]  # the test knows
        )
        if keep:
            self._pairings[account_id] = step
        else:
            self._pairings.pop(account_id, None)
        self._tell(step)

    def show_code(self, account_id: str, code: str, *, number: int = 1) -> None:
        """Give a code that lives as long as WhatsApp's: 60 s the first, 20 s the others."""
        now = self.time.now()
        self.pairing_step(
            account_id,
            PairingStage.CODE,
            code=code,
            number=number,
            code_expires_at=now + timedelta(seconds=60 if number == 1 else 20),
            window_ends_at=now + timedelta(seconds=160 - (0 if number == 1 else 40 + 20 * number)),
        )

    def show_link_code(self, account_id: str, code: str = "K7RM-4XTP", **more: object) -> None:
        """Give a code to type, as WhatsApp does for the number that was asked for."""
        now = self.time.now()
        self.codes = codes.with_one_more(self.codes, now)
        asked = self._pairings.get(account_id)
        values: dict[str, object] = {
            "way": PairingWay.PHONE,
            "code": code,
            "phone": asked.phone if asked else None,
            "code_expires_at": now + timedelta(seconds=160),
            "window_ends_at": now + timedelta(seconds=160),
        }
        self.pairing_step(account_id, PairingStage.CODE, **(values | more))  # type: ignore[arg-type]

    def _called(self, *call: str) -> None:
        self.calls.append(call)
        if (error := self.failures.pop(call, None)) is not None:
            raise error

    def _tell(self, update: Update) -> None:
        for listener in tuple(self.listeners):
            listener(update)


def snapshot(
    account_id: str,
    state: SessionState = SessionState.LOGGED_OUT,
    reason: Reason = Reason.NOT_PAIRED,
    *,
    label: str = "",
    now: datetime = NOON,
    **more: object,
) -> SessionSnapshot:
    """Make an account that stands in `state`."""
    paired = state not in {SessionState.LOGGED_OUT, SessionState.PAIRING}
    values: dict[str, object] = {
        "phone": "573001234567" if paired else None,
        "enabled": state is not SessionState.STOPPED,
        "paired": paired,
        "since": now,
    }
    return SessionSnapshot(
        id=account_id,
        label=label,
        state=state,
        reason=reason,
        **(values | more),  # type: ignore[arg-type]  # the test knows
    )
