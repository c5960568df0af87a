"""Histories on disk: private, bounded, and readable whatever happened to them."""

import errno
import os
import stat
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from wabot_tray.core.clock import Clock
from wabot_tray.core.errors import VaultError
from wabot_tray.core.history import KEPT, Mark, Phase, Repair, to_line
from wabot_tray.core.reasons import Reason
from wabot_tray.storage.history_file import HEADER, LONGEST_BYTES, Count, HistoryFolder, Pulse

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
UP = Mark(NOW - timedelta(hours=3), Phase.UP, Reason.LOGGED_IN)
DOWN = Mark(NOW - timedelta(hours=2), Phase.DOWN, Reason.LINK_LOST)
BACK = Mark(NOW - timedelta(hours=1), Phase.UP, Reason.LOGGED_IN, Repair.REDIAL)


@pytest.fixture
def folder(tmp_path: Path) -> HistoryFolder:
    return HistoryFolder(tmp_path / "history", Clock(now=lambda: NOW))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history" / "shop.log"


def test_marks_are_kept_in_order_for_this_user_alone(folder: HistoryFolder, path: Path) -> None:
    folder.append("shop", [UP])
    folder.append("shop", [DOWN, BACK])
    assert folder.load("shop") == [UP, DOWN, BACK]
    assert folder.marks("shop") == [UP, DOWN, BACK]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_further_marks_are_added_and_nothing_is_rewritten(
    folder: HistoryFolder, path: Path
) -> None:
    folder.append("shop", [UP])
    before, inode = path.read_bytes(), path.stat().st_ino
    folder.append("shop", [DOWN])
    assert path.read_bytes() == before + f"{to_line(DOWN)}\n".encode()
    assert path.stat().st_ino == inode


def test_account_without_a_history_has_none(folder: HistoryFolder) -> None:
    assert folder.load("shop") == []


@pytest.mark.parametrize("cut", [1, 5, 30])
def test_line_torn_by_a_crash_costs_itself_alone(
    folder: HistoryFolder, path: Path, cut: int
) -> None:
    folder.append("shop", [UP, DOWN])
    path.write_bytes(path.read_bytes()[:-cut])
    kept = folder.load("shop")
    assert kept[0] == UP
    folder.append("shop", [BACK])
    assert folder.load("shop") == [*kept, BACK]
    assert not list(path.parent.glob("*damaged*"))


def test_damaged_file_is_put_aside_and_its_readable_lines_stay(
    folder: HistoryFolder, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder.append("shop", [UP, DOWN, BACK])
    damaged = path.read_bytes().replace(b"down", b"\xff\0wn")
    path.write_bytes(damaged)
    assert folder.load("shop") == [UP, BACK]
    (aside,) = path.parent.glob("shop.log.damaged-*")
    assert aside.read_bytes() == damaged
    assert "damaged" in caplog.text
    assert folder.load("shop") == [UP, BACK]
    assert len(list(path.parent.glob("*damaged*"))) == 1


def test_something_else_in_its_place_is_put_aside(folder: HistoryFolder, path: Path) -> None:
    path.mkdir(parents=True)
    assert folder.load("shop") == []
    folder.append("shop", [UP])
    assert folder.load("shop") == [UP]


def test_file_of_a_newer_version_is_left_alone(folder: HistoryFolder, path: Path) -> None:
    path.parent.mkdir()
    path.write_text("# wabot-tray history 2\nsomething else\n")
    assert folder.load("shop") == []
    folder.append("shop", [UP])
    assert path.read_text() == "# wabot-tray history 2\nsomething else\n"


def test_file_that_grew_keeps_the_newest(folder: HistoryFolder, path: Path) -> None:
    flaps = [
        Mark(NOW - timedelta(seconds=30 * n), Phase.DOWN, Reason.LINK_LOST)
        for n in range(5_000, 0, -1)
    ]
    folder.append("shop", flaps)
    assert path.stat().st_size <= LONGEST_BYTES
    kept = folder.load("shop")
    assert kept == flaps[-len(kept) :]
    assert len(kept) > 2_000
    assert path.read_text().startswith(HEADER)


def test_what_is_too_old_goes_when_the_file_is_opened(folder: HistoryFolder) -> None:
    old = [
        Mark(NOW - 3 * KEPT + timedelta(minutes=n), Phase.UP, Reason.LOGGED_IN) for n in range(300)
    ]
    folder.append("shop", [*old, *[BACK] * 200])
    assert folder.load("shop") == [old[-1], *[BACK] * 200]  # the phase that reached into it


def test_full_disk_is_an_error_and_takes_nothing(
    folder: HistoryFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.append("shop", [UP])
    whole_write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: whole_write(fd, data[:7]))
    with pytest.raises(VaultError) as caught:
        folder.append("shop", [DOWN])
    assert caught.value.reason is Reason.DISK_FULL
    monkeypatch.undo()
    folder.append("shop", [DOWN])
    assert folder.load("shop") == [UP, DOWN]


def test_removing_takes_what_was_put_aside_too(folder: HistoryFolder, path: Path) -> None:
    folder.append("shop", [UP])
    path.write_bytes(b"rubbish\nmore\n")
    folder.load("shop")
    folder.remove("shop")
    folder.remove("shop")
    assert list(path.parent.iterdir()) == []


def test_accounts_are_told_by_their_files(folder: HistoryFolder, path: Path) -> None:
    assert folder.accounts() == ()
    for one in ("shop", "bar"):
        folder.append(one, [UP])
    (path.parent / "..log").write_text("")
    (path.parent / "shop.log.damaged-1").write_text("")
    assert folder.accounts() == ("bar", "shop")


def test_history_of_a_lost_account_goes_when_it_is_old(folder: HistoryFolder, path: Path) -> None:
    folder.append("shop", [UP])
    folder.append("gone", [UP])
    old = (NOW - KEPT - timedelta(days=1)).timestamp()
    for one in path.parent.iterdir():
        os.utime(one, (old, old))
    folder.append("recent", [UP])
    os.utime(path.parent / "recent.log", (NOW.timestamp(), NOW.timestamp()))
    folder.drop_abandoned({"shop"})
    assert {one.name for one in path.parent.iterdir()} == {"shop.log", "recent.log"}


# --- the pulse -----------------------------------------------------------------------------------

PULSE = Pulse(NOW, {"shop": {date(2026, 11, 22): Count(9, 7)}})


def test_pulse_survives(folder: HistoryFolder, path: Path) -> None:
    assert folder.load_pulse() == Pulse()
    folder.save_pulse(PULSE)
    assert folder.load_pulse() == PULSE
    assert stat.S_IMODE((path.parent / "pulse.json").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"version":2,"alive":null,"days":{}}',
        b'{"version":1,"alive":"2026-11-22T12:00:00","days":{}}',
        b'{"version":1,"alive":null,"days":{"../x":{}}}',
        b'{"version":1,"alive":null,"days":{"shop":{"2026-11-22":[1,-2]}}}',
        b'{"version":1,"alive":null,"days":{"shop":{"2026-11-22":[true,1]}}}',
        b'{"version":1,"alive":null,"days":{"shop":[]}}',
        b"[" * 5_000,
    ],
)
def test_damaged_pulse_is_put_aside(folder: HistoryFolder, path: Path, content: bytes) -> None:
    path.parent.mkdir()
    pulse = path.parent / "pulse.json"
    pulse.write_bytes(content)
    assert folder.pulse() == Pulse()
    assert folder.load_pulse() == Pulse()
    (aside,) = path.parent.glob("pulse.json.damaged-*")
    assert aside.read_bytes() == content
    folder.save_pulse(PULSE)
    assert folder.load_pulse() == PULSE


def test_disk_that_refuses_is_an_error_with_a_reason(
    folder: HistoryFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> int:
        raise OSError(errno.EROFS, "read-only")

    folder.append("shop", [UP])
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(VaultError) as caught:
        folder.append("shop", [DOWN])
    assert caught.value.reason is Reason.STORAGE_UNWRITABLE
