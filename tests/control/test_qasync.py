"""The server in the loop the tray program has: Qt's, by qasync."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

TRAY = """
import asyncio, sys
from pathlib import Path
import PySide6.QtWidgets as widgets
import qasync
from tests.control.conftest import FakeHost
from tests.control.fake_manager import FakeManager, session
from tests.control.wire_client import WireClient
from wabot_tray.control.client import connect
from wabot_tray.control.server import ControlServer
from wabot_tray.system.paths import Paths

app = widgets.QApplication([])
base = Path(sys.argv[1])
paths = Paths(data=base / "data", runtime=base / "run", runtime_in_ram=True)
paths.data.mkdir()

def from_outside():
    with connect(paths) as client:
        stream = client.stream("watch", timeout_s=10)
        first = next(stream)
        app_loop.call_soon_threadsafe(manager.tell, session("shop", restarts=7))
        return first.event["sessions"][0]["restarts"], next(stream).event["session"]["restarts"]

async def main():
    global app_loop, manager
    app_loop, manager = asyncio.get_running_loop(), FakeManager(session("shop"))
    server = ControlServer(manager, FakeHost().host, paths)
    await server.start(lock_held=True)
    told = await asyncio.to_thread(from_outside)
    while manager.listeners:
        await asyncio.sleep(0.001)
    await server.close()
    print(told, list(paths.runtime.iterdir()))

qasync.run(main())
"""


def test_server_runs_in_qts_loop(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", TRAY, str(tmp_path)],
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "(0, 7) []\n", "")
