"""The recorder and the forgetful disk themselves: what they must see, and what must not escape."""

import base64
import random
import sys
from pathlib import Path

import pytest

from tests.storage.powerloss_disk import Disk, State
from tests.storage.powerloss_trace import Op
from tests.storage.test_powerloss import Recording, check_all, record

needs_ptrace = pytest.mark.skipif(sys.platform != "linux", reason="recorded with Linux's ptrace")
ONE, TWO = b"1" * 1500, b"2" * 1500


def disk_after(*ops: Op, base: Path) -> Disk:
    disk = Disk.before(base, {path.name: 1 for path in base.iterdir()})
    for op in ops:
        disk.do(op)
    return disk


def left(disk: Disk) -> list[State]:
    chance = random.Random(1)  # noqa: S311 - a sample
    return [state for _ in range(20) for state in disk.cuts(chance)]


def write(file: int, content: bytes, offset: int = 0) -> Op:
    return Op("write", file, offset=offset, data=base64.b64encode(content).decode())


def test_disk_keeps_what_was_synced_and_tears_what_was_not(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(ONE)
    contents = {state["file"] for state in left(disk_after(write(1, TWO), base=tmp_path))}
    assert {ONE, TWO} < contents
    assert b"1" * 512 + b"2" * 988 in contents
    assert b"2" * 512 + b"1" * 512 + b"2" * 476 in contents
    synced = disk_after(write(1, TWO), Op("sync", 1), base=tmp_path)
    assert {state["file"] for state in left(synced)} == {TWO}
    assert disk_after(write(1, TWO), base=tmp_path).killed() == {"file": TWO}


def test_disk_grown_without_a_sync_may_be_shorter_or_have_gaps(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(ONE)
    states = left(disk_after(write(1, TWO, 1500), base=tmp_path))
    contents = {content for state in states if (content := state["file"])}
    assert {ONE, ONE + TWO} <= contents
    assert any(content[1500:1536] == bytes(36) and content.endswith(b"2") for content in contents)


def test_disk_cuts_a_file_off_or_does_not(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(ONE)
    states = left(disk_after(Op("resize", 1), base=tmp_path))
    assert {state["file"] for state in states} == {b"", ONE}


def test_disk_forgets_names_until_their_folder_is_synced(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(ONE)
    ops = [Op("create", 2, "draft"), write(2, TWO), Op("sync", 2)]
    ops.append(Op("rename", 2, "draft", "file"))
    states = left(disk_after(*ops, base=tmp_path))
    assert {state["file"] for state in states} == {ONE, TWO}
    assert {"draft" in state for state in states} == {True, False}
    ops.append(Op("syncdir", path="."))
    assert left(disk_after(*ops, base=tmp_path))[0] == {"file": TWO}
    without_sync = [op for op in ops if op.kind != "sync"]
    contents = {state["file"] for state in left(disk_after(*without_sync, base=tmp_path))}
    assert contents > {b"", TWO}  # renamed over before the content was there


def test_disk_forgets_a_folder_with_all_it_holds(tmp_path: Path) -> None:
    ops = [Op("mkdir", path="new"), Op("create", 2, "new/file"), Op("syncdir", path="new")]
    states = left(disk_after(*ops, base=tmp_path))
    assert {} in states
    assert {"new": None, "new/file": b""} in states
    assert all(("new" in state) == ("new/file" in state) for state in states)


@needs_ptrace
def test_recording_replayed_whole_is_what_the_process_left(tmp_path: Path) -> None:
    """Nothing it wrote escaped: not SQLite's calls, and not those of its threads."""
    recording = record("first-seal", tmp_path)
    root = tmp_path / "root"
    *_, (_, disk, marks) = recording.points()
    there: State = {
        str(path.relative_to(root)): None if path.is_dir() else path.read_bytes()
        for path in sorted(root.rglob("*"))
    }
    assert disk.killed() == there
    assert marks[-1] == "sealed 3"
    assert any(op.kind == "syncdir" for op in recording.ops)


@needs_ptrace
@pytest.mark.parametrize("lie", ["sync", "syncdir"])
@pytest.mark.parametrize("name", ["seal", "first-seal", "registry", "inbox"])
def test_scene_played_by_a_program_that_does_not_wait_for_the_disk_fails(
    name: str, lie: str, tmp_path: Path, memory: Path
) -> None:
    """The checks can fail: they do once the waits are left out of the recording."""
    played = record(name, tmp_path)
    ops = [op for op in played.ops if op.kind != lie]
    careless = Recording(played.base, played.names, ops)
    with pytest.raises(AssertionError, match="kept in"):
        check_all(name, careless, memory, most=8)
