"""Where a session stands, why, and the one table that moves it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from wabot_tray.core import events as ev
from wabot_tray.core.errors import IllegalTransitionError
from wabot_tray.core.reasons import Reason


class SessionState(StrEnum):
    """Where one session stands, which is to say: what happens next."""

    STOPPED = "stopped"
    CONNECTING = "connecting"
    PAIRING = "pairing"
    CONNECTED = "connected"
    RECONNECTING = "reconnecting"
    WAITING = "waiting"
    LOGGED_OUT = "logged-out"
    BANNED = "banned"
    REPLACED = "replaced"
    OUTDATED = "outdated"
    FAILED = "failed"

    @property
    def has_worker(self) -> bool:
        """Whether a worker process belongs to this state."""
        return self in _WITH_WORKER

    @property
    def needs_user(self) -> bool:
        """Whether only a person can leave this state, so that nothing retries it."""
        return self in _NEEDS_USER

    @property
    def severity(self) -> int:
        """How much this state deserves the tray icon; the greatest of all accounts wins."""
        return _SEVERITY.index(self)


_WITH_WORKER: Final = frozenset(
    {
        SessionState.CONNECTING,
        SessionState.PAIRING,
        SessionState.CONNECTED,
        SessionState.RECONNECTING,
    }
)
_NEEDS_USER: Final = frozenset(
    {
        SessionState.STOPPED,
        SessionState.LOGGED_OUT,
        SessionState.REPLACED,
        SessionState.OUTDATED,
        SessionState.FAILED,
    }
)
_SEVERITY: Final = (
    SessionState.STOPPED,
    SessionState.CONNECTED,
    SessionState.PAIRING,
    SessionState.CONNECTING,
    SessionState.RECONNECTING,
    SessionState.WAITING,
    SessionState.REPLACED,
    SessionState.BANNED,
    SessionState.OUTDATED,
    SessionState.LOGGED_OUT,
    SessionState.FAILED,
)


def _table() -> dict[tuple[SessionState, type[ev.Event]], SessionState]:
    """Spell out every legal move; what is not here does not happen."""
    s = SessionState
    table: dict[tuple[SessionState, type[ev.Event]], SessionState] = {}

    def row(event: type[ev.Event], to: SessionState, *sources: SessionState) -> None:
        for source in sources:
            table[source, event] = to

    live = (s.CONNECTING, s.PAIRING, s.CONNECTED, s.RECONNECTING)
    idle = tuple(state for state in s if state not in live)

    # What a person asks for.
    row(ev.StopAsked, s.STOPPED, *s)
    row(ev.StartAsked, s.CONNECTING, *idle)
    row(ev.PairAsked, s.CONNECTING, *idle, s.PAIRING)
    row(ev.NotPaired, s.LOGGED_OUT, *idle, s.CONNECTING, s.PAIRING)
    # What a timer finds.
    row(ev.RetryDue, s.CONNECTING, s.WAITING, s.BANNED, s.FAILED)
    row(ev.RestartAsked, s.CONNECTING, s.CONNECTING, s.CONNECTED, s.RECONNECTING, s.WAITING)
    row(ev.DeadlinePassed, s.WAITING, s.CONNECTING, s.CONNECTED, s.RECONNECTING)
    row(ev.PairingFailed, s.LOGGED_OUT, s.PAIRING, s.CONNECTING)
    row(ev.KeyUnavailable, s.FAILED, s.CONNECTING)
    row(ev.CrashLooped, s.FAILED, *live, s.WAITING)
    # What a worker reports.
    row(ev.QrShown, s.PAIRING, s.CONNECTING, s.PAIRING)
    row(ev.LinkCodeShown, s.PAIRING, s.PAIRING)
    row(ev.PairingSucceeded, s.CONNECTING, s.PAIRING, s.CONNECTING)
    row(ev.LoggedIn, s.CONNECTED, *live)
    row(ev.LinkLost, s.RECONNECTING, s.CONNECTED, s.RECONNECTING)
    # A login that is under way keeps its own deadline: whatsmeow reports a lost link there too.
    row(ev.LinkLost, s.CONNECTING, s.CONNECTING)
    row(ev.KeepAliveMissed, s.RECONNECTING, s.CONNECTED, s.RECONNECTING)
    row(ev.LinkProved, s.CONNECTED, s.CONNECTED, s.RECONNECTING)
    row(ev.LoggedOut, s.LOGGED_OUT, *live, s.WAITING)
    row(ev.Replaced, s.REPLACED, *live)
    row(ev.TemporarilyBanned, s.BANNED, *live)
    row(ev.Outdated, s.OUTDATED, *live)
    row(ev.ConnectRefused, s.WAITING, *live)
    row(ev.DialFailed, s.WAITING, s.CONNECTING, s.RECONNECTING, s.CONNECTED)
    row(ev.StorageFailed, s.FAILED, *live)
    row(ev.WorkerExited, s.WAITING, *live)
    return table


TRANSITIONS: Final[Mapping[tuple[SessionState, type[ev.Event]], SessionState]] = _table()


def next_state(state: SessionState, event: ev.Event) -> SessionState:
    """Return the state after `event`. Reads no clock and does no I/O.

    Raises:
        IllegalTransitionError: `TRANSITIONS` has no row for this pair.
    """
    if (found := TRANSITIONS.get((state, type(event)))) is None:
        raise IllegalTransitionError(state=state, event=type(event).__name__)
    return found


__all__ = ["TRANSITIONS", "Reason", "SessionState", "next_state"]
