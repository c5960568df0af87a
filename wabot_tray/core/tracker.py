"""Turns what a session says of itself into the marks of its history."""

from datetime import datetime
from typing import Final

from wabot_tray.core.history import Mark, Phase, Repair
from wabot_tray.core.reasons import Reason
from wabot_tray.core.snapshot import SessionSnapshot
from wabot_tray.core.states import SessionState

# With these an attempt begins that follows no outage.
_FIRST_ATTEMPTS: Final = frozenset(
    {
        Reason.PROGRAM_STARTED,
        Reason.STARTED_BY_PERSON,
        Reason.STARTING,
        Reason.PAIRING_STARTED,
        Reason.SCANNED,
    }
)
_HELPS: Final = {
    Reason.STARTED_BY_PERSON: Repair.PERSON,
    Reason.RECONNECT_BY_PERSON: Repair.PERSON,
    Reason.SCANNED: Repair.PAIRED,
    Reason.RETRYING: Repair.RESTART,
    Reason.LINK_PROVED: Repair.ANSWERED,
}


class Tracker:
    """Follows one session; `phase` is where its history stands, None before anything was heard."""

    def __init__(self) -> None:
        self.phase: Phase | None = None
        self._reason: Reason | None = None  # the last one that was marked
        self._help = Repair.RESTART  # what would have ended the outage, if it ended now

    def heard(self, snapshot: SessionSnapshot, at: datetime) -> Mark | None:
        """Return the mark that `snapshot` makes at this moment, or None where nothing changed."""
        phase = self._phase_of(snapshot)
        before = self.phase
        if phase is not Phase.UP or snapshot.reason is Reason.LINK_PROVED:
            self._note_help(snapshot)
        if phase is before and not self._is_worse(phase, snapshot):
            return None
        repair = self._help if before is Phase.DOWN and phase is Phase.UP else None
        self.phase, self._reason = phase, snapshot.reason
        return Mark(at, phase, snapshot.reason, repair)

    def again(self, at: datetime) -> Mark | None:
        """Return a mark that repeats what holds, after a time of which nothing is known."""
        return None if self.phase is None else Mark(at, self.phase, self._reason)

    def _phase_of(self, snapshot: SessionSnapshot) -> Phase:
        was_linked = snapshot.paired or snapshot.phone is not None
        if not snapshot.enabled or not was_linked or snapshot.state is SessionState.STOPPED:
            return Phase.OFF
        if snapshot.state is SessionState.CONNECTED:
            return Phase.UP
        fresh = self.phase not in {Phase.UP, Phase.DOWN}
        connecting = snapshot.state is SessionState.CONNECTING
        if fresh and connecting and snapshot.reason in _FIRST_ATTEMPTS:
            return Phase.STARTING
        return Phase.DOWN

    def _is_worse(self, phase: Phase, snapshot: SessionSnapshot) -> bool:
        """Whether an outage has turned into one that no attempt of ours can end."""
        state = snapshot.state
        final = state.needs_user or state is SessionState.BANNED
        return phase is Phase.DOWN and final and snapshot.reason is not self._reason

    def _note_help(self, snapshot: SessionSnapshot) -> None:
        if snapshot.state is SessionState.RECONNECTING:
            self._help = Repair.REDIAL
        elif snapshot.state is SessionState.WAITING:
            self._help = Repair.RESTART
        else:
            self._help = _HELPS.get(snapshot.reason, self._help)
