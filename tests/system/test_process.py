"""What a process says of itself: in processes of their own, or with the system injected."""

import ctypes
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from tests.e2e.harness import ROOT
from wabot_tray.system.process import POLITE, let_windows_go_first


def output(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", f"from wabot_tray.system.process import *\n{code}"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a name to set")
def test_name_is_the_one_the_system_shows() -> None:
    code = "name_process('wabot-worker'); print(open('/proc/self/comm').read())"
    assert output(code) == "wabot-worker"


@pytest.mark.skipif(sys.platform == "win32", reason="nice is POSIX")
def test_worker_yields_and_so_does_what_it_forks() -> None:
    code = """
import os, sys
before = os.nice(0)
let_windows_go_first()
if os.fork():
    os.wait()
else:
    print(os.nice(0) - before)
"""
    assert output(code) == str(POLITE)


def test_on_windows_the_priority_is_below_normal(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    kernel = SimpleNamespace(
        GetCurrentProcess=lambda: -1, SetPriorityClass=lambda *given: asked.append(given)
    )
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(ctypes, "windll", SimpleNamespace(kernel32=kernel), raising=False)
    let_windows_go_first()
    assert asked == [(-1, 0x4000)]


def test_where_it_may_not_yield_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: int) -> int:
        raise PermissionError

    monkeypatch.setattr(os, "nice", refuse)
    let_windows_go_first()
