import os
from pathlib import Path

import pytest

from wabot_tray.system import logtail
from wabot_tray.system.logtail import LogTail


class Log:
    """A log file and its rotations."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "a.log"

    def write(self, text: str) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(text)

    def rotate(self) -> None:
        for number in range(4, -1, -1):
            old = self.path.with_name(f"a.log.{number}") if number else self.path
            if old.exists():
                old.replace(self.path.with_name(f"a.log.{number + 1}"))


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path)


def test_lines_between_two_rotations_are_not_lost(log: Log) -> None:
    tail = LogTail(log.path)
    log.write("a\n")
    assert tail.new() == ["a"]
    log.write("b\n")
    log.rotate()
    log.write("c\nd\n")
    log.rotate()
    log.write("e\n")
    log.rotate()
    log.write("f\n")
    assert tail.new() == ["b", "c", "d", "e", "f"]
    assert tail.new() == []


def test_half_a_line_waits_for_its_end_and_not_for_another_file(log: Log) -> None:
    tail = LogTail(log.path)
    log.write("a\nhal")
    assert tail.new() == ["a"]
    log.write("f\n")
    assert tail.new() == ["half"]
    log.write("lost in")
    tail.new()
    log.path.write_text("new\n")  # emptied, as a cleaner does
    assert tail.new() == ["new"]


def test_missing_file_is_waited_for(log: Log) -> None:
    tail = LogTail(log.path)
    assert tail.new() == []
    log.write("a\n")
    assert tail.new() == ["a"]
    log.path.unlink()
    assert tail.new() == []
    log.write("b\n")
    assert tail.new() == ["b"]


def test_what_is_no_file_is_refused_and_never_waited_for(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match=r"directory|Invalid"):
        LogTail(tmp_path / "folder").new()
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(OSError, match="Invalid"):
            LogTail(tmp_path / "pipe").new()


def test_past_lines_come_from_all_rotated_files(log: Log) -> None:
    for number in range(4):
        log.write(f"{number}a\n{number}b\n")
        log.rotate()
    log.write("now\n")
    tail = LogTail(log.path)
    assert tail.past(3) == ["2b", "3a", "3b"]
    assert tail.past(100) == [f"{number}{letter}" for number in range(4) for letter in "ab"]
    assert tail.past(0) == []
    assert tail.new() == ["now"]


def test_file_that_could_not_be_rotated_is_read_from_near_its_end(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logtail, "_CHUNK_BYTES", 100)
    tail = LogTail(log.path)
    log.write("".join(f"line {number:04}\n" for number in range(500)))
    found = tail.new()
    assert found == [f"line {number:04}" for number in range(500 - len(found), 500)]
    assert 8 <= len(found) <= 10
    log.write("next\n")
    assert tail.new() == ["next"]


def test_what_a_screen_would_obey_and_no_utf_8_is_shown_harmlessly(log: Log) -> None:
    log.path.write_bytes(b"a\x1b[2J\xff\r\n")
    (line,) = LogTail(log.path).new()
    assert line.isprintable()
    assert line.startswith("a ")
