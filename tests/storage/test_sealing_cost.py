"""A seal costs what has changed, however large the database is; counted, not timed."""

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.bench.sealing import fill, one_message
from tests.storage.conftest import FakeTime
from tests.storage.test_vault import Bench
from tests.storage.test_vault_writers import dump, sealed_content
from wabot_tray.storage.sealer import SealReport
from wabot_tray.storage.vault import Vault


@pytest.fixture
def bench(tmp_path: Path, time_: FakeTime) -> Iterator[Bench]:
    bench = Bench(tmp_path, time_)
    yield bench
    for vault in bench.opened:
        vault._let_go()


def opened(bench: Bench, size_mb: float) -> tuple[Vault, sqlite3.Connection]:
    """Return a vault of a size, closed and opened again, and the library's connection."""
    vault = bench.open()
    with closing(connected(bench)) as db:
        fill(db, size_mb)
    vault.close()
    return bench.open(), connected(bench)


def connected(bench: Bench) -> sqlite3.Connection:
    db = sqlite3.connect(bench.database, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = OFF")
    return db


def sealed(vault: Vault) -> SealReport:
    report = vault.seal()
    assert report is not None
    return report


def counted() -> dict[str, int]:
    """Return how many bytes this process has read and written so far, by its calls."""
    lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    return {name: int(value) for name, value in (line.split(": ") for line in lines)}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux counts the bytes")
def test_seal_of_one_message_costs_the_same_in_any_database(bench: Bench, tmp_path: Path) -> None:
    costs = []
    for size_mb in (0.5, 20.0):
        vault, db = opened(Bench(tmp_path / str(size_mb), bench.time), size_mb)
        with closing(db):
            for number in range(30):  # the first one after opening, too
                one_message(db, number)
                before = counted()
                report = sealed(vault)
                after = counted()
                assert not report.is_full
                assert report.pages <= 5
                costs.append(
                    (size_mb, after["wchar"] - before["wchar"], after["rchar"] - before["rchar"])
                )
        vault._let_go()
    for column in (1, 2):
        small = max(cost[column] for cost in costs if cost[0] < 1)
        large = max(cost[column] for cost in costs if cost[0] > 1)
        assert large <= small + 64 * 1024, costs  # SQLite's tree is a page or two deeper


@pytest.mark.parametrize("checkpoint_pages", [20, 100])
def test_seal_after_the_log_began_anew_costs_what_changed(
    bench: Bench, checkpoint_pages: int
) -> None:
    """The library folds its log in every 1000 pages; that must not cost a look at every page."""
    vault, db = opened(bench, 2)
    with closing(db):
        db.execute(f"PRAGMA wal_autocheckpoint = {checkpoint_pages}")
        full = 0
        for number in range(200):
            one_message(db, number)
            if number % 3 == 0:
                full += sealed(vault).is_full
                if number % 30 == 0:
                    assert dump(sealed_content(bench)) == list(db.iterdump())
        assert full == 0
        sealed(vault)
        assert dump(sealed_content(bench)) == list(db.iterdump())
    vault.close()


def test_seal_looks_at_every_page_where_the_log_cannot_tell_any_more(bench: Bench) -> None:
    vault, db = opened(bench, 0.5)
    with closing(db):
        db.execute("PRAGMA wal_autocheckpoint = 0")
        for number in range(10):
            one_message(db, number)
        assert not sealed(vault).is_full
        for mode in ("RESTART", "TRUNCATE"):
            one_message(db, 10)
            assert not sealed(vault).is_full
            one_message(db, 11)
            db.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()
            for number in range(100):  # longer than the run before
                one_message(db, number)
            assert sealed(vault).is_full, mode
            one_message(db, 12)
            db.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()
            one_message(db, 13)
            db.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()
            one_message(db, 14)  # two runs since
            assert sealed(vault).is_full, mode
        assert dump(sealed_content(bench)) == list(db.iterdump())
    vault.close()


def test_seal_after_the_database_was_folded_into_before_the_first_look(bench: Bench) -> None:
    vault, db = opened(bench, 0.5)
    with closing(db):
        one_message(db, 1)
        db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        one_message(db, 2)
        sealed(vault)
        assert dump(sealed_content(bench)) == list(db.iterdump())
    vault.close()
