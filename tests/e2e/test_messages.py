"""Customers write; each is answered once, in order, readable."""

import concurrent.futures
import contextlib
import sqlite3
import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.conftest import Measure
from tests.e2e.harness import Shop, burst, until
from tests.simulator.people import Customer
from tests.simulator.phone import Phone
from tests.simulator.running import RunningSimulator

pytestmark = pytest.mark.e2e


def test_thirty_messages_in_five_chats_are_answered_once_and_in_order(
    linked: Shop, simulator: RunningSimulator, phone: Phone
) -> None:
    customers = [simulator.add_customer(f"3465500010{n}", f"Customer {n}") for n in range(5)]
    written = burst(customers, phone, 6)
    for customer in customers:
        customer.wait_for_replies(6, 60)
    linked.cli("verify", "shop")  # a round trip: nothing is still on its way
    for customer in customers:
        expected = [f"answer to: {text}" for text in written[customer.number]]
        assert [reply.text for reply in customer.replies] == expected
        assert not any("bot" in reply.extra_nodes for reply in customer.replies)
    assert_undisturbed(simulator)


def assert_undisturbed(simulator: RunningSimulator) -> None:
    """Nobody had to ask for a message again, and nobody read one twice."""
    stats = simulator.stats
    assert (stats.retries_from_companions, stats.retries_from_customers) == (0, 0)
    assert stats.undecryptable == []
    assert sum(stats.duplicate_texts.values()) == 0


def test_messages_missed_while_off_are_answered_once_oldest_first(
    linked: Shop, phone: Phone, ana: Customer
) -> None:
    linked.quit()
    for number in range(5):
        ana.send(phone, f"question {number}")
    linked.running()
    replies = ana.wait_for_replies(5, 40)
    assert [reply.text for reply in replies] == [f"answer to: question {n}" for n in range(5)]
    linked.quit()
    linked.running()
    linked.until_state("connected")
    linked.cli("verify", "shop")
    assert len(ana.replies) == 5


@pytest.mark.slow(55)
def test_backlog_of_five_hundred_is_answered_once_oldest_first(
    linked: Shop, simulator: RunningSimulator, phone: Phone, measured: Measure
) -> None:
    """Two days without the program; what is older than the limit is past answering."""
    linked.quit()
    settings = "answer_max_age_h = 24\n"
    (linked.data / "settings.toml").write_text(settings, encoding="utf-8")
    customers = [simulator.add_customer(f"3465500030{n}", f"Customer {n}") for n in range(10)]
    now = datetime.now(UTC)
    expected: dict[str, list[str]] = {customer.number: [] for customer in customers}
    for number in range(50):
        sent_at = now - timedelta(hours=48) + number * timedelta(minutes=57)
        for customer in customers:
            text = f"question {number:02} of {customer.number}"
            customer.send(phone, text, sent_at=sent_at)
            if sent_at > now - timedelta(hours=24):
                expected[customer.number].append(f"answer to: {text}")
    count = sum(map(len, expected.values()))
    assert 200 < count < 300
    began = time.monotonic()
    linked.running()
    for customer in customers:
        customer.wait_for_replies(len(expected[customer.number]), 90)
    measured(f"a backlog of 500, {count} of them answered", time.monotonic() - began, "-")
    linked.quit()
    linked.running()
    linked.until_state("connected")
    linked.cli("verify", "shop")
    for customer in customers:
        assert [reply.text for reply in customer.replies] == expected[customer.number]
    assert phone.companions[0].queue_length == 0
    assert_undisturbed(simulator)


@pytest.mark.slow(55)
def test_messages_that_come_while_the_program_stops_and_starts_are_not_lost(
    linked: Shop, simulator: RunningSimulator, phone: Phone
) -> None:
    """The library takes messages until its connection is closed; none may fall between."""
    customers = [simulator.add_customer(f"3465500040{n}", f"Customer {n}") for n in range(4)]
    written: dict[str, list[str]] = {customer.number: [] for customer in customers}

    def write_for(seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for customer in customers:
                written[customer.number].append(f"question {len(written[customer.number])}")
                customer.send(phone, written[customer.number][-1])

    for _ in range(3):
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            writing = pool.submit(write_for, 0.8)
            linked.cli("reconnect", "shop")
            writing.result()
        until(lambda: simulator.live(phone), "the link", 30)
    for customer in customers:
        replies = customer.wait_for_replies(len(written[customer.number]), 90)
        expected = [f"answer to: {text}" for text in written[customer.number]]
        assert sorted(reply.text for reply in replies) == sorted(expected)


def test_library_notes_a_reply_with_our_mark_before_whatsapp_has_it(
    linked: Shop, simulator: RunningSimulator, phone: Phone, ana: Customer
) -> None:
    """What `storage/traces.py` relies on."""
    simulator.faults.drops_acks = True
    ana.confirms_delivery = False
    ana.send(phone, "question")
    (reply,) = ana.wait_for_replies(1, 15)
    linked.kill()
    (database,) = linked.runtime.rglob("session.db")
    with contextlib.closing(sqlite3.connect(database)) as db:
        rows = db.execute("SELECT message_id, key FROM whatsmeow_message_secrets").fetchall()
    assert [message_id for message_id, _ in rows] == [reply.message_id]
    assert len(rows[0][1]) == 32


def test_reply_in_doubt_is_settled_by_the_shops_own_phone(
    linked: Shop, simulator: RunningSimulator, phone: Phone, ana: Customer
) -> None:
    """The customer's phone is off; the shop's own has had its copy of the reply."""
    simulator.faults.drops_acks = True
    ana.confirms_delivery = False
    ana.send(phone, "question in doubt")
    (reply,) = ana.wait_for_replies(1, 15)
    simulator.wait_until(lambda: len(phone.copies) == 1)
    linked.kill()
    simulator.faults.clear()
    linked.running()
    linked.until_state("connected")
    phone.confirm(phone.companions[0], reply.message_id)
    until(lambda: "the reply in doubt had left" in linked.log(), "the evidence to be heard", 25)
    ana.send(phone, "question after it")
    texts = [reply.text for reply in ana.wait_for_replies(2, 15)]
    assert texts == ["answer to: question in doubt", "answer to: question after it"]


def test_reply_that_waited_its_turn_in_the_library_is_sent_at_once_after_a_kill(
    linked: Shop, simulator: RunningSimulator, phone: Phone, ana: Customer
) -> None:
    """The library sends one message at a time; the next had been handed over and had not left."""
    luis = simulator.add_customer("34655000002", "Luis")
    simulator.faults.drops_acks = True
    ana.send(phone, "question of Ana")
    ana.wait_for_replies(1, 15)
    luis.send(phone, "question of Luis")
    time.sleep(1.5)  # the quiet passes, and the reply is handed over behind the other
    assert luis.replies == ()
    linked.kill()
    simulator.faults.clear()
    began = time.monotonic()
    linked.running()
    assert luis.wait_for_replies(1, 20)[0].text == "answer to: question of Luis"
    assert time.monotonic() - began < 20
    assert "a reply of before had not left" in linked.log()
    linked.until_state("connected")
    linked.cli("verify", "shop")
    assert (len(ana.replies), len(luis.replies)) == (1, 1)


def test_receipt_that_came_before_the_kill_still_settles_the_reply(
    linked: Shop, simulator: RunningSimulator, phone: Phone, ana: Customer
) -> None:
    """WhatsApp gives a receipt once, and the library has acknowledged it."""
    simulator.faults.drops_acks = True
    ana.send(phone, "question in doubt")
    ana.wait_for_replies(1, 15)
    # The receipt is settled at WhatsApp, so the library has it and will not be given it again.
    simulator.wait_until(lambda: phone.companions[0].queue_length == 0)
    linked.cli("verify", "shop")  # a round trip: what the library has, we have
    linked.kill()
    simulator.faults.clear()
    linked.running()
    until(lambda: "a receipt of before" in linked.log(), "the evidence to be found", 15)
    linked.until_state("connected")
    ana.send(phone, "question after it")
    texts = [reply.text for reply in ana.wait_for_replies(2, 15)]
    assert texts == ["answer to: question in doubt", "answer to: question after it"]


def test_odd_texts_are_answered_readably(
    linked: Shop, simulator: RunningSimulator, phone: Phone, ana: Customer
) -> None:
    linked.write_rules(
        '[[rule]]\nmatch = "."\nreply = "answer to: {text}"\n[fallback]\nreply = "pardon?"\n'
    )
    family = "\N{GRINNING FACE}\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}"
    long = "ñ" * 65_536
    ana.send(phone, "")  # nothing was said, so nothing is answered
    ana.send(phone, "   ")
    ana.send(phone, family)
    ana.send(phone, long)
    ana.send(phone, "\N{RIGHT-TO-LEFT OVERRIDE}olleh\N{ZERO WIDTH SPACE}\n\tend")
    replies = [reply.text for reply in ana.wait_for_replies(4, 20)]
    assert replies[:2] == ["pardon?", f"answer to: {family}"]
    assert replies[2].startswith("answer to: ññ")
    assert set(replies[2].removeprefix("answer to: ")) == {"ñ"}
    assert replies[3].endswith("\tend")
    linked.cli("verify", "shop")
    assert len(ana.replies) == 4
    assert_undisturbed(simulator)


@pytest.mark.usefixtures("linked")
def test_message_repeated_by_the_server_is_answered_once(phone: Phone, ana: Customer) -> None:
    ana.send(phone, "question once")
    ana.wait_for_replies(1, 15)
    ana.repeat(phone.companions[0])
    ana.send(phone, "question twice")
    replies = ana.wait_for_replies(2, 15)
    assert [reply.text for reply in replies] == [
        "answer to: question once",
        "answer to: question twice",
    ]


@pytest.mark.usefixtures("linked")
def test_what_we_write_ourselves_is_not_answered(phone: Phone, ana: Customer) -> None:
    phone.write(ana, "question from the shop's own phone")
    ana.send(phone, "question from Ana")
    until(lambda: any("from Ana" in reply.text for reply in ana.replies), "the answer", 15)
    assert not any("answer to: question from the shop" in reply.text for reply in ana.replies)


def test_rules_that_change_are_used_and_broken_ones_are_not(
    linked: Shop, phone: Phone, ana: Customer
) -> None:
    linked.write_rules('[[rule]]\nmatch = "question"\nreply = "new answer"\n')
    ana.send(phone, "question one")
    assert ana.wait_for_replies(1, 15)[-1].text == "new answer"
    linked.write_rules('[[rule]]\nmatch = "question\nreply = "broken"\n')
    ana.send(phone, "question two")
    assert ana.wait_for_replies(2, 15)[-1].text == "new answer"
    assert "bot.toml" in linked.cli("status").stdout + linked.cli("diagnose", check=False).stdout
