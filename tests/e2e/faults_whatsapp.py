"""What WhatsApp itself decides: logouts, refusals, bans, and a server that is not well."""

import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.e2e.matrix import VICTIM, Fault, Scene
from tests.simulator.bare_process import BareProcess
from tests.simulator.faults import Failure, RedialFault, temporary_ban

QUIET_AFTER_S: Final = 10.0  # how long nothing may be tried after a decision
DECIDED_S: Final = 2.0

_FINAL_REFUSALS: Final = (
    (401, "phone-unlinked"),
    (403, "login-refused"),
    (406, "login-refused"),
)


def settled(scene: Scene, state: str, reason: str) -> None:
    """Nothing is tried any more, no worker is left, and the person is told what to do."""
    session = scene.session()
    assert (session["state"], session["reason"]) == (state, reason)
    assert session["text"]
    scene.waits(lambda: not scene.has_worker(), 10)
    # While a session waits for better times, there are looks at the door: those are no logins.
    with scene.no_attempts(dials_too=state != "waiting"):
        time.sleep(QUIET_AFTER_S)
    assert scene.session()["state"] == state
    scene.notes(f"no attempt in {QUIET_AFTER_S:g} s")


def workers_so_far(scene: Scene) -> int:
    """Return how often a worker of the account has begun."""
    return scene.shop.log().count(f"vault of {VICTIM} opened")


def refused_once(scene: Scene, code: int, workers: int) -> None:
    """One worker was refused, and none came after it.

    The end of the connection may overtake the refusal inside the library, which then logs in once
    more by itself (docs/neonize.md).
    """
    assert scene.logins(f"failure {code}") in {1, 2}
    assert workers_so_far(scene) == workers


def refused_login(failure: Failure, state: str, reason: str) -> Callable[[Scene], None]:
    """The redial of a lost link is refused."""

    def play(scene: Scene) -> None:
        scene.simulator.faults.of(scene.phone).login_failure = failure
        workers = workers_so_far(scene)
        began = scene.begins()
        scene.simulator.faults.cut(scene.phone)
        scene.took(scene.sees(state, reason) - began)
        settled(scene, state, reason)
        refused_once(scene, failure.reason, workers)

    return play


def device_removed(scene: Scene) -> None:
    began = scene.begins()
    scene.phone.unlink(scene.phone.companions[0])
    scene.took(scene.sees("logged-out", "phone-unlinked") - began)
    settled(scene, "logged-out", "phone-unlinked")
    assert scene.shop.cli("reconnect", VICTIM, check=False).returncode == 1
    scene.shop.pair(scene.phone)  # one click
    assert scene.session()["label"] == VICTIM.title()
    scene.answers()


def removed_while_off(scene: Scene) -> None:
    scene.shop.quit()
    workers = workers_so_far(scene)
    scene.phone.unlink(scene.phone.companions[0])
    scene.shop.running()
    scene.begins()
    scene.sees("logged-out", "phone-unlinked", after=0.0)
    settled(scene, "logged-out", "phone-unlinked")
    refused_once(scene, 401, workers + 1)


def ban(scene: Scene) -> None:
    """Bans end; one login follows, a minute after the end, and succeeds."""
    faults = scene.simulator.faults.of(scene.phone)
    faults.login_failure = temporary_ban(101, 5)
    scene.begins()
    scene.simulator.faults.cut(scene.phone)
    banned = scene.sees("banned", "temporary-ban")
    faults.login_failure = None
    logins = scene.logins()
    back = scene.recovers(within_s=150)
    assert scene.logins() - logins == 1
    scene.took(back - banned - 5)


def replaced(scene: Scene) -> None:
    began = scene.begins()
    scene.simulator.faults.stream_error(0, scene.phone, conflict="replaced")
    scene.took(scene.sees("replaced", "replaced") - began)
    settled(scene, "replaced", "replaced")
    assert scene.shop.cli("reconnect", VICTIM).returncode == 0  # "Take over here"
    scene.recovers()


def second_program(scene: Scene) -> None:
    """A bare neonize with a copy of the live database: we step back and do not fight."""
    with tempfile.TemporaryDirectory() as folder:
        (live,) = (
            path for path in scene.shop.runtime.rglob("*") if path.is_file() and
            VICTIM in path.parts and path.read_bytes()[:6] == b"SQLite"
        )  # fmt: skip
        for path in live.parent.glob(f"{live.name}*"):
            if not path.name.endswith("-shm"):
                shutil.copy(path, folder)
        began = scene.begins()
        with BareProcess(scene.simulator, Path(folder) / live.name) as other:
            other.wait_for_login()
            seen = scene.sees("replaced", "replaced")
            scene.took(seen - scene.simulator.stats.logins[-1].at)
            assert seen > began
            settled(scene, "replaced", "replaced")
            assert "StreamReplaced" not in other.names
        assert scene.shop.cli("reconnect", VICTIM).returncode == 0
        scene.recovers()


def passing_stream_error(code: int) -> Callable[[Scene], None]:
    def play(scene: Scene) -> None:
        worker = scene.worker()
        began = scene.begins()
        scene.simulator.faults.stream_error(code, scene.phone)
        scene.took(scene.recovers(after=scene.sees("reconnecting")) - began)
        assert scene.worker() == worker

    return play


def busy(code: int, for_s: float) -> Callable[[Scene], None]:
    """The server breaks off every login for a while; whatsmeow alone would go on for ever."""

    def play(scene: Scene) -> None:
        faults = scene.simulator.faults.of(scene.phone)
        faults.login_failure = Failure(code)
        began = scene.begins()
        scene.simulator.faults.cut(scene.phone)
        scene.sees("waiting", "server-busy", within_s=60)
        before = scene.logins(f"failure {code}")
        scene.lasts(for_s, sample_s=20)
        attempts = scene.logins(f"failure {code}")
        lasted = time.monotonic() - began
        scene.notes(f"{attempts} logins in {lasted:.0f} s, {before} of them in the first 22 s")
        faults.login_failure = None
        well_at = time.monotonic()
        scene.took(scene.recovers(after=well_at, within_s=150) - well_at)

    return play


def refused_redial(fault: RedialFault) -> Callable[[Scene], None]:
    """The library dials once after the scan; if that fails it falls silent."""

    def play(scene: Scene) -> None:
        simulator = scene.simulator
        simulator.faults.of(scene.phone).redial_after_pairing = fault
        scene.shop.running().cli("add", VICTIM)
        scene.begins()

        def mend() -> None:
            simulator.wait_until(lambda: simulator.stats.pairings == 1, 60)
            simulator.wait_until(lambda: not simulator.faults.cuts_next_dial, 20)
            time.sleep(3)  # nobody sees a dial that is refused
            simulator.faults.clear()

        mending = threading.Thread(target=mend)
        mending.start()
        took = scene.shop.pair(scene.phone)
        mending.join()
        scene.took(took)
        assert simulator.stats.pairings == 1
        assert scene.follower.states(VICTIM).count("pairing") == 1
        scene.answers()

    return play


def send_refused(scene: Scene) -> None:
    """Error 463: the account may not write to new chats for a while; the reply waits its turn."""
    faults = scene.simulator.faults.of(scene.phone)
    worker = scene.worker()
    faults.ack_error = 463
    scene.begins()
    scene.ana.send(scene.phone, "question while refused")
    scene.waits(lambda: "will be sent again" in scene.shop.log(), 20)
    assert scene.session()["state"] == "connected"
    faults.ack_error = None
    well_at = time.monotonic()
    scene.waits(lambda: scene.ana.replies[-1].text == "answer to: question while refused", 90)
    scene.took(scene.ana.replies[-1].at - well_at)
    assert scene.worker() == worker


def zombie(scene: Scene) -> None:
    """The socket is open and pings are answered, but the server does nothing more for us."""
    scene.simulator.faults.of(scene.phone).is_zombie = True
    began = scene.begins()
    assert scene.shop.cli("verify", VICTIM, check=False).returncode == 1
    scene.sees("connecting", within_s=40)
    scene.simulator.faults.clear()
    scene.took(scene.recovers(within_s=60) - began)


FAULTS: Final = [
    Fault(
        "device-removed", "whatsapp", "The phone removes this computer (stream error 401).",
        device_removed, goal_s=DECIDED_S, slow=20,
    ),
    Fault(
        "removed-while-off", "whatsapp", "It did so while the program was off.",
        removed_while_off, goal="one login, no more", everyone=True, slow=20,
    ),
    *(
        Fault(
            f"login-{code}", "whatsapp", f"A login is refused with {code}.",
            refused_login(Failure(code), "logged-out", reason), goal_s=DECIDED_S,
            slow=20,
        )
        for code, reason in _FINAL_REFUSALS
    ),
    Fault(
        "login-402", "whatsapp", "A login is refused with 402, a ban for an hour.",
        refused_login(temporary_ban(101, 3600), "banned", "temporary-ban"), goal_s=DECIDED_S,
        slow=20,
    ),
    Fault(
        "ban-ends", "whatsapp", "A ban ends: one login follows, a minute later.",
        ban, goal="one login, ≤ 65 s after the end", goal_s=65, slow=70,
    ),
    Fault(
        "login-405", "whatsapp", "A login is refused with 405, this version is too old.",
        refused_login(Failure(405), "outdated", "client-outdated"), goal_s=DECIDED_S,
        slow=10,
    ),
    *(
        Fault(
            f"login-{code}", "whatsapp", f"A login is refused with {code}, which may pass.",
            refused_login(Failure(code), "waiting", "server-refused"),
            goal=f"≤ {DECIDED_S:g} s, then a minute's wait", goal_s=DECIDED_S,
            slow=10,
        )
        for code in (409, 499)
    ),
    *(
        Fault(
            f"busy-{code}", "whatsapp", f"Every login is refused with {code} for three minutes.",
            busy(code, 180), goal="the back-off, ≤ 75 s", goal_s=75, slow=60,
        )
        for code in (500, 503)
    ),
    *(
        Fault(
            f"stream-{code}", "whatsapp", f"The stream is ended with error {code}.",
            passing_stream_error(code), goal_s=1,
        )
        for code in (503, 516)
    ),
    Fault(
        "replaced", "whatsapp", "The session is replaced.", replaced, goal_s=DECIDED_S,
        slow=20,
    ),
    Fault(
        "second-program", "whatsapp", "A second program logs in with a copy of the credentials.",
        second_program, goal_s=DECIDED_S, slow=30,
    ),
    *(
        Fault(
            f"redial-{fault}", "whatsapp", f"The first dial after a scan is {fault}.",
            refused_redial(fault), goal="≤ 90 s, no new code", goal_s=90, slow=70,
            everyone=True, prepare=lambda _: None,
        )
        for fault in RedialFault
    ),
    Fault(
        "send-463", "whatsapp", "WhatsApp refuses a reply with 463, then takes it.",
        send_refused, goal="sent by itself, no restart",
    ),
    Fault(
        "zombie", "whatsapp", "The link is open, and the server does nothing more for it.",
        zombie, goal="found by `wabot verify`, ≤ 45 s", goal_s=45, slow=25,
    ),
]  # fmt: skip
