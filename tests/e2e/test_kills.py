"""kill -9, again and again, while customers write: nothing that was read is lost or said twice.

A kill takes with it what the library had read and not handed over yet: it keeps no message and
tells WhatsApp that it has it. That loss is measured here beside a bare neonize under the same load,
and told apart from a loss of ours by writing the message once more under its own id: what we had
seen is not answered again.

`WABOT_KILLS=50` asks for more kills than the sample (with `-o faulthandler_timeout=3600`: it takes
some minutes), `WABOT_SEED` for other moments.
"""

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from tests.e2e.harness import Shop, until
from tests.simulator.bare_process import BareProcess, pair
from tests.simulator.people import Customer
from tests.simulator.phone import Phone
from tests.simulator.running import RunningSimulator

pytestmark = [pytest.mark.e2e, pytest.mark.slow(90)]

KILLS = int(os.environ.get("WABOT_KILLS", "8"))
SEED = int(os.environ.get("WABOT_SEED", "1"))
Report = Callable[[str], None]
CUSTOMERS = 6
BURST = 8  # messages of each customer around a kill
ACK_MS = 40  # how long WhatsApp's word for a message takes on a good line
DOUBT_S = 45.0  # a reply in doubt waits for 30 s of an unbroken link


@dataclass
class Load:
    """Customers who write now and then, and all at once around a kill."""

    simulator: RunningSimulator
    phone: Phone
    customers: list[Customer]
    chance: random.Random
    written: dict[str, tuple[Customer, str]] = field(default_factory=dict)  # by message id
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def write(self, customer: Customer) -> None:
        with self._guard:
            text = f"question {len(self.written)} of {customer.number}"
            self.written[customer.send(self.phone, text)] = (customer, text)

    def burst(self) -> None:
        """Write from everybody; begins at once and takes some tens of milliseconds."""
        for _ in range(BURST):
            for customer in self.customers:
                self.write(customer)

    @contextmanager
    def always(self) -> Iterator[None]:
        """Have one customer after the other write, with pauses that let chats fall quiet."""
        over = threading.Event()
        chance = random.Random(self.chance.random())  # noqa: S311 - a test that can be repeated

        def write_on() -> None:
            while not over.wait(chance.uniform(0.05, 0.4)):
                self.write(chance.choice(self.customers))

        writer = threading.Thread(target=write_on)
        writer.start()
        try:
            yield
        finally:
            over.set()
            writer.join()

    def kill_amid(self, kill: Callable[[], None]) -> None:
        """Kill at a moment of a burst, or in the calm after it when replies are on their way."""
        writer = threading.Thread(target=self.burst)
        after_s = self.chance.choice([0.0, 0.7]) + self.chance.uniform(0.0, 0.15)
        writer.start()
        time.sleep(after_s)  # the moment is the fault
        kill()
        writer.join()

    def answers(self) -> Counter[tuple[str, str]]:
        """Return how often each customer has read each answer."""
        return Counter(
            (customer.number, reply.text)
            for customer in self.customers
            for reply in customer.replies
        )

    def unanswered(self, answer: str = "answer to: {}") -> list[str]:
        """Return the ids of what nobody has answered."""
        answers = self.answers()
        return [
            message_id
            for message_id, (customer, text) in list(self.written.items())
            if not answers[customer.number, answer.format(text)]
        ]

    def was_acknowledged(self, message_id: str) -> bool:
        """Whether WhatsApp was told that the message had arrived."""
        return bool(self.simulator.stats.receipts.get(message_id))

    def settled(self, quiet_s: float, answer: str = "answer to: {}") -> None:
        """Wait until everything is answered, or nothing has been for `quiet_s` seconds.

        The library sends one message at a time, so what has piled up takes its time.
        """
        last, since = len(self.unanswered(answer)), time.monotonic()
        while last and time.monotonic() < since + quiet_s:
            time.sleep(0.5)
            if (now := len(self.unanswered(answer))) != last:
                last, since = now, time.monotonic()


@pytest.fixture
def report(record_property: Callable[[str, object], None]) -> Report:
    """Print what was counted, and report it beside what other tests measured."""

    def note(text: str) -> None:
        print(text)
        record_property("measured", text)

    return note


@pytest.fixture
def load(simulator: RunningSimulator, phone: Phone) -> Load:
    customers = [
        simulator.add_customer(f"3465500020{number}", f"Customer {number}")
        for number in range(CUSTOMERS)
    ]
    chance = random.Random(SEED)  # noqa: S311 - a test that can be repeated
    return Load(simulator, phone, customers, chance)


def kill_worker(shop: Shop) -> Callable[[], None]:
    workers = shop.workers()

    def kill() -> None:
        for worker in workers:
            try:
                worker.kill()
            except psutil.NoSuchProcess:  # it was on its way out
                continue

    return kill


def connected_anew(simulator: RunningSimulator, phone: Phone, before: int) -> int:
    """Wait for a login after the first `before` and return how many there were.

    A worker whose program was killed is still connected for a moment, on its way out.
    """

    def logins() -> int:
        return len(simulator.stats.logins_of(phone.number))

    until(lambda: logins() > before and simulator.live(phone), "the next login", 40)
    return logins()


def ours(shop: Shop, load: Load, phone: Phone) -> Counter[str]:
    """Kill the worker or the whole program, as chance has it; return what was killed."""
    done: Counter[str] = Counter()
    in_a_row, logins = 0, 0
    with load.always():
        for _ in range(KILLS):
            logins = connected_anew(load.simulator, phone, logins)
            time.sleep(load.chance.uniform(0.0, 1.5))  # the moment is the fault
            # Five crashes of a worker in ten minutes are for a person to look at.
            if in_a_row < 4 and load.chance.random() < 0.7:
                load.kill_amid(kill_worker(shop))
                done["worker"] += 1
                in_a_row += 1
            else:
                load.kill_amid(shop.kill_main)
                shop.start()
                done["main"] += 1
                in_a_row = 0
    return done


@pytest.mark.parametrize("phones", ["on", "off"])
def test_kills_under_load_lose_nothing_we_had_read(
    linked: Shop, simulator: RunningSimulator, phone: Phone, load: Load, phones: str, report: Report
) -> None:
    """With the phones off there are no receipts, so that nothing tells a reply that has left."""
    simulator.faults.ack_delay_ms = ACK_MS
    phone.confirms_delivery = phones == "on"
    for customer in load.customers:
        customer.confirms_delivery = phones == "on"
    killed = ours(linked, load, phone)
    load.settled(DOUBT_S)
    missing = load.unanswered()
    lost = [message_id for message_id in missing if load.was_acknowledged(message_id)]
    # What never reached us is answered when it comes once more; what we had seen would not be.
    for message_id in missing:
        customer, text = load.written[message_id]
        customer.send(phone, text, message_id=message_id)
    load.settled(15)
    doubled = {key: count for key, count in load.answers().items() if count > 1}
    kills = sum(killed.values())
    report(
        f"{kills} kills ({killed['worker']} of the worker, {killed['main']} of the program), phones"
        f" {phones}, {len(load.written)} messages: {len(lost)} lost inside the library,"
        f" {len(missing) - len(lost)} never acknowledged, {len(doubled)} answered twice,"
        f" {retries(simulator)}"
    )
    assert load.unanswered() == [], "read, and never answered"
    assert set(doubled.values()) <= {2}
    assert len(doubled) <= kills
    assert simulator.stats.pairings == 1


def test_kills_of_a_bare_neonize_for_comparison(
    simulator: RunningSimulator, phone: Phone, load: Load, tmp_path: Path, report: Report
) -> None:
    simulator.faults.ack_delay_ms = ACK_MS
    seen: set[str] = set()
    database = tmp_path / "bare.db"

    def collect(client: BareProcess) -> None:
        client.kill()
        seen.update(event["id"] for event in client.events if event["event"] == "Message")

    client = BareProcess(simulator, database, quiet_s=0.6)
    try:
        pair(simulator, phone, client)
        with load.always():
            for _ in range(KILLS):
                until(lambda: simulator.live(phone), "the link", 40)
                time.sleep(load.chance.uniform(0.0, 1.5))  # the moment is the fault
                load.kill_amid(client.process.kill)
                collect(client)
                client = BareProcess(simulator, database, quiet_s=0.6)
        load.settled(5, "echo {}")
    finally:
        collect(client)
    acknowledged = {each for each in load.written if load.was_acknowledged(each)}
    report(
        f"{KILLS} kills of a bare neonize, {len(load.written)} messages:"
        f" {len(acknowledged - seen)} lost inside the library,"
        f" {len(load.unanswered('echo {}'))} never answered, {retries(simulator)}"
    )
    assert len(acknowledged) > len(load.written) / 2  # else nothing was measured


def retries(simulator: RunningSimulator) -> str:
    stats = simulator.stats
    asked = stats.retries_from_companions, stats.retries_from_customers
    return f"{asked[0]} retries asked by us, {asked[1]} by customers"
