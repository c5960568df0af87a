"""The clocks behind a sleep, on each system."""

import ctypes
import subprocess
import sys
import time
from types import SimpleNamespace
from typing import Any

import pytest

from wabot_tray.core.clock import SYSTEM_CLOCK, _steady
from wabot_tray.system.power import asleep_clock


def test_steady_clock_of_this_system_goes_at_the_pace_of_the_others() -> None:
    began, steady = time.monotonic(), SYSTEM_CLOCK.monotonic()
    time.sleep(0.05)  # time itself is what is looked at
    passed, steadily = time.monotonic() - began, SYSTEM_CLOCK.monotonic() - steady
    assert steadily == pytest.approx(passed, abs=0.02)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a time namespace is Linux's")
def test_steady_clock_counts_what_the_computer_slept() -> None:
    """In a time namespace the two clocks differ as they do after a sleep (time_namespaces(7))."""
    script = (
        "from wabot_tray.core.clock import SYSTEM_CLOCK\n"
        "from wabot_tray.system.power import asleep_clock\n"
        "import time\n"
        "print(asleep_clock()(), SYSTEM_CLOCK.monotonic() - time.monotonic())\n"
    )

    def tell(*within: str) -> list[float]:
        command = [*within, sys.executable, "-c", script]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
        if done.returncode and within:
            pytest.skip(f"no time namespace: {done.stderr.strip()}")
        return [float(word) for word in done.stdout.split()]

    here = tell()
    there = tell("unshare", "--user", "--map-root-user", "--time", "--fork", "--boottime", "3600")
    assert [b - a for a, b in zip(here, there, strict=True)] == pytest.approx([3600, 3600], abs=1)


def test_macos_reads_the_clock_that_sleeps_and_the_one_that_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(time, "CLOCK_MONOTONIC", 6)
    monkeypatch.setattr(time, "CLOCK_UPTIME_RAW", 8, raising=False)
    monkeypatch.setattr(time, "clock_gettime", lambda clock: {6: 500.0, 8: 300.0}[clock])
    assert _steady("darwin")() == 500.0
    monkeypatch.setattr("wabot_tray.system.power.SYSTEM_CLOCK", SimpleNamespace(
        monotonic=_steady("darwin")))  # fmt: skip
    assert asleep_clock("darwin")() == 200.0


def test_windows_asks_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    class Function:
        restype: Any = None

        def __call__(self) -> int:
            return 500_000  # milliseconds, those asleep too

    def unbiased(target: Any) -> int:
        target._obj.value = 300 * 10_000_000
        return 1

    kernel = SimpleNamespace(GetTickCount64=Function(), QueryUnbiasedInterruptTime=unbiased)
    monkeypatch.setattr(ctypes, "windll", SimpleNamespace(kernel32=kernel), raising=False)
    assert asleep_clock("win32")() == 200.0
    assert _steady("win32") is time.monotonic


def test_system_without_such_clocks_never_slept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(time, "CLOCK_UPTIME_RAW", raising=False)
    assert asleep_clock("freebsd14")() == 0.0
