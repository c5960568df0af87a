"""A worker dies between the sending of a reply and WhatsApp's word for it."""

import time

import pytest

from tests.e2e.harness import Shop, until
from tests.simulator.people import Customer
from tests.simulator.phone import Phone
from tests.simulator.running import RunningSimulator

pytestmark = [pytest.mark.e2e, pytest.mark.slow(30)]


def test_reply_in_doubt_is_settled_by_its_delivery_receipt(
    linked: Shop, simulator: RunningSimulator, phone: Phone, ana: Customer
) -> None:
    """Killed between the sending and WhatsApp's word for it: the customer's receipt decides."""
    ana.confirms_delivery = False
    simulator.faults.drops_acks = True
    ana.send(phone, "question in doubt")
    (reply,) = ana.wait_for_replies(1, 15)
    (worker,) = linked.workers()
    with linked.follow() as follower:
        began = time.monotonic()
        worker.kill()
        simulator.faults.clear()
        follower.wait("connected", after=follower.wait("waiting", after=began))
    ana.confirm(phone.companions[0], reply.message_id)
    until(lambda: "the reply in doubt had left" in linked.log(), "the evidence to be heard", 25)
    ana.confirms_delivery = True
    ana.send(phone, "question")
    assert ana.wait_for_replies(2, 15)[-1].text == "answer to: question"
    assert len(ana.replies) == 2


def test_reply_in_doubt_without_evidence_is_sent_again_once(
    linked: Shop, simulator: RunningSimulator, phone: Phone, ana: Customer
) -> None:
    ana.confirms_delivery = False
    simulator.faults.drops_acks = True
    ana.send(phone, "question in doubt")
    ana.wait_for_replies(1, 15)
    (worker,) = linked.workers()
    worker.kill()
    simulator.faults.clear()
    replies = ana.wait_for_replies(2, 60)  # 30 s of an unbroken link without evidence
    assert [reply.text for reply in replies] == ["answer to: question in doubt"] * 2
    assert "it is sent again, once" in linked.log()
