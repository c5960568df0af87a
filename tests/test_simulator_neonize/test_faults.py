"""Faults of connections, logins, dials and queries, and what is heard of them in Python."""

import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.simulator import (
    Customer,
    Failure,
    Mute,
    Phone,
    RunningSimulator,
    temporary_ban,
)
from tests.simulator.bare_process import BareProcess, pair

OFFLINE_RETRY_S = 15.0

pytestmark = pytest.mark.e2e


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
    second_database = tmp_path / "second.db"
    shutil.copy(paired_database, second_database)
    with BareProcess(simulator, second_database) as second:
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
