"""One account's state: what an event changes, and how long the new state may last.

No I/O and no timers of its own; the keeper (keeper.py) acts on what this says.
"""

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from wabot_tray.core import events as ev
from wabot_tray.core.backoff import ATTEMPTS_AT_ONCE, STEADY_AFTER_S, Allowance, Backoff
from wabot_tray.core.clock import Clock
from wabot_tray.core.errors import IllegalTransitionError
from wabot_tray.core.reasons import Reason
from wabot_tray.core.snapshot import SessionSnapshot
from wabot_tray.core.states import SessionState, next_state

log = logging.getLogger(__name__)

# whatsmeow redials by itself, but after 2, 4, 6 .. s and without end; a new worker is faster.
RECONNECTING_LIMIT_S: Final = 20.0
# A dial that was accepted and never answered hangs for ever and takes every call with it.
CONNECTING_LIMIT_S: Final = 30.0
# The first login stores 812 keys; on a busy disk that took 8.4 s, and it may be slower still.
LINKING_LIMIT_S: Final = 60.0
# Beside the worker's own timer, for a worker that says nothing more.
CODE_GRACE_S: Final = 15.0
BAN_GRACE_S: Final = 60.0
CRASHES: Final = 5
CRASH_WINDOW_S: Final = 600.0
SLOW_FIRST_S: Final = 60.0
SLOW_LONGEST_S: Final = 600.0
# A login that breaks off twice is being refused; whatsmeow would go on for ever, and the second
# time it tries at once. While we wait between attempts anyway, once is enough.
BROKEN_LOGINS: Final = 2
# A link that held this long was worth its login.
WORTHWHILE_S: Final = 10.0
# Attempts the back-off leaves for the moment when the network returns.
RESERVE: Final = 3.0
# A login takes a second; a dial this old, made while the network was away, may hang for ever.
OLD_DIAL_S: Final = 4.0


# After these a new worker is started.
BEGINS_ANEW: Final = (ev.StartAsked, ev.PairAsked, ev.RetryDue, ev.RestartAsked)


@dataclass(slots=True)
class Session:
    """Where one account stands and what its next deadline is.

    Args:
        id: The account.
        clock: Injected time.
        random: For the jitter of the back-off.
    """

    id: str
    clock: Clock
    random: Callable[[], float]
    state: SessionState = field(default=SessionState.STOPPED, init=False)
    reason: Reason = field(default=Reason.STOPPED_BY_PERSON, init=False)
    since: datetime = field(init=False)
    deadline: float | None = field(default=None, init=False)  # monotonic seconds
    next_attempt_at: datetime | None = field(default=None, init=False)
    expires_at: datetime | None = field(default=None, init=False)
    last_verified_at: datetime | None = field(default=None, init=False)
    restarts: int = field(default=0, init=False)
    pairing: bool = field(default=False, init=False)  # a person wants to link a phone just now
    linking: bool = field(default=False, init=False)  # scanned, not yet logged in
    phone: str = field(default="", init=False)  # digits to link by; by a QR code without them
    _backoff: Backoff = field(init=False)
    _slow: Backoff = field(init=False)
    _entered: float = field(default=0.0, init=False)
    _crashes: deque[float] = field(init=False)
    _broken_logins: int = field(default=0, init=False)
    _allowance: Allowance = field(init=False)
    _dialled: float | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.since = self.clock.now()
        self._entered = self.clock.monotonic()
        self._backoff = Backoff(self.random)
        self._slow = Backoff(self.random, first_s=SLOW_FIRST_S, longest_s=SLOW_LONGEST_S)
        self._crashes = deque(maxlen=CRASHES)
        self._allowance = Allowance(self.clock.monotonic)

    def apply(self, event: ev.Event) -> bool:
        """Take `event` in; return whether anything a person sees has changed.

        An event the table has no row for is logged and changes nothing.
        """
        event = self._reread(event)
        try:
            state = next_state(self.state, event)
        except IllegalTransitionError:
            log.debug(
                "session %s: %s means nothing while %s", self.id, type(event).__name__, self.state
            )
            return False
        reason: Reason = getattr(event, "reason", self.reason)
        if self.phone and isinstance(event, ev.QrShown):
            reason = self.reason  # it waits for a code to type; QR codes come all the same
        before = (self.state, self.reason, self.next_attempt_at)
        self._note(event, state)
        if (state, reason) != (self.state, self.reason):
            log.info("session %s: %s -> %s (%s)", self.id, self.state, state, reason)
        if state is not self.state or isinstance(event, BEGINS_ANEW):
            self._enter(state, event)
        elif isinstance(event, ev.QrShown | ev.LinkCodeShown | ev.PairingSucceeded):
            self._set_limit(event)
        self.reason = reason
        return (self.state, self.reason, self.next_attempt_at) != before

    def overdue(self) -> ev.Event | None:
        """Return what has to happen now because the state's time is up, or None.

        Deadlines are kept on the clock that nobody sets; it goes on while the computer sleeps.
        """
        due = self.deadline is not None and self.clock.monotonic() >= self.deadline
        return self._expiry() if due else None

    def clock_set(self, jump: timedelta) -> None:
        """Keep the times that people see right, since the wall clock was set by `jump`."""
        self.since += jump
        for name in ("next_attempt_at", "expires_at", "last_verified_at"):
            if (moment := getattr(self, name)) is not None:
                setattr(self, name, moment + jump)

    def verified(self) -> None:
        """Note that WhatsApp answered just now."""
        self.last_verified_at = self.clock.now()

    def await_turn(self) -> None:
        """Note that the login waits for its turn: that is nobody's fault and has no deadline."""
        self.deadline = None

    def login_begins(self) -> None:
        """Note that the login begins now: from here on it has its time."""
        self._dialled = self.clock.monotonic()
        self.deadline = self._dialled + self._login_limit_s()

    def choose_way(self, phone: str) -> None:
        """Go on linking by the number `phone`, or by a QR code without one."""
        self.phone = phone
        self.reason = Reason.PAIRING_STARTED if phone else Reason.WAITING_FOR_SCAN

    def may_try(self) -> bool:
        """Whether an attempt may be brought forward: WhatsApp is not to be stormed."""
        return self._allowance.left >= 1

    def dial_is_old(self) -> bool:
        """Whether a login that is under way may hang in a dial from before the network's return."""
        if self.state is not SessionState.CONNECTING or self.pairing or self._dialled is None:
            return False
        return self.clock.monotonic() - self._dialled >= OLD_DIAL_S

    def connected_for_s(self) -> float:
        """Return the seconds since the last login, or 0 without one."""
        connected = self.state is SessionState.CONNECTED
        return self.clock.monotonic() - self._entered if connected else 0.0

    def view(self, base: SessionSnapshot) -> SessionSnapshot:
        """Return `base`, which knows the account, completed with what this knows."""
        return replace(
            base,
            state=self.state,
            reason=self.reason,
            since=self.since,
            next_attempt_at=self.next_attempt_at,
            last_verified_at=self.last_verified_at,
            expires_at=self.expires_at,
            restarts=self.restarts,
        )

    # --- inside ----------------------------------------------------------------------------------

    def _expiry(self) -> ev.Event | None:
        """Return what it means that this state's time is up."""
        linking = self.pairing and not self.linking
        match self.state:
            case SessionState.WAITING | SessionState.BANNED:
                return ev.RetryDue()
            case SessionState.PAIRING:
                return ev.PairingFailed(reason=Reason.QR_EXPIRED)
            case SessionState.CONNECTING if linking:
                return ev.PairingFailed(reason=Reason.PAIRING_NO_NETWORK)
            case SessionState.CONNECTING:
                return ev.DeadlinePassed(reason=Reason.LOGIN_UNANSWERED)
            case SessionState.RECONNECTING:
                return ev.DeadlinePassed(reason=Reason.RECONNECT_TOO_SLOW)
            case _:
                return None

    def _reread(self, event: ev.Event) -> ev.Event:
        """Return what `event` amounts to with the history this session has."""
        if self.pairing and not self.linking and isinstance(event, ev.DialFailed):
            plain = event.reason is Reason.DIAL_FAILED
            return ev.PairingFailed(reason=Reason.PAIRING_NO_NETWORK if plain else event.reason)
        if self.phone and event == ev.PairingFailed(reason=Reason.QR_EXPIRED):
            return ev.PairingFailed(reason=Reason.CODE_EXPIRED)
        if isinstance(event, ev.WorkerExited):
            now = self.clock.monotonic()
            self._crashes.append(now)
            if len(self._crashes) == CRASHES and now - self._crashes[0] <= CRASH_WINDOW_S:
                self._crashes.clear()
                return ev.CrashLooped()
            if self.pairing and not self.linking:
                return ev.PairingFailed(reason=Reason.PAIRING_ERROR)
        if isinstance(event, ev.LinkLost) and self._is_storm():
            return ev.DeadlinePassed(reason=Reason.SERVER_BUSY)
        return event

    def _is_storm(self) -> bool:
        """Count a lost link; return whether the library's redials do no good any more."""
        if self.state is SessionState.CONNECTING:
            self._broken_logins += 1
            enough = 1 if self._backoff.failures else BROKEN_LOGINS
            if self._broken_logins < enough or self.linking:
                return False
            self._allowance.spend()  # the library has redialled before anybody can stop it
            return True
        linked = self.state in {SessionState.CONNECTED, SessionState.RECONNECTING}
        if not linked or self.connected_for_s() >= WORTHWHILE_S:
            return False
        return self._allowance.left < ATTEMPTS_AT_ONCE / 2

    def _note(self, event: ev.Event, state: SessionState) -> None:
        match event:
            case ev.PairAsked():
                self.pairing, self.linking = True, False
                self.phone = event.phone
            case ev.PairingSucceeded():
                self.linking = True
            case ev.LoggedIn():
                self.pairing = self.linking = False
                self._broken_logins = 0
                self.verified()
            case ev.LinkProved():
                self.verified()
            case ev.LinkLost():
                self._allowance.spend()  # the library redials
                if self.connected_for_s() >= WORTHWHILE_S:
                    self._allowance.give_back()
            case ev.TemporarilyBanned():
                self.expires_at = event.expires_at
            case _:
                pass
        replaced = self.state.has_worker and isinstance(event, ev.RestartAsked)
        lost = self.state.has_worker and not state.has_worker and state is not SessionState.STOPPED
        self.restarts += replaced or lost
        if not state.has_worker:
            self.pairing = False
        if state is not SessionState.BANNED:
            self.expires_at = None

    def _enter(self, state: SessionState, event: ev.Event) -> None:
        held_s = self.connected_for_s()
        by_person = isinstance(event, ev.RestartAsked) and event.by_person
        by_person = by_person or isinstance(event, ev.StartAsked | ev.PairAsked)
        if by_person or held_s >= STEADY_AFTER_S:
            self._backoff.reset()
            self._slow.reset()
            self._allowance.reset()
        elif held_s >= WORTHWHILE_S:
            self._backoff.reset()  # the last repair was good; how many there may be is counted
        if by_person:
            self._crashes.clear()
        if isinstance(event, BEGINS_ANEW):
            self._broken_logins = 0
            self._allowance.spend()
        self.state = state
        self.since = self.clock.now()
        self._entered = self.clock.monotonic()
        self._dialled = None
        self.next_attempt_at = None
        self._set_limit(event)

    def _set_limit(self, event: ev.Event) -> None:
        """Say how long the state just entered may last, and when the next attempt comes."""
        limit_s: float | None = None
        match self.state:
            case SessionState.CONNECTING:
                limit_s = self._login_limit_s()
            case SessionState.RECONNECTING:
                limit_s = RECONNECTING_LIMIT_S
            case SessionState.PAIRING if isinstance(event, ev.QrShown):
                valid_s = (event.code_expires_at - self.clock.now()).total_seconds()
                limit_s = max(0.0, valid_s) + CODE_GRACE_S
            case SessionState.PAIRING if isinstance(event, ev.LinkCodeShown):
                valid_s = (event.expires_at - self.clock.now()).total_seconds()
                limit_s = max(0.0, valid_s) + CODE_GRACE_S
            case SessionState.WAITING:
                limit_s = self._delay_s(event)
                self.next_attempt_at = self.clock.now() + timedelta(seconds=limit_s)
            case SessionState.BANNED if self.expires_at is not None:
                self.next_attempt_at = self.expires_at + timedelta(seconds=BAN_GRACE_S)
                limit_s = (self.next_attempt_at - self.clock.now()).total_seconds()
            case _:
                pass
        self.deadline = None if limit_s is None else self.clock.monotonic() + limit_s

    def _delay_s(self, event: ev.Event) -> float:
        if isinstance(event, ev.ConnectRefused):
            return self._slow.next_delay_s()
        first = self._backoff.failures == 0
        delay_s = self._backoff.next_delay_s()
        # The first repair is made at once; only a repair that failed has to wait.
        at_once = isinstance(event, ev.DeadlinePassed) and event.reason is not Reason.SERVER_BUSY
        return max(0.0 if first and at_once else delay_s, self._allowance.wait_s(RESERVE))

    def _login_limit_s(self) -> float:
        return LINKING_LIMIT_S if self.linking else CONNECTING_LIMIT_S
