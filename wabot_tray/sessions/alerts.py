"""Which news a person is told, when, and when it is taken back. No I/O and no timers of its own.

Whoever shows notifications calls `Alerts.look` every few seconds and after each change; it compares
what is true with what was told and answers with what to do. So nothing can be missed or told twice,
whatever happened in between: a sleep, a start, a burst of changes.

- What only a person can mend is told at once, a lost link after three minutes, each once.
- Its return is told once, and only where the loss was told.
- What happens together is told together; never more than `PER_HOUR` times an hour.
- In the quiet hours nothing is told, not even the worst: nobody mends it in his sleep, and it is
  told when they end, if it still holds. The tray icon shows it all the time.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from wabot_tray.core.clock import Clock
from wabot_tray.core.quiet_hours import QuietHours
from wabot_tray.core.settings import Settings
from wabot_tray.core.snapshot import SessionSnapshot
from wabot_tray.core.states import SessionState
from wabot_tray.sessions.worries import (
    SHARED_CAUSES,
    Kind,
    Worry,
    is_underway,
    standing_worry,
)

LOST_AFTER_S: Final = 180.0  # shorter outages mend themselves and interest nobody
STEADY_S: Final = 20.0  # a link that flaps is not back
GATHER_S: Final = 2.0  # what fails together is told together
GAP_S: Final = 20.0  # between two notifications
PER_HOUR: Final = 6
KEPT_FOR_IMPORTANT: Final = 2  # of those, for what only a person can mend
STALE_S: Final = 1800.0  # a return that could not be told by then is no news any more
AGAIN_AFTER: Final = timedelta(days=1)  # at a new start the same is told again no sooner
NAP_S: Final = 60.0  # nobody looked for so long: the computer slept or the program was stopped
SEVERAL: Final = "several"
RETURNED: Final = "returned"
_HOUR_S: Final = 3600.0


class Act(StrEnum):
    """What the button of a notification does; its words are `alert.act_<act>`."""

    PAIR = "pair"
    TAKE_OVER = "take-over"
    RETRY = "retry"
    DETAILS = "details"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tell:
    """Show a notification, in place of the one with the same key if there is one.

    Args:
        key: Which notification.
        kind: The gravest kind among its worries.
        worries: What it is about, the gravest first; one per account.
        act: What its button does.
        away_s: For a return, how long the longest outage was.
        is_silent: It only corrects what is on the screen: nothing may pop up or sound.
    """

    key: str
    kind: Kind
    worries: tuple[Worry, ...]
    act: Act
    away_s: float = 0.0
    is_silent: bool = False

    @property
    def accounts(self) -> tuple[str, ...]:
        """Whom it is about."""
        return tuple(worry.account for worry in self.worries)

    @property
    def shares_cause(self) -> bool:
        """Whether one cause that is nobody's in particular explains all of it."""
        causes = {worry.cause for worry in self.worries}
        return len(causes) == 1 and causes <= SHARED_CAUSES


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Take the notification with this key back: it is true no longer."""

    key: str


Change = Tell | Withdraw
Memory = Mapping[tuple[str, str], datetime]  # an account and a mark: when it was told, aware UTC


@dataclass(slots=True)
class _Link:
    """What is remembered of one account's link. Times are monotonic seconds."""

    down_since: float | None = None
    up_since: float | None = None
    lost: Worry | None = None  # the loss that was told
    away_since: float = 0.0  # when it began
    back_at: float | None = None  # since when its return may be told


@dataclass(slots=True)
class Alerts:
    """Decides what is told.

    Args:
        clock: Injected time.
        memory: What earlier runs of the program told.
        to_local: Turns an aware time into the person's own.
    """

    clock: Clock
    memory: dict[tuple[str, str], datetime] = field(default_factory=dict)
    to_local: Callable[[datetime], datetime] = datetime.astimezone
    is_pending: bool = field(default=False, init=False)  # look again in a second
    _awake_since: float = field(init=False)
    _looked_at: float = field(init=False)
    _links: dict[str, _Link] = field(default_factory=dict, init=False)
    _worries: dict[str, Worry] = field(default_factory=dict, init=False)
    _told: dict[str, Worry] = field(default_factory=dict, init=False)
    _shown: dict[str, tuple[Worry, ...]] = field(default_factory=dict, init=False)
    _times: deque[float] = field(default_factory=deque, init=False)
    _fresh_since: float | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._awake_since = self._looked_at = self.clock.monotonic()
        now = self.clock.now()
        for entry, at in tuple(self.memory.items()):
            if not now - AGAIN_AFTER < at <= now + AGAIN_AFTER:
                del self.memory[entry]

    def look(
        self,
        snapshots: Iterable[SessionSnapshot],
        settings: Settings,
        attended: Callable[[str], bool] = lambda _: False,
    ) -> tuple[Change, ...]:
        """Return what to show and what to take back now.

        Args:
            snapshots: Every account.
            settings: What the person set.
            attended: Whether the person is looking at this account just now; what happens before
                somebody's eyes is not told, neither then nor afterwards.
        """
        now = self.clock.monotonic()
        if now - self._looked_at > NAP_S:
            self._awake_since = now
            self._fresh_since = None
        self._looked_at = now
        self.is_pending = False
        self._follow({snapshot.id: snapshot for snapshot in snapshots})
        self._accept_known(attended)
        told = self._tell(settings, now)
        return (*self._correct(), *told)

    # --- what is true ----------------------------------------------------------------------------

    def _follow(self, snapshots: Mapping[str, SessionSnapshot]) -> None:
        for gone in self._links.keys() - snapshots.keys():
            self._forget(gone)
        self._worries = {}
        for account, snapshot in snapshots.items():
            link = self._links.setdefault(account, _Link())
            self._follow_link(snapshot, link)
            if (worry := self._worry(snapshot, link)) is not None:
                self._worries[account] = worry
            told = self._told.get(account)
            if told is not None and (worry is None or worry.mark != told.mark):
                del self._told[account]
            if snapshot.state is SessionState.CONNECTED:
                self._forget_ended(account)

    def _follow_link(self, snapshot: SessionSnapshot, link: _Link) -> None:
        now = self.clock.monotonic()
        if snapshot.state is SessionState.CONNECTED:
            link.up_since = now if link.up_since is None else link.up_since
            if now - link.up_since < STEADY_S:
                self.is_pending |= link.lost is not None
                return
            link.down_since = None
            if link.lost is not None and link.back_at is None:
                link.back_at = now
            return
        link.up_since = link.back_at = None
        if is_underway(snapshot):
            link.down_since = now if link.down_since is None else link.down_since
            return
        link.down_since = None
        if snapshot.state is not SessionState.BANNED:
            link.lost = None  # it is the person's turn, or was the person's wish

    def _worry(self, snapshot: SessionSnapshot, link: _Link) -> Worry | None:
        standing = standing_worry(snapshot, self.clock.now())
        if standing is not None and standing.kind is Kind.ENDED:
            return standing
        return self._lost(snapshot, link) or standing

    def _lost(self, snapshot: SessionSnapshot, link: _Link) -> Worry | None:
        """Return the loss of the link, if it lasts; while it is coming back it is not over."""
        if link.lost is not None and link.lost.kind is Kind.LOST and link.back_at is None:
            return link.lost
        if link.down_since is None or not is_underway(snapshot):
            return None
        down_s = self.clock.monotonic() - max(link.down_since, self._awake_since)
        if down_s < LOST_AFTER_S:
            return None
        since = self.clock.now() - timedelta(seconds=down_s)
        return Worry(snapshot.id, Kind.LOST, "lost", snapshot.reason, since)

    def _forget(self, account: str) -> None:
        """Forget an account that was removed."""
        del self._links[account]
        self._told.pop(account, None)
        for entry in [entry for entry in self.memory if entry[0] == account]:
            del self.memory[entry]

    def _forget_ended(self, account: str) -> None:
        """An account that is connected may end again, and is told then."""
        beside = (f"{Kind.NOTICE}:", f"{Kind.PHONE}:")
        for entry in [entry for entry in self.memory if entry[0] == account]:
            if not entry[1].startswith(beside):
                del self.memory[entry]

    # --- what is told ----------------------------------------------------------------------------

    def _accept_known(self, attended: Callable[[str], bool]) -> None:
        """Count as told what a person knows already."""
        now = self.clock.now()
        for account, worry in self._worries.items():
            if account in self._told:
                continue
            entry = account, worry.mark
            if worry is self._links[account].lost:
                self._told[account] = worry
            if worry.kind.is_important and attended(account):
                self.memory[entry] = now
            if (at := self.memory.get(entry)) is not None and now - at < AGAIN_AFTER:
                self._told[account] = worry

    def _tell(self, settings: Settings, now: float) -> tuple[Tell, ...]:
        fresh = [
            worry
            for account, worry in self._worries.items()
            if account not in self._told and _is_wanted(worry.kind, settings)
        ]
        self._fresh_since = (self._fresh_since or now) if fresh else None
        returned = self._returned(settings, now)
        if not fresh and not returned:
            return ()
        if self._is_quiet(settings):
            return ()
        if fresh:
            important = any(worry.kind.is_important for worry in fresh)
            gathered = self._fresh_since is not None and now - self._fresh_since >= GATHER_S
            if gathered and self._may_tell(now, important=important):
                return (self._told_now(fresh, now),)
            self.is_pending |= not gathered
        elif self._may_tell(now, important=False):
            return (self._told_back(returned, now),)
        return ()

    def _returned(self, settings: Settings, now: float) -> list[_Link]:
        """Return the links that are back since their loss was told, unless it is no news."""
        found = []
        for link in self._links.values():
            if link.lost is None or link.back_at is None:
                continue
            is_stale = now - link.back_at > STALE_S
            if is_stale or self._is_quiet(settings) or not _is_wanted(Kind.BACK, settings):
                link.lost = link.back_at = None
            else:
                found.append(link)
        return found

    def _may_tell(self, now: float, *, important: bool) -> bool:
        while self._times and now - self._times[0] >= _HOUR_S:
            self._times.popleft()
        if self._times and now - self._times[-1] < GAP_S:
            self.is_pending = True
            return False
        return len(self._times) < PER_HOUR - (0 if important else KEPT_FOR_IMPORTANT)

    def _told_now(self, fresh: list[Worry], now: float) -> Tell:
        self._times.append(now)
        self._fresh_since = None
        for worry in fresh:
            self._told[worry.account] = worry
            if worry.kind.is_important:
                self.memory[worry.account, worry.mark] = self.clock.now()
            link = self._links[worry.account]
            if worry.kind is Kind.LOST or worry.mark.startswith(SessionState.BANNED):
                link.lost = worry
                link.away_since = now if link.down_since is None else link.down_since
        key = f"account:{fresh[0].account}"
        if len(fresh) > 1:
            key = SEVERAL
            fresh = [*self._standing(self._shown.get(SEVERAL, ()), but=fresh), *fresh]
        return self._showing(key, fresh)

    def _told_back(self, links: list[_Link], now: float) -> Tell:
        self._times.append(now)
        worries = tuple(link.lost for link in links if link.lost is not None)
        away_s = max(now - link.away_since for link in links)
        for link in links:
            link.lost = link.back_at = None
        key = f"account:{worries[0].account}" if len(worries) == 1 else RETURNED
        accounts = {worry.account for worry in worries}
        group = self._shown.get(SEVERAL, ())
        if group and {worry.account for worry in group} <= accounts:
            key = SEVERAL
        self._shown.pop(key, None)  # replaced by what nobody has to take back
        return Tell(key=key, kind=Kind.BACK, worries=worries, act=Act.DETAILS, away_s=away_s)

    def _showing(self, key: str, worries: list[Worry], *, is_silent: bool = False) -> Tell:
        order = list(Kind)
        ordered = tuple(sorted(worries, key=lambda worry: order.index(worry.kind)))
        self._shown[key] = ordered
        return Tell(
            key=key, kind=ordered[0].kind, worries=ordered, act=_act(ordered), is_silent=is_silent
        )

    # --- what is taken back ----------------------------------------------------------------------

    def _correct(self) -> tuple[Change, ...]:
        """Return what makes the notifications on the screen true again."""
        changes: list[Change] = []
        for key, worries in tuple(self._shown.items()):
            left = self._standing(worries)
            if len(left) == len(worries):
                continue
            if left:
                changes.append(self._showing(key, left, is_silent=True))
            elif not any(self._is_returning(worry) for worry in worries):
                del self._shown[key]
                changes.append(Withdraw(key))
        return tuple(changes)

    def _standing(self, worries: Iterable[Worry], but: Iterable[Worry] = ()) -> list[Worry]:
        """Return those of `worries` that still hold, without the accounts of `but`."""
        others = {worry.account for worry in but}
        return [
            worry
            for worry in worries
            if worry.account not in others
            and (told := self._told.get(worry.account)) is not None
            and told.mark == worry.mark
        ]

    def _is_returning(self, worry: Worry) -> bool:
        """Whether its end will be told in its place."""
        link = self._links.get(worry.account)
        if link is None or link.lost is None or link.back_at is None:
            return False
        return self.clock.monotonic() - link.back_at <= GAP_S

    def _is_quiet(self, settings: Settings) -> bool:
        hours = QuietHours.parse(settings.quiet_hours)
        return hours is not None and hours.cover(self.to_local(self.clock.now()).time())


def _is_wanted(kind: Kind, settings: Settings) -> bool:
    return settings.notifications == "all" or (
        settings.notifications == "important" and kind.is_important
    )


def _act(worries: tuple[Worry, ...]) -> Act:
    """Return what helps; for several accounts only where one cause has stopped them all."""
    marks = {worry.mark for worry in worries}
    shared = {worry.cause for worry in worries} <= SHARED_CAUSES
    if worries[0].kind is not Kind.ENDED or len(marks) > 1 or (len(worries) > 1 and not shared):
        return Act.DETAILS
    state, _, _ = worries[0].mark.partition(":")
    acts = {
        SessionState.LOGGED_OUT: Act.PAIR,
        SessionState.REPLACED: Act.TAKE_OVER,
        SessionState.FAILED: Act.RETRY,
    }
    return acts.get(SessionState(state), Act.DETAILS)
