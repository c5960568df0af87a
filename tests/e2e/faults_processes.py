"""Faults of our own processes: killed, hung, in a crash loop, started twice."""

import itertools
import subprocess
import sys
import time
from typing import Final

from tests.e2e.matrix import VICTIM, Fault, Scene
from tests.e2e.special_shops import LeanShop
from wabot_tray.sessions.launching import LOGIN_SPACING_S

CRASH_S: Final = 5.0


def killed_worker(scene: Scene) -> None:
    began = scene.begins()
    scene.worker().kill()
    scene.took(scene.recovers(after=scene.sees("waiting", "worker-crashed")) - began)
    assert scene.simulator.stats.pairings == len(scene.names)


def hung_worker(scene: Scene) -> None:
    """Its sign of life fails to come for 15 s."""
    worker = scene.worker()
    began = scene.begins()
    worker.suspend()
    scene.took(scene.recovers(after=scene.sees("waiting", "worker-silent", within_s=60)) - began)
    assert not worker.is_running()


def killed_program(scene: Scene) -> None:
    """The workers leave, sealed; the next start needs no code and answers nothing twice."""
    scene.answers("question before the crash")
    scene.shop.kill_main()
    killed = time.monotonic()
    scene.waits(lambda: not scene.shop.family(), 15)
    scene.notes(f"no process left after {time.monotonic() - killed:.1f} s")
    began = scene.begins_again()
    scene.took(scene.recovers(after=began) - began)
    assert scene.simulator.stats.pairings == 1
    texts = [reply.text for reply in scene.ana.replies]
    assert texts.count("answer to: question before the crash") == 1


def crash_loop(scene: Scene) -> None:
    """The fifth crash in ten minutes is the last: a person has to look."""
    killed = scene.begins()
    for crash in range(1, 6):
        scene.waits(scene.has_worker, 60)
        killed = time.monotonic()
        scene.worker().kill()
        if crash < 5:
            scene.sees("waiting", "worker-crashed", after=killed)
    scene.took(scene.sees("failed", "crash-loop", after=killed) - killed)
    assert scene.session()["text"]
    with scene.no_attempts():
        time.sleep(10)
    assert not scene.has_worker()
    asked = time.monotonic()
    scene.shop.cli("reconnect", VICTIM)
    scene.recovers(after=asked)


def second_start(scene: Scene) -> None:
    """The second program says that there is one already, and shows that one's windows."""
    scene.begins()
    with scene.no_attempts():
        began = time.monotonic()
        second = subprocess.run(
            [*scene.shop.entry(), "--headless"],
            cwd="/",
            env=scene.shop.env | {"PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        scene.took(time.monotonic() - began)
    assert second.returncode == 0
    assert "already running" in second.stderr
    assert scene.session()["state"] == "connected"
    scene.answers()


def all_connected(scene: Scene, after: float) -> float:
    """Return when the last account was connected again."""
    follower = scene.follower
    return max(follower.wait("connected", name, after=after, timeout_s=60) for name in scene.names)


def every_worker_killed(scene: Scene) -> None:
    """They come back one after the other."""
    before = len(scene.simulator.stats.logins)
    began = scene.begins()
    for worker in scene.shop.workers():
        worker.kill()
    lost = max(scene.follower.wait("waiting", name, after=began) for name in scene.names)
    scene.took(all_connected(scene, lost) - began)
    times = [login.at for login in scene.simulator.stats.logins[before:]]
    assert len(times) == len(scene.names)
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    scene.notes(f"{min(gaps):.2f} s or more between two logins")
    # What a worker needs to dial differs a little from one to the next.
    assert sum(gaps) > LOGIN_SPACING_S * len(gaps) - 0.4
    scene.answers()


def every_link_cut(scene: Scene) -> None:
    """The library redials by itself, at once: nobody can stagger that."""
    before = len(scene.simulator.stats.logins)
    began = scene.begins()
    scene.simulator.faults.cut()
    lost = max(scene.follower.wait("reconnecting", name, after=began) for name in scene.names)
    scene.took(all_connected(scene, lost) - began)
    logins = scene.simulator.stats.logins[before:]
    span = logins[-1].at - logins[0].at
    scene.notes(f"{len(logins)} logins within {span:.2f} s: the library redials by itself")
    assert len(logins) == len(scene.names)
    scene.answers()


def too_large(scene: Scene) -> None:
    """Nobody is interrupted for it: the worker is replaced when nobody has written for 30 s."""
    worker = scene.worker()
    scene.begins()
    for _ in range(10):
        scene.answers()
    assert scene.worker() == worker
    seen = scene.sees("connecting", "worker-too-large", within_s=90)
    scene.took(scene.recovers(after=seen) - seen)
    replaced = scene.worker()
    assert replaced != worker
    assert "the worker holds" in scene.shop.log()
    time.sleep(40)  # once an hour is enough
    assert scene.worker() == replaced


FAULTS: Final = [
    Fault(
        "worker-killed", "processes", "A worker is killed (kill -9).",
        killed_worker, goal_s=CRASH_S,
    ),
    Fault(
        "worker-hung", "processes", "A worker hangs (SIGSTOP).",
        hung_worker, goal_s=20, slow=20,
    ),
    Fault(
        "crash-loop", "processes", "A worker dies five times in a row.",
        crash_loop, goal="stopped and said ≤ 2 s after the fifth", goal_s=2, slow=50,
    ),
    Fault(
        "worker-too-large", "processes", "A worker holds more memory than it may.",
        too_large, goal="in a quiet moment, away ≤ 5 s, once an hour", goal_s=5, slow=80,
        make_shop=LeanShop,
    ),
    Fault(
        "program-killed", "processes", "The program is killed (kill -9) and started again.",
        killed_program, goal_s=CRASH_S, everyone=True,
    ),
    Fault(
        "second-start", "processes", "The program is started a second time on the same data.",
        second_start, goal="the first goes on",
    ),
    Fault(
        "every-worker-killed", "processes", "Five workers are killed at once.",
        every_worker_killed, goal="two logins a second", everyone=True, accounts=5,
    ),
    Fault(
        "every-link-cut", "processes", "Five links are cut at once.",
        every_link_cut, goal_s=1, everyone=True, accounts=5,
    ),
]  # fmt: skip
