"""The real worker in a process of its own, before it talks to anybody."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.harness import ROOT
from wabot_tray.core import commands, exits, wire
from wabot_tray.core import events as ev
from wabot_tray.core.reasons import Reason

pytestmark = pytest.mark.e2e


@pytest.fixture
def worker() -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen(
        [sys.executable, "-m", "wabot_tray", "worker"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        yield process
        process.kill()


def start(tmp_path: Path, **other: object) -> commands.Start:
    values: dict[str, object] = {
        "account_id": "shop",
        "folder": str(tmp_path / "shop"),
        "live_folder": str(tmp_path / "live"),
        "live_in_ram": False,
        "bot_file": str(tmp_path / "bot.toml"),
        "data_key": b"k" * 32,
        "pair": False,
    }
    return commands.Start(**(values | other))  # type: ignore[arg-type]  # as many kinds as fields


def said(process: "subprocess.Popen[bytes]", *lines: bytes) -> tuple[list[ev.WorkerEvent], str]:
    """Return what a worker reports and logs when it is given `lines` and then left alone."""
    out, err = process.communicate(b"".join(lines), timeout=30)
    events = [wire.decode_event(line) for line in out.splitlines()]
    return [e for e in events if not isinstance(e, ev.Heartbeat)], err.decode()


def test_worker_nobody_wants_exits(worker: "subprocess.Popen[bytes]") -> None:
    events, _ = said(worker)
    assert events == []
    assert worker.returncode == exits.UNUSED


def test_worker_told_to_stop_first_exits(worker: "subprocess.Popen[bytes]", tmp_path: Path) -> None:
    events, _ = said(worker, wire.encode(commands.Stop()), wire.encode(start(tmp_path)))
    assert events == []
    assert worker.returncode == exits.UNUSED
    assert not (tmp_path / "shop").exists()


def test_worker_without_credentials_says_so_and_dials_nobody(
    worker: "subprocess.Popen[bytes]", tmp_path: Path
) -> None:
    events, _ = said(worker, wire.encode(start(tmp_path)))
    assert events == [ev.LoggedOut(reason=Reason.NOT_PAIRED)]
    assert worker.returncode == exits.SEALED


def test_worker_with_a_damaged_vault_says_so_and_changes_nothing(
    worker: "subprocess.Popen[bytes]", tmp_path: Path
) -> None:
    (tmp_path / "shop").mkdir()
    vault = tmp_path / "shop" / "session.vault"
    vault.write_bytes(b"no vault" * 1000)
    events, _ = said(worker, wire.encode(start(tmp_path)))
    (event,) = events
    assert isinstance(event, ev.StorageFailed)
    assert event.reason is Reason.VAULT_DAMAGED
    assert worker.returncode == exits.STORAGE
    assert vault.read_bytes() == b"no vault" * 1000


def test_worker_passes_over_lines_it_does_not_understand(
    worker: "subprocess.Popen[bytes]", tmp_path: Path
) -> None:
    events, err = said(worker, b"rubbish\n", b"\xff\xfe\n", b"{}\n", wire.encode(start(tmp_path)))
    assert events == [ev.LoggedOut(reason=Reason.NOT_PAIRED)]
    assert err.count("a command was not understood") == 3


def test_worker_with_a_fault_of_its_own_ends_and_says_where(
    worker: "subprocess.Popen[bytes]", tmp_path: Path
) -> None:
    events, err = said(worker, wire.encode(start(tmp_path, folder="no\0folder")))
    assert events == []
    assert worker.returncode == exits.BROKEN
    assert "a fault of its own" in err
