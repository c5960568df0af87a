"""Keeps the history of every account: hears the sessions, and writes beside the loop.

Nothing here can disturb a session: what cannot be written is kept in memory and tried again.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final, Protocol

from wabot_tray.core.clock import Clock
from wabot_tray.core.errors import VaultError
from wabot_tray.core.history import FIRST, KEPT, Mark, Phase, closed
from wabot_tray.core.snapshot import SessionSnapshot
from wabot_tray.core.tracker import Tracker
from wabot_tray.storage.history_file import Count, HistoryFolder, Pulse

log = logging.getLogger(__name__)

ALIVE_S: Final = 300.0  # how often the program notes that it is alive
COUNTS_S: Final = 60.0  # how soon new counts are written
# A clock that claims to stand this far before the last sign of life is not believed at once:
# computers without a battery for theirs begin years ago and are set right when the network is up.
DOUBTFUL: Final = timedelta(days=1)
DOUBT_S: Final = 600.0
_LONGEST: Final = 8_000  # marks of one account in memory


class Handle(Protocol):
    """A timer that can be called off."""

    def cancel(self) -> None:
        """Call it off. A second call is harmless."""


def local_day(moment: datetime) -> date:
    """Return the day that people here call this moment's."""
    return moment.astimezone().date()


class Recorder:
    """The histories of all accounts.

    Args:
        clock: Injected time.
        call_later: Runs a callback after so many seconds.
        folder: Where histories are kept; None keeps them in memory alone.
        day_of: Says which local day a moment belongs to.
    """

    def __init__(
        self,
        clock: Clock,
        call_later: Callable[[float, Callable[[], None]], Handle],
        folder: HistoryFolder | None = None,
        *,
        day_of: Callable[[datetime], date] = local_day,
    ) -> None:
        self._clock = clock
        self._call_later = call_later
        self._folder = folder
        self._day_of = day_of
        self._marks: dict[str, list[Mark]] = defaultdict(list)
        self._trackers: dict[str, Tracker] = defaultdict(Tracker)
        self._counted: dict[str, Count] = {}  # what sessions have said since the program's start
        self._pulse = Pulse()
        self._loading: asyncio.Task[None] | None = None
        self._writing: asyncio.Task[None] | None = None
        self._pending: dict[str, list[Mark]] = defaultdict(list)
        self._leaving: set[str] = set()  # whose files are to go
        self._pulse_due = False
        self._timers: dict[str, Handle] = {}
        self._is_doubtful = False
        self._has_failed = False
        self._closed = False
        self._revisions: dict[str, int] = defaultdict(int)

    # --- looking ---------------------------------------------------------------------------------

    def marks(self, account_id: str) -> Sequence[Mark]:
        """Return an account's history, as `core.history.timeline` reads it."""
        return tuple(self._marks.get(account_id, ()))

    def revision(self, account_id: str) -> int:
        """Return a number that changes whenever an account's marks do."""
        return self._revisions[account_id]

    def today(self, account_id: str) -> Count:
        """Return the messages of this local day."""
        day = self._day_of(self._clock.now())
        return self._pulse.days.get(account_id, {}).get(day, Count())

    # --- hearing ---------------------------------------------------------------------------------

    def begin(self, account_ids: Iterable[str]) -> None:
        """Read what is kept, beside the loop, and go on from there."""
        if self._folder is not None:
            self._loading = asyncio.get_running_loop().create_task(
                self._load(self._folder, tuple(account_ids)), name="history"
            )
            self._rearm("alive", ALIVE_S, self._on_alive)

    def note(self, snapshot: SessionSnapshot) -> None:
        """Hear where a session stands. Cheap; never blocks."""
        if self._closed:
            return
        self._count(snapshot)
        mark = self._trackers[snapshot.id].heard(snapshot, self._clock.now())
        if mark is not None:
            self._add(snapshot.id, mark)

    def added(self, account_id: str) -> None:
        """Hear that an account is new; what an earlier one of that name left is deleted."""
        self.forget(account_id)

    def forget(self, account_id: str) -> None:
        """Delete an account's history."""
        self._marks.pop(account_id, None)
        self._trackers.pop(account_id, None)
        self._counted.pop(account_id, None)
        self._pending.pop(account_id, None)
        self._pulse.days.pop(account_id, None)
        self._revisions[account_id] += 1
        self._leaving.add(account_id)
        self._pulse_due = True
        self._write_soon()

    def slept(self, away: timedelta) -> None:
        """Hear that the computer slept: of that time nothing is known."""
        if away > timedelta():
            self._interrupt(self._clock.now() - away)

    def clock_set(self, jump: timedelta) -> None:
        """Hear that the wall clock was set: a time that nobody lived through is not known."""
        self._is_doubtful = self._is_doubtful and self._seems_early()
        self._interrupt(self._clock.now() - max(jump, timedelta()))

    async def close(self) -> None:
        """Note the end of the program and write everything. A second call changes nothing."""
        if self._closed:
            return
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        if self._loading is not None:
            await asyncio.wait([self._loading])
        now = self._clock.now()
        for account_id in tuple(self._trackers):
            self._add(account_id, Mark(now, Phase.UNKNOWN))
        self._pulse_due = True
        self._write_soon()
        while self._writing is not None:
            await asyncio.wait([self._writing])

    # --- inside ----------------------------------------------------------------------------------

    def _add(self, account_id: str, mark: Mark) -> None:
        if self._is_doubtful or mark.at < FIRST:
            return
        kept = self._marks[account_id]
        kept.append(mark)
        if len(kept) > _LONGEST:
            del kept[: _LONGEST // 2]
        self._revisions[account_id] += 1
        self._pending[account_id].append(mark)
        self._write_soon()

    def _count(self, snapshot: SessionSnapshot) -> None:
        """Add what came since this session last spoke to the counts of this day."""
        said = Count(snapshot.received, snapshot.replied)
        before = self._counted.get(snapshot.id, Count())
        self._counted[snapshot.id] = said
        received = max(0, said.received - before.received)
        answered = max(0, said.answered - before.answered)
        if not received and not answered:
            return
        day = self._day_of(self._clock.now())
        days = self._pulse.days.setdefault(snapshot.id, {})
        had = days.get(day, Count())
        days[day] = Count(had.received + received, had.answered + answered)
        if self._folder is not None and "counts" not in self._timers and not self._closed:
            self._rearm("counts", COUNTS_S, self._on_counts)

    def _interrupt(self, since: datetime) -> None:
        """Say that nothing is known from `since` until now, and what holds now."""
        now = self._clock.now()
        for account_id, tracker in tuple(self._trackers.items()):
            if (again := tracker.again(now)) is not None:
                last = self._marks[account_id][-1].at if self._marks[account_id] else since
                if (begin := max(since, last)) < now:
                    self._add(account_id, Mark(begin, Phase.UNKNOWN))
                self._add(account_id, again)
        self._beat()

    def _seems_early(self) -> bool:
        alive = self._pulse.alive
        return alive is not None and self._clock.now() < alive - DOUBTFUL

    def _believe(self) -> None:
        """Trust the clock after all, since nobody has set it right."""
        if self._is_doubtful:
            self._is_doubtful = False
            self._interrupt(self._clock.now())

    # --- files -----------------------------------------------------------------------------------

    async def _load(self, folder: HistoryFolder, account_ids: Sequence[str]) -> None:
        try:
            pulse, found = await asyncio.to_thread(_all_of, folder, account_ids)
        except Exception:
            log.exception("the history could not be read; it begins anew")
            return
        self._take_pulse(pulse)
        self._is_doubtful = self._seems_early()
        if self._is_doubtful:
            log.warning("the clock stands before the program's last sign of life")
            self._marks.clear()
            self._pending.clear()
            self._rearm("doubt", DOUBT_S, self._believe)
        for account_id, kept in found.items():
            self._take_over(account_id, kept, pulse.alive)
        self._beat()

    def _take_pulse(self, pulse: Pulse) -> None:
        self._pulse.alive = pulse.alive
        oldest = self._day_of(self._clock.now() - KEPT)
        for account_id, counts in pulse.days.items():
            if account_id in self._leaving:
                continue
            days = self._pulse.days.setdefault(account_id, {})
            for day, count in counts.items():
                if day >= oldest:
                    had = days.get(day, Count())
                    days[day] = Count(had.received + count.received, had.answered + count.answered)

    def _take_over(self, account_id: str, kept: list[Mark], alive: datetime | None) -> None:
        """Put what was kept before what was noted meanwhile, and between them what is unknown."""
        if account_id in self._leaving:
            return
        whole = closed(kept, alive)
        self._pending[account_id][:0] = whole[len(kept) :]
        self._marks[account_id][:0] = whole
        self._revisions[account_id] += 1

    def _on_alive(self) -> None:
        self._beat()
        self._trim()
        self._rearm("alive", ALIVE_S, self._on_alive)

    def _on_counts(self) -> None:
        self._timers.pop("counts", None)
        self._beat()

    def _beat(self) -> None:
        """Note that the program is alive."""
        now = self._clock.now()
        if not self._is_doubtful and now >= FIRST:
            self._pulse.alive = now
            self._pulse_due = True
        self._write_soon()

    def _trim(self) -> None:
        oldest = self._clock.now() - KEPT
        for kept in self._marks.values():
            while len(kept) > 1 and kept[1].at < oldest:
                del kept[0]
        for days in self._pulse.days.values():
            for day in [day for day in days if day < self._day_of(oldest)]:
                del days[day]

    def _rearm(self, name: str, delay_s: float, callback: Callable[[], None]) -> None:
        if (timer := self._timers.pop(name, None)) is not None:
            timer.cancel()
        if not self._closed:
            self._timers[name] = self._call_later(delay_s, callback)

    def _write_soon(self) -> None:
        if self._folder is not None and self._writing is None:
            self._writing = asyncio.get_running_loop().create_task(
                self._write(self._folder), name="history: write"
            )

    async def _write(self, folder: HistoryFolder) -> None:
        try:
            if self._loading is not None:
                await asyncio.wait([self._loading])
            while self._leaving or self._pulse_due or any(self._pending.values()):
                await self._write_once(folder)
            if self._has_failed:
                log.info("the history is written again")
            self._has_failed = False
        except VaultError as err:
            level = logging.DEBUG if self._has_failed else logging.WARNING
            log.log(level, "the history cannot be written, it is tried again: %s", err)
            self._has_failed = True
        except Exception:
            log.exception("the history cannot be written")
        finally:
            self._writing = None

    async def _write_once(self, folder: HistoryFolder) -> None:
        """Write what is due, oldest things first; what fails stays due."""
        for account_id in tuple(self._leaving):
            await asyncio.to_thread(folder.remove, account_id)
            self._leaving.discard(account_id)
        for account_id in tuple(self._pending):
            lines = self._pending.pop(account_id)
            try:
                await asyncio.to_thread(folder.append, account_id, lines)
            except VaultError:
                self._pending[account_id] = [*lines, *self._pending[account_id]][-_LONGEST:]
                raise
        if self._pulse_due:
            days = {account: dict(counts) for account, counts in self._pulse.days.items()}
            copy = replace(self._pulse, days=days)
            await asyncio.to_thread(folder.save_pulse, copy)
            self._pulse_due = False


def _all_of(
    folder: HistoryFolder, account_ids: Sequence[str]
) -> tuple[Pulse, dict[str, list[Mark]]]:
    folder.drop_abandoned(account_ids)
    return folder.load_pulse(), {one: folder.load(one) for one in account_ids}
