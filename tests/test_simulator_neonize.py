"""The real neonize against the simulator: what it does is what docs and rules rely on."""

import contextlib
import itertools
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.simulator import (
    Customer,
    Failure,
    Mute,
    Phone,
    RedialFault,
    RunningSimulator,
    ScanError,
    temporary_ban,
)
from tests.simulator.bare_process import BareProcess
from tests.simulator.nodes import Jid

QUIET_S = 0.6
OFFLINE_RETRY_S = 15.0

_numbers = itertools.count(1000)

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def running() -> Iterator[RunningSimulator]:
    with RunningSimulator() as simulator:
        yield simulator


@pytest.fixture(scope="module")
def phone(running: RunningSimulator) -> Phone:
    return running.add_phone("34600111222", name="Shop")


@pytest.fixture(scope="module")
def paired_database(
    running: RunningSimulator, phone: Phone, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A database of a companion that has logged in once. Tests work on copies."""
    database = tmp_path_factory.mktemp("paired") / "session.db"
    with BareProcess(running, database) as client:
        phone.scan(client.wait_for("qr")["text"])
        client.wait_for("OfflineSyncCompleted")
    running.wait_until(lambda: not running.live(phone))
    return database


@pytest.fixture
def database(paired_database: Path, tmp_path: Path) -> Path:
    return copied(paired_database, tmp_path / "session.db")


def copied(database: Path, target: Path) -> Path:
    shutil.copy(database, target)
    return target


@pytest.fixture
def new_phone(running: RunningSimulator) -> Phone:
    """A phone of the test's own, to pair with."""
    return running.add_phone(f"3460022{next(_numbers)}")


@pytest.fixture
def ana(running: RunningSimulator) -> Customer:
    return running.add_customer(f"3465500{next(_numbers)}", name="Ana")


@pytest.fixture
def simulator(running: RunningSimulator) -> Iterator[RunningSimulator]:
    yield running
    running.faults.clear()
    running.faults.cut(how="rst")
    running.wait_until(lambda: not running.connections)


@pytest.fixture
def client(simulator: RunningSimulator, database: Path) -> Iterator[BareProcess]:
    with BareProcess(simulator, database) as process:
        process.wait_for("OfflineSyncCompleted")
        yield process


def pair(simulator: RunningSimulator, phone: Phone, client: BareProcess) -> None:
    phone.scan(client.wait_for("qr")["text"])
    client.wait_for("OfflineSyncCompleted")
    simulator.wait_until(lambda: simulator.live(phone))


# messages


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
            assert not stats.duplicate_ids
            assert not stats.duplicate_texts


def test_reply_to_number_has_no_bot_node(ana: Customer, client: BareProcess) -> None:
    client.do("send", to=ana.number, text="hola")
    (reply,) = ana.wait_for_replies(1)
    assert reply.text == "hola"
    assert "bot" not in reply.extra_nodes


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


# faults of a connection that stands

Fault = Callable[[RunningSimulator], object]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        pytest.param(lambda s: s.faults.cut(how="fin"), ["Disconnected", "Connected"], id="fin"),
        pytest.param(lambda s: s.faults.cut(how="rst"), ["Disconnected", "Connected"], id="rst"),
        pytest.param(lambda s: s.faults.cut(how="ws"), ["Disconnected", "Connected"], id="ws"),
        pytest.param(
            lambda s: s.faults.stream_error(503), ["Disconnected", "Connected"], id="stream-503"
        ),
        pytest.param(
            lambda s: s.faults.stream_error(516),
            ["StreamError", "Disconnected", "Connected"],
            id="stream-516",
        ),
        pytest.param(
            lambda s: s.faults.stream_error(0, conflict="replaced"),
            ["StreamReplaced"],
            id="replaced",
        ),
        pytest.param(
            lambda s: s.faults.stream_error(401, conflict="device_removed"),
            ["LoggedOut"],
            id="removed",
        ),
    ],
)
def test_fault_of_open_connection_is_seen(
    simulator: RunningSimulator, client: BareProcess, fault: Fault, expected: list[str]
) -> None:
    seen = len(client.names)
    fault(simulator)
    for name in expected:
        client.wait_for(name)
    quiet = {"OfflineSyncPreview", "OfflineSyncCompleted"}
    assert [name for name in client.names[seen:] if name not in quiet] == expected


# faults at the next login


@pytest.mark.parametrize(
    ("failure", "event", "text"),
    [
        (Failure(401), "LoggedOut", "OnConnect: true"),
        (Failure(403), "LoggedOut", "OnConnect: true"),
        (temporary_ban(101, 3600), "TemporaryBan", "Expire: 3600"),
        (Failure(405), "ClientOutdated", ""),
        (Failure(409), "ConnectFailure", "Reason:"),
        (Failure(500), "Disconnected", ""),
        (Failure(503), "Disconnected", ""),
    ],
    ids=lambda value: str(value.reason) if isinstance(value, Failure) else "",
)
def test_login_failure_is_seen(
    simulator: RunningSimulator, database: Path, failure: Failure, event: str, text: str
) -> None:
    simulator.faults.login_failure = failure
    with BareProcess(simulator, database) as client:
        assert text in client.wait_for(event)["text"]
        assert "Connected" not in client.names


@pytest.mark.parametrize("reason", [402, 405, 409])
def test_session_after_login_failure_is_kept(
    simulator: RunningSimulator, phone: Phone, database: Path, reason: int
) -> None:
    simulator.faults.of(phone).login_failure = Failure(reason)
    count = len(simulator.stats.logins)
    with BareProcess(simulator, database):
        simulator.wait_until(lambda: len(simulator.stats.logins) > count)
        simulator.wait_until(lambda: not simulator.connections)
    simulator.faults.clear()
    with BareProcess(simulator, database) as client:
        client.wait_for("Connected")


def test_session_after_login_failure_401_is_gone(
    simulator: RunningSimulator, phone: Phone, database: Path
) -> None:
    simulator.faults.of(phone).login_failure = Failure(401)
    with BareProcess(simulator, database) as client:
        client.wait_for("LoggedOut")
        with pytest.raises(TimeoutError):  # it deletes the session a moment after the event
            client.wait_for("Connected", 0.5)
    simulator.faults.clear()
    with BareProcess(simulator, database) as client:
        client.wait_for("qr")


def test_companion_unlinked_while_away_is_logged_out(
    simulator: RunningSimulator, new_phone: Phone, tmp_path: Path
) -> None:
    with BareProcess(simulator, tmp_path / "db") as client:
        pair(simulator, new_phone, client)
        companion = new_phone.companions[-1]
    simulator.wait_until(lambda: not companion.is_live)
    new_phone.unlink(companion)
    with BareProcess(simulator, tmp_path / "db") as client:
        assert "OnConnect: true" in client.wait_for("LoggedOut")["text"]


def test_companion_unlinked_while_live_is_logged_out_at_once(
    simulator: RunningSimulator, new_phone: Phone, tmp_path: Path
) -> None:
    with BareProcess(simulator, tmp_path / "db") as client:
        pair(simulator, new_phone, client)
        new_phone.unlink(new_phone.companions[-1])
        assert "OnConnect: true" not in client.wait_for("LoggedOut")["text"]
        assert "Disconnected" not in client.names


def test_second_login_replaces_the_first(
    simulator: RunningSimulator, client: BareProcess, paired_database: Path, tmp_path: Path
) -> None:
    with BareProcess(simulator, copied(paired_database, tmp_path / "second")) as second:
        second.wait_for("Connected")
        client.wait_for("StreamReplaced")
        assert "Disconnected" not in client.names


# faults of the way to the server


@pytest.mark.parametrize("status", [404, 503])
def test_http_error_keeps_client_away_until_it_ends(
    simulator: RunningSimulator, client: BareProcess, status: int
) -> None:
    dials = len(simulator.stats.dials)
    simulator.faults.http_status = status
    simulator.faults.cut()
    client.wait_for("Disconnected")
    simulator.wait_until(lambda: len(simulator.stats.dials) > dials)
    simulator.faults.clear()
    client.wait_for("Connected", OFFLINE_RETRY_S)
    assert client.names.count("Disconnected") == 1


def test_refused_port_keeps_client_away_until_it_opens_again(
    simulator: RunningSimulator, client: BareProcess
) -> None:
    simulator.faults.refuse()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", simulator.port)).close()
    simulator.faults.cut()
    client.wait_for("Disconnected")
    simulator.faults.accept()
    client.wait_for("Connected", OFFLINE_RETRY_S)


def test_start_without_network_ends_the_task(simulator: RunningSimulator, database: Path) -> None:
    simulator.faults.refuse()
    with BareProcess(simulator, database) as client:
        assert client.wait_for("task-ended")["error"]


def test_dial_that_meets_silence_hangs_until_the_server_closes(
    simulator: RunningSimulator, client: BareProcess
) -> None:
    simulator.faults.mute = Mute.BEFORE_UPGRADE
    simulator.faults.cut()
    simulator.wait_until(lambda: any(one.is_frozen for one in simulator.connections))
    client.wait_for("Disconnected")
    client.do("status")
    with pytest.raises(TimeoutError):
        client.wait_for("status", 1.0)
    simulator.faults.clear()
    client.wait_for("Connected", OFFLINE_RETRY_S)


# faults of queries and acks


def test_message_refused_with_an_error_fails_to_send(
    simulator: RunningSimulator, ana: Customer, client: BareProcess, phone: Phone
) -> None:
    simulator.faults.of(phone).ack_error = 463
    client.do("send", to=ana.number, text="no")
    assert "463" in client.wait_for("send-error")["text"]
    assert not ana.replies


def test_message_without_ack_arrives_but_is_not_confirmed(
    simulator: RunningSimulator, ana: Customer, client: BareProcess
) -> None:
    simulator.faults.drops_acks = True
    client.do("send", to=ana.number, text="hola")
    assert ana.wait_for_replies(1)[0].text == "hola"
    assert "sent" not in client.names


def test_delayed_ack_delays_the_confirmation(
    simulator: RunningSimulator, ana: Customer, client: BareProcess
) -> None:
    simulator.faults.ack_delay_ms = 300
    client.do("send", to=ana.number, text="hola")
    (reply,) = ana.wait_for_replies(1)
    assert client.wait_for("sent")["at"] - reply.at >= 0.3


@pytest.mark.parametrize("fault", ["is_zombie", "drops_passive"])
def test_verification_of_a_zombie_gets_no_answer(
    simulator: RunningSimulator, client: BareProcess, phone: Phone, fault: str
) -> None:
    unanswered = simulator.stats.unanswered
    setattr(simulator.faults.of(phone), fault, True)
    client.do("passive")
    simulator.wait_until(lambda: simulator.stats.unanswered == unanswered + 1)
    assert simulator.live(phone)
    simulator.faults.clear()
    client.do("passive")
    client.wait_for("passive")
    assert client.names.count("passive") == 1


# faults of pairing


@pytest.mark.parametrize("bad", ["hmac", "signature"])
def test_bad_scan_ends_the_pairing_with_an_error(
    simulator: RunningSimulator, new_phone: Phone, tmp_path: Path, bad: str
) -> None:
    with BareProcess(simulator, tmp_path / "db") as client:
        code = client.wait_for("qr")["text"]
        with pytest.raises(ScanError, match=f"{bad}-mismatch"):
            new_phone.scan(code, bad=bad)  # type: ignore[arg-type]  # one of the two
        assert client.wait_for("login-status")["status"] == "error"


def test_scan_of_unknown_code_fails(phone: Phone) -> None:
    key = "A" * 43 + "="
    with pytest.raises(ScanError, match="unknown"):
        phone.scan(f"https://wa.me/settings/linked_devices#2@x,{key},{key},{key},6")


def test_scan_of_closed_pairing_fails(
    simulator: RunningSimulator, new_phone: Phone, tmp_path: Path
) -> None:
    with BareProcess(simulator, tmp_path / "db") as client:
        code = client.wait_for("qr")["text"]
        simulator.faults.cut()
        simulator.wait_until(lambda: not simulator.connections)
        with pytest.raises(ScanError, match="unknown"):
            new_phone.scan(code)


def test_outdated_client_is_told_in_the_qr_phase(
    simulator: RunningSimulator, tmp_path: Path
) -> None:
    simulator.faults.pairing_failure = Failure(405)
    with BareProcess(simulator, tmp_path / "db") as client:
        assert client.wait_for("login-status")["status"] == "err-client-outdated"


@pytest.mark.parametrize("fault", list(RedialFault))
def test_failed_redial_after_pairing_is_silence_and_a_restart_helps(
    simulator: RunningSimulator, new_phone: Phone, tmp_path: Path, fault: RedialFault
) -> None:
    simulator.faults.of(new_phone).redial_after_pairing = fault
    with BareProcess(simulator, tmp_path / "db") as client:
        new_phone.scan(client.wait_for("qr")["text"])
        assert "SUCCESS" in client.wait_for("PairStatus")["text"]
        with pytest.raises(TimeoutError):
            client.wait_for("Connected", 1.5)
    simulator.faults.clear()
    with BareProcess(simulator, tmp_path / "db") as client:
        client.wait_for("Connected")
        assert "qr" not in client.names


# faults that take their time


@pytest.mark.slow
def test_silence_is_noticed_late_or_never(tmp_path: Path) -> None:
    """Four clients side by side: no test of its own for each, since each takes half a minute."""
    with RunningSimulator() as simulator, contextlib.ExitStack() as stack:
        phones = [simulator.add_phone(f"3460033300{n}") for n in range(4)]
        clients = []
        for number, phone in enumerate(phones):
            client = stack.enter_context(BareProcess(simulator, tmp_path / f"{number}.db"))
            pair(simulator, phone, client)
            clients.append(client)
        hole, mute_login, mute_hello, slow_hello = clients
        faults = simulator.faults

        faults.mute = Mute.BEFORE_SERVER_HELLO
        faults.cut(phones[2])
        simulator.wait_until(lambda: any(one.number is None for one in simulator.connections))
        faults.mute = None

        faults.handshake_delay_s = 21
        dials = len(simulator.stats.dials)
        faults.cut(phones[3])
        simulator.wait_until(lambda: len(simulator.stats.dials) > dials)
        slow_hello.wait_for("Disconnected")
        began = time.monotonic()
        simulator.wait_until(lambda: simulator.stats.delayed_handshakes == 1)
        faults.handshake_delay_s = 0

        faults.of(phones[1]).is_login_mute = True
        faults.cut(phones[1])
        simulator.wait_until(lambda: len(simulator.stats.logins_of(phones[1].number, "mute")) == 1)
        faults.black_hole(phones[0])

        mute_hello.wait_for("Connected", 25)
        slow_hello.wait_for("Connected", 25)
        assert 19 < time.monotonic() - began < 25
        hole.wait_for("KeepAliveTimeout", 40)
        mute_login.wait_for("KeepAliveTimeout", 40)
        assert hole.names.count("Disconnected") == 0
        faults.clear()
        hole.do("passive")
        hole.wait_for("passive")
