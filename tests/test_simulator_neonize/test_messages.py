"""Messages both ways, receipts, retries and the queue."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.simulator import (
    Customer,
    Phone,
    RunningSimulator,
)
from tests.simulator.bare_process import BareProcess, pair
from tests.simulator.nodes import Jid

QUIET_S = 0.6

pytestmark = pytest.mark.e2e


def test_messages_of_five_chats_are_echoed_once_without_retries(tmp_path: Path) -> None:
    with RunningSimulator() as simulator:
        phone = simulator.add_phone("34600111333")
        customers = [simulator.add_customer(f"3465500000{n}") for n in range(5)]
        with BareProcess(simulator, tmp_path / "db", quiet_s=QUIET_S) as client:
            pair(simulator, phone, client)
            expected: dict[Customer, set[str]] = {}
            for customer in customers:
                texts = [f"{customer.number} {n}" for n in range(6)]
                for text in texts:
                    customer.send(phone, text)
                expected[customer] = {f"echo {text}" for text in texts}
            for customer, texts_back in expected.items():
                assert {reply.text for reply in customer.wait_for_replies(6)} == texts_back
            stats = simulator.stats
            simulator.wait_until(lambda: len(phone.copies) == 30)
            assert stats.messages_to_companions == stats.messages_from_companions == 30
            assert stats.retries_from_companions == stats.retries_from_customers == 0
            assert not stats.undecryptable
            assert stats.duplicate_ids.total() == 0
            assert stats.duplicate_texts.total() == 0


def test_reply_to_number_has_no_bot_node(ana: Customer, client: BareProcess) -> None:
    client.do("send", to=ana.number, text="hola")
    (reply,) = ana.wait_for_replies(1)
    assert reply.text == "hola"
    assert "bot" not in reply.extra_nodes


def test_frame_sent_again_after_a_cut_is_shown_once(
    simulator: RunningSimulator, ana: Customer, new_phone: Phone, tmp_path: Path
) -> None:
    with BareProcess(simulator, tmp_path / "db") as client:
        pair(simulator, new_phone, client)
        repeated = simulator.stats.duplicate_ids[ana.number]
        simulator.faults.of(new_phone).drops_acks = True
        client.do("send", to=ana.number, text="hola")
        shown = len(ana.wait_for_replies(1))
        simulator.faults.of(new_phone).drops_acks = False
        simulator.faults.cut(new_phone)
        simulator.wait_until(lambda: simulator.stats.duplicate_ids[ana.number] == repeated + 1)
        client.wait_for("sent")
        assert len(ana.replies) == shown
        assert simulator.stats.retries_from_customers == 0


def test_message_from_number_instead_of_lid_is_answered(
    simulator: RunningSimulator, ana: Customer, new_phone: Phone, tmp_path: Path
) -> None:
    ana.is_addressed_by_number = True
    with BareProcess(simulator, tmp_path / "db") as client:
        pair(simulator, new_phone, client)
        ana.send(new_phone, "hola")
        assert ana.wait_for_replies(1)[0].text == "echo hola"


def test_messages_while_away_arrive_once_after_restart_without_qr(tmp_path: Path) -> None:
    with RunningSimulator() as simulator:
        phone = simulator.add_phone("34600111333")
        ana = simulator.add_customer("34655000001")
        with BareProcess(simulator, tmp_path / "db") as client:
            pair(simulator, phone, client)
            (companion,) = phone.companions
        simulator.wait_until(lambda: not simulator.live(phone))
        ana.send(phone, "are you there")
        assert companion.queue_length == 1
        with BareProcess(simulator, tmp_path / "db") as client:
            assert client.wait_for("Message")["text"] == "are you there"
            assert "qr" not in client.names
            assert [reply.text for reply in ana.wait_for_replies(1)] == ["echo are you there"]
            simulator.wait_until(lambda: companion.queue_length == 0)


def test_same_message_twice_is_one_event_and_two_receipts(
    simulator: RunningSimulator, ana: Customer, new_phone: Phone, tmp_path: Path
) -> None:
    with BareProcess(simulator, tmp_path / "db") as client:
        pair(simulator, new_phone, client)
        companion = new_phone.companions[-1]
        client.do("echo", on=False)
        message_id = ana.send(new_phone, "once")
        simulator.wait_until(lambda: len(simulator.stats.receipts[message_id]) == 1)
        ana.repeat(companion)
        simulator.wait_until(lambda: len(simulator.stats.receipts[message_id]) == 2)
        ana.send(new_phone, "another")
        client.wait_for("Message")
        assert client.wait_for("Message")["text"] == "another"


def test_customer_that_cannot_read_asks_again_and_gets_it(
    simulator: RunningSimulator, ana: Customer, client: BareProcess
) -> None:
    client.do("send", to=ana.number, text="one")
    ana.wait_for_replies(1)
    ana.forget_sessions()
    client.do("send", to=ana.number, text="two")
    assert [reply.text for reply in ana.wait_for_replies(2)] == ["one", "two"]
    assert simulator.stats.retries_from_customers > 0


def test_companion_that_cannot_read_asks_again_and_gets_it(
    simulator: RunningSimulator, ana: Customer, client: BareProcess, phone: Phone
) -> None:
    client.do("echo", on=False)
    ana.spoils_next = True
    message_id = ana.send(phone, "spoilt")
    assert client.wait_for("Message")["text"] == "spoilt"
    assert simulator.stats.retries_from_companions > 0
    assert "retry" in simulator.stats.receipts[message_id]


def test_message_written_on_own_phone_arrives_as_own(
    simulator: RunningSimulator, ana: Customer, new_phone: Phone, tmp_path: Path
) -> None:
    with BareProcess(simulator, tmp_path / "db") as client:
        pair(simulator, new_phone, client)
        new_phone.write(ana, "from the phone")
        event = client.wait_for("Message")
        assert event["is_from_me"]
        assert event["text"] == "from the phone"
        assert event["chat"] == str(ana.lid)


def test_two_companions_both_get_messages_and_each_others_replies(
    simulator: RunningSimulator, ana: Customer, new_phone: Phone, tmp_path: Path
) -> None:
    with (
        BareProcess(simulator, tmp_path / "1.db") as first,
        BareProcess(simulator, tmp_path / "2.db") as second,
    ):
        for client in (first, second):
            pair(simulator, new_phone, client)
            client.do("echo", on=False)
        ana.send(new_phone, "hola")
        assert first.wait_for("Message")["text"] == second.wait_for("Message")["text"] == "hola"
        first.do("send", to=ana.number, text="hola, Ana")
        copy = second.wait_for("Message")
        assert (copy["text"], copy["is_from_me"]) == ("hola, Ana", True)
        assert [reply.text for reply in ana.wait_for_replies(1)] == ["hola, Ana"]


@pytest.mark.parametrize("chat", ["120363000000000001@g.us", "status@broadcast"])
def test_message_in_group_or_status_arrives_with_its_chat(
    simulator: RunningSimulator, ana: Customer, new_phone: Phone, tmp_path: Path, chat: str
) -> None:
    with BareProcess(simulator, tmp_path / "db") as client:
        pair(simulator, new_phone, client)
        client.do("echo", on=False)
        (companion,) = new_phone.companions
        user, server = chat.split("@")
        yesterday = datetime.now(UTC) - timedelta(days=1)
        ana.send(new_phone, "hola", chat=Jid(user, server), sent_at=yesterday)
        event = client.wait_for("Message")
        assert (event["chat"], event["text"]) == (chat, "hola")
        assert event["t"] == int(yesterday.timestamp()) * 1000
        simulator.wait_until(lambda: companion.queue_length == 0)


def test_verification_round_trip_is_counted(
    simulator: RunningSimulator, client: BareProcess, phone: Phone
) -> None:
    before = simulator.stats.passive_round_trips[phone.number]
    client.do("passive")
    assert client.wait_for("passive")["took_s"] < 5
    assert simulator.stats.passive_round_trips[phone.number] == before + 1


def test_bots_of_two_phones_talk_to_each_other(
    simulator: RunningSimulator, client: BareProcess, new_phone: Phone, tmp_path: Path
) -> None:
    client.do("echo", on=False)
    retries = simulator.stats.retries_from_companions
    with BareProcess(simulator, tmp_path / "db", quiet_s=QUIET_S) as other:
        pair(simulator, new_phone, other)
        client.do("send", to=new_phone.number, text="hola")
        assert other.wait_for("Message")["text"] == "hola"
        assert client.wait_for("Message")["text"] == "echo hola"
    assert simulator.stats.retries_from_companions == retries


def test_delivery_receipt_that_comes_while_away_is_told_later(
    simulator: RunningSimulator, ana: Customer, new_phone: Phone, tmp_path: Path
) -> None:
    with BareProcess(simulator, tmp_path / "db") as client:
        companion = pair(simulator, new_phone, client)
        client.do("echo", on=False)
        ana.confirms_delivery = False
        client.do("send", to=ana.number, text="hola")
        (reply,) = ana.wait_for_replies(1)
    simulator.wait_until(lambda: not companion.is_live)
    ana.confirm(companion, reply.message_id)
    with BareProcess(simulator, tmp_path / "db") as client:
        assert reply.message_id in client.wait_for("Receipt")["text"]
        simulator.wait_until(lambda: companion.queue_length == 0)
