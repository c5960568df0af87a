"""Damage to the files of a vault: it is detected and mended, or changes nothing that is read."""

import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.storage.conftest import FakeTime
from tests.storage.test_vault import KEY, Bench, note, notes, read_aside, sealed_once
from wabot_tray.core.errors import VaultError
from wabot_tray.core.reasons import Reason
from wabot_tray.storage.container import Container, PageSeal
from wabot_tray.storage.recovery import Found, find_newest
from wabot_tray.storage.vault import Origin

SECRETS = ("noise key", "identity key 4711", "+34 600 111 222")
PAGES = PageSeal("shop", KEY)


@pytest.fixture
def bench(tmp_path: Path, time_: FakeTime) -> Iterator[Bench]:
    bench = Bench(tmp_path, time_)
    vault = bench.open()
    with bench.writer() as db:
        for secret in SECRETS:
            note(db, secret)
        vault.seal()
        note(db, "x" * 9000)
    vault.close()
    yield bench
    for each in bench.opened:
        each._let_go()


def newest(bench: Bench, *, with_copies: bool) -> Found | None:
    copies = [bench.folder / f"session.vault.{number}" for number in (1, 2)]
    return find_newest(bench.file, copies if with_copies else [], PAGES)


def positions(good: bytes, seed: int, count: int) -> list[int]:
    """Every byte of SQLite's own structure at the head of a page, and a sample of the rest."""
    heads = [start + i for start in range(0, len(good), 4096) for i in range(16)]
    chosen = random.Random(seed)  # noqa: S311 - a sample, not a secret
    return sorted({*range(100), *heads, *(chosen.randrange(len(good)) for _ in range(count))})


def test_vault_flipped_byte_is_detected_or_changes_nothing(bench: Bench) -> None:
    good = bench.file.read_bytes()
    sound = newest(bench, with_copies=False)
    assert sound is not None
    detected = 0
    for seed, bits in ((1, 0x01), (2, 0x80), (3, 0xFF)):
        for position in positions(good, seed, 250):
            spoiled = bytearray(good)
            spoiled[position] ^= bits
            bench.file.write_bytes(spoiled)
            try:
                found = newest(bench, with_copies=False)
            except VaultError:
                detected += 1
            else:
                assert found is not None
                assert found.content == sound.content
    assert detected > 500


def test_vault_flipped_byte_is_mended_from_a_copy(bench: Bench) -> None:
    good = bench.file.read_bytes()
    sound = newest(bench, with_copies=True)
    assert sound is not None
    mended = 0
    for position in positions(good, 4, 250):
        spoiled = bytearray(good)
        spoiled[position] ^= 0x10
        bench.file.write_bytes(spoiled)
        found = newest(bench, with_copies=True)
        assert found is not None
        assert found.content == sound.content
        mended += not found.is_whole
    assert mended > 100


def test_vault_gives_nothing_away_without_the_key(bench: Bench) -> None:
    plain = ("notes", "CREATE TABLE notes", "SQLite format 3\0\x10\0\2\2", *SECRETS)
    for path in bench.folder.glob("session.vault*"):
        content = path.read_bytes()
        for text in plain:
            assert text.encode() not in content
            assert text.encode("utf-16-le") not in content
        with closing(sqlite3.connect(path)) as db:
            assert db.execute("SELECT name FROM sqlite_schema ORDER BY name").fetchall() == [
                ("manifest",),
                ("pages",),
            ]
            sealed = [value for (value,) in db.execute("SELECT sealed FROM pages")]
            assert {len(value) for value in sealed} == {4096 + 28}
            assert len({value[:12] for value in sealed}) == len(sealed)  # no nonce twice


def test_vault_same_page_sealed_twice_looks_different() -> None:
    page = bytes(4096)
    assert PAGES.seal_page(1, 1, page).sealed != PAGES.seal_page(1, 1, page).sealed


def edit(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for statement in statements:
            db.execute(statement)


@pytest.mark.parametrize(
    "statements",
    [
        ("DELETE FROM pages WHERE number = 2",),
        ("DELETE FROM manifest",),
        ("UPDATE manifest SET sealed = 'text'",),
        ("UPDATE manifest SET sealed = x'00'",),
        ("UPDATE pages SET generation = generation + 1 WHERE number = 1",),
        ("UPDATE pages SET generation = 'x' WHERE number = 1",),
        ("UPDATE pages SET sealed = 7 WHERE number = 1",),
        ("UPDATE pages SET sealed = x'' WHERE number = 1",),
        (
            "UPDATE pages SET number = 99 WHERE number = 1",
            "UPDATE pages SET number = 1 WHERE number = 2",
            "UPDATE pages SET number = 2 WHERE number = 99",
        ),
        ("CREATE TRIGGER t AFTER INSERT ON pages BEGIN DELETE FROM pages; END",),
        ("DROP TABLE pages",),
        ("PRAGMA application_id = 5",),
        ("PRAGMA user_version = 0",),
    ],
)
def test_vault_edited_by_hand_is_mended_by_the_copies_alone(
    bench: Bench, statements: tuple[str, ...]
) -> None:
    sound = newest(bench, with_copies=False)
    assert sound is not None
    edit(bench.file, *statements)
    found = newest(bench, with_copies=True)
    assert found is not None
    assert found.content == sound.content
    assert not found.is_whole


def test_vault_with_one_page_of_an_older_generation_is_detected(
    bench: Bench, tmp_path: Path
) -> None:
    old = tmp_path / "old"
    shutil.copy(bench.file, old)
    vault = bench.open()
    with bench.writer() as db:
        note(db, "newer")
    vault.close()
    edit(
        bench.file,
        f"ATTACH '{old}' AS old",
        "REPLACE INTO pages SELECT * FROM old.pages WHERE number = 2",
    )
    with pytest.raises(VaultError) as raised:
        newest(bench, with_copies=False)
    assert raised.value.reason is Reason.VAULT_DAMAGED


def test_vault_of_a_newer_format_is_left_alone(bench: Bench) -> None:
    edit(bench.file, "PRAGMA user_version = 2", "UPDATE manifest SET sealed = x'00'")
    before = {path: path.read_bytes() for path in bench.folder.iterdir()}
    with pytest.raises(VaultError) as raised:
        bench.vault().open()
    assert raised.value.reason is Reason.VAULT_TOO_NEW
    assert {path: path.read_bytes() for path in bench.folder.iterdir()} == before


def test_vault_whose_version_number_alone_was_flipped_opens(bench: Bench) -> None:
    edit(bench.file, "PRAGMA user_version = 2")
    assert bench.vault().open() is Origin.VAULT


Spoil = Callable[[Path], object]


@pytest.mark.parametrize(
    "spoil",
    [
        Path.unlink,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"no database" * 1000),
        lambda path: path.write_bytes(path.read_bytes()[:6000]),
    ],
)
def test_vault_spoiled_falls_back_to_its_copy_and_is_written_anew(
    bench: Bench, spoil: Spoil
) -> None:
    expected = [*SECRETS, "x" * 9000]
    spoil(bench.file)
    spoiled = bench.file.read_bytes() if bench.file.exists() else None
    vault = bench.vault()
    assert vault.open() is Origin.VAULT
    assert vault.recovered
    assert vault.has_changed()
    report = vault.seal()
    assert report is not None
    assert report.pages == report.page_count
    vault.close()
    asides = list(bench.folder.glob("session.vault.damaged-*"))
    assert [path.read_bytes() for path in asides] == ([] if spoiled is None else [spoiled])
    again = bench.open()
    assert not again.recovered
    assert notes(bench.database) == expected


def test_vault_falls_back_to_what_the_minute_before_had(bench: Bench) -> None:
    vault = bench.open()
    bench.time.pass_s(61)
    with bench.writer() as db:
        note(db, "a minute ago")
        vault.seal()
        bench.time.pass_s(30)
        note(db, "a second ago")
        vault.seal()
    vault._let_go()
    shutil.rmtree(bench.live)
    bench.file.write_bytes(b"")
    again = bench.open()
    assert again.recovered
    assert notes(bench.database)[-1] == "a minute ago"


def test_vault_falls_back_to_the_day_before(bench: Bench) -> None:
    for name in ("session.vault", "session.vault.1"):
        (bench.folder / name).write_bytes(b"")
    vault = bench.open()
    assert vault.recovered
    assert notes(bench.database) == list(SECRETS)
    vault.close()
    assert len(list(bench.folder.glob("*.damaged-*"))) == 2


def test_vault_damaged_with_newer_live_database_uses_the_live_one(bench: Bench) -> None:
    vault = bench.open()
    with bench.writer() as db:
        note(db, "newest")
        vault.seal()
        vault._let_go()
    for path in bench.folder.glob("session.vault*"):
        path.write_bytes(b"")
    again = bench.vault()
    assert again.open() is Origin.LIVE
    assert again.recovered
    assert again.seal() is not None
    again.close()
    bench.open()
    assert notes(bench.database)[-1] == "newest"


@pytest.mark.parametrize("was_sealed", [True, False])
def test_vault_recovered_from_a_copy_adopts_the_live_database_that_is_newer(
    bench: Bench, was_sealed: bool
) -> None:
    vault = bench.open()
    with bench.writer() as db:
        note(db, "newest")
        if was_sealed:
            vault.seal()
        vault._let_go()
    bench.file.write_bytes(b"")
    again = bench.vault()
    assert again.open() is Origin.LIVE
    assert notes(bench.database)[-1] == "newest"


def damage_live(bench: Bench) -> None:
    """Spoil a b-tree page of the live database."""
    content = bytearray(bench.database.read_bytes())
    content[4096 : 4096 + 8] = b"\xff" * 8
    bench.database.write_bytes(content)


def test_vault_sets_a_damaged_live_database_aside(bench: Bench) -> None:
    vault = bench.open()
    vault._let_go()
    damage_live(bench)
    again = bench.vault()
    assert again.open() is Origin.VAULT
    assert notes(bench.database) == [*SECRETS, "x" * 9000]
    (aside,) = bench.folder.glob("session.aside-*")
    assert read_aside(aside)[4096:4104] == b"\xff" * 8


def test_vault_sets_a_live_file_that_is_no_database_aside(bench: Bench) -> None:
    vault = bench.open()
    vault._let_go()
    bench.database.write_bytes(b"nothing SQLite knows" * 400)
    again = bench.vault()
    assert again.open() is Origin.VAULT


@pytest.mark.parametrize("record", [None, "{", '{"account_id": "shop"}', "[]"])
def test_vault_sets_a_live_database_of_unknown_lineage_aside(
    bench: Bench, record: str | None
) -> None:
    vault = bench.open()
    with bench.writer() as db:
        note(db, "newest")
    vault._let_go()
    if record is None:
        (bench.live / "session.live").unlink()
    else:
        (bench.live / "session.live").write_text(record)
    again = bench.vault()
    assert again.open() is Origin.VAULT
    assert "newest" not in notes(bench.database)


def test_vault_of_damaged_files_and_damaged_live_database_is_refused(bench: Bench) -> None:
    vault = bench.open()
    vault._let_go()
    damage_live(bench)
    for path in bench.folder.glob("session.vault*"):
        path.write_bytes(b"")
    with pytest.raises(VaultError) as raised:
        bench.vault().open()
    assert raised.value.reason is Reason.VAULT_DAMAGED


def test_vault_of_a_logically_damaged_database_falls_back(bench: Bench) -> None:
    """Sealed as it was, but SQLite cannot make sense of it: an older copy is better."""
    vault = bench.open()
    damage_live(bench)
    vault.seal()
    vault._let_go()
    shutil.rmtree(bench.live)
    again = bench.open()
    assert again.recovered
    assert notes(bench.database)[:3] == list(SECRETS)


def test_vault_never_renews_the_daily_copy_from_a_damaged_database(bench: Bench) -> None:
    daily = (bench.folder / "session.vault.2").read_bytes()
    bench.time.pass_s(25 * 3600)
    vault = bench.open()
    damage_live(bench)
    assert vault.seal() is not None
    vault._let_go()
    assert (bench.folder / "session.vault.2").read_bytes() == daily


def test_vault_renews_the_daily_copy_after_a_day(bench: Bench) -> None:
    daily = Container(bench.folder / "session.vault.2", PAGES)
    bench.time.pass_s(25 * 3600)
    vault = bench.open()
    with bench.writer() as db:
        note(db, "today")
        vault.seal()
    vault.close()
    manifest = daily.read_manifest()
    daily.close()
    assert manifest is not None
    assert manifest.generation == 3


def test_vault_copy_damaged_is_set_aside_and_renewed(bench: Bench) -> None:
    copy = bench.folder / "session.vault.1"
    copy.write_bytes(b"spoiled" * 1000)
    vault = bench.open()
    with bench.writer() as db:
        note(db, "more")
    vault.close()
    (aside,) = bench.folder.glob("session.vault.1.damaged-*")
    assert aside.read_bytes() == b"spoiled" * 1000
    found = find_newest(copy, [], PAGES)
    assert found is not None


def test_vault_damaged_while_it_runs_is_noticed_and_written_anew(bench: Bench) -> None:
    vault = bench.open()
    spoiled = bytearray(bench.file.read_bytes())
    with closing(sqlite3.connect(bench.file)) as db:
        spot = bytes(db.execute("SELECT sealed FROM pages WHERE number = 2").fetchone()[0])[-64:]
    spoiled[spoiled.index(spot)] ^= 1
    bench.file.write_bytes(spoiled)
    (bench.folder / "session.vault.1").unlink()
    with bench.writer() as db:
        db.execute("CREATE TABLE other (x)")
    vault.close()
    assert len(list(bench.folder.glob("session.vault.damaged-*"))) == 1
    again = bench.open()
    assert not again.recovered
    assert notes(bench.database) == [*SECRETS, "x" * 9000]


def test_vault_unreadable_to_sqlite_while_it_runs_is_written_anew(bench: Bench) -> None:
    vault = bench.open()
    size = bench.file.stat().st_size
    with bench.file.open("r+b") as file:
        file.write(b"\xff" * size)
    with bench.writer() as db:
        note(db, "more")
        report = vault.seal()
    assert report is not None
    assert report.pages == report.page_count
    vault.close()
    again = bench.open()
    assert not again.recovered
    assert notes(bench.database)[-1] == "more"


def test_vault_taken_away_while_it_runs_is_written_anew(bench: Bench) -> None:
    vault = bench.open()
    bench.file.unlink()
    with bench.writer() as db:
        note(db, "more")
        assert vault.seal() is not None
    assert bench.file.exists()
    vault.close()
    sealed = newest(bench, with_copies=False)
    assert sealed is not None
    assert sealed.is_whole


def test_vault_folder_taken_away_while_it_runs_is_unwritable(bench: Bench) -> None:
    vault = bench.open()
    shutil.rmtree(bench.folder)
    with bench.writer() as db:
        note(db, "more")
        with pytest.raises(VaultError) as raised:
            vault.seal()
    assert raised.value.reason is Reason.STORAGE_UNWRITABLE
    vault._let_go()


def test_sealed_once_helper_is_read_back(tmp_path: Path, time_: FakeTime) -> None:
    bench = Bench(tmp_path / "other", time_)
    sealed_once(bench, "one")
    vault = bench.open()
    assert notes(bench.database) == ["one"]
    vault._let_go()
