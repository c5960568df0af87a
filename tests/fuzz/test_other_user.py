"""Another user of the same computer: reads nothing, reaches nothing, learns nothing."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from tests.e2e import conftest as people
from tests.e2e.harness import Shop
from tests.simulator.phone import Phone
from tests.simulator.running import RunningSimulator

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        sys.platform == "win32" or os.getuid() != 0, reason="only root can become somebody else"
    ),
]
simulator, phone = people.simulator, people.phone

# Becomes nobody with everything it needs already loaded, and tries every door.
SNEAK: Final = """
import json, os, socket, stat, sys
job = json.load(sys.stdin)

def tries(path):
    try:
        kind = os.lstat(path).st_mode
        yield "seen"
    except OSError:
        kind = 0
    for name, flags in (("read", os.O_RDONLY), ("written", os.O_WRONLY), ("both", os.O_RDWR)):
        try:
            os.close(os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW))
            yield name
        except OSError:
            pass
    try:
        os.listdir(path)
        yield "listed"
    except OSError:
        pass
    if path.endswith("control"):
        with socket.socket(socket.AF_UNIX) as door:
            door.settimeout(5)
            try:
                door.connect(path)
                door.sendall(b'{"v":1,"id":1,"method":"status"}\\n')
                yield "answered" if door.recv(1000) else "connected"
            except OSError:
                pass

def signals(pid):
    try:
        os.kill(pid, 0)
        return True
    except OSError:
        return False

if job["user"]:
    os.setgroups([])
    os.setgid(job["user"])
    os.setuid(job["user"])
found = {path: list(tries(path)) for path in job["paths"]}
json.dump({"found": found, "signalled": [pid for pid in job["pids"] if signals(pid)]}, sys.stdout)
"""
NOBODY: Final = 65534


def sneak(user: int, paths: list[str], pids: list[int]) -> dict[str, Any]:
    said = json.dumps({"user": user, "paths": paths, "pids": pids})
    done = subprocess.run(
        [sys.executable, "-c", SNEAK], input=said, capture_output=True, text=True, check=True
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_another_user_reaches_no_file_no_socket_and_no_process(
    simulator: RunningSimulator, phone: Phone
) -> None:
    with Shop(simulator) as shop:
        shop.running().pair(phone)
        # What lies above and around is opened wide: what we make must hold by itself.
        roots = [shop.data, *shop.runtime.glob("wabot-tray-*")]
        assert len(roots) == 2
        inside = [path for root in roots for path in root.rglob("*")]
        tops = {path for path in inside if path.parent == shop.data}
        for folder in (shop.folder, shop.runtime, shop.data):
            folder.chmod(0o755)
        names = {path.name for path in inside}
        assert names >= {"accounts.json", "bot.toml", "session.vault", "session.key", "inbox.db"}
        assert names >= {"wabot-tray.log", "control", "keys.json"}
        family = shop.family()
        assert len(family) >= 2
        pids = [process.pid for process in family]
        secret = [
            f"/proc/{pid}/{what}" for pid in pids for what in ("environ", "mem", "fd", "maps")
        ]
        paths = [*map(str, inside), *secret]

        as_root = sneak(0, paths, pids)  # the same attempts succeed where nothing forbids them
        assert sum("read" in how for how in as_root["found"].values()) > 10
        assert any("answered" in how for how in as_root["found"].values())
        assert as_root["signalled"] == pids

        as_nobody = sneak(NOBODY, paths, pids)
        for path, how in as_nobody["found"].items():
            allowed = {"seen"} if path in map(str, tops) or path in secret else set()
            assert set(how) <= allowed, (path, how)
        assert as_nobody["signalled"] == []

        for process in family:
            assert "34600111222" not in " ".join(process.cmdline())
            limits = Path(f"/proc/{process.pid}/limits").read_text(encoding="ascii")
            (core,) = re.findall(r"Max core file size +(\S+)", limits)
            assert core in {"0", "1"}  # a crash writes no key to the disk
        assert shop.cli("status", check=False).returncode in {0, 1}
