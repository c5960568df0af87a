"""What the session database says of replies that were under way."""

import contextlib
import sqlite3
from pathlib import Path

import pytest

from wabot_tray.storage.traces import Traces, find_traces

FIRST, SECOND = b"1" * 32, b"2" * 32


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database as the library makes it, whose name is not a plain address."""
    path = tmp_path / "a #1?b" / "session.db"
    path.parent.mkdir()
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute(
            "CREATE TABLE whatsmeow_message_secrets (our_jid TEXT, chat_jid TEXT, sender_jid TEXT,"
            " message_id TEXT, key bytea NOT NULL)"
        )
        rows = [("me", "them", "me", f"3EB0{n}", key) for n, key in enumerate((b"0" * 32, FIRST))]
        db.executemany("INSERT INTO whatsmeow_message_secrets VALUES (?, ?, ?, ?, ?)", rows)
        db.commit()
    return path


@pytest.mark.parametrize("is_complete", [True, False])
def test_secret_that_was_noted_tells_the_message(database: Path, *, is_complete: bool) -> None:
    found = find_traces(database, [SECOND, FIRST], is_complete=is_complete)
    assert found == Traces({FIRST: "3EB01"}, is_complete)


def test_database_with_a_log_of_its_own_proves_nothing_by_silence(database: Path) -> None:
    (database.parent / "session.db-wal").write_bytes(b"frames")
    found = find_traces(database, [SECOND, FIRST], is_complete=True)
    assert found == Traces({FIRST: "3EB01"}, is_complete=False)


def test_log_of_zeros_is_no_log(database: Path) -> None:
    (database.parent / "session.db-wal").write_bytes(bytes(4096))
    assert find_traces(database, [SECOND], is_complete=True) == Traces({}, is_complete=True)


def test_log_that_cannot_be_read_counts(database: Path) -> None:
    (database.parent / "session.db-wal").mkdir()
    assert find_traces(database, [SECOND], is_complete=True) == Traces({}, is_complete=False)


def test_looking_for_traces_leaves_nothing_behind(database: Path) -> None:
    before = database.read_bytes()
    find_traces(database, [FIRST], is_complete=True)
    assert [path.name for path in database.parent.iterdir()] == ["session.db"]
    assert database.read_bytes() == before


@pytest.mark.parametrize("content", [None, b"", b"no database" * 500])
def test_database_that_tells_nothing_proves_nothing(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "session.db"
    if content is not None:
        path.write_bytes(content)
    assert find_traces(path, [FIRST], is_complete=True) == Traces({}, is_complete=False)
