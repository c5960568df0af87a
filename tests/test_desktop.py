"""The desktop for tests is what it says, and leaves nothing behind."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.desktop import rgb, start_bus, start_desktop, start_xvfb, wait_for


def test_desktop_has_a_screen_a_tray_and_a_bus_and_takes_them_away() -> None:
    with start_desktop(width=640, height=480) as desktop:
        assert desktop.screen.shot().size == (640, 480)
        box = desktop.screen.tray_box()
        assert box is not None
        assert box[3] == 480
        assert desktop.tray is not None
        pids = [desktop.server.pid, desktop.tray.pid, desktop.bus.pid]
        assert all(Path(f"/proc/{pid}").exists() for pid in pids)
        folder = Path(desktop.bus.address.removeprefix("unix:path=").split(",")[0]).parent
        assert folder.is_dir()
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    assert not folder.exists()


def test_two_desktops_live_side_by_side() -> None:
    with start_xvfb() as one, start_xvfb() as other:
        assert one.display != other.display


def test_child_sees_this_desktop_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    with start_desktop(tray=False) as desktop:
        env = desktop.env({"LANG": "es_ES.UTF-8"})
        assert env["DISPLAY"] == desktop.server.display != os.environ.get("DISPLAY")
        assert "WAYLAND_DISPLAY" not in env
        assert env["LANG"] == "es_ES.UTF-8"
        assert desktop.screen.tray_box() is None


def test_bus_starts_nothing_by_itself() -> None:
    with start_bus() as bus:
        listed = subprocess.run(
            ["dbus-send", "--print-reply", "--dest=org.freedesktop.DBus",
             "/org/freedesktop/DBus", "org.freedesktop.DBus.ListActivatableNames"],
            env=os.environ | {"DBUS_SESSION_BUS_ADDRESS": bus.address},
            capture_output=True,
            text=True,
            check=True,
        )  # fmt: skip
        names = [line.strip() for line in listed.stdout.splitlines() if "string" in line]
        assert names == ['string "org.freedesktop.DBus"']


def test_waiting_in_vain_fails_with_the_last_answer() -> None:
    with pytest.raises(AssertionError, match=r"a bird was not seen in 0\.1 s; last: 0"):
        wait_for(lambda: 0, timeout_s=0.1, what="a bird")
    assert wait_for(lambda: 7) == 7
    assert rgb("#1fa855") == (0x1F, 0xA8, 0x55)


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="util-linux has no setpriv here")
def test_killed_run_takes_its_desktop_along() -> None:
    script = """
from tests.desktop import start_desktop
desktop = start_desktop()
print(desktop.server.pid, desktop.tray.pid, desktop.bus.pid, flush=True)
input()
"""
    run = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parents[1],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert run.stdout is not None
    assert run.stdin is not None
    pids = run.stdout.readline().split()
    assert len(pids) == 3
    run.kill()
    run.wait()
    run.stdout.close()
    run.stdin.close()
    wait_for(lambda: not any(_is_alive(pid) for pid in pids), what="the end of the desktop")


def _is_alive(pid: str) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"
