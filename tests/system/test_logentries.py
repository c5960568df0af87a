import gc
import logging

import pytest

from wabot_tray.system.logentries import (
    Entry,
    Level,
    LogParser,
    account_of,
    level_of,
    more_lines,
    when_of,
    words_of,
    written,
)
from wabot_tray.system.logs import LineFormatter, log_worker_line


def made(name: str, level: int, message: str, **more: object) -> str:
    record = logging.LogRecord(name, level, __file__, 1, message, (), None)
    record.__dict__.update(more)
    return LineFormatter().format(record)


@pytest.mark.parametrize(
    ("level", "found"),
    [
        (logging.DEBUG, Level.DETAIL),
        (logging.INFO, Level.INFO),
        (logging.WARNING, Level.WARNING),
        (logging.ERROR, Level.ERROR),
        (logging.CRITICAL, Level.ERROR),
    ],
)
def test_what_the_log_writes_is_read_again(level: int, found: Level) -> None:
    line = made("wabot_tray.sessions.manager", level, "Ready [now]")
    entry = Entry(line)
    assert (level_of(entry), words_of(entry)) == (found, "[SessionManager] Ready [now]")
    assert when_of(entry) == line[:19]
    assert account_of(entry) == ""


@pytest.mark.parametrize(
    ("logger", "message", "account"),
    [
        ("wabot_tray.sessions.session", "session shop: connected -> waiting (link-lost)", "shop"),
        ("wabot_tray.sessions.milestones", "Restoring session for: shop_2", "shop_2"),
        ("wabot_tray.sessions.milestones", "Session not restored for: shop", "shop"),
        ("wabot_tray.sessions.milestones", "Auto-reconnection set for: my-shop", "my-shop"),
        ("wabot_tray.sessions.supervisor", "shop: the worker ended by itself", "shop"),
        ("wabot_tray.control.server", "control: reconnect shop", "shop"),
        ("wabot_tray.gui.jobs", "verify shop failed", "shop"),
        ("wabot_tray.gui.jobs", "reconnect shop: error.session_stopped", "shop"),
        ("wabot_tray.sessions.session", "session 573005550100: pairing: done", "…100"),
        ("wabot_tray.sessions.manager", "verify: 3 sessions, 3 answered, 41 ms", ""),
        ("wabot_tray.control.server", "control: quit refused: error.x", ""),
        ("wabot_tray.storage.vault", "the session shop: of old", ""),
    ],
)
def test_line_is_given_to_the_account_it_speaks_of(logger: str, message: str, account: str) -> None:
    entry = Entry(made(logger, logging.INFO, message))
    assert account_of(entry) == account


def test_worker_lines_belong_to_their_account(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="wabot_tray"):
        log_worker_line("shop", "WARNING\twabot_tray.storage.vault\tmended")
        log_worker_line("shop", "panic: runtime error")
    lines = [LineFormatter().format(record) for record in caplog.records]
    entries = LogParser().feed(lines).entries
    assert [account_of(entry) for entry in entries] == ["shop", "shop"]
    assert [level_of(entry) for entry in entries] == [Level.WARNING, Level.INFO]


def test_traceback_belongs_to_its_line_also_where_it_comes_later() -> None:
    first = made("wabot_tray.bot", logging.ERROR, "a task of the bot failed\nTraceback:\n  x")
    head, *rest = first.split("\n")
    parser = LogParser()
    fed = parser.feed([head, rest[0]])
    assert (fed.entries, fed.extended) == ([f"{head}\n{rest[0]}"], None)
    later = parser.feed([rest[1]])
    assert (later.entries, later.extended) == ([], first)
    again = parser.feed(["ValueError: y", made("wabot_tray", logging.INFO, "on")])
    assert (len(again.entries), again.extended) == (1, f"{first}\nValueError: y")
    assert again.extended is not None
    assert more_lines(again.extended) == 3
    assert written([again.extended]) == f"{first}\nValueError: y\n"


def test_lines_of_nobody_are_shown_and_endless_ones_end() -> None:
    parser = LogParser()
    (entry,) = parser.feed(["half a line", *("more" for _ in range(10_000))]).entries
    assert (when_of(entry), words_of(entry), level_of(entry)) == ("", "half a line", Level.INFO)
    assert more_lines(entry) == 500


def test_entries_cost_the_garbage_collector_nothing() -> None:
    (entry,) = LogParser().feed(["2026-11-20 08:00:00 INFO  [Bot] a", "more"]).entries
    assert not gc.is_tracked(entry)
