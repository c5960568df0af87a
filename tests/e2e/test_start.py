"""Starting, stopping and starting again."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import Measure
from tests.e2e.harness import Shop, until
from tests.simulator.phone import Phone
from tests.simulator.running import RunningSimulator

pytestmark = pytest.mark.e2e


def test_pairing_through_the_command_line(shop: Shop, phone: Phone, measured: Measure) -> None:
    shop.running()
    took = shop.pair(phone)
    measured("scan -> connected", took, "1 s")
    session = shop.sessions()["shop"]
    assert session["state"] == "connected"
    assert session["phone"] == phone.number
    assert set(session) == {
        "id", "label", "phone", "enabled", "state", "reason", "text", "since",
        "next_attempt_at", "last_verified_at", "restarts", "notice", "notice_text",
        "answered_today",
    }  # fmt: skip
    assert shop.cli("status").returncode == 0


def test_second_start_of_one_account_needs_no_code(
    linked: Shop, simulator: RunningSimulator, measured: Measure
) -> None:
    linked.quit()
    assert linked.family() == []
    began = linked.start()
    linked.answering()
    back = linked.until_state("connected")
    assert back - began < 6
    measured("start -> connected, 1 account", back - began, "3 s")
    assert simulator.stats.pairings == 1


def test_second_start_of_three_accounts_needs_no_code(
    shop: Shop, simulator: RunningSimulator, measured: Measure
) -> None:
    shop.running()
    names = ("north", "south", "west")
    for number, name in enumerate(names):
        shop.pair(simulator.add_phone(f"3460011122{number}", name), name)
    shop.quit()
    began = shop.start()
    shop.answering()
    with shop.follow() as follower:
        back = max(follower.wait("connected", name) for name in names)
    assert back - began < 6
    measured("start -> connected, 3 accounts", back - began, "3 s")
    assert simulator.stats.pairings == 3
    log = shop.log()
    for line in (
        "Initialising…",
        "Found 3 active connections",
        "Restoring session for: north",
        "Session restored for: west",
        "Auto-reconnection set for: south",
        "Ready",
    ):
        assert f"[SessionManager] {line}" in log


def test_two_folders_run_side_by_side(linked: Shop, simulator: RunningSimulator) -> None:
    with Shop(simulator, service=linked.service) as other:
        other.running()
        other.pair(simulator.add_phone("34600999888", "Other"))
        assert other.state() == "connected"
        assert linked.state() == "connected"


def test_status_is_answered_quickly_without_heavy_libraries(
    linked: Shop, measured: Measure
) -> None:
    code = (
        "import sys, runpy\n"
        "sys.argv = ['wabot', 'status']\n"
        "try:\n    runpy.run_module('wabot_tray.cli.main', run_name='__main__')\n"
        "except SystemExit:\n    pass\n"
        "print('LOADED', *sorted({n.partition('.')[0] for n in sys.modules}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=linked.env, capture_output=True, text=True, check=True
    )
    loaded = done.stdout.rpartition("LOADED")[2].split()
    assert not {"PySide6", "qasync", "neonize", "cryptography", "keyring"} & set(loaded)
    took = []
    for _ in range(5):
        began = time.monotonic()
        linked.cli("status")
        took.append(time.monotonic() - began)
    measured("wabot status", sorted(took)[2], "0.3 s")
    assert sorted(took)[2] < 0.6


def test_worker_never_loads_qt(linked: Shop) -> None:
    (worker,) = linked.workers()
    maps = Path(f"/proc/{worker.pid}/maps").read_text(encoding="utf-8")
    assert "neonize" in maps
    assert "PySide6" not in maps
    assert "libQt6" not in maps


def test_commands_tell_when_they_cannot_help(shop: Shop, simulator: RunningSimulator) -> None:
    assert shop.cli("status", check=False).returncode == 3
    shop.running()
    shop.cli("add", "shop")
    for command in (("reconnect", "shop"), ("start", "shop")):
        done = shop.cli(*command, check=False)
        assert done.returncode == 1
        assert done.stdout + done.stderr
    assert shop.cli("reconnect", "nobody", check=False).returncode == 1
    assert shop.cli("add", "../evil", check=False).returncode in {1, 2}
    simulator.faults.refuse()
    done = shop.cli("pair", "shop", "--json", check=False, timeout_s=60)
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "event": "failed",
        "reason": "pairing-no-network",
    }


def test_remove_unlinks_at_whatsapp(linked: Shop, phone: Phone) -> None:
    assert phone.companions
    linked.cli("remove", "shop", "--yes")
    until(lambda: not phone.companions, "the phone to forget this computer", 10)
    assert linked.sessions() == {}
    assert not (linked.data / "auth_sessions" / "shop").exists()


def test_quit_leaves_nothing_in_the_runtime_folder(linked: Shop) -> None:
    assert list(linked.runtime.iterdir())
    linked.quit()
    assert [path.name for path in linked.runtime.rglob("*") if "keyring" not in str(path)] == []
