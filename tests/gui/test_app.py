"""The desktop program as a process: it starts on a real screen, and ends clean however it ends."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.desktop import Desktop, start_desktop, wait_for
from wabot_tray.gui.colours import AMBER

TITLE = "wabot-tray"
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def own(request: pytest.FixtureRequest) -> Iterator[Desktop]:
    with start_desktop(tray=getattr(request, "param", True)) as made:
        yield made


@pytest.fixture
def start(own: Desktop, tmp_path: Path) -> Iterator[Start]:
    processes: list[subprocess.Popen[str]] = []

    def starting(*words: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-X", "dev", "-m", "tests.gui.app_child", str(tmp_path), *words],
            env=own.env({"XDG_CONFIG_HOME": str(tmp_path)}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield starting
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


def ended(process: "subprocess.Popen[str]") -> tuple[int, list[str], str]:
    out, err = process.communicate(timeout=20)
    return process.returncode, out.split(), err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_it_clean(number: int, own: Desktop, start: Start) -> None:
    process = start()
    wait_for(lambda: own.screen.windows(TITLE), what="the dashboard")
    wait_for(lambda: own.screen.tray_count(AMBER) > 40, what="the tray icon")
    process.send_signal(number)
    code, said, err = ended(process)
    assert code == 0
    assert said == ["started", "closed"]
    # No warning of Qt, no loop left open; only that asyncio's own debugging calls a step slow.
    assert [line for line in err.splitlines() if not line.startswith("Executing <")] == []


def test_minimized_shows_the_tray_alone(own: Desktop, start: Start) -> None:
    start("--minimized")
    wait_for(lambda: own.screen.tray_count(AMBER) > 40, what="the tray icon")
    assert own.screen.windows(TITLE) == []
    own.screen.click(*own.screen.tray_centre())
    wait_for(lambda: own.screen.windows(TITLE), what="the dashboard")


def test_quit_in_the_menu_ends_it(own: Desktop, start: Start) -> None:
    process = start("--minimized")
    wait_for(lambda: own.screen.tray_count(AMBER) > 40, what="the tray icon")
    before = own.screen.shot().tobytes()
    own.screen.click(*own.screen.tray_centre(), button=3)
    wait_for(lambda: own.screen.shot().tobytes() != before, what="the menu")
    own.screen.press("q")
    code, said, _ = ended(process)
    assert (code, said) == (0, ["started", "closed"])


@pytest.mark.parametrize("own", [False], indirect=True)
def test_desktop_without_a_tray_gets_the_dashboard(own: Desktop, start: Start) -> None:
    start()
    wait_for(lambda: own.screen.windows(TITLE), what="the dashboard")


def test_start_that_fails_says_so_and_ends_with_one(own: Desktop, start: Start) -> None:
    process = start("--fail")
    wait_for(lambda: own.screen.windows(TITLE), what="the message")
    own.screen.press("Return")
    code, said, _ = ended(process)
    assert code == 1
    assert said == ["closed"]


def test_error_in_a_slot_is_logged_and_the_program_goes_on(own: Desktop, start: Start) -> None:
    process = start("--broken-slot")
    wait_for(lambda: own.screen.windows(TITLE), what="the dashboard")
    process.send_signal(signal.SIGTERM)
    code, _, err = ended(process)
    assert code == 0
    assert "a slot that fails" in err
