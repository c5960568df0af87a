"""A real file that comes, changes, breaks, is mended and goes."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from wabot_tray.bot.rule_file import good_copy_path
from wabot_tray.bot.rulebook_file import RuleBookFile, install_example
from wabot_tray.bot.rules import parse
from wabot_tray.core.clock import Clock
from wabot_tray.core.reasons import Reason
from wabot_tray.system import texts
from wabot_tray.system.i18n import set_language

GOOD = "[[rule]]\nmatch = 'a'\nreply = 'b'\n"
BROKEN = "[[rule]]\nmatch = 'a'\n"


class Desk:
    """A rule file, what it told, and the wall clock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.told: list[tuple[Reason | None, str]] = []
        self.now = datetime.now(UTC) + timedelta(minutes=1)
        clock = Clock(monotonic=lambda: 0.0, now=lambda: self.now)
        self.file = RuleBookFile(path, lambda r, d: self.told.append((r, d)), clock)

    def write(self, text: str | bytes) -> None:
        self.path.write_bytes(text if isinstance(text, bytes) else text.encode())

    @property
    def rules(self) -> int:
        return len(self.file.current().rules)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    set_language("en")  # what is told is read back as a sentence
    return Desk(tmp_path / "bot.toml")


def test_missing_file_has_no_rules_and_no_notice(desk: Desk) -> None:
    assert desk.rules == 0
    assert desk.told == []


def test_file_is_read_again_when_it_changes_and_goes(desk: Desk) -> None:
    desk.write(GOOD)
    assert desk.rules == 1
    desk.write(GOOD + GOOD.replace("'a'", "'c'"))
    assert desk.rules == 2
    desk.path.unlink()
    assert desk.rules == 0
    assert desk.told == []


def test_unchanged_file_is_not_read_again(desk: Desk) -> None:
    desk.write(GOOD)
    assert desk.file.current() is desk.file.current()


def test_file_replaced_within_one_tick_is_read_again(desk: Desk) -> None:
    desk.write(GOOD)
    assert desk.rules == 1
    before = desk.path.stat()
    other = desk.path.with_name("other")
    other.write_text(GOOD.replace("[[rule]]", "groups=1"))  # as long as the one before
    other.write_text("#" * before.st_size)
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(desk.path)
    assert desk.rules == 0


def test_broken_file_is_told_once_with_its_line_and_the_last_good_one_stays(desk: Desk) -> None:
    desk.write(GOOD)
    assert desk.rules == 1
    desk.write(BROKEN)
    assert desk.rules == 1
    assert desk.rules == 1
    ((reason, detail),) = desk.told
    assert reason is Reason.BOT_FILE_BROKEN
    assert texts.unpacked(detail)
    assert '"line": 1' in detail
    desk.write(GOOD + "\n")
    assert desk.rules == 1
    assert desk.told[1:] == [(None, "")]


def test_broken_file_that_goes_away_is_no_longer_told(desk: Desk) -> None:
    desk.write(BROKEN)
    assert desk.rules == 0
    desk.path.unlink()
    assert desk.rules == 0
    assert [reason for reason, _ in desk.told] == [Reason.BOT_FILE_BROKEN, None]


def test_half_a_save_is_not_told(desk: Desk) -> None:
    desk.write(BROKEN)
    changed = datetime.fromtimestamp(desk.path.stat().st_mtime_ns / 1e9, tz=UTC)
    desk.now = changed + timedelta(seconds=0.5)
    assert desk.rules == 0
    assert desk.told == []
    desk.now = changed + timedelta(seconds=1.5)
    assert desk.rules == 0
    assert [reason for reason, _ in desk.told] == [Reason.BOT_FILE_BROKEN]


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ("reply = 'año'".encode("latin-1"), "error.bot_encoding"),
        (b"#" * (257 * 1024), "error.bot_too_large"),
    ],
)
def test_file_that_is_no_text_or_too_large_is_told(desk: Desk, content: bytes, key: str) -> None:
    desk.write(content)
    assert desk.rules == 0
    assert key in desk.told[0][1]


def test_file_that_cannot_be_opened_is_told(desk: Desk) -> None:
    desk.path.mkdir()
    assert desk.rules == 0
    assert "error.file_strange" in desk.told[0][1]


def test_slow_rule_is_told_once_until_the_file_changes(desk: Desk) -> None:
    desk.write(GOOD)
    (rule,) = desk.file.current().rules
    desk.file.report_slow(rule)
    desk.file.report_slow(rule)
    ((reason, detail),) = desk.told
    assert reason is Reason.BOT_RULE_SLOW
    assert '"line": 1' in detail
    desk.write(GOOD + "\n")
    assert desk.rules == 1
    assert desk.told[1:] == [(None, "")]


def test_slow_rule_does_not_hide_a_broken_file(desk: Desk) -> None:
    desk.write(GOOD)
    (rule,) = desk.file.current().rules
    desk.write(BROKEN)
    desk.file.current()
    desk.file.report_slow(rule)
    assert [reason for reason, _ in desk.told] == [Reason.BOT_FILE_BROKEN]


@pytest.mark.parametrize(("language", "word"), [("es", "hola"), ("en", "hello"), ("pt", "hello")])
def test_install_example_writes_it_once_in_the_language(
    tmp_path: Path, language: str, word: str
) -> None:
    path = tmp_path / "bot.toml"
    assert install_example(path, language)
    text = path.read_text(encoding="utf-8")
    assert word in text
    assert parse(text).rules
    path.write_text("mine")
    assert not install_example(path, "en")
    assert path.read_text() == "mine"


def test_process_that_starts_with_a_broken_file_answers_by_the_last_good_rules(desk: Desk) -> None:
    desk.write(GOOD)
    assert desk.rules == 1
    desk.write(BROKEN)
    later = Desk(desk.path)
    assert later.rules == 1
    assert [reason for reason, _ in later.told] == [Reason.BOT_FILE_BROKEN]
    later.path.unlink()
    assert later.rules == 0


def test_copy_that_is_broken_too_is_not_used(desk: Desk) -> None:
    desk.write(BROKEN)
    good_copy_path(desk.path).write_text("[[")
    assert desk.rules == 0
    assert [reason for reason, _ in desk.told] == [Reason.BOT_FILE_BROKEN]
