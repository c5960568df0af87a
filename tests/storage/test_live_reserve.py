"""What a folder in memory that runs full cannot take from a live database."""

import errno
import os
import sqlite3
from pathlib import Path

import pytest

from wabot_tray.storage.live import RESERVE_BYTES, Lineage, LiveFiles

LINEAGE = Lineage(account_id="shop", live_id="0" * 32, generation=7, digest="f" * 64)


def database(folder: Path) -> LiveFiles:
    files = LiveFiles(folder, in_ram=True)
    folder.mkdir(parents=True)
    with sqlite3.connect(files.database) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE notes (text)")
    db.close()
    return files


def test_sqlite_writes_over_the_reserve_and_finds_nothing_in_it(tmp_path: Path) -> None:
    files = database(tmp_path / "live")
    files.reserve()
    log = files.folder / "session.db-wal"
    assert log.stat().st_size == RESERVE_BYTES
    assert log.stat().st_blocks * 512 >= RESERVE_BYTES  # taken, not only promised
    assert log.stat().st_mode & 0o777 == 0o600
    db = sqlite3.connect(files.database, isolation_level=None)
    db.execute("PRAGMA wal_autocheckpoint = 0")
    for number in range(200):
        db.execute("INSERT INTO notes VALUES (?)", (f"{number}" * 500,))
    assert log.stat().st_size == RESERVE_BYTES
    assert db.execute("SELECT count(*) FROM notes").fetchone() == (200,)
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()


def test_reserve_alone_is_no_content(tmp_path: Path) -> None:
    files = database(tmp_path / "live")
    files.reserve()
    assert set(files.contents()) == {"session.db"}
    files.remove()
    assert not files.folder.exists()


def test_log_that_is_there_is_never_touched(tmp_path: Path) -> None:
    files = database(tmp_path / "live")
    log = files.folder / "session.db-wal"
    log.write_bytes(b"what somebody wrote")
    files.reserve()
    assert log.read_bytes() == b"what somebody wrote"


def test_without_room_or_on_a_disk_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = database(tmp_path / "live")

    def no_room(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", no_room)
    files.reserve()
    assert not (files.folder / "session.db-wal").exists()
    monkeypatch.undo()
    on_disk = LiveFiles(files.folder, in_ram=False)
    on_disk.reserve()
    assert not (files.folder / "session.db-wal").exists()


def test_record_needs_no_room_once_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = LiveFiles(tmp_path / "live", in_ram=True)
    files.record(LINEAGE)
    (record,) = files.folder.iterdir()
    inode = record.stat().st_ino

    def no_new_file(path: object, flags: int, *_: object) -> int:
        assert not flags & os.O_CREAT
        return opened(path, flags)  # type: ignore[arg-type]

    opened = os.open
    monkeypatch.setattr(os, "open", no_new_file)
    later = Lineage(account_id="shop", live_id="0" * 32, generation=123_456, digest="0" * 64)
    files.record(later)
    assert record.stat().st_ino == inode
    assert files.lineage() == later
