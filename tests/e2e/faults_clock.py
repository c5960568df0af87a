"""Somebody sets the computer's clock while the program runs."""

import os
import sysconfig
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.e2e.harness import Shop
from tests.e2e.matrix import Fault, Scene

# Debian's libfaketime; it hands the program's processes another wall clock than everybody's.
LIBRARY: Final = (
    Path("/usr/lib") / str(sysconfig.get_config_var("MULTIARCH")) / "faketime/libfaketimeMT.so.1"
)
FIX_S: Final = 8.0  # a pulse of the watch, and what follows it


class ClockShop(Shop):
    """A computer whose clock can be set; its steady clock runs on, as the kernel's does."""

    @property
    def env(self) -> dict[str, str]:
        """The environment of its programs, which reads the time from a file."""
        return super().env | {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    @property
    def _file(self) -> Path:
        return self.folder / "clock"

    def set_clock(self, seconds: int) -> None:
        """Let its clock be so far from the true time."""
        fresh = self.folder / "fresh-clock"
        fresh.write_text(f"{seconds:+d}\n", encoding="ascii")
        os.replace(fresh, self._file)  # noqa: PTH105 - never half a file


def prepared(scene: Scene) -> None:
    """Begin with a clock that is right."""
    assert LIBRARY.exists(), "install libfaketime"
    assert isinstance(scene.shop, ClockShop)
    scene.shop.set_clock(0)
    scene.open()


def set_by(seconds: int) -> Callable[[Scene], None]:
    """An account that is connected is asked at once and left alone."""

    def play(scene: Scene) -> None:
        assert isinstance(scene.shop, ClockShop)
        worker, logins = scene.worker(), scene.logins()
        scene.begins()
        asked = scene.simulator.stats.passive_round_trips
        before = asked[scene.phone.number]
        set_at = time.monotonic()
        scene.shop.set_clock(seconds)
        scene.waits(lambda: f"the clock was set by {seconds} s" in scene.shop.log(), 15)
        scene.waits(lambda: asked[scene.phone.number] > before, 5, "the link is asked")
        scene.took(time.monotonic() - set_at)
        scene.answers("question by another clock")
        scene.shop.set_clock(0)
        scene.waits(lambda: f"the clock was set by {-seconds} s" in scene.shop.log(), 15)
        scene.answers("question by the old clock")
        time.sleep(FIX_S)  # whatever fell due by the other clock has rung
        assert (scene.worker(), scene.logins()) == (worker, logins)
        assert scene.session()["restarts"] == 0
        assert scene.session()["state"] == "connected"

    return play


def set_while_waiting(seconds: int) -> Callable[[Scene], None]:
    """The wait for the next attempt neither ends nor grows."""

    def play(scene: Scene) -> None:
        assert isinstance(scene.shop, ClockShop)
        scene.begins()
        scene.simulator.faults.refuse()
        scene.simulator.faults.cut(scene.phone)
        scene.sees("waiting", "dial-failed", within_s=60)
        scene.shop.set_clock(seconds)
        scene.waits(lambda: f"the clock was set by {seconds} s" in scene.shop.log(), 15)
        assert scene.session()["state"] in {"waiting", "connecting"}
        back_at = time.monotonic()
        scene.simulator.faults.accept()
        scene.took(scene.recovers(after=back_at) - back_at)

    return play


def clock(key: str, what: str, play: Callable[[Scene], None], goal: str, goal_s: float) -> Fault:
    return Fault(
        key, "machine", what, play, goal=goal, goal_s=goal_s, everyone=True, prepare=prepared,
        make_shop=ClockShop, slow=25,
    )  # fmt: skip


DAY_S: Final = 86_400
FAULTS: Final = [
    clock("clock-forward", "The clock is set forward a day, and back.",
          set_by(DAY_S), "noticed ≤ 6 s, nothing restarted", 6),
    clock("clock-back", "The clock is set back a day, and forward again.",
          set_by(-DAY_S), "noticed ≤ 6 s, nothing restarted", 6),
    clock("clock-forward-waiting", "The clock is set forward while there is no network.",
          set_while_waiting(DAY_S), "", 5),
    clock("clock-back-waiting", "The clock is set back while there is no network.",
          set_while_waiting(-DAY_S), "", 5),
]  # fmt: skip
