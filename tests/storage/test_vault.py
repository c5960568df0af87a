"""The vault beside Python's own SQLite as the writer; test_vault_neonize.py has the real one."""

import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.storage.conftest import FakeTime
from wabot_tray.core.errors import VaultError
from wabot_tray.core.reasons import Reason
from wabot_tray.storage.sealing import Seal, subkey
from wabot_tray.storage.vault import Origin, Vault

KEY = bytes(range(32))
SECRET = "the noise key of this device"


class Bench:
    """A vault's folders, and as many vaults on them as a test wants."""

    def __init__(self, folder: Path, time: FakeTime) -> None:
        self.folder = folder / "auth_sessions" / "shop"
        self.live = folder / "live" / "shop"
        self.time = time
        self.opened: list[Vault] = []

    def vault(self, *, account_id: str = "shop", data_key: bytes = KEY) -> Vault:
        vault = Vault(
            self.folder,
            self.live,
            live_in_ram=True,
            account_id=account_id,
            data_key=data_key,
            clock=self.time.clock,
        )
        self.opened.append(vault)
        return vault

    def open(self) -> Vault:
        vault = self.vault()
        vault.open()
        return vault

    @property
    def database(self) -> Path:
        return self.live / "session.db"

    @property
    def file(self) -> Path:
        return self.folder / "session.vault"

    def writer(self) -> "closing[sqlite3.Connection]":
        return closing(writer(self.database))

    def names(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()} - {"session.lock"}


def read_aside(path: Path) -> bytes:
    """Return what was sealed into a file that was set aside."""
    seal = Seal(subkey(KEY, b"set aside"))
    return seal.unseal(path.read_bytes(), b"shop")


def writer(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = OFF")
    db.execute("CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, text TEXT)")
    return db


def note(db: sqlite3.Connection, text: str) -> None:
    db.execute("INSERT INTO notes (text) VALUES (?)", (text,))


def notes(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as db:
        return [text for (text,) in db.execute("SELECT text FROM notes ORDER BY id")]


def lose_live(bench: Bench) -> None:
    """What a power cut does to a live database in memory."""
    for path in bench.live.iterdir():
        path.unlink()


@pytest.fixture
def bench(tmp_path: Path, time_: FakeTime) -> Iterator[Bench]:
    bench = Bench(tmp_path, time_)
    yield bench
    for vault in bench.opened:
        vault._let_go()


def test_vault_new_is_empty_and_leaves_nothing(bench: Bench) -> None:
    vault = bench.vault()
    assert vault.open() is Origin.NOTHING
    assert vault.is_empty
    assert not vault.has_changed()
    assert vault.seal() is None
    vault.close()
    vault.close()
    assert bench.names() == set()
    assert not bench.live.exists()


def test_vault_keeps_what_was_written(bench: Bench) -> None:
    vault = bench.open()
    with bench.writer() as db:
        note(db, SECRET)
        assert vault.has_changed()
        report = vault.seal()
        assert report is not None
        assert report.generation == 1
        assert report.pages == report.page_count
        assert not vault.has_changed()
        assert vault.seal() is None
    vault.close()
    assert bench.names() == {"session.vault", "session.vault.1", "session.vault.2"}
    assert not bench.live.exists()
    again = bench.vault()
    assert again.open() is Origin.VAULT
    assert not again.is_empty
    assert not again.recovered
    assert not again.has_changed()
    assert notes(bench.database) == [SECRET]


def test_vault_files_are_private(bench: Bench) -> None:
    vault = bench.open()
    with bench.writer() as db:
        note(db, SECRET)
        vault.seal()
        for path in [*bench.folder.iterdir(), *bench.live.iterdir()]:
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        for folder in (bench.folder, bench.live):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_vault_seals_only_pages_that_changed(bench: Bench) -> None:
    vault = bench.open()
    with bench.writer() as db:
        db.executemany("INSERT INTO notes (text) VALUES (?)", [("x" * 1000,) for _ in range(4000)])
        first = vault.seal()
        assert first is not None
        assert first.pages == first.page_count > 1000
        db.execute("UPDATE notes SET text = 'short' WHERE id = 2000")
        second = vault.seal()
        assert second is not None
        assert second.pages == 1
        assert not second.is_full
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.execute("UPDATE notes SET text = 'other' WHERE id = 2000")
        third = vault.seal()
        assert third is not None
        assert third.is_full  # the WAL began anew
        assert third.pages == 1


def test_vault_after_kill_adopts_the_newer_live_database(bench: Bench) -> None:
    vault = bench.open()
    with bench.writer() as db:
        note(db, "sealed")
        vault.seal()
        note(db, "not sealed")
        vault._let_go()
        again = bench.vault()
        assert again.open() is Origin.LIVE
    assert again.has_changed()
    assert again.seal() is not None
    lose_live(bench)
    again._let_go()
    assert bench.vault().open() is Origin.VAULT
    assert notes(bench.database) == ["sealed", "not sealed"]


def test_vault_after_power_cut_has_what_was_sealed(bench: Bench) -> None:
    vault = bench.open()
    with bench.writer() as db:
        note(db, "sealed")
        vault.seal()
        note(db, "not sealed")
    vault._let_go()
    lose_live(bench)
    assert bench.vault().open() is Origin.VAULT
    assert notes(bench.database) == ["sealed"]


def test_vault_first_pairing_killed_before_first_seal_is_adopted(bench: Bench) -> None:
    vault = bench.open()
    with bench.writer() as db:
        note(db, "paired")
    vault._let_go()
    again = bench.vault()
    assert again.open() is Origin.LIVE
    assert not again.is_empty
    assert notes(bench.database) == ["paired"]


def sealed_once(bench: Bench, text: str = SECRET) -> None:
    vault = bench.open()
    with bench.writer() as db:
        note(db, text)
    vault.close()


def test_vault_put_back_from_a_backup_wins_over_the_live_database(bench: Bench) -> None:
    sealed_once(bench, "old")
    backup = bench.file.read_bytes()
    vault = bench.open()
    with bench.writer() as db:
        note(db, "new")
        vault.seal()
        vault._let_go()
    bench.file.write_bytes(backup)
    again = bench.vault()
    assert again.open() is Origin.VAULT
    assert notes(bench.database) == ["old"]
    asides = sorted(bench.folder.glob("session.aside-*"))
    assert asides
    assert b"new" in b"".join(read_aside(path) for path in asides)
    assert b"new" not in b"".join(path.read_bytes() for path in asides)


def test_vault_that_was_deleted_begins_anew_and_keeps_the_live_database_aside(
    bench: Bench,
) -> None:
    sealed_once(bench)
    vault = bench.open()
    vault._let_go()
    for path in bench.folder.glob("session.vault*"):
        path.unlink()
    again = bench.vault()
    assert again.open() is Origin.NOTHING
    assert again.is_empty
    assert list(bench.folder.glob("session.aside-*"))


def test_vault_of_another_account_or_key_does_not_open(bench: Bench) -> None:
    sealed_once(bench)
    before = {path: path.read_bytes() for path in bench.folder.iterdir()}
    for vault, reason in (
        (bench.vault(data_key=bytes(32)), Reason.KEY_WRONG),
        (bench.vault(account_id="other"), Reason.VAULT_DAMAGED),
    ):
        with pytest.raises(VaultError) as raised:
            vault.open()
        assert raised.value.reason is reason
        assert not vault.is_open
    after = {path: path.read_bytes() for path in bench.folder.iterdir()}
    assert after == before


def test_vault_in_use_is_refused(bench: Bench) -> None:
    bench.open()
    with pytest.raises(VaultError) as raised:
        bench.vault().open()
    assert raised.value.reason is Reason.IN_USE_ELSEWHERE
    with pytest.raises(VaultError) as raised:
        bench.vault().erase()
    assert raised.value.reason is Reason.IN_USE_ELSEWHERE


def test_vault_not_open_does_not_seal(bench: Bench) -> None:
    with pytest.raises(RuntimeError):
        bench.vault().seal()


def test_vault_erase_forgets_sealed_and_live(bench: Bench) -> None:
    sealed_once(bench)
    (bench.folder / "session.key").touch()
    (bench.folder / "session.vault.damaged-20260101T000000Z").touch()
    (bench.folder / "session.aside-x").touch()
    vault = bench.open()
    vault.erase()
    assert bench.names() == {"session.key"}
    assert not bench.live.exists()
    vault.erase()
    assert bench.vault().open() is Origin.NOTHING


Spoil = Callable[[Path], object]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"no database at all" * 500),
        lambda path: path.write_bytes(path.read_bytes()[:5000]),
        lambda path: path.write_bytes(path.read_bytes()[:-4096]),
    ],
)
def test_vault_spoiled_beyond_repair_is_refused_and_left(bench: Bench, spoil: Spoil) -> None:
    sealed_once(bench)
    for path in bench.folder.glob("session.vault*"):
        spoil(path)
    before = {path: path.read_bytes() for path in bench.folder.iterdir()}
    with pytest.raises(VaultError) as raised:
        bench.vault().open()
    assert raised.value.reason is Reason.VAULT_DAMAGED
    assert {path: path.read_bytes() for path in bench.folder.iterdir()} == before
