"""The fault matrix: what a row is, and the shop it is played in.

Rows lie in the modules `faults_*.py` beside this one, each with a list `FAULTS`; `test_faults.py`
plays them with one account, `python -m tests.e2e.faults_report` with five, and writes what it
measured to docs/faults.md.
"""

import contextlib
import importlib
import json
import os
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import psutil

from tests.conftest import Measure
from tests.e2e.harness import Follower, Shop
from tests.simulator.people import Customer
from tests.simulator.phone import Phone
from tests.simulator.running import RunningSimulator

RULES: Final = """
[[rule]]
match = "question"
reply = "answer to: {text}"
"""
VICTIM: Final = "shop"
NEIGHBOURS: Final = ("north", "east", "south", "west")
ACCOUNTS: Final = int(os.environ.get("WABOT_FAULTS_ACCOUNTS", "1"))
RECORD: Final = os.environ.get("WABOT_FAULTS_RECORD", "")
SLACK: Final = 2.0  # machines are noisy: a goal is asserted twice over
QUIET_S: Final = 0.6  # how long a chat must be silent before it is answered (core/settings.py)
UNDISTURBED: Final = 10  # replies of each neighbour before the fault
DISTURBED_S: Final = 6.0  # neighbours are watched for at least this long after it begins
GROUPS: Final = ("network", "whatsapp", "processes", "machine")


@dataclass(frozen=True)
class Fault:
    """One row.

    Args:
        key: Names the row; stable.
        group: One of `GROUPS`.
        what: What happens, as a sentence for the report.
        play: Does it, watches the shop meet it, and asserts; `Scene.took` reports the time.
        goal: What is to be reached, in words.
        goal_s: The same in seconds, asserted twice over by `Scene.took`.
        slow: Mostly waits; for about so many seconds.
        everyone: It cannot hit one account alone, so there are no neighbours to watch.
        accounts: How many it needs, for a fault that hits everyone.
        prepare: Runs with everything made and nothing started; then the row starts the program and
            links the phone itself, with `Scene.open`.
        make_shop: Makes the computer, where a row needs another.
    """

    key: str
    group: str
    what: str
    play: Callable[["Scene"], None]
    goal: str = ""
    goal_s: float | None = None
    slow: float = 0.0
    everyone: bool = False
    accounts: int = 1
    prepare: Callable[["Scene"], None] | None = None
    make_shop: Callable[[RunningSimulator], Shop] = Shop

    @property
    def goal_text(self) -> str:
        """The goal as the report shows it."""
        return self.goal or (f"≤ {self.goal_s:g} s" if self.goal_s is not None else "—")


@dataclass
class Outcome:
    """What the record says of a row that was played to its end."""

    key: str
    accounts: int
    measured_s: float | None = None
    notes: list[str] = field(default_factory=list)
    path: list[str] = field(default_factory=list)  # "state (reason)"
    undisturbed_ms: float | None = None  # median reply time of the neighbours, quiet time taken off
    disturbed_ms: float | None = None
    replies: int = 0  # while the fault lasted


def all_faults() -> list[Fault]:
    """Return every row, by group and in the order of the modules."""
    found: list[Fault] = []
    for path in sorted(Path(__file__).parent.glob("faults_*.py")):
        if path.stem != "faults_report":
            found += getattr(importlib.import_module(f"tests.e2e.{path.stem}"), "FAULTS", [])
    assert len({fault.key for fault in found}) == len(found), "two rows have one key"
    return sorted(found, key=lambda fault: GROUPS.index(fault.group))


def open_paths(process: psutil.Process) -> list[Path]:
    """Return what a process has open, as it names it itself: it may have mounts of its own."""
    found = []
    for entry in Path(f"/proc/{process.pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            found.append(entry.readlink())
    return found


class Neighbours:
    """The other accounts of the shop: each is written to without a pause, one message at a time."""

    def __init__(self, pairs: list[tuple[Customer, Phone]]) -> None:
        self._times: list[tuple[float, float]] = []  # when it was written, how long it took
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._write, args=pair, daemon=True) for pair in pairs
        ]
        for thread in self._threads:
            thread.start()

    @property
    def replies(self) -> int:
        """How many replies there were."""
        return len(self._times)

    def stop(self) -> None:
        """Write no more. Stopping twice is harmless."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def median_ms(self, since: float, until: float) -> tuple[float | None, int]:
        """Return the median of the replies to what was written in between, and their number."""
        took = [one for at, one in tuple(self._times) if since <= at < until]
        return (1000 * (statistics.median(took) - QUIET_S) if took else None), len(took)

    def _write(self, customer: Customer, phone: Phone) -> None:
        while not self._over.is_set():
            number = len(customer.replies)
            sent = time.monotonic()
            customer.send(phone, f"question {number}")
            with contextlib.suppress(TimeoutError):
                reply = customer.wait_for_replies(number + 1, 20)[number]
                self._times.append((sent, reply.at - sent))


class Scene:
    """A shop with linked accounts, one of which is about to meet a fault.

    Args:
        fault: The row to be played.
        simulator: The WhatsApp.
        measured: Where times are reported to whoever runs the tests.
    """

    def __init__(self, fault: Fault, simulator: RunningSimulator, measured: Measure) -> None:
        self.fault = fault
        self.simulator = simulator
        self.shop = fault.make_shop(simulator)
        self.phone = simulator.add_phone("34600111222", "Shop")
        self.ana = simulator.add_customer("34655000001", "Ana")
        self.outcome = Outcome(fault.key, 1)
        self.names: tuple[str, ...] = ()  # of the accounts that are linked
        self._measured = measured
        self._stack = contextlib.ExitStack()
        self._follower: Follower | None = None
        self._past: list[tuple[float, str, str, str]] = []
        self._neighbours: Neighbours | None = None
        self._opened_at = 0.0
        self._began = 0.0
        self._seen_at = 0.0

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            stack.enter_context(self.shop)
            self.shop.write_rules(RULES)
            stack.callback(self._close)
            if self.fault.prepare is None:
                self.open()
            else:
                self.fault.prepare(self)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._keep()
        self._stack.__exit__(kind, error, trace)

    def open(self) -> None:
        """Start the program, link every phone, and let the neighbours begin."""
        self.shop.running().pair(self.phone)
        count = self.fault.accounts if self.fault.everyone else ACCOUNTS
        self.outcome.accounts = count
        self.names = (VICTIM, *NEIGHBOURS[: count - 1])
        pairs: list[tuple[Customer, Phone]] = []
        for number, name in enumerate(self.names[1:]):
            phone = self.simulator.add_phone(f"3460022200{number}", name.title())
            self.shop.pair(phone, name)
            pairs.append((self.simulator.add_customer(f"3465533300{number}", "Customer"), phone))
        self.answers_on_the_books()  # a row may begin with a kill
        self._opened_at = time.monotonic()
        if pairs and not self.fault.everyone:
            self._neighbours = Neighbours(pairs)
            self.waits(lambda: self.neighbour_replies >= UNDISTURBED * len(pairs), 60)

    # --- the fault -------------------------------------------------------------------------------

    def begins(self) -> float:
        """Say that the fault strikes now, and return when. What follows is told in the report."""
        self.follower  # noqa: B018 - from here on nothing is missed
        self._began = self._seen_at = time.monotonic()
        return self._began

    def begins_again(self, *arguments: str) -> float:
        """Start the program once more, as `begins` for what follows; return when it was started."""
        self.stop_following()
        self._began = self._seen_at = self.shop.start(*arguments)
        self.shop.answering()
        self.follower  # noqa: B018
        return self._began

    def lasts(self, seconds: float, *, sample_s: float) -> None:
        """Let the fault last: its time for the report, a sample of it otherwise."""
        time.sleep(seconds if RECORD else sample_s)  # the fault itself

    def took(self, seconds: float, *, asserted: bool = True) -> None:
        """Report the row's figure in seconds; more than twice the goal fails."""
        self.outcome.measured_s = seconds
        self._measured(self.fault.what, seconds, self.fault.goal_text)
        if asserted and self.fault.goal_s is not None:
            limit_s = SLACK * self.fault.goal_s
            assert seconds <= limit_s, f"{self.fault.key}: {seconds:.1f} s, limit {limit_s:g} s"

    def notes(self, text: str) -> None:
        """Add a remark to the row of the report."""
        self.outcome.notes.append(text)

    # --- the shop --------------------------------------------------------------------------------

    @property
    def follower(self) -> Follower:
        """Watches every session, from the first use on."""
        if self._follower is None:
            self._follower = self.shop.follow()
        return self._follower

    def stop_following(self) -> None:
        """Look away, as one must before the program ends; the next use looks again."""
        if self._follower is not None:
            self._past += self._follower.told
            self._follower.__exit__(None, None, None)
            self._follower = None

    def sees(
        self, state: str, reason: str = "", *, after: float | None = None, within_s: float = 30.0
    ) -> float:
        """Wait until the account is in `state`, for this reason, and return when it was seen.

        Args:
            state: A state, as `wabot status --json` says it.
            reason: Why; "" for any.
            after: By time.monotonic(); from the beginning of the fault if None.
            within_s: How long to wait.
        """
        since = self._began if after is None else after
        follower = self.follower

        def found() -> float:
            for at, who, what, why in tuple(follower.told):
                if at >= since and (who, what) == (VICTIM, state) and reason in {"", why}:
                    return at
            return 0.0

        def missed() -> str:
            told = [(round(at - since, 2), *rest) for at, *rest in follower.told]
            return f"{state} {reason}, but {told}, and now {self.session()}"

        self.waits(found, within_s, missed)
        self._seen_at = found()
        return self._seen_at

    def recovers(self, *, after: float | None = None, within_s: float = 90.0) -> float:
        """Wait until the account is connected and a customer is answered; return when it was.

        Args:
            after: By time.monotonic(); from what was seen last if None.
            within_s: How long to wait.
        """
        since = self._seen_at if after is None else after
        at = self.sees("connected", after=since, within_s=within_s)
        self.answers()
        return at

    def answers(self, text: str = "question", *, within_s: float = 20.0) -> None:
        """A link is not only green: a customer is answered over it, once."""
        before = len(self.ana.replies)
        self.ana.send(self.phone, text)
        assert self.ana.wait_for_replies(before + 1, within_s)[-1].text == f"answer to: {text}"
        assert len(self.ana.replies) == before + 1

    def answers_on_the_books(self, text: str = "question") -> None:
        """Answer a customer, and wait until the worker knows that the answer has arrived.

        A worker killed before that has an answer in doubt, and the chat waits for evidence.
        """
        before = self.session()["answered_today"]
        self.answers(text)
        self.waits(lambda: self.session()["answered_today"] > before, 10, "the answer is counted")

    def session(self) -> dict[str, Any]:
        """Return what `wabot status --json` says of the account."""
        return self.shop.sessions()[VICTIM]

    def worker(self, account_id: str = VICTIM) -> psutil.Process:
        """Return an account's worker process: the one that has its files open."""
        for process in self.shop.workers():
            with contextlib.suppress(psutil.Error, OSError):
                if any(account_id in path.parts for path in open_paths(process)):
                    return process
        raise AssertionError(f"{account_id} has no worker")

    def has_worker(self, account_id: str = VICTIM) -> bool:
        """Whether an account has a worker process."""
        with contextlib.suppress(AssertionError):
            return self.worker(account_id).is_running()
        return False

    def is_dialling(self, account_id: str = VICTIM) -> bool:
        """Whether an account's worker has a connection to the server; looks at the door do not."""
        with contextlib.suppress(AssertionError, psutil.Error):
            links = self.worker(account_id).net_connections("tcp")
            ports = {getattr(link.raddr, "port", 0) for link in links}
            return self.simulator.port in ports
        return False

    # --- WhatsApp --------------------------------------------------------------------------------

    def logins(self, outcome: str = "") -> int:
        """Return how often the account has shown who it is, with this outcome or with any."""
        return sum(
            login.number == self.phone.number and outcome in {"", login.outcome}
            for login in tuple(self.simulator.stats.logins)
        )

    @contextlib.contextmanager
    def no_attempts(self, *, dials_too: bool = True) -> Iterator[None]:
        """Assert that the account does not log in meanwhile, and that nobody dials either."""
        stats = self.simulator.stats

        def counted() -> tuple[int, int]:
            return self.logins(), len(stats.dials) if dials_too else 0

        before = counted()
        yield
        assert counted() == before

    # --- waiting ---------------------------------------------------------------------------------

    def waits(
        self, look: Callable[[], object], within_s: float, what: str | Callable[[], str] = ""
    ) -> None:
        """Wait until `look` returns something true; `what` is said when it does not."""
        end = time.monotonic() + within_s
        while not look():
            if time.monotonic() > end:
                said = what if isinstance(what, str) else what()
                raise AssertionError(f"not within {within_s:g} s: {said}")
            time.sleep(0.02)

    @property
    def neighbour_replies(self) -> int:
        """How many replies the other accounts have given."""
        return self._neighbours.replies if self._neighbours else 0

    # --- the record ------------------------------------------------------------------------------

    def _close(self) -> None:
        if self._neighbours is not None:
            self._neighbours.stop()
        self.stop_following()

    def _keep(self) -> None:
        """Write the outcome down; neighbours are watched long enough for a median."""
        if self._neighbours is not None:
            self.waits(lambda: time.monotonic() >= self._began + DISTURBED_S, DISTURBED_S + 1)
            now = time.monotonic()
            self._neighbours.stop()
            outcome = self.outcome
            outcome.undisturbed_ms, _ = self._neighbours.median_ms(self._opened_at, self._began)
            outcome.disturbed_ms, outcome.replies = self._neighbours.median_ms(self._began, now)
        self.stop_following()
        for at, who, state, reason in self._past:
            step = f"{state} ({reason})"
            if who == VICTIM and at >= self._began and self.outcome.path[-1:] != [step]:
                self.outcome.path.append(step)
        if self.outcome.path[:1] == ["connected (logged-in)"] and self.outcome.path[1:]:
            del self.outcome.path[0]  # where it stood
        if RECORD:
            line = json.dumps(asdict(self.outcome), ensure_ascii=False)
            with Path(RECORD).open("a", encoding="utf-8") as record:
                record.write(line + "\n")
