"""Faults of the computer around the program: it sleeps, its keyring locks, its log goes."""

import contextlib
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from typing import Final

import psutil

from tests.e2e.faults_storage import MountedShop, fill
from tests.e2e.harness import Shop
from tests.e2e.matrix import Fault, Scene
from tests.e2e.mounts import Mounts
from tests.logind import Logind

NAP_S: Final = 3.0
HELD_UP_S: Final = 20.0  # longer than a worker may be silent, and than a pulse may be late


class SleepyShop(Shop):
    """A computer with a system bus and a logind that the row plays."""

    def furnish(self, stack: contextlib.ExitStack) -> None:
        super().furnish(stack)
        self.logind = stack.enter_context(Logind())

    @property
    def env(self) -> dict[str, str]:
        return super().env | self.logind.env


@contextlib.contextmanager
def frozen(scene: Scene) -> Iterator[None]:
    """Stop every process of the program, as a sleep does, and let them go on."""
    processes = scene.shop.family()
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGCONT)


def sleeps(scene: Scene) -> None:
    """The link dies meanwhile, without a FIN, as behind a router that forgets."""
    assert isinstance(scene.shop, SleepyShop)
    logind = scene.shop.logind
    scene.begins()
    logind.prepare_for_sleep(True)
    with frozen(scene):
        scene.simulator.faults.black_hole()
        time.sleep(NAP_S)  # the sleep itself
    woke = time.monotonic()
    logind.prepare_for_sleep(False)
    scene.took(scene.recovers(after=scene.sees("connecting", after=woke)) - woke)
    assert "back from sleep" in scene.shop.log()


def sleeps_and_keeps_its_link(scene: Scene) -> None:
    """A short sleep: the link is asked and stays."""
    assert isinstance(scene.shop, SleepyShop)
    logind = scene.shop.logind
    worker, logins = scene.worker(), scene.logins()
    verified = scene.session()["last_verified_at"]
    scene.begins()
    logind.prepare_for_sleep(True)
    with frozen(scene):
        time.sleep(NAP_S)  # the sleep itself
    woke = time.monotonic()
    logind.prepare_for_sleep(False)
    scene.waits(lambda: scene.session()["last_verified_at"] > verified, 10)
    scene.took(time.monotonic() - woke)
    scene.answers()
    assert (scene.worker(), scene.logins()) == (worker, logins)


def held_up_and_link_dead(scene: Scene) -> None:
    """No signal tells it: a virtual machine that was paused."""
    scene.begins()
    with frozen(scene):
        scene.simulator.faults.black_hole()
        time.sleep(HELD_UP_S)  # the pause itself
    woke = time.monotonic()
    scene.took(scene.recovers(after=scene.sees("connecting", after=woke)) - woke)


def held_up_and_link_alive(scene: Scene) -> None:
    """Nobody is taken for hung who was only stopped."""
    worker, logins = scene.worker(), scene.logins()
    scene.begins()
    with frozen(scene):
        time.sleep(HELD_UP_S)  # the pause itself
    woke = time.monotonic()
    scene.answers()
    scene.took(time.monotonic() - woke)
    time.sleep(10)  # every timer that fell due meanwhile has rung
    assert (scene.worker(), scene.logins()) == (worker, logins)
    assert scene.session()["restarts"] == 0


# --- the keyring ---------------------------------------------------------------------------------


def keyring_locked(scene: Scene) -> None:
    """It locks with the screen; the program still has the key in memory."""
    scene.shop.service.lock()
    began = scene.begins()
    scene.answers_on_the_books("question beside a locked keyring")
    began = time.monotonic()
    scene.worker().kill()
    scene.took(scene.recovers(after=scene.sees("waiting", "worker-crashed")) - began)
    assert scene.shop.service.is_locked()
    scene.shop.service.unlock()
    scene.answers("question beside an unlocked keyring")


def keyring_killed(scene: Scene) -> None:
    scene.begins()
    scene.shop.service.stop_keyring()
    scene.answers_on_the_books("question without a keyring")
    began = time.monotonic()
    scene.worker().kill()
    scene.took(scene.recovers(after=scene.sees("waiting", "worker-crashed")) - began)
    scene.shop.service.start_keyring()
    scene.answers("question with a keyring again")


def keyring_locked_at_the_start(scene: Scene) -> None:
    """Red with a sentence, nobody asked twice, and green as soon as it is unlocked."""
    scene.stop_following()
    scene.shop.quit()
    scene.shop.service.lock()
    scene.begins_again()
    scene.sees("failed", "keyring-locked")
    assert scene.session()["text"]
    scene.shop.service.unlock()
    unlocked = time.monotonic()
    scene.took(scene.recovers(after=unlocked) - unlocked)
    assert scene.simulator.stats.pairings == 1


# --- the log -------------------------------------------------------------------------------------


def log_removed(scene: Scene) -> None:
    """Somebody cleans up while the program runs."""
    log = scene.shop.data / "logs" / "wabot-tray.log"
    scene.begins()
    shutil.rmtree(log.parent)
    began = time.monotonic()
    scene.answers()
    scene.waits(lambda: log.exists() and "answered" in log.read_text(encoding="utf-8"), 10)
    scene.took(time.monotonic() - began)


def log_full(scene: Scene) -> None:
    """It is said once, the program goes on, and so does the log when there is room."""
    folder = scene.shop.data / "logs"
    log = scene.shop.seen(folder / "wabot-tray.log")
    scene.begins()
    filler = fill(scene, folder)
    with log.open("ab", buffering=0) as last_page, contextlib.suppress(OSError):
        while last_page.write(b"\n"):
            pass
    for number in range(3):
        scene.answers(f"question {number} without a log")
    scene.waits(lambda: "the log file cannot be written" in scene.shop.log(), 20)
    filler.unlink()
    began = time.monotonic()
    scene.answers("question with a log again")
    scene.waits(lambda: "the log file is written again" in scene.shop.log(), 20)
    scene.took(time.monotonic() - began)
    assert scene.shop.log().count("the log file cannot be written") == 1
    assert log.read_text(encoding="utf-8").endswith("\n")


def log_read_only(scene: Scene) -> None:
    """The program starts all the same, and says once where its lines go."""
    assert scene.shop.mounts is not None
    scene.stop_following()
    scene.shop.quit()
    folder = scene.shop.data / "logs"
    scene.shop.mounts.read_only(folder)
    scene.begins_again()
    scene.recovers()
    assert scene.shop.log().count("the log file cannot be written") == 1
    scene.shop.mounts.unmount(folder)
    began = time.monotonic()
    scene.answers("question with a log again")
    scene.waits(lambda: "the log file is written again" in scene.shop.log(), 10)
    scene.took(time.monotonic() - began)


class LoggingShop(MountedShop):
    """A computer whose log lies in a tiny file system of its own."""

    def mount(self, mounts: Mounts) -> None:
        super().mount(mounts)
        mounts.tmpfs(self.data / "logs", size="64k")


def machine(
    key: str,
    what: str,
    play: Callable[[Scene], None],
    goal_s: float,
    *,
    shop: type[Shop] = Shop,
    slow: float = 0.0,
) -> Fault:
    return Fault(
        key, "machine", what, play, goal_s=goal_s, everyone=True, make_shop=shop, slow=slow
    )


FAULTS: Final = [
    machine("sleep", "The computer sleeps and its links die; logind says when it is back.",
            sleeps, 5, shop=SleepyShop, slow=10),
    machine("nap", "The computer sleeps and its links live.",
            sleeps_and_keeps_its_link, 2, shop=SleepyShop),
    machine("held-up", "Every process stands still for 20 s and the links die; no signal.",
            held_up_and_link_dead, 10, slow=30),
    machine("held-up-link-alive", "Every process stands still for 20 s and the links live.",
            held_up_and_link_alive, 2, slow=40),
    machine("keyring-locked", "The keyring locks; then a worker dies.",
            keyring_locked, 5, slow=10),
    machine("keyring-killed", "The keyring is gone; then a worker dies.",
            keyring_killed, 5, slow=20),
    machine("keyring-locked-at-start", "The program starts beside a locked keyring; unlocked.",
            keyring_locked_at_the_start, 5, slow=10),
    machine("log-removed", "The log folder is removed.", log_removed, 5, slow=10),
    machine("log-full", "The log's disk runs full; then there is room.",
            log_full, 5, shop=LoggingShop, slow=10),
    machine("log-read-only", "The log folder is read-only at the start; then it can be written.",
            log_read_only, 5, shop=LoggingShop, slow=10),
]  # fmt: skip
