"""Where everything lies, on each system."""

import os
import sys
from pathlib import Path

import pytest

from wabot_tray.system import paths
from wabot_tray.system.paths import find_paths, make_private, remove_runtime, resource


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A runtime folder of the session that lies in memory, as far as the program can tell."""
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    monkeypatch.setattr(paths, "_lies_in_ram", lambda where: where == folder)
    monkeypatch.setattr(sys, "platform", "linux")
    return folder


def test_named_folder_goes_before_the_environment_and_that_before_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    monkeypatch.delenv("WABOT_TRAY_DATA_DIR", raising=False)
    assert find_paths().data == tmp_path / "share" / "wabot-tray"
    monkeypatch.setenv("WABOT_TRAY_DATA_DIR", str(tmp_path / "env"))
    assert find_paths().data == tmp_path / "env"
    assert find_paths(tmp_path / "named").data == tmp_path / "named"
    assert not (tmp_path / "named").exists()


def test_everything_that_is_kept_lies_under_the_data_folder(tmp_path: Path) -> None:
    found = find_paths(tmp_path)
    kept = (
        found.settings_file,
        found.bot_file,
        found.registry_file,
        found.log_file,
        found.lock_file,
        found.session("shop"),
    )
    assert all(tmp_path in path.parents for path in kept)


def test_two_data_folders_have_two_runtime_folders_and_one_has_always_the_same(
    tmp_path: Path,
) -> None:
    first, second = find_paths(tmp_path / "a"), find_paths(tmp_path / "b")
    assert first.runtime != second.runtime
    assert find_paths(tmp_path / "x" / ".." / "a").runtime == first.runtime


def test_runtime_lies_in_the_sessions_memory(tmp_path: Path, runtime: Path) -> None:
    found = find_paths(tmp_path)
    assert found.runtime.parent == runtime
    assert found.runtime_in_ram


def test_runtime_folder_on_a_disk_is_passed_over_for_shared_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    shared = Path("/dev/shm")  # noqa: S108 - only named
    monkeypatch.setattr(paths, "_lies_in_ram", lambda where: where == shared)
    found = find_paths(tmp_path)
    assert found.runtime.parent == shared / f"wabot-tray-{os.getuid()}"
    assert found.runtime_in_ram


@pytest.mark.parametrize("platform", ["win32", "darwin", "linux"])
def test_without_memory_the_users_temporary_folder_serves_and_is_known_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: str
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(paths, "_lies_in_ram", lambda _: False)
    monkeypatch.setenv("USERNAME", "rosa")
    found = find_paths(tmp_path)
    user = "rosa" if platform == "win32" else str(os.getuid())
    assert found.runtime.parent.name == f"wabot-tray-{user}"
    assert not found.runtime_in_ram


@pytest.mark.parametrize(
    ("mounts", "in_ram"),
    [
        ("/dev/vda / ext4 rw 0 0\ntmpfs /run tmpfs rw 0 0\n", True),
        ("/dev/vda / ext4 rw 0 0\ntmpfs /ru tmpfs rw 0 0\n", False),
        ("tmpfs / tmpfs rw 0 0\n/dev/vda /run ext4 rw 0 0\n", False),
        ("tmpfs /run tmpfs rw 0 0\n/dev/vdb /run/user ext4 rw 0 0\n", False),
    ],
)
def test_memory_is_told_from_disk_by_the_mount_that_holds_the_folder(
    monkeypatch: pytest.MonkeyPatch, mounts: str, in_ram: bool
) -> None:
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: mounts)
    monkeypatch.setattr(os.path, "realpath", str)
    assert paths._lies_in_ram(Path("/run/user/1000")) is in_ram


def test_private_folder_is_for_this_user_alone(tmp_path: Path) -> None:
    folder = tmp_path / "wabot-tray-1" / "one"
    make_private(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert folder.parent.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o755)
    make_private(folder)
    assert folder.stat().st_mode & 0o777 == 0o700


def test_folder_of_somebody_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = tmp_path / "wabot-tray-1"
    shared.mkdir()
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with pytest.raises(PermissionError):
        make_private(shared / "one")
    assert not (shared / "one").exists()


def test_empty_runtime_folders_are_removed_and_others_stay(tmp_path: Path, runtime: Path) -> None:
    found = find_paths(tmp_path)
    make_private(found.live("shop").parent)
    remove_runtime(found)
    assert list(runtime.iterdir()) == []
    make_private(found.live("shop"))
    left = found.live("shop") / "session.db"
    left.write_bytes(b"left by a killed worker")
    remove_runtime(found)
    remove_runtime(find_paths(tmp_path / "other"))
    assert left.exists()


def test_resources_are_found_in_a_checkout() -> None:
    assert resource("bot.example.toml").is_file()
