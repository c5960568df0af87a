"""Seals beside a writer that is busy, or dies, or runs out of room."""

import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.storage.conftest import FakeTime
from tests.storage.test_vault import KEY, Bench, note, notes
from wabot_tray.core.errors import VaultError
from wabot_tray.core.reasons import Reason
from wabot_tray.storage.container import PageSeal
from wabot_tray.storage.recovery import find_newest
from wabot_tray.storage.vault import Origin, Vault
from wabot_tray.storage.wal import LiveBusyError, LiveDatabase

PAGES = PageSeal("shop", KEY)


@pytest.fixture
def bench(tmp_path: Path, time_: FakeTime) -> Iterator[Bench]:
    bench = Bench(tmp_path, time_)
    yield bench
    for vault in bench.opened:
        vault._let_go()


def sealed_content(bench: Bench) -> bytes:
    found = find_newest(bench.file, [], PAGES)
    assert found is not None
    assert found.is_whole
    return found.content


def dump(content: bytes) -> list[str]:
    """Return the database as SQL, whatever its journal mode."""
    plain = content[:18] + b"\1\1" + content[20:]
    with closing(sqlite3.connect(":memory:")) as db:
        db.deserialize(plain)
        return list(db.iterdump())


def random_commit(db: sqlite3.Connection, chance: random.Random) -> None:
    """One commit, or a rollback, or a checkpoint, as a busy account has them."""
    kind = chance.choices(
        ["insert", "update", "delete", "many", "undo", "fold", "index", "vacuum"],
        [30, 30, 10, 8, 8, 6, 2, 1],
    )[0]
    big = "x" * chance.choice([10, 300, 3000, 20000])
    if kind == "insert":
        note(db, f"{chance.random()} {big}")
    elif kind == "update":
        db.execute("UPDATE notes SET text = ? WHERE id % 7 = ?", (big, chance.randrange(7)))
    elif kind == "delete":
        db.execute("DELETE FROM notes WHERE id % 11 = ?", (chance.randrange(11),))
    elif kind == "many":
        db.execute("BEGIN")
        for _ in range(chance.randrange(60)):
            note(db, big)
        db.execute("COMMIT")
    elif kind == "undo":
        db.execute("BEGIN")
        db.executemany("INSERT INTO notes (text) VALUES (?)", [(big,) for _ in range(40)])
        db.execute("ROLLBACK")
    elif kind == "fold":
        mode = chance.choice(["PASSIVE", "FULL", "RESTART", "TRUNCATE"])
        db.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()
    elif kind == "index":
        db.execute("DROP INDEX IF EXISTS by_text")
        db.execute("CREATE INDEX by_text ON notes (text)")
    else:
        db.execute("VACUUM")


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("auto_vacuum", ["NONE", "FULL"])
def test_vault_after_each_seal_holds_what_the_last_commit_saw(
    bench: Bench, seed: int, auto_vacuum: str
) -> None:
    chance = random.Random(seed)  # noqa: S311 - a sample, not a secret
    vault = bench.open()
    with closing(sqlite3.connect(bench.database, isolation_level=None)) as db:
        db.execute(f"PRAGMA auto_vacuum = {auto_vacuum}")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA cache_size = 10")  # spills uncommitted pages into the WAL
        db.execute("PRAGMA wal_autocheckpoint = 60")
        db.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)")
        incremental = 0
        for _ in range(25):
            for _ in range(chance.randrange(1, 6)):
                random_commit(db, chance)
            if chance.random() < 0.3:  # a transaction is open while we seal
                db.execute("BEGIN")
                db.executemany(
                    "INSERT INTO notes (text) VALUES (?)", [("y" * 3000,) for _ in range(30)]
                )
                report = vault.seal()
                db.execute("ROLLBACK")
            else:
                report = vault.seal()
            incremental += report is not None and not report.is_full
            content = sealed_content(bench)
            assert dump(content) == list(db.iterdump())
            assert vault._is_sound_now()
        assert incremental > 3
        vault.close()
    expected = dump(sealed_content(bench))
    bench.open()
    with closing(sqlite3.connect(bench.database)) as db:
        assert list(db.iterdump()) == expected


@pytest.mark.parametrize("checkpoint_each", [5, 1000])
def test_vault_beside_a_thread_that_never_rests_seals_only_whole_commits(
    bench: Bench, checkpoint_each: int
) -> None:
    """Every commit adds two rows that name each other; no seal may ever see one of them."""
    vault = bench.open()
    done = threading.Event()

    def write() -> None:
        with bench.writer() as db:
            db.execute(f"PRAGMA wal_autocheckpoint = {checkpoint_each}")
            count = 0
            while not done.is_set():
                count += 1
                db.execute("BEGIN")
                note(db, f"left {count} {'x' * 3000}")
                note(db, f"right {count}")
                if count > 50:
                    db.execute("DELETE FROM notes WHERE text LIKE ?", (f"left {count - 50} %",))
                    db.execute("DELETE FROM notes WHERE text = ?", (f"right {count - 50}",))
                db.execute("COMMIT")

    thread = threading.Thread(target=write)
    thread.start()
    try:
        seals = 0
        until = time.monotonic() + 20
        while seals < 10 and time.monotonic() < until:
            if vault.seal() is None:
                continue
            seals += 1
            lines = [line for line in dump(sealed_content(bench)) if "INSERT" in line]
            left = sum("left" in line for line in lines)
            assert left == sum("right" in line for line in lines)
    finally:
        done.set()
        thread.join()
    assert seals == 10
    vault.close()


WRITER = """
import sys, time
from pathlib import Path
from tests.storage.test_vault import Bench, note
from tests.storage.conftest import FakeTime
bench = Bench(Path(sys.argv[1]), FakeTime())
vault = bench.open()
with bench.writer() as db:
    count = 0
    while True:
        count += 1
        note(db, f"{count} " + "x" * 20000)
        report = vault.seal()
        print(count, flush=True)
"""


@pytest.mark.parametrize("seed", range(4))
def test_vault_killed_in_the_middle_of_a_seal_opens(bench: Bench, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - a sample, not a secret
    sealed, written = 0, 0
    for _ in range(3):
        command = [sys.executable, "-c", WRITER, str(bench.folder.parent.parent)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            sealed += int(child.stdout.readline())
            time.sleep(chance.random() * 0.05)
            child.send_signal(signal.SIGKILL)
            rest = child.stdout.read().split()
            child.wait()
        sealed += len(rest)
        for path in bench.live.iterdir():  # as a power cut would: the vault stands alone
            path.unlink()
        vault = bench.vault()
        assert vault.open() is Origin.VAULT
        assert not vault.recovered
        written = len(notes(bench.database))
        assert written in (sealed, sealed + 1)
        sealed = written
        vault.close()


def fill(vault: Vault) -> None:
    """Let the container grow no further, as on a full disk."""
    assert vault._newest.current is not None
    vault._newest.current._db.execute("PRAGMA max_page_count = 1")


def make_room(vault: Vault) -> None:
    assert vault._newest.current is not None
    vault._newest.current._db.execute("PRAGMA max_page_count = 1073741823")


def test_vault_on_a_full_disk_keeps_the_last_seal_and_goes_on_when_there_is_room(
    bench: Bench,
) -> None:
    vault = bench.open()
    with bench.writer() as db:
        note(db, "one")
        vault.seal()
        before = sealed_content(bench)
        fill(vault)
        note(db, "x" * 50000)
        for _ in range(2):
            with pytest.raises(VaultError) as raised:
                vault.seal()
            assert raised.value.reason is Reason.DISK_FULL
            assert sealed_content(bench) == before
            assert vault.has_changed()
        with pytest.raises(VaultError):
            vault.close()
        assert bench.database.exists()
        again = bench.vault()
        assert again.open() is Origin.LIVE
        note(db, "two")
        report = again.seal()
        assert report is not None
        assert dump(sealed_content(bench)) == list(db.iterdump())


def test_vault_that_becomes_read_only_says_so(bench: Bench) -> None:
    vault = bench.open()
    with bench.writer() as db:
        note(db, "one")
        vault.seal()
        assert vault._newest.current is not None
        vault._newest.current._db.execute("PRAGMA query_only = ON")
        note(db, "two")
        with pytest.raises(VaultError) as raised:
            vault.seal()
        assert raised.value.reason is Reason.STORAGE_UNWRITABLE
        vault._newest.current._db.execute("PRAGMA query_only = OFF")
        assert vault.seal() is not None


def test_vault_copy_that_cannot_be_renewed_does_not_stop_a_seal(bench: Bench) -> None:
    vault = bench.open()
    (bench.folder / "session.vault.1").mkdir()
    with bench.writer() as db:
        note(db, "one")
        assert vault.seal() is not None
    assert dump(sealed_content(bench))


def test_vault_whose_page_size_changes_is_written_anew(bench: Bench) -> None:
    vault = bench.open()
    with bench.writer() as db:
        note(db, "x" * 30000)
        vault.seal()
        db.execute("PRAGMA journal_mode = DELETE")
        db.execute("PRAGMA page_size = 1024")
        db.execute("VACUUM")
        report = vault.seal()
        assert report is not None
        assert report.pages == report.page_count > 20
        content = sealed_content(bench)
        assert dump(content) == list(db.iterdump())


@pytest.mark.parametrize("page_size", [512, 65536])
def test_vault_of_other_page_sizes(bench: Bench, page_size: int) -> None:
    vault = bench.open()
    with closing(sqlite3.connect(bench.database, isolation_level=None)) as db:
        db.execute(f"PRAGMA page_size = {page_size}")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)")
        for size in (10, 5000, 200000):
            note(db, "x" * size)
            report = vault.seal()
            assert report is not None
            content = sealed_content(bench)
            assert len(content) % page_size == 0
            assert dump(content) == list(db.iterdump())


def test_vault_beside_a_writer_without_wal(bench: Bench) -> None:
    vault = bench.open()
    with closing(sqlite3.connect(bench.database, isolation_level=None)) as db:
        db.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)")
        for _ in range(3):
            note(db, "x" * 5000)
            assert vault.has_changed()
            report = vault.seal()
            assert report is not None
            assert report.is_full
            assert not vault.has_changed()
            assert dump(sealed_content(bench)) == list(db.iterdump())
        db.execute("PRAGMA cache_size = 1")
        db.execute("BEGIN")
        db.executemany("INSERT INTO notes (text) VALUES (?)", [("y" * 3000,) for _ in range(99)])
        assert vault.has_changed()
        assert vault.seal() is None  # in the middle of a transaction there is nothing to seal
        db.execute("COMMIT")
        assert vault.seal() is not None
        assert dump(sealed_content(bench)) == list(db.iterdump())


def test_vault_whose_live_files_lose_their_names_seals_on(bench: Bench) -> None:
    """A cleaner of temporary folders deletes files that are in use."""
    vault = bench.open()
    with bench.writer() as db:
        note(db, "one")
        vault.seal()
        for path in list(bench.live.iterdir()):
            path.unlink()
        note(db, "two")
        assert vault.seal() is not None
        assert dump(sealed_content(bench)) == list(db.iterdump())
    vault.close()
    bench.open()
    assert notes(bench.database) == ["one", "two"]


def test_vault_after_the_writer_closed_and_opened_again(bench: Bench) -> None:
    vault = bench.open()
    for text in ("one", "two", "three"):
        with bench.writer() as db:
            note(db, text)
            assert vault.seal() is not None
        assert vault.seal() is None
    vault.close()
    bench.open()
    assert notes(bench.database) == ["one", "two", "three"]


def test_vault_whose_live_database_was_emptied_never_seals_nothing(bench: Bench) -> None:
    vault = bench.open()
    with bench.writer() as db:
        note(db, "one")
        vault.seal()
    bench.database.write_bytes(b"")
    with pytest.raises(VaultError) as raised:
        vault.seal()
    assert raised.value.reason is Reason.VAULT_DAMAGED
    assert sealed_content(bench)


def test_live_database_that_never_stands_still_is_busy(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = bench.open()
    with bench.writer() as db:
        note(db, "one")
        vault.seal()
        note(db, "two")
        index = bench.database.with_name("session.db-shm")
        content = bytearray(index.read_bytes())
        content[60] ^= 1  # the second copy of the header differs
        with index.open("r+b") as file:
            file.write(content)
        live = LiveDatabase(bench.database)
        for call in (live.stamp, lambda: live.read(None, lambda *_: True)):
            with pytest.raises(LiveBusyError):
                call()
        live.close()
        assert vault.has_changed()
        assert vault.seal() is None
        monkeypatch.setattr(vault, "_renew_copies", lambda **_: None)
        with pytest.raises(VaultError) as raised:
            vault.close()
        assert raised.value.reason is Reason.STORAGE_UNWRITABLE


def test_live_database_read_as_windows_does(bench: Bench) -> None:
    vault = bench.open()
    with bench.writer() as db:
        live = LiveDatabase(bench.database, platform="win32")
        for text in ("one", "two"):
            note(db, text)
            snapshot = live.read(None, lambda *_: True)
            content = b"".join(page for _, page in sorted(snapshot.pages.items()))
            assert dump(content) == list(db.iterdump())
            note(db, f"{text} more")
            changes = live.read(snapshot.mark, lambda *_: True)
            assert not changes.is_full
            assert changes.pages
        with suppress(OSError):
            live.close()
    vault._let_go()
    assert LiveDatabase(bench.live / "none", platform="win32").stamp() == b"plain"


def test_live_database_costs_follow_the_change(bench: Bench) -> None:
    """A change in a database of 10 MB seals a handful of pages, however large it is."""
    vault = bench.open()
    with bench.writer() as db:
        for megabytes in (1, 10):
            rows = [("x" * 1000,) for _ in range(megabytes * 900)]
            db.executemany("INSERT INTO notes (text) VALUES (?)", rows)
            full = vault.seal()
            cpu_s = time.process_time()
            note(db, "one message")
            small = vault.seal()
            cpu_s = time.process_time() - cpu_s
            assert full is not None
            assert small is not None
            assert small.pages <= 3
            size = small.page_count * 4096 / 1e6
            print(
                f"{size:.1f} MB: all {full.written_bytes} bytes in {full.took_s * 1000:.0f} ms; "
                f"one message {small.written_bytes} bytes, {small.pages} pages, "
                f"{small.took_s * 1000:.1f} ms, CPU {cpu_s * 1000:.1f} ms"
            )
