"""A backup and what is made of it: on the same computer, on another, over what is there."""

import os
import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path

import pytest

from tests.storage.backup_bench import PASSPHRASE, Computer, opened, quiet, write
from tests.storage.conftest import FakeTime
from wabot_tray.core.errors import AccountError, BackupError, VaultError
from wabot_tray.core.reasons import Reason
from wabot_tray.storage.backup_file import RULES, SETTINGS
from wabot_tray.storage.locks import FileLock
from wabot_tray.storage.restore import Restore, Wish, Wishes, recover

HERE, THERE = b"h" * 32, b"t" * 32


@pytest.fixture
def shop(memory: Path, time_: FakeTime) -> Computer:
    made = Computer(memory / "here", time_, HERE)
    made.add("shop")
    made.add("bar", note="the bar's link", phone="573005550199")
    made.paths.bot_file.write_text("# our rules\n")
    made.paths.settings_file.write_text('theme = "dark"\n')
    return made


@pytest.fixture
def other(memory: Path, time_: FakeTime) -> Computer:
    return Computer(memory / "there", time_, THERE)


@pytest.fixture
def file(memory: Path) -> Path:
    return memory / "b.wabot"


def test_another_computer_with_another_key_gets_everything(
    shop: Computer, other: Computer, file: Path
) -> None:
    index = shop.back_up(file)
    assert index.linked == {"shop", "bar"}
    other.restore(file, files=frozenset({RULES, SETTINGS}))
    assert other.notes("shop") == ["linked"]
    assert other.notes("bar") == ["the bar's link"]
    assert other.registry.get("shop").paired
    assert [account.id for account in other.registry] == ["shop", "bar"]
    assert other.paths.bot_file.read_text() == "# our rules\n"
    assert other.paths.settings_file.read_text() == 'theme = "dark"\n'
    assert sorted(path.name for path in other.paths.sessions.iterdir()) == ["bar", "shop"]


def test_what_was_restored_lives_on(shop: Computer, other: Computer, file: Path) -> None:
    shop.back_up(file)
    other.restore(file)
    other.write("written there")
    assert other.notes() == ["linked", "written there"]
    assert (other.paths.session("shop") / "session.vault.1").exists()


def test_backup_says_what_is_inside(shop: Computer, file: Path) -> None:
    shop.back_up(file)
    index = opened(file).index
    assert index.made_at == shop.time.now()
    assert [(one.label, one.phone) for one in index.accounts] == [
        ("Shop", "573005550100"),
        ("Bar", "573005550199"),
    ]
    assert index.files == {RULES, SETTINGS}


def test_backup_is_for_this_user_alone_and_says_nothing(shop: Computer, file: Path) -> None:
    shop.back_up(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    content = file.read_bytes()
    secrets = (shop.key(), b"573005550100", b"linked", b"CREATE TABLE", b"our rules", b"Shop")
    assert not [secret for secret in secrets if secret in content]


def test_account_without_a_phone_is_restored_without_one(
    shop: Computer, other: Computer, file: Path
) -> None:
    shop.registry.add("new", label="New")
    assert shop.back_up(file).linked == {"shop", "bar"}
    other.restore(file, Wish(source="new", target="new"))
    assert not other.registry.get("new").paired
    vault = other.vault("new")
    assert vault.open() == "nothing"
    vault.close()


def test_account_that_runs_is_copied_at_one_moment(shop: Computer, file: Path) -> None:
    """Two tables of a live database never disagree in any backup that is made meanwhile."""
    vault = shop.vault()
    vault.open()
    database = shop.paths.live("shop") / "session.db"
    over = threading.Event()

    def work() -> None:
        with closing(sqlite3.connect(database, isolation_level=None)) as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("CREATE TABLE pairs (a BLOB, b BLOB)")
            db.execute("INSERT INTO pairs VALUES (zeroblob(9000), zeroblob(9000))")
            while not over.is_set():
                content = os.urandom(9000)
                db.execute("UPDATE pairs SET a = ?, b = ?", (content, content))
                vault.seal()

    worker = threading.Thread(target=work)
    worker.start()
    try:
        found = set()
        for _ in range(12):
            shop.back_up(file, replace=True)
            found.add(pairs(file))
    finally:
        over.set()
        worker.join()
        vault.close()
    assert len(found) > 1


def pairs(file: Path) -> bytes:
    parts = dict(opened(file).parts(quiet))
    with closing(sqlite3.connect(":memory:")) as db:
        content = bytearray(parts["account/shop/session"])
        content[18:20] = b"\1\1"
        db.deserialize(content)
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        if not db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'pairs'").fetchone():
            return b""
        a, b = db.execute("SELECT a, b FROM pairs").fetchone() or (b"", b"")
        assert a == b
        return bytes(a)


def test_damaged_link_is_left_out_and_said(shop: Computer, other: Computer, file: Path) -> None:
    for path in shop.paths.session("bar").glob("session.vault*"):
        path.write_bytes(b"rubbish" * 1000)
    index = shop.back_up(file)
    assert index.left_out == ("bar",)
    assert opened(file).index.left_out == ("bar",)
    other.restore(file)
    assert not other.registry.get("bar").paired
    assert other.notes("shop") == ["linked"]


def test_existing_file_stays_unless_it_may_go(shop: Computer, file: Path) -> None:
    file.write_bytes(b"holiday pictures")
    with pytest.raises(BackupError) as caught:
        shop.back_up(file)
    assert caught.value.message_key == "error.backup_exists"
    assert file.read_bytes() == b"holiday pictures"
    shop.back_up(file, replace=True)
    assert opened(file).index.linked


def test_nothing_to_keep_is_said(other: Computer, file: Path) -> None:
    with pytest.raises(BackupError) as caught:
        other.back_up(file)
    assert caught.value.message_key == "error.backup_empty"


class StopError(Exception):
    """A person pressed Cancel."""


@pytest.mark.parametrize("at", [0.0, 0.3, 0.9])
def test_cancelled_backup_leaves_nothing(shop: Computer, file: Path, at: float) -> None:
    file.write_bytes(b"the backup of last month")

    def progress(share: float) -> None:
        if share >= at:
            raise StopError

    with pytest.raises(StopError):
        shop.back_up(file, replace=True, progress=progress)
    assert file.read_bytes() == b"the backup of last month"
    assert [path.name for path in file.parent.glob(".*")] == []


def test_progress_only_grows(shop: Computer, file: Path) -> None:
    shares: list[float] = []
    shop.back_up(file, progress=shares.append)
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "key"),
    [
        (b"", "error.backup_none"),
        (b"a letter to my aunt", "error.backup_none"),
        (b"WABOTBAK", "error.backup_damaged"),
    ],
)
def test_file_that_is_no_backup_is_said(file: Path, content: bytes, key: str) -> None:
    file.write_bytes(content)
    with pytest.raises(BackupError) as caught:
        opened(file)
    assert caught.value.message_key == key


def test_file_that_cannot_be_read_is_said(memory: Path) -> None:
    for path, key in (
        (memory / "no.wabot", "error.backup_missing"),
        (memory, "error.backup_unreadable"),
    ):
        with pytest.raises(BackupError) as caught:
            opened(path)
        assert caught.value.message_key == key


def test_wrong_passphrase_is_said(shop: Computer, file: Path) -> None:
    shop.back_up(file)
    with pytest.raises(BackupError) as caught:
        opened(file, "another")
    assert caught.value.message_key == "error.backup_passphrase"


def test_damage_that_comes_after_the_look_changes_nothing(
    shop: Computer, other: Computer, file: Path
) -> None:
    shop.back_up(file)
    backup = opened(file)
    content = bytearray(file.read_bytes())
    content[-20] ^= 1
    file.write_bytes(content)
    before = tree(other)
    wishes = Wishes(accounts=[Wish(source="shop", target="shop")])
    with pytest.raises(BackupError):
        Restore(other.paths).stage(backup, wishes, THERE, quiet)
    assert tree(other) == before


@pytest.mark.parametrize(
    ("wishes", "error"),
    [
        ([Wish(source="shop", target="../../etc")], AccountError),
        ([Wish(source="nobody", target="shop")], AccountError),
        ([Wish(source="shop", target="a"), Wish(source="bar", target="a")], BackupError),
        ([], BackupError),
    ],
)
def test_wishes_without_sense_change_nothing(
    shop: Computer, other: Computer, file: Path, wishes: list[Wish], error: type[Exception]
) -> None:
    shop.back_up(file)
    before = tree(other)
    with pytest.raises(error):
        Restore(other.paths).stage(opened(file), Wishes(accounts=wishes), THERE, quiet)
    assert tree(other) == before


def test_account_that_still_runs_is_refused_and_nothing_changes(shop: Computer, file: Path) -> None:
    shop.back_up(file)
    before = tree(shop)
    restore = Restore(shop.paths)
    wishes = Wishes(accounts=[Wish(source="shop", target="shop")])
    plan = restore.stage(opened(file), wishes, HERE, quiet)
    with FileLock(shop.paths.session("shop") / "session.lock") as lock:
        assert lock.acquire()
        with pytest.raises(VaultError) as caught:
            restore.commit(plan, HERE)
    assert caught.value.reason is Reason.IN_USE_ELSEWHERE
    assert {k: v for k, v in tree(shop).items() if not k.endswith(".lock")} == {
        k: v for k, v in before.items() if not k.endswith(".lock")
    }


@pytest.mark.parametrize("after", [0, 1, 2, 3, 5, 8])
def test_full_disk_while_staging_changes_nothing(
    shop: Computer, file: Path, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.back_up(file)
    before = tree(shop)
    backup, calls = opened(file), 0
    real = os.fsync

    def fsync(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls > after:
            raise OSError(28, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    wishes = Wishes(accounts=[Wish(source="shop", target="shop")])
    with pytest.raises(VaultError) as caught:
        Restore(shop.paths).stage(backup, wishes, HERE, quiet)
    assert caught.value.reason is Reason.DISK_FULL
    assert tree(shop) == before


def test_full_disk_while_writing_a_backup_leaves_nothing(
    shop: Computer, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fsync(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(BackupError) as caught:
        shop.back_up(file)
    assert caught.value.message_key == "error.backup_full"
    assert list(file.parent.glob("*.wabot*")) + list(file.parent.glob(".b*")) == []


def test_folder_that_is_gone_is_said(shop: Computer, memory: Path) -> None:
    with pytest.raises(BackupError) as caught:
        shop.back_up(memory / "unplugged" / "b.wabot")
    assert caught.value.message_key == "error.backup_unwritable"


def tree(computer: Computer) -> dict[str, bytes]:
    """Return every file of a data folder."""
    root = computer.paths.data
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


# --- over what is there ---------------------------------------------------------------------------


def test_replaced_account_is_put_aside_as_it_was(shop: Computer, file: Path) -> None:
    shop.back_up(file)
    shop.write("written after the backup")
    sealed = (shop.paths.session("shop") / "session.vault").read_bytes()
    shop.restore(file, Wish(source="shop", target="shop"))
    assert shop.notes() == ["linked"]
    (aside,) = shop.paths.sessions.glob("shop.replaced-*")
    assert aside.name == "shop.replaced-20261122T120000Z"
    assert (aside / "session.vault").read_bytes() == sealed
    aside.rename(aside.with_name("x"))  # and back in its place it is the account again
    shop.paths.session("shop").rename(shop.paths.sessions / "y")
    aside.with_name("x").rename(shop.paths.session("shop"))
    assert shop.notes() == ["linked", "written after the backup"]


def test_second_restore_of_the_same_second_loses_no_aside(shop: Computer, file: Path) -> None:
    shop.back_up(file)
    for _ in range(3):
        shop.restore(file, Wish(source="shop", target="shop"))
    assert len(list(shop.paths.sessions.glob("shop.replaced-*"))) == 3


def test_other_name_leaves_the_account_alone(shop: Computer, file: Path) -> None:
    shop.back_up(file)
    shop.write("went on")
    wish = Wish(source="shop", target="shop-2", label="Shop of Monday", enabled=False)
    shop.restore(file, wish)
    assert shop.notes("shop") == ["linked", "went on"]
    assert shop.notes("shop-2") == ["linked"]
    made = shop.registry.get("shop-2")
    assert (made.label, made.enabled, made.paired) == ("Shop of Monday", False, True)


def test_live_database_of_a_killed_worker_is_sealed_with_the_old_account(
    shop: Computer, file: Path
) -> None:
    shop.back_up(file)
    killed = shop.vault()
    killed.open()
    write(shop.paths.live("shop") / "session.db", "not sealed yet")
    killed._let_go()  # what a kill does
    shop.restore(file, Wish(source="shop", target="shop"))
    assert shop.notes() == ["linked"]
    (aside,) = shop.paths.sessions.glob("shop.replaced-*")
    shop.paths.session("shop").rename(shop.paths.sessions / "y")
    aside.rename(shop.paths.session("shop"))
    assert shop.notes() == ["linked", "not sealed yet"]


def test_live_database_that_cannot_be_sealed_is_never_taken_for_the_restored_one(
    shop: Computer, file: Path
) -> None:
    """The key of what is here is lost; its live database stays, and is set aside when met."""
    shop.back_up(file)
    killed = shop.vault()
    killed.open()
    write(shop.paths.live("shop") / "session.db", "of another time")
    killed._let_go()
    for path in shop.paths.session("shop").glob("session.key*"):
        path.unlink()
    shop.restore(file, Wish(source="shop", target="shop"))
    assert shop.notes() == ["linked"]
    assert list(shop.paths.session("shop").glob("session.aside-*"))


def test_rules_and_settings_that_are_replaced_are_kept(shop: Computer, file: Path) -> None:
    shop.back_up(file)
    shop.paths.bot_file.write_text("# better rules\n")
    shop.restore(file, Wish(source="bar", target="bar"), files=frozenset({RULES, SETTINGS}))
    assert shop.paths.bot_file.read_text() == "# our rules\n"
    (kept,) = shop.paths.data.glob("bot.toml.replaced-*")
    assert kept.read_text() == "# better rules\n"
    assert not list(shop.paths.data.glob("settings.toml.replaced-*"))  # it was the same


# --- the inbox ------------------------------------------------------------------------------------


def test_nothing_is_answered_twice_after_a_restore(
    shop: Computer, other: Computer, file: Path
) -> None:
    inbox = shop.inbox()
    answered, waiting = inbox.receive([shop.message(1), shop.message(2)])
    inbox.mark_sending(answered, "greeting")
    inbox.finish(answered, reply_key="greeting", sent_id="R1")
    shop.back_up(file)  # the worker still has it open, and goes on to answer the second
    inbox.close()
    other.restore(file)
    restored = other.inbox()
    assert restored.undone() == []
    assert restored.receive([shop.message(1), shop.message(2)]) == []
    assert restored.knows_sent("R1")
    assert restored.last_heard(answered.message.chat, "greeting") is not None
    assert waiting.message.text not in restored._file._path.read_bytes().decode("latin-1")
    restored.close()


def test_inbox_here_knows_better_than_an_old_backup_of_the_same_account(
    shop: Computer, file: Path
) -> None:
    inbox = shop.inbox()
    inbox.receive([shop.message(1)])
    shop.back_up(file)
    (later, waiting) = inbox.receive([shop.message(2), shop.message(3)])
    inbox.finish(later, reply_key="greeting", sent_id="R2")
    inbox.close()
    shop.restore(file, Wish(source="shop", target="shop"))
    restored = shop.inbox()
    assert {one.message.message_id for one in restored.undone()} == {"M1", "M3"}
    assert waiting.message.message_id == "M3"
    assert restored.receive([shop.message(2)]) == []
    assert restored.knows_sent("R2")
    restored.close()


def test_log_of_messages_goes_with_the_account_it_was_sealed_for(
    shop: Computer, other: Computer, file: Path
) -> None:
    shop.back_up(file)
    other.add("shop", note="another shop altogether")
    inbox = other.inbox()
    assert inbox.jot(other.message(9))
    other.restore(file, Wish(source="shop", target="shop"))
    restored = other.inbox()
    assert restored.jotted() == []
    (aside,) = other.paths.sessions.glob("shop.replaced-*")
    assert (aside / "intake.log").stat().st_size > 0
    restored.close()


def test_log_of_messages_stays_with_the_same_account(shop: Computer, file: Path) -> None:
    shop.back_up(file)
    inbox = shop.inbox()
    assert inbox.jot(shop.message(9))
    shop.restore(file, Wish(source="shop", target="shop"))
    restored = shop.inbox()
    assert [message.message_id for message in restored.jotted()] == ["M9"]
    restored.close()
    inbox.close()


def test_inbox_that_cannot_be_read_is_begun_anew(
    shop: Computer, other: Computer, file: Path
) -> None:
    (shop.paths.session("shop") / "inbox.db").write_bytes(b"rubbish" * 1000)
    assert shop.back_up(file).linked == {"shop", "bar"}
    other.restore(file)
    assert other.inbox().undone() == []


# --- killed ---------------------------------------------------------------------------------------


def test_restore_that_was_decided_is_finished_by_the_next_start(
    shop: Computer, other: Computer, file: Path
) -> None:
    shop.back_up(file)
    restore = Restore(other.paths, other.time.clock)
    wishes = Wishes(accounts=[Wish(source="shop", target="shop")])
    plan = restore.stage(opened(file), wishes, THERE, quiet)
    restore.commit(plan, THERE)
    assert restore.pending() == plan
    with pytest.raises(BackupError) as caught:
        restore.stage(opened(file), wishes, THERE, quiet)
    assert caught.value.message_key == "error.restore_unfinished"
    recover(other.paths, other.registry, other.time.clock)
    assert other.notes() == ["linked"]
    assert other.registry.get("shop").paired
    assert restore.pending() is None


def test_passphrase_is_the_only_one(shop: Computer, file: Path) -> None:
    shop.back_up(file)
    assert opened(file, PASSPHRASE).index.computer
