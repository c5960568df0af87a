import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from wabot_tray.core.errors import VaultError
from wabot_tray.storage.locks import FileLock

HOLDER = """
import sys, time, pathlib
from wabot_tray.storage.locks import FileLock
lock = FileLock(pathlib.Path(sys.argv[1]))
print(lock.acquire(), flush=True)
time.sleep(60)
"""


def test_lock_is_held_once_and_released(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with FileLock(path) as first:
        assert first.acquire()
        assert first.acquire()
        assert first.holder() == os.getpid()
        assert not FileLock(path).acquire()
    assert not first.is_held
    first.release()
    assert FileLock(path).acquire()
    assert path.exists()


def test_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        lock = FileLock(path)
        assert not lock.acquire()
        assert lock.holder() == holder.pid
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        assert lock.acquire()
        lock.release()


def test_lock_of_unknown_holder_and_missing_folder(tmp_path: Path) -> None:
    assert FileLock(tmp_path / "none").holder() is None
    with pytest.raises(VaultError):
        FileLock(tmp_path / "folder" / "lock").acquire()


def test_lock_is_held_though_the_holder_cannot_be_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "full")

    monkeypatch.setattr(os, "write", full)
    lock = FileLock(tmp_path / "lock")
    assert lock.acquire()
    lock.release()
