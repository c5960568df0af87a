"""Customers write; each is answered once, in order, readable."""

import pytest

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
