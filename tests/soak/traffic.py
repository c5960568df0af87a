"""Customers who write all the time, and the account of what became of every message."""

import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from tests.simulator.people import Customer
from tests.simulator.phone import Phone
from tests.simulator.running import RunningSimulator
from tests.soak.chaos import Incident

CUSTOMERS_EACH: Final = 3
RULES: Final = """
[[rule]]
match = "question"
reply = "answer to: {text}"
"""
_PAUSE_S: Final = (0.05, 0.8)  # between two messages of anybody
_BURST: Final = 4  # the most messages somebody writes at once
# A message is answered within this time unless a fault comes between; older ones are nobody's kill.
_OPEN_S: Final = 240.0


@dataclass(frozen=True, slots=True)
class Question:
    """One message of a customer."""

    account: str
    customer: Customer
    message_id: str
    text: str
    at: float  # time.monotonic()

    @property
    def expected(self) -> str:
        """What the bot has to answer."""
        return f"answer to: {self.text}"


@dataclass(slots=True)
class Outcome:
    """What became of all messages.

    Args:
        sent: How many there were.
        answers: Those that were answered, each with the seconds it took.
        lost: Unanswered, and ours to answer.
        lost_in_library: Acknowledged to WhatsApp by the library, and gone with a killed process
            before our code saw them.
        doubled: Answered more than once for no reason.
        doubled_in_doubt: Answered twice because a process was killed inside the library's send.
    """

    sent: int = 0
    answers: list[tuple[Question, float]] = field(default_factory=list)
    lost: list[Question] = field(default_factory=list)
    lost_in_library: list[Question] = field(default_factory=list)
    doubled: list[Question] = field(default_factory=list)
    doubled_in_doubt: list[Question] = field(default_factory=list)


class Traffic:
    """Lets customers write from the beginning of the block to `stop`."""

    def __init__(self, simulator: RunningSimulator, phones: dict[str, Phone], seed: int) -> None:
        self.questions: list[Question] = []
        self._simulator = simulator
        self._phones = phones
        self._random = random.Random(f"{seed} traffic")  # noqa: S311 - repeatable
        self._customers = {
            account: [
                simulator.add_customer(f"34655{number:03}{place:03}", f"Customer {place}")
                for place in range(CUSTOMERS_EACH)
            ]
            for number, account in enumerate(phones)
        }
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._write, name="traffic", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Nobody writes any more. Stopping twice is harmless."""
        self._is_over.set()
        self._thread.join()

    def unanswered(self) -> list[Question]:
        """Return the questions that have no answer yet."""
        answers = _answers(self.questions)
        return [one for one in self.questions if one.expected not in answers[one.customer.number]]

    def _write(self) -> None:
        while not self._is_over.wait(self._random.uniform(*_PAUSE_S)):
            account = self._random.choice(list(self._phones))
            customer = self._random.choice(self._customers[account])
            for _ in range(self._random.randint(1, _BURST) if self._random.random() < 0.1 else 1):
                text = f"question {len(self.questions)} of {customer.number}"
                at = time.monotonic()
                message_id = customer.send(self._phones[account], text)
                self.questions.append(Question(account, customer, message_id, text, at))


def judge(
    questions: Sequence[Question],
    incidents: Sequence[Incident],
    receipts: dict[str, list[str]],
    known: set[str],
) -> Outcome:
    """Return what became of every message.

    Args:
        questions: All messages.
        incidents: All faults; those that kill excuse what the library lost with the process.
        receipts: What the server was told of each message, by id.
        known: The ids of unanswered messages that the inboxes hold.
    """
    answers = _answers(questions)
    kills = _kills(incidents)
    outcome = Outcome(sent=len(questions))
    for question in questions:
        times = answers[question.customer.number].get(question.expected, [])
        is_excused = any(
            question.at - 1 <= kill <= question.at + _OPEN_S for kill in kills[question.account]
        )
        if not times:
            never_seen = receipts.get(question.message_id) and question.message_id not in known
            where = outcome.lost_in_library if never_seen and is_excused else outcome.lost
            where.append(question)
            continue
        outcome.answers.append((question, times[0] - question.at))
        if len(times) > 1:
            where = outcome.doubled_in_doubt if is_excused else outcome.doubled
            where.append(question)
    return outcome


def _answers(questions: Iterable[Question]) -> defaultdict[str, dict[str, list[float]]]:
    """Return when each answer came, by the customer's number and the text."""
    answers: defaultdict[str, dict[str, list[float]]] = defaultdict(dict)
    for customer in {id(one.customer): one.customer for one in questions}.values():
        for reply in customer.replies:
            answers[customer.number].setdefault(reply.text, []).append(reply.at)
    return answers


def _kills(incidents: Sequence[Incident]) -> defaultdict[str, list[float]]:
    """Return when workers may have been killed: at the fault, or when the program gave one up."""
    kills: defaultdict[str, list[float]] = defaultdict(list)
    for one in incidents:
        for account in one.accounts if one.fault.kills else ():
            kills[account] += [one.begun, one.ended, one.back.get(account) or one.ended]
    return kills


def out_of_order(questions: Sequence[Question]) -> Counter[str]:
    """Return how many answers came before the answer to an earlier message, by account."""
    found: Counter[str] = Counter()
    by_customer: defaultdict[str, list[Question]] = defaultdict(list)
    for question in questions:
        by_customer[question.customer.number].append(question)
    answers = _answers(questions)
    for number, asked in by_customer.items():
        latest = 0.0
        for question in asked:
            if times := answers[number].get(question.expected):
                found[question.account] += times[0] < latest
                latest = max(latest, times[0])
    return found
