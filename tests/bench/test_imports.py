"""A start loads what it uses: everything else is time before the icon, and memory all day."""

import subprocess
import sys

# What the main process imports on its way to a program without windows.
START = """
import sys
from wabot_tray.__main__ import main
import wabot_tray.control.headless, wabot_tray.control.program
import wabot_tray.storage.keyring, wabot_tray.storage.locks, wabot_tray.storage.settings_file
print(" ".join(sys.modules))
"""
UNUSED = {
    "PySide6", "email", "http", "keyring", "multiprocessing", "neonize", "qasync", "regex",
    "secretstorage", "segno", "tomlkit", "unittest", "urllib.request",
}  # fmt: skip


def test_start_without_windows_loads_nothing_it_does_not_use() -> None:
    done = subprocess.run([sys.executable, "-c", START], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "wabot_tray.sessions.manager" in loaded
    assert loaded & UNUSED == set()
