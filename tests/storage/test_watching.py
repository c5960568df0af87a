"""The watch on a live database, with real files and a real SQLite beside it."""

import asyncio
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from wabot_tray.storage.watching import Watch, watch_database

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="inotify is Linux's")


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "session.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE notes (text TEXT)")
    return path


@pytest.fixture
def library(database: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(database, isolation_level=None)) as db:
        db.execute("PRAGMA wal_autocheckpoint = 0")
        db.execute("INSERT INTO notes VALUES ('first')")
        yield db


def watching(database: Path) -> Watch:
    watch = watch_database(database)
    assert watch is not None
    return watch


async def changed(watch: Watch) -> asyncio.Event:
    event = asyncio.Event()
    watch.arm(event.set)
    return event


async def settle() -> None:
    """Let the loop look at its descriptors twice; inotify has told before a write returns."""
    for _ in range(2):
        await asyncio.sleep(0)


async def test_watch_tells_of_each_commit_once_it_is_armed(
    database: Path, library: sqlite3.Connection
) -> None:
    watch, event = watching(database), asyncio.Event()
    for number in range(3):
        library.execute("INSERT INTO notes VALUES ('before it is armed')")
        event.clear()
        watch.arm(event.set)
        await settle()
        assert not event.is_set()
        library.execute("INSERT INTO notes VALUES (?)", (number,))
        async with asyncio.timeout(20):
            await event.wait()
    library.execute("INSERT INTO notes VALUES ('not armed')")
    await settle()
    assert not watch.is_blind
    watch.close()
    watch.close()
    watch.arm(event.set)  # a sealer that is being stopped


async def test_watch_does_not_tell_of_other_files(
    database: Path, library: sqlite3.Connection
) -> None:
    watch = watching(database)
    event = await changed(watch)
    database.with_name("session.live").write_text("{}")
    database.with_name("session.live").unlink()
    library.execute("SELECT * FROM notes").fetchall()
    await settle()
    assert not event.is_set()
    library.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    async with asyncio.timeout(20):
        await event.wait()
    watch.close()


async def test_watch_on_files_that_lose_their_names_knows_that_it_is_blind(
    database: Path, library: sqlite3.Connection
) -> None:
    watch = watching(database)
    event = await changed(watch)
    database.with_name("session.db-wal").unlink()
    async with asyncio.timeout(20):
        await event.wait()
    assert watch.is_blind
    library.execute("INSERT INTO notes VALUES ('unseen')")
    watch.close()


def flood(folder: Path) -> None:
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text(encoding="ascii"))
    files = [(folder / f"file {number}").open("wb", buffering=0) for number in (1, 2)]
    for number in range(limit + 2):  # by turns: two equal events in a row become one
        files[number % 2].write(b"x")
    for file in files:
        file.close()


async def test_watch_flooded_knows_that_it_is_blind(database: Path) -> None:
    watch = watching(database)
    flood(database.parent)
    await changed(watch)
    assert watch.is_blind
    watch.close()


def test_watch_is_none_where_the_system_has_none(tmp_path: Path) -> None:
    for platform in ("win32", "darwin"):
        assert watch_database(tmp_path / "session.db", platform=platform) is None
    assert watch_database(tmp_path / "not there" / "session.db") is None
