"""The server without a client: who is who, queues, faults, threads and loops."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.simulator import (
    Failure,
    Mute,
    Phone,
    RunningSimulator,
    ScanError,
    Simulator,
    worker_entry,
)
from tests.simulator.companion import Companion
from tests.simulator.faults import Faults
from tests.simulator.messages import key_nodes, registration_bytes
from tests.simulator.nodes import Node
from tests.simulator.queries import answer
from tests.simulator.redirect import RedirectError, redirect
from tests.simulator.signal_device import SignalDevice
from tests.simulator.signal_session import Bundle

ROOT = Path(__file__).parents[1]


@pytest.fixture
def simulator() -> Iterator[RunningSimulator]:
    with RunningSimulator() as running:
        yield running


@pytest.fixture
def phone(simulator: RunningSimulator) -> Phone:
    return simulator.add_phone("34600111222")


@pytest.fixture
def companion(phone: Phone) -> Companion:
    return Companion(phone, 1, b"noise", b"identity")


def upload(*bundles: Bundle) -> Node:
    """Return what a client uploads: its own keys and one-time keys."""
    one_time = [node for bundle in bundles for node in key_nodes(bundle) if node.tag == "key"]
    others = [node for node in key_nodes(bundles[0]) if node.tag != "key"]
    registration = Node("registration", content=registration_bytes(bundles[0].registration_id))
    return Node("iq", content=[registration, *others, Node("list", content=one_time)])


# keys


def test_one_time_keys_are_handed_out_once(companion: Companion) -> None:
    device = SignalDevice()
    bundles = [device.bundle(), device.bundle()]
    assert companion.take_bundle() is None
    companion.store_keys(upload(*bundles))
    assert companion.one_time_keys == 2
    assert [companion.take_bundle(), companion.take_bundle()] == bundles
    last = companion.take_bundle()
    assert last is not None
    assert last.one_time is None


def test_later_upload_adds_one_time_keys(companion: Companion) -> None:
    device = SignalDevice()
    companion.store_keys(upload(device.bundle()))
    companion.store_keys(upload(device.bundle(), device.bundle()))
    assert companion.one_time_keys == 3


# queue


def test_stanza_waits_until_it_is_settled(companion: Companion) -> None:
    assert not companion.push(Node("message", {"id": "1"}))
    companion.push(Node("receipt", {"id": "1"}))
    companion.settle("message", "1")
    assert companion.queue_length == 1
    companion.settle_by_ack("receipt", "1")
    assert companion.queue_length == 0


def test_resent_message_is_not_settled_by_the_ack_of_the_first(companion: Companion) -> None:
    companion.push(Node("message", {"id": "1"}), is_resent=True)
    companion.settle_by_ack("message", "1")
    assert companion.queue_length == 1
    companion.settle("message", "1")
    assert companion.queue_length == 0


# people


def test_number_is_given_out_once(simulator: RunningSimulator, phone: Phone) -> None:
    with pytest.raises(ValueError, match="taken"):
        simulator.add_customer(phone.number)


def test_people_are_found_by_number_and_lid(simulator: RunningSimulator) -> None:
    ana = simulator.add_customer("34655000001")
    assert simulator.find(ana.number) is simulator.find(ana.lid.user) is ana


def test_message_to_phone_without_companions_goes_nowhere(
    simulator: RunningSimulator, phone: Phone
) -> None:
    assert simulator.add_customer("34655000001").send(phone, "hola")
    assert simulator.stats.messages_to_companions == 0


def test_query_nobody_knows_gets_an_empty_result(
    simulator: RunningSimulator, companion: Companion
) -> None:
    query = Node("iq", {"xmlns": "w:new", "type": "get", "id": "7"})
    reply = answer(simulator, companion, query)
    assert (reply.text("type"), reply.text("id"), reply.content) == ("result", "7", None)


@pytest.mark.parametrize(
    "text",
    [
        "hello",
        "https://wa.me/settings/linked_devices#2@a,b",
        "https://wa.me/settings/linked_devices#2@a,?,?,?,6",
        "https://wa.me/settings/linked_devices#2@a,AAAA,AAAA,AAAA,6",
    ],
)
def test_scan_of_something_else_fails(phone: Phone, text: str) -> None:
    with pytest.raises(ScanError):
        phone.scan(text)


# faults


def test_fault_of_one_phone_spares_the_others(simulator: RunningSimulator, phone: Phone) -> None:
    other = simulator.add_phone("34600111333")
    faults = simulator.faults
    faults.ack_delay_ms = 5
    faults.of(phone).login_failure = Failure(503)
    assert faults.met_by(phone).login_failure == Failure(503)
    assert faults.met_by(phone).ack_delay_ms == 5
    assert faults.met_by(other).login_failure is None
    faults.clear()
    assert faults.met_by(phone).login_failure is None
    assert faults.ack_delay_ms == 0


def test_faults_are_all_cleared() -> None:
    faults = Faults()
    faults.home.run = lambda call: call()  # type: ignore[method-assign]  # no loop is needed
    faults.http_status, faults.mute, faults.handshake_delay_s = 503, Mute.BEFORE_UPGRADE, 3.0
    faults.pairing_failure, faults.cuts_next_dial, faults.is_zombie = Failure(405), True, True
    faults.clear()
    assert faults == Faults(home=faults.home, set_listening=faults.set_listening)


def test_port_is_refused_and_opened_again(simulator: RunningSimulator) -> None:
    address = ("127.0.0.1", simulator.port)
    for _ in range(2):
        simulator.faults.refuse()
        simulator.faults.refuse()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address)
        simulator.faults.accept()
        simulator.faults.accept()
        with socket.create_connection(address):
            simulator.wait_until(lambda: len(simulator.connections) == 1)
        simulator.wait_until(lambda: not simulator.connections)


def test_mute_server_answers_neither_request_nor_fin(simulator: RunningSimulator) -> None:
    simulator.faults.mute = Mute.BEFORE_UPGRADE
    with socket.create_connection(("127.0.0.1", simulator.port)) as dialled:
        dialled.settimeout(0.3)
        dialled.sendall(b"GET /ws/chat HTTP/1.1\r\n\r\n")
        dialled.shutdown(socket.SHUT_WR)
        with pytest.raises(TimeoutError):
            dialled.recv(1)
        assert len(simulator.stats.dials) == 1


def test_rubbish_instead_of_http_is_sent_away(simulator: RunningSimulator) -> None:
    with socket.create_connection(("127.0.0.1", simulator.port)) as dialled:
        dialled.settimeout(5)
        dialled.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        while dialled.recv(1000):
            pass
    simulator.wait_until(lambda: not simulator.connections)


# threads and loops


def test_waiting_for_what_does_not_come_times_out(simulator: RunningSimulator) -> None:
    with pytest.raises(TimeoutError):
        simulator.wait_until(lambda: False, timeout_s=0.05)


def test_error_of_a_condition_reaches_the_one_who_waits(simulator: RunningSimulator) -> None:
    with pytest.raises(ZeroDivisionError):
        simulator.wait_until(lambda: 1 // 0 > 0)


def test_calls_from_many_threads_are_all_done(simulator: RunningSimulator) -> None:
    async def add_many() -> None:
        names = [f"346550000{n:02}" for n in range(40)]
        await asyncio.gather(*(asyncio.to_thread(simulator.add_customer, name) for name in names))

    asyncio.run(add_many())
    assert all(simulator.find(f"346550000{n:02}") for n in range(40))


async def test_simulator_runs_in_the_loop_of_a_test() -> None:
    async with Simulator() as simulator:
        ana = simulator.add_customer("34655000001")
        reader, writer = await asyncio.open_connection("127.0.0.1", simulator.port)
        await simulator.await_until(lambda: len(simulator.stats.dials) == 1)
        with pytest.raises(RuntimeError, match="awaitable"):
            ana.wait_for_replies(1)
        simulator.faults.cut(how="rst")
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()
    assert not simulator.connections


async def test_stopped_simulator_says_so() -> None:
    simulator = Simulator()
    async with simulator:
        pass
    await simulator.stop()
    with pytest.raises(RuntimeError, match="not running"):
        _ = simulator.home.loop


# the redirection


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    """Run `code` where neither neonize nor anything else is loaded yet."""
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_simulator_does_not_load_neonize() -> None:
    code = "import sys, tests.simulator; sys.exit(any('neonize' in name for name in sys.modules))"
    assert run_python(code).returncode == 0


def test_redirect_without_the_library_raises() -> None:
    found = run_python("from tests.simulator.redirect import redirect; redirect(8000, bytes(32))")
    assert "RedirectError: the library is not loaded" in found.stderr


@pytest.mark.parametrize(("port", "key"), [(80, b"short"), (123456, bytes(32))])
def test_redirect_with_impossible_target_raises(port: int, key: bytes) -> None:
    with pytest.raises(RedirectError):
        redirect(port, key)


def test_worker_entry_runs_the_worker_and_redirects_when_the_library_is_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    redirected: list[tuple[int, bytes]] = []
    given: list[str] = []

    def work(arguments: list[str], *, prepare: Callable[[], None]) -> int:
        assert not redirected
        given.extend(arguments)
        prepare()
        return 7

    monkeypatch.setattr("wabot_tray.worker.main.main", work)
    monkeypatch.setattr(worker_entry, "redirect", lambda *target: redirected.append(target))
    monkeypatch.setattr(sys, "argv", ["worker_entry", "4711", "ab" * 32, "--flag"])
    assert worker_entry.main() == 7
    assert redirected == [(4711, b"\xab" * 32)]
    assert given == ["--flag"]
