import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from wabot_tray.cli.logs import Follower


def write(cli: Cli, *lines: str) -> None:
    cli.paths.logs.mkdir(exist_ok=True)
    with cli.paths.log_file.open("a", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)


def test_logs_shows_the_last_lines_without_the_program(cli: Cli) -> None:
    write(cli, *(f"line {n}" for n in range(80)))
    assert cli("logs").out.splitlines() == [f"line {n}" for n in range(30, 80)]
    assert cli("logs", "-n", "2").out.splitlines() == ["line 78", "line 79"]
    assert cli("logs", "-n", "0").out == ""


def test_logs_without_a_log_says_so(cli: Cli) -> None:
    result = cli("logs")
    assert (result.code, result.out) == (1, "")
    assert str(cli.paths.log_file) in result.err


def test_logs_that_cannot_be_read_says_so(cli: Cli) -> None:
    cli.paths.log_file.mkdir(parents=True)
    result = cli("logs")
    assert result.code == 1
    assert "Traceback" not in result.err


def test_logs_cannot_move_the_cursor(cli: Cli) -> None:
    write(cli, "evil\x1b[2J")
    assert "\x1b" not in cli("logs").out


def test_logs_follows_what_is_added_until_ctrl_c(cli: Cli) -> None:
    write(cli, "one")
    with cli.start("logs", "-f") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "one\n"
        write(cli, "two")
        assert process.stdout.readline() == "two\n"
        cli.paths.log_file.rename(cli.paths.logs / "wabot-tray.log.1")
        write(cli, "three")
        assert process.stdout.readline() == "three\n"
        result = cli.interrupted(process)
    assert (result.code, "Traceback" in result.err) == (130, False)


# --- The follower, without waiting ---------------------------------------------------------------


class Log:
    """A log file and its rotation."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "a.log"
        self.before = folder / "a.log.1"

    def write(self, text: str) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(text)

    def rotate(self) -> None:
        self.path.replace(self.before)


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path)


class Stop(Exception):  # noqa: N818 - it ends the endless
    pass


def follow(log: Log, *deeds: Callable[[], None]) -> list[str]:
    """Return the lines seen while `deeds` happen, one in each pause."""
    left = list(deeds)

    def pause(_: float) -> None:
        if not left:
            raise Stop
        left.pop(0)()

    follower = Follower(log.path, pause)
    found = follower.last(10)
    with contextlib.suppress(Stop):
        for line in follower.lines():
            found.append(line)
    return found


def test_follower_shows_each_line_once(log: Log) -> None:
    log.write("a\nb")
    assert follow(log, lambda: log.write("c\n"), lambda: log.write("d\n")) == ["a", "bc", "d"]


def test_follower_reads_the_rest_of_a_rotated_file(log: Log) -> None:
    log.write("a\n")

    def late() -> None:
        log.write("b\n")
        log.rotate()
        log.write("c\n")

    assert follow(log, late) == ["a", "b", "c"]


def test_follower_waits_while_there_is_no_file(log: Log) -> None:
    assert follow(log, lambda: None, lambda: log.write("a\n"), log.rotate, lambda: None) == ["a"]


def test_follower_begins_anew_in_an_emptied_file(log: Log) -> None:
    log.write("aaaaaaaa\n")

    def empty() -> None:
        log.path.write_text("b\n")

    assert follow(log, empty) == ["aaaaaaaa", "b"]


def test_last_lines_come_from_the_file_before_too(log: Log) -> None:
    log.write("a\nb\n")
    log.rotate()
    log.write("c\n")
    assert Follower(log.path).last(2) == ["b", "c"]
    assert Follower(log.path).last(9) == ["a", "b", "c"]
