"""The demo tells its whole story, on a desktop and in the terminal, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.desktop import Desktop
from tests.e2e.harness import ROOT, until

pytestmark = [pytest.mark.e2e, pytest.mark.slow(30)]
COMMAND = [sys.executable, "-m", "tests.demo"]


def left_behind(mark: str) -> list[str]:
    """Return the command lines of processes whose environment has `mark`."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("DEMO_TEST") == mark:
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


@pytest.mark.parametrize("where", ["desktop", "terminal"])
def test_demo_tells_its_story(screen: Desktop, where: str, tmp_path: Path) -> None:
    env = screen.env() | {"LANG": "es_ES.UTF-8", "TMPDIR": str(tmp_path), "DEMO_TEST": where}
    env.pop("LC_ALL", None)
    arguments = ["--once"] if where == "desktop" else ["--once", "--headless"]
    done = subprocess.run(
        [*COMMAND, *arguments],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("bot → Ana: ¡Hola Ana!") == 3
    assert done.stdout.count("sin código") == 4
    assert left_behind(where) == []
    assert list(tmp_path.iterdir()) == []


def test_demo_ends_clean_with_ctrl_c(tmp_path: Path) -> None:
    env = os.environ | {"LANG": "C.UTF-8", "TMPDIR": str(tmp_path), "DEMO_TEST": "ctrl-c"}
    with subprocess.Popen(
        [*COMMAND, "--headless"], cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True
    ) as demo:
        assert demo.stdout is not None
        for line in demo.stdout:
            if "Linked" in line:
                break
        demo.send_signal(signal.SIGINT)
        rest = demo.stdout.read()
        assert demo.wait(30) == 0
    assert "Ended; everything is removed." in rest
    until(lambda: not left_behind("ctrl-c"), "every process of the demo gone", 10)
    assert list(tmp_path.iterdir()) == []
