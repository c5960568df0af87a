import errno
import os
import stat
from pathlib import Path

import pytest

from tests.storage.conftest import FakeTime
from wabot_tray.core.errors import VaultError
from wabot_tray.core.reasons import Reason
from wabot_tray.storage.files import (
    make_lasting,
    set_aside,
    storage_error,
    sync_folder,
    write_atomic,
)


def test_write_atomic_replaces_content_privately(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("old")
    target.chmod(0o644)
    write_atomic(target, b"new")
    assert target.read_bytes() == b"new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_write_atomic_failing_keeps_old_content_and_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    target = tmp_path / "file"
    target.write_text("old")

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os if failing == "fsync" else Path, failing, fail)
    with pytest.raises(VaultError) as raised:
        write_atomic(target, b"new")
    assert raised.value.reason is Reason.DISK_FULL
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_write_atomic_into_missing_folder_is_unwritable(tmp_path: Path) -> None:
    with pytest.raises(VaultError) as raised:
        write_atomic(tmp_path / "none" / "file", b"")
    assert raised.value.reason is Reason.STORAGE_UNWRITABLE


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ENOSPC, Reason.DISK_FULL),
        (errno.EDQUOT, Reason.DISK_FULL),
        (errno.EROFS, Reason.STORAGE_UNWRITABLE),
        (errno.EACCES, Reason.STORAGE_UNWRITABLE),
        (errno.EIO, Reason.STORAGE_UNWRITABLE),
    ],
)
def test_storage_error_tells_full_from_unwritable(number: int, reason: Reason) -> None:
    assert storage_error(OSError(number, "x")).reason is reason


def test_sync_folder_on_windows_opens_nothing() -> None:
    sync_folder(Path("/nowhere/at/all"), platform="win32")
    with pytest.raises(FileNotFoundError):
        sync_folder(Path("/nowhere/at/all"), platform="linux")


def test_set_aside_never_overwrites(tmp_path: Path, time_: FakeTime) -> None:
    names = set()
    for content in ("one", "two", "three"):
        (tmp_path / "file").write_text(content)
        names.add(set_aside(tmp_path / "file", "damaged", time_.now()))
    assert {name.read_text() for name in names} == {"one", "two", "three"}
    assert (tmp_path / "file.damaged-20261122T120000Z").read_text() == "one"


def test_set_aside_of_nothing_is_unwritable(tmp_path: Path, time_: FakeTime) -> None:
    with pytest.raises(VaultError):
        set_aside(tmp_path / "file", "damaged", time_.now())


def test_make_lasting_folder_is_private_and_needs_no_right_to_sync_those_above(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = []

    def sync(folder: Path) -> None:
        synced.append(folder)
        if folder == tmp_path.parent:
            raise PermissionError(errno.EACCES, "not ours")

    monkeypatch.setattr("wabot_tray.storage.files.sync_folder", sync)
    folder = tmp_path / "data" / "account"
    make_lasting(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert synced == list(folder.parents)
    make_lasting(folder)
    assert synced == list(folder.parents)
    (tmp_path / "file").touch()
    with pytest.raises(VaultError):
        make_lasting(tmp_path / "file" / "below")
