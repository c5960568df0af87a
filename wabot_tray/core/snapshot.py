"""What outsiders may see of a session: frozen, complete, without secrets."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from wabot_tray.core.reasons import Reason
from wabot_tray.core.states import SessionState


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSnapshot:
    """One account at one moment. Times are aware UTC."""

    id: str
    label: str
    phone: str | None  # digits, international form; None before the first pairing
    enabled: bool  # what the person wants, apart from what is
    paired: bool
    state: SessionState
    reason: Reason
    since: datetime
    next_attempt_at: datetime | None = None
    last_verified_at: datetime | None = None
    last_connected_at: datetime | None = None
    expires_at: datetime | None = None  # end of a temporary ban
    restarts: int = 0
    received: int = 0  # messages since the program's start
    replied: int = 0
    answered_today: int = 0  # messages of this local day, restarts or not
    notice: Reason | None = None  # something to know beside the state
    notice_detail: str = ""
    phone_silent_since: datetime | None = None  # its phone owes us a sign of life since then


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRemoved:
    """An account is gone from the registry."""

    id: str


class PairingWay(StrEnum):
    """What the person does on the phone to link it."""

    QR = "qr"  # scans a code
    PHONE = "phone"  # types one, asked for with the phone's number


class PairingStage(StrEnum):
    """How far an attempt to link a phone has come."""

    STARTING = "starting"
    CODE = "code"
    LINKING = "linking"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class PairingProgress:
    """One step of linking a phone. The code is a secret: show it, never log or store it."""

    id: str
    stage: PairingStage
    way: PairingWay = PairingWay.QR
    code: str = ""  # the text of a QR code, or XXXX-XXXX
    number: int = 0
    code_expires_at: datetime | None = None
    window_ends_at: datetime | None = None
    phone: str | None = None  # the number a code was asked for, or that was linked
    reason: Reason | None = None

    def __repr__(self) -> str:
        return f"PairingProgress(id={self.id!r}, stage={self.stage.value!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyResult:
    """What a verification found for one session."""

    id: str
    connected: bool
    answered: bool
    took_ms: float | None  # None where nothing was asked because there is no link


Update = SessionSnapshot | SessionRemoved | PairingProgress


def worst(snapshots: Iterable[SessionSnapshot]) -> SessionSnapshot | None:
    """Return the session that deserves the tray icon, or None without accounts."""
    return max(snapshots, key=lambda snapshot: snapshot.state.severity, default=None)
