"""What a vault does where its surroundings misbehave."""

import dataclasses
import os
import shutil
import sqlite3
import struct
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from tests.storage.conftest import FakeTime
from tests.storage.test_vault import KEY, Bench, note, notes, sealed_once
from tests.storage.test_vault_writers import sealed_content
from wabot_tray.core.errors import VaultError
from wabot_tray.core.reasons import Reason
from wabot_tray.storage.container import Container, DamagedContainerError, PageSeal
from wabot_tray.storage.copies import Copy, Sealed, SourceDamagedError
from wabot_tray.storage.live import LiveFiles, is_sound
from wabot_tray.storage.vault import Origin, Vault, remove_live
from wabot_tray.storage.wal import LiveBusyError, LiveDatabase, Mark, Snapshot

PAGES = PageSeal("shop", KEY)


@pytest.fixture
def bench(tmp_path: Path, time_: FakeTime) -> Iterator[Bench]:
    bench = Bench(tmp_path, time_)
    yield bench
    for vault in bench.opened:
        vault._let_go()


def fail_with(error: Exception) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


def test_vault_database_name_syncs_only_what_is_on_a_disk(tmp_path: Path) -> None:
    for in_ram, mode in ((True, "OFF"), (False, "FULL")):
        vault = Vault(
            tmp_path, tmp_path / "live", live_in_ram=in_ram, account_id="shop", data_key=KEY
        )
        assert vault.database_name == (
            f"{tmp_path}/live/session.db?_journal_mode=WAL&_foreign_keys=on&_synchronous={mode}&_x="
        )


def test_vault_refused_again_and_again_keeps_one_live_database(bench: Bench) -> None:
    """A worker that is restarted must not fill the disk with what it sets aside."""
    vault = bench.open()
    with bench.writer() as db:
        note(db, "one")
        vault.seal()
    vault._let_go()
    (bench.live / "session.live").write_text("{")
    for path in bench.folder.glob("session.vault*"):
        path.write_bytes(b"")
    before = bench.names()
    for _ in range(3):
        with pytest.raises(VaultError):
            bench.vault().open()
    assert bench.names() == before
    assert bench.database.exists()


def test_vault_left_half_written_anew_begins_again(bench: Bench) -> None:
    bench.folder.mkdir(parents=True)
    for name in ("session.vault.new", "session.vault.new-journal"):
        (bench.folder / name).write_bytes(b"left by a killed process")
    sealed_once(bench)
    assert bench.names() == {"session.vault", "session.vault.1", "session.vault.2"}


def test_vault_journal_beside_a_damaged_file_is_set_aside(bench: Bench) -> None:
    sealed_once(bench)
    bench.file.write_bytes(b"spoiled" * 1000)
    vault = bench.open()
    (bench.folder / "session.vault-journal").write_bytes(b"old journal")
    vault.close()
    assert list(bench.folder.glob("session.vault-journal.damaged-*"))
    assert sealed_content(bench)


def test_vault_live_files_that_cannot_be_removed_are_left_and_removed_later(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows refuses while neonize's connection is open."""
    vault = bench.open()
    with bench.writer() as db:
        note(db, "one")
    with monkeypatch.context() as patch:
        patch.setattr(LiveFiles, "remove", fail_with(VaultError(Reason.STORAGE_UNWRITABLE)))
        vault.close()
    assert not vault.is_open
    assert bench.database.exists()
    again = bench.vault()
    assert again.open() is Origin.LIVE
    again._let_go()
    (bench.live / ".draft-1234").touch()
    remove_live(bench.live)
    remove_live(bench.live)
    assert not bench.live.exists()


def test_vault_of_which_the_live_folder_is_full_says_so(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed_once(bench)
    vault = bench.vault()

    def full(descriptor: int, _: str) -> None:
        os.close(descriptor)
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdopen", full)
        with pytest.raises(VaultError) as raised:
            vault.open()
    assert raised.value.reason is Reason.DISK_FULL
    assert not vault.is_open
    assert list(bench.live.iterdir()) == []
    assert vault.open() is Origin.VAULT


def test_vault_that_cannot_begin_its_file_says_so(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = bench.open()
    with bench.writer() as db:
        note(db, "one")
        for error, reason in (
            (VaultError(Reason.DISK_FULL), Reason.DISK_FULL),
            (DamagedContainerError("at once"), Reason.STORAGE_UNWRITABLE),
        ):
            with monkeypatch.context() as patch:
                name = "_prepare" if reason is Reason.DISK_FULL else "write"
                patch.setattr(Container, name, fail_with(error))
                with pytest.raises(VaultError) as raised:
                    vault.seal()
            assert raised.value.reason is reason
        assert vault.seal() is not None


def test_vault_whose_last_copy_finds_damage_is_written_anew_before_the_live_file_goes(
    bench: Bench,
) -> None:
    sealed_once(bench, "one")
    vault = bench.open()
    bench.time.pass_s(-5)
    with bench.writer() as db:
        note(db, "two")
    follow, calls = Copy.follow, []

    def find_damage(self: Copy, *args: object) -> int:
        calls.append(self.path.name)
        if len(calls) == 1:
            raise SourceDamagedError("page 1")
        return follow(self, *args)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Copy, "follow", find_damage)
        vault.close()
    assert calls[0] == "session.vault.1"
    assert not bench.live.exists()
    bench.open()
    assert notes(bench.database) == ["one", "two"]


@pytest.fixture
def source(bench: Bench) -> Iterator[tuple[Container, Copy, dict[int, int]]]:
    vault = bench.open()
    with bench.writer() as db:
        for _ in range(20):
            note(db, "x" * 3000)
    vault.close()
    container = Container(bench.file, PAGES)
    contents = container.read()
    marks = {number: PAGES.mark(row) for number, row in contents.rows.items()}
    yield container, Copy(bench.folder / "copy", timedelta(minutes=1), PAGES), marks
    container.close()


Source = tuple[Container, Copy, dict[int, int]]


def test_copy_writes_only_rows_that_changed(source: Source, time_: FakeTime) -> None:
    container, copy, marks = source
    manifest = container.read_manifest()
    assert manifest is not None
    assert copy.is_due(time_.now())
    assert copy.follow(Sealed(container, manifest, marks), time_.now()) == len(marks)
    assert not copy.is_due(time_.now())
    assert copy.follow(Sealed(container, manifest, marks), time_.now()) == 0
    fresh = Copy(copy.path, copy.every, PAGES)
    assert not fresh.is_due(time_.now())
    assert fresh.follow(Sealed(container, manifest, marks), time_.now()) == 0
    time_.pass_s(60)
    assert copy.is_due(time_.now())


def test_copy_damaged_after_it_was_known_is_renewed_at_the_next_turn(
    source: Source, time_: FakeTime
) -> None:
    container, copy, marks = source
    manifest = container.read_manifest()
    assert manifest is not None
    copy.follow(Sealed(container, manifest, marks), time_.now())
    copy.path.write_bytes(b"\xff" * copy.path.stat().st_size)
    assert copy.follow(Sealed(container, manifest, marks), time_.now()) == 0
    assert copy.follow(Sealed(container, manifest, marks), time_.now()) == len(marks)
    assert len(list(copy.path.parent.glob("copy.damaged-*"))) == 1


def test_copy_never_takes_over_damage(source: Source, time_: FakeTime) -> None:
    container, copy, marks = source
    manifest = container.read_manifest()
    assert manifest is not None
    with pytest.raises(SourceDamagedError):
        copy.follow(Sealed(container, manifest, marks | {1: 0}), time_.now())
    with pytest.raises(SourceDamagedError):
        copy.follow(Sealed(container, manifest, marks | {9999: 0}), time_.now())
    container.path.write_bytes(b"\xff" * container.path.stat().st_size)
    with pytest.raises(SourceDamagedError):
        copy.follow(Sealed(container, manifest, marks), time_.now())


def test_container_with_text_that_is_none_is_damaged(source: Source) -> None:
    """SQLite quotes the broken schema in its message, and Python cannot decode that."""
    container, _, _ = source
    content = bytearray(container.path.read_bytes())
    spot = content.index(b"CREATE TABLE pages")
    content[spot : spot + 14] = b"CREATE TABL\xed\xed\xed"
    container.path.write_bytes(content)
    spoiled = Container(container.path, PAGES)
    assert spoiled.read().faults
    spoiled.close()


def test_is_sound_of_what_is_no_database() -> None:
    assert not is_sound(b"nothing SQLite knows" * 400)


def test_vault_reads_everything_where_a_snapshot_has_gaps(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = bench.open()
    with bench.writer() as db:
        note(db, "one")
        vault.seal()
        db.executemany("INSERT INTO notes (text) VALUES (?)", [("x" * 3000,)] * 20)
        read = LiveDatabase.read

        def leave_out(self: LiveDatabase, since: Mark | None, wanted: object) -> Snapshot:
            snapshot = read(self, since, wanted)  # type: ignore[arg-type]
            if since is None:
                return snapshot
            pages = {number: page for number, page in snapshot.pages.items() if number != 5}
            return dataclasses.replace(snapshot, pages=pages)

        monkeypatch.setattr(LiveDatabase, "read", leave_out)
        report = vault.seal()
        assert report is not None
        assert report.is_full
        vault._let_go()
    monkeypatch.undo()
    shutil.rmtree(bench.live)
    bench.open()
    assert len(notes(bench.database)) == 21


def index_of(database: Path) -> Path:
    return database.with_name(database.name + "-shm")


def every(number: int, page: bytes) -> bool:
    del number, page
    return True


def test_live_database_with_an_index_that_is_not_ready_is_read_plainly(tmp_path: Path) -> None:
    path = tmp_path / "live.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE t (x)")
    header = struct.pack("=IIIBBHIIIIII", 3007000, 0, 1, 0, 0, 4096, 0, 0, 0, 0, 0, 0)
    first = second = 0
    for left, right in struct.iter_unpack("=II", header):
        first = (first + left + second) & 0xFFFFFFFF
        second = (second + right + first) & 0xFFFFFFFF
    header += struct.pack("=II", first, second)
    index_of(path).write_bytes(header * 2)
    live = LiveDatabase(path)
    snapshot = live.read(None, every)
    assert snapshot.page_count == 2
    assert not snapshot.mark.salts
    live.close()


def test_live_database_whose_wal_is_cut_short_is_busy(tmp_path: Path) -> None:
    path = tmp_path / "live.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE t (x)")
        wal = path.with_name("live.db-wal")
        content = wal.read_bytes()
        live = LiveDatabase(path)
        for spoiled in (content[:-1], content[:40] + b"\0" + content[41:]):
            wal.write_bytes(spoiled)
            with pytest.raises(LiveBusyError):
                live.read(None, every)
        wal.write_bytes(content)
        assert live.read(None, every).page_count == 2
        live.close()


def test_live_database_written_during_a_plain_read_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "live.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("CREATE TABLE t (x)")
        db.execute("INSERT INTO t VALUES (1)")
        asked = []

        def write_once(number: int, page: bytes) -> bool:
            asked.append(number)
            if len(asked) == 1:
                db.execute("INSERT INTO t VALUES (2)")
            return every(number, page)

        live = LiveDatabase(path)
        snapshot = live.read(None, write_once)
        assert asked == [1, 2, 1, 2]
        assert b"".join(snapshot.pages.values()) == path.read_bytes()
        live.close()


def test_live_database_whose_wal_begins_anew_during_a_read_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "live.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE t (x)")
        db.execute("INSERT INTO t VALUES (1)")
        asked = []

        def fold_once(number: int, page: bytes) -> bool:
            asked.append(number)
            if len(asked) == 1:
                db.execute("INSERT INTO t VALUES (2)")
                db.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
            return every(number, page)

        live = LiveDatabase(path)
        live.read(None, fold_once)
        assert asked == [1, 2, 1, 2]
        live.close()
