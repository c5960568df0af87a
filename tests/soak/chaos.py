"""Lets faults happen: a stream of its own for every account, and one for all of them."""

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from types import TracebackType
from typing import Final, Self

from tests.e2e.harness import Shop
from tests.simulator.phone import Phone
from tests.simulator.running import RunningSimulator
from tests.soak.catalogue import (
    ACCOUNT_FAULTS,
    COMMON_FAULTS,
    KILL,
    KILL_WINDOW_S,
    LINK_FAULTS,
    MOST_KILLS,
    RESTARTS,
    Fault,
    FaultNotPossibleError,
    Scene,
)
from tests.soak.timeline import CONNECTED, Span, Timeline

# Nothing in the catalogue takes the program longer than this; a zombie waits for `verify`.
RECOVERY_LIMIT_S: Final = 240.0
# Between two faults of one account. A short run shall see many; in a long one the allowance of
# attempts (core/backoff.py), which rightly slows down what breaks every half minute, has to last.
_SHORT_S: Final = 20 * 60.0
_PAUSE_S: Final = (5.0, 60.0)
_LONG_PAUSE_S: Final = (20.0, 140.0)


@dataclass(slots=True)
class Incident:
    """One fault that happened. Times are time.monotonic().

    Args:
        fault: What.
        begun: When.
        accounts: Whom it concerned.
        ended: When what holds was over; `begun` where nothing holds.
        back: When each account was connected again; None if that took too long.
    """

    fault: Fault
    begun: float
    accounts: tuple[str, ...]
    ended: float = 0.0
    back: dict[str, float | None] = field(default_factory=dict)

    def recovery_s(self, account: str) -> float | None:
        """Return the seconds from the end of the fault until the account was back."""
        at = self.back.get(account)
        return None if at is None else max(0.0, at - self.ended)


class _Deck:
    """Deals the faults in a shuffled order, all of them before any comes again."""

    def __init__(self, faults: Sequence[Fault], chance: random.Random) -> None:
        self._faults = faults
        self._random = chance
        self._left: list[Fault] = []

    def draw(self) -> Fault:
        """Return the next one."""
        if not self._left:
            self._left = self._random.sample(self._faults, len(self._faults))
        return self._left.pop()


class Chaos:
    """The faults of a run; they begin and end with the block.

    The first account only has faults that the library repairs by itself, and the program is only
    restarted in the first third: this worker and this program grow old enough to show a leak.

    Args:
        scene: With every account's phone.
        timeline: What the program says of the accounts.
        seed: Equal seeds deal equal faults in equal order.
        length_s: How long the run is going to take.
        pause_s: The shortest and the longest time between two faults of one account; between two
            faults of all it is about twice that. None is what suits the length.
    """

    def __init__(
        self,
        scene: Scene,
        timeline: Timeline,
        seed: int,
        length_s: float,
        pause_s: Span | None = None,
    ) -> None:
        self.incidents: list[Incident] = []
        self.unlucky: list[str] = []  # accounts that were found lost between two faults
        self.errors: list[str] = []  # of the soak itself
        usual = _PAUSE_S if length_s < _SHORT_S else _LONG_PAUSE_S
        self._pause_s = usual if pause_s is None else pause_s
        self._scene = scene
        self._timeline = timeline
        self._is_over = threading.Event()
        self._restarts_until = time.monotonic() + length_s / 3
        self._lock = threading.Lock()
        self._threads = [self._stream("all", lambda: self._trouble_all(f"{seed} all"))]
        for number, account in enumerate(scene.phones):
            faults = ACCOUNT_FAULTS if number else LINK_FAULTS
            trouble = partial(self._trouble, account, faults, f"{seed} {account}")
            self._threads.append(self._stream(account, trouble))

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Begin nothing more, end what holds, and wait until every account is back."""
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    # --- the streams -----------------------------------------------------------------------------

    def _stream(self, name: str, work: Callable[[], None]) -> threading.Thread:
        def run() -> None:
            try:
                work()
            except Exception as err:  # noqa: BLE001 - the report tells it, and fails
                self.errors.append(f"{name}: {type(err).__name__}: {err}")

        return threading.Thread(target=run, name=f"chaos: {name}", daemon=True)

    def _trouble(self, account: str, faults: Sequence[Fault], seed: str) -> None:
        chance = random.Random(seed)  # noqa: S311 - a repeatable sequence is the point
        deck = _Deck(faults, chance)
        phones = {account: self._scene.phones[account]}
        scene = replace(self._scene, phones=phones, random=chance)
        while not self._is_over.wait(chance.uniform(*self._pause_s)):
            if not self._timeline.wait_until(account, connected=True, timeout_s=RECOVERY_LIMIT_S):
                self.unlucky.append(account)
                continue
            if self._is_over.is_set():
                return
            fault = deck.draw()
            if fault is KILL and self._kills(account) >= MOST_KILLS:
                fault = LINK_FAULTS[0]
            self._happen(fault, scene)

    def _trouble_all(self, seed: str) -> None:
        chance = random.Random(seed)  # noqa: S311
        first, later = _Deck((*RESTARTS, *COMMON_FAULTS), chance), _Deck(COMMON_FAULTS, chance)
        scene = replace(self._scene, random=chance)
        # The first comes soon, so that a short run has one.
        pause_s = chance.uniform(5.0, 15.0)
        while not self._is_over.wait(pause_s):
            deck = first if time.monotonic() < self._restarts_until else later
            self._happen(deck.draw(), scene)
            pause_s = chance.uniform(20.0, max(60.0, 2 * self._pause_s[1]))

    def _kills(self, account: str) -> int:
        since = time.monotonic() - KILL_WINDOW_S
        with self._lock:
            return sum(
                one.fault is KILL and account in one.accounts and one.begun > since
                for one in self.incidents
            )

    # --- one fault -------------------------------------------------------------------------------

    def _happen(self, fault: Fault, scene: Scene) -> None:
        incident = Incident(fault, time.monotonic(), tuple(scene.phones))
        hold_s = scene.random.uniform(*fault.hold_s)
        try:
            fault.begin(scene)
        except FaultNotPossibleError:
            return
        with self._lock:
            self.incidents.append(incident)
        if fault.until_noticed:
            self._timeline.wait_until(scene.account, connected=False, timeout_s=RECOVERY_LIMIT_S)
        elif hold_s:
            self._is_over.wait(hold_s)
        is_lasting = fault.until_noticed or hold_s > 0
        incident.ended = time.monotonic() if is_lasting else incident.begun
        fault.end(scene)
        if fault.ends_link:
            self._await_return(incident)

    def _await_return(self, incident: Incident) -> None:
        deadline = time.monotonic() + RECOVERY_LIMIT_S
        for account in incident.accounts:
            left_s = max(0.0, deadline - time.monotonic())
            incident.back[account] = self._return_of(incident, account, left_s)

    def _return_of(self, incident: Incident, account: str, timeout_s: float) -> float | None:
        lasted = incident.ended > incident.begun
        if lasted and self._timeline.state(account) == CONNECTED:
            return incident.ended  # nothing of it reached this account, or it is back already
        return self._timeline.came_back(account, after=incident.ended, timeout_s=timeout_s)


def scene_of(simulator: RunningSimulator, shop: Shop, phones: dict[str, Phone]) -> Scene:
    """Return the scene of a whole run."""
    return Scene(simulator, shop, phones, random.Random(0))  # noqa: S311 - every stream has its own


def recoveries(
    incidents: Sequence[Incident], is_wanted: Callable[[Incident, str], bool]
) -> list[float]:
    """Return the seconds that each recovery took, of those that came."""
    return [
        seconds
        for incident in incidents
        for account in incident.accounts
        if (seconds := incident.recovery_s(account)) is not None and is_wanted(incident, account)
    ]
