"""Every fault a shop meets, against the clock: the rows of `faults_*.py`, one test each."""

import time

import pytest

from tests.conftest import Measure
from tests.e2e.harness import Shop, until
from tests.e2e.matrix import Fault, Scene, all_faults
from tests.simulator.faults import Failure, Mute, temporary_ban
from tests.simulator.people import Customer
from tests.simulator.phone import Phone
from tests.simulator.running import RunningSimulator

pytestmark = pytest.mark.e2e
NUMBER = "34600111222"


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(fault, id=fault.key, marks=[pytest.mark.slow] if fault.slow else [])
        for fault in all_faults()
    ],
)
def test_fault(fault: Fault, simulator: RunningSimulator, measured: Measure) -> None:
    with Scene(fault, simulator, measured) as scene:
        fault.play(scene)


def assert_answers(ana: Customer, phone: Phone, text: str = "question") -> None:
    """The link is not only green: a customer is answered over it."""
    before = len(ana.replies)
    ana.send(phone, text)
    assert ana.wait_for_replies(before + 1, 15)[-1].text == f"answer to: {text}"


@pytest.mark.slow
def test_port_refused_for_a_minute_is_noticed_when_it_opens(
    linked: Shop, simulator: RunningSimulator, phone: Phone, ana: Customer, measured: Measure
) -> None:
    with linked.follow() as follower:
        simulator.faults.refuse()
        simulator.faults.cut()
        follower.wait("waiting", timeout_s=60)
        time.sleep(60)  # the fault itself
        began = time.monotonic()
        simulator.faults.accept()
        back = follower.wait("connected", after=began, timeout_s=10)
    measured("port back after 60 s -> connected", back - began, "5 s")
    assert_answers(ana, phone)


@pytest.mark.slow
def test_black_hole_on_an_established_link_is_repaired(
    linked: Shop, simulator: RunningSimulator, phone: Phone, ana: Customer, measured: Measure
) -> None:
    with linked.follow() as follower:
        began = time.monotonic()
        simulator.faults.black_hole()
        lost = follower.wait("reconnecting", after=began, timeout_s=90)
        back = follower.wait("connected", after=lost, timeout_s=90)
    assert back - began < 90
    measured("black hole -> connected", back - began, "45 s")
    assert_answers(ana, phone)


@pytest.mark.slow
@pytest.mark.parametrize("mute", list(Mute))
def test_login_that_falls_silent_is_repaired(
    linked: Shop, simulator: RunningSimulator, mute: Mute, measured: Measure
) -> None:
    with linked.follow() as follower:
        simulator.faults.mute = mute
        began = time.monotonic()
        simulator.faults.cut()
        follower.wait("reconnecting", after=began)
        # The first repair falls silent too; the server is well again after that.
        follower.wait("connecting", after=began, timeout_s=60)
        simulator.faults.mute = None
        back = follower.wait("connected", after=began, timeout_s=90)
    measured(f"mute {mute} -> connected", back - began, "45 s")


@pytest.mark.slow
def test_remote_logout_is_said_and_not_retried_and_one_click_pairs_again(
    linked: Shop, simulator: RunningSimulator, phone: Phone, ana: Customer, measured: Measure
) -> None:
    with linked.follow() as follower:
        began = time.monotonic()
        phone.unlink(phone.companions[0])
        seen = follower.wait("logged-out", after=began, timeout_s=10)
        assert seen - began < 4
        measured("remote logout -> red", seen - began, "2 s")
        session = linked.sessions()["shop"]
        assert session["reason"] == "phone-unlinked"
        assert session["text"]
        dials, logins = len(simulator.stats.dials), len(simulator.stats.logins)
        time.sleep(60)  # nothing may be tried
        assert (len(simulator.stats.dials), len(simulator.stats.logins)) == (dials, logins)
        assert linked.workers() == []
    assert linked.cli("reconnect", "shop", check=False).returncode == 1
    linked.pair(phone)
    assert linked.sessions()["shop"]["label"] == "Shop"
    assert_answers(ana, phone)


def test_logout_while_off_is_found_at_the_next_start(
    linked: Shop, simulator: RunningSimulator, phone: Phone
) -> None:
    linked.quit()
    phone.unlink(phone.companions[0])
    linked.running()
    linked.until_state("logged-out")
    assert linked.sessions()["shop"]["reason"] == "phone-unlinked"
    assert len(simulator.stats.logins_of(NUMBER, "failure 401")) == 1


def test_offline_at_start_connects_when_the_network_returns(
    linked: Shop, simulator: RunningSimulator, phone: Phone, ana: Customer, measured: Measure
) -> None:
    linked.quit()
    simulator.faults.refuse()
    linked.running()
    with linked.follow() as follower:
        follower.wait("waiting")
        time.sleep(8)  # long enough for the back-off to be longer than the goal
        began = time.monotonic()
        simulator.faults.accept()
        back = follower.wait("connected", after=began, timeout_s=10)
    measured("offline at start, network back -> connected", back - began, "5 s")
    assert_answers(ana, phone)


def test_killed_worker_is_replaced(
    linked: Shop, phone: Phone, ana: Customer, simulator: RunningSimulator, measured: Measure
) -> None:
    with linked.follow() as follower:
        began = time.monotonic()
        (worker,) = linked.workers()
        worker.kill()
        gone = follower.wait("waiting", after=began)
        back = follower.wait("connected", after=gone)
    assert back - began < 10
    measured("kill -9 of a worker -> connected", back - began, "5 s")
    assert simulator.stats.pairings == 1
    assert_answers(ana, phone)


def test_killed_program_leaves_no_worker_and_starts_without_a_code(
    linked: Shop, phone: Phone, ana: Customer, simulator: RunningSimulator, measured: Measure
) -> None:
    assert_answers(ana, phone, "question before the crash")
    workers = linked.workers()
    assert workers
    began = time.monotonic()
    linked.kill_main()
    until(lambda: not linked.family(), "every worker gone", 10)
    measured("kill -9 of the program -> no worker left", time.monotonic() - began, "5 s")
    began = linked.start()
    linked.answering()
    back = linked.until_state("connected")
    measured("start after a crash -> connected", back - began, "3 s")
    assert_answers(ana, phone, "question after the crash")
    assert simulator.stats.pairings == 1
    texts = [reply.text for reply in ana.replies]
    assert texts == ["answer to: question before the crash", "answer to: question after the crash"]


@pytest.mark.parametrize(
    ("failure", "state", "reason"),
    [
        (temporary_ban(101, 3600), "banned", "temporary-ban"),
        (Failure(405), "outdated", "client-outdated"),
        (Failure(403), "logged-out", "login-refused"),
        (Failure(409), "waiting", "server-refused"),
    ],
)
def test_refused_login_is_said_and_not_stormed(
    linked: Shop, simulator: RunningSimulator, failure: Failure, state: str, reason: str
) -> None:
    with linked.follow() as follower:
        simulator.faults.login_failure = failure
        simulator.faults.cut()
        follower.wait(state)
        assert linked.sessions()["shop"]["reason"] == reason
        refused = f"failure {failure.reason}"
        count = len(simulator.stats.logins_of(NUMBER, refused))
        time.sleep(8)
        assert len(simulator.stats.logins_of(NUMBER, refused)) == count


def test_replaced_session_does_not_fight(linked: Shop, simulator: RunningSimulator) -> None:
    with linked.follow() as follower:
        simulator.faults.stream_error(0, conflict="replaced")
        follower.wait("replaced")
        logins = len(simulator.stats.logins)
        time.sleep(8)
        assert len(simulator.stats.logins) == logins
        assert linked.cli("reconnect", "shop").returncode == 0  # "Take over here"
        follower.wait("connected", timeout_s=20)


@pytest.mark.parametrize("code", [503, 516])
def test_passing_stream_error_is_left_to_the_library(
    linked: Shop, simulator: RunningSimulator, code: int, phone: Phone, ana: Customer
) -> None:
    workers = linked.workers()
    with linked.follow() as follower:
        began = time.monotonic()
        simulator.faults.stream_error(code)
        follower.wait("connected", after=follower.wait("reconnecting", after=began))
    assert linked.workers() == workers
    assert_answers(ana, phone)


def test_zombie_is_found_by_verify(
    linked: Shop, simulator: RunningSimulator, phone: Phone, ana: Customer
) -> None:
    simulator.faults.of(phone).is_zombie = True
    with linked.follow() as follower:
        began = time.monotonic()
        assert linked.cli("verify", "shop", check=False).returncode == 1
        follower.wait("connecting", after=began, timeout_s=40)
        simulator.faults.clear()
        follower.wait("connected", after=began, timeout_s=60)
    assert_answers(ana, phone)


@pytest.mark.slow
def test_hung_worker_is_replaced(
    linked: Shop, phone: Phone, ana: Customer, measured: Measure
) -> None:
    with linked.follow() as follower:
        began = time.monotonic()
        (worker,) = linked.workers()
        worker.suspend()
        back = follower.wait(
            "connected", after=follower.wait("connecting", after=began, timeout_s=60)
        )
    measured("SIGSTOP of a worker -> connected", back - began, "20 s")
    assert not worker.is_running()
    assert_answers(ana, phone)


@pytest.mark.slow
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
    assert_answers(ana, phone)
    assert len(ana.replies) == 2


@pytest.mark.slow
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
