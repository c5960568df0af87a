"""What is done while the power may go, and what must be true afterwards."""

import asyncio
import hashlib
import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from tests.storage.powerloss_trace import mark
from wabot_tray.core.messages import IncomingMessage
from wabot_tray.storage.account_keys import AccountKeys
from wabot_tray.storage.inbox import Inbox
from wabot_tray.storage.key_file import create_key_file
from wabot_tray.storage.keyring import KeyFileKeys
from wabot_tray.storage.registry import Registry
from wabot_tray.storage.vault import Origin, Vault
from wabot_tray.system.paths import Paths

KEY: Final = bytes(range(1, 33))
ACCOUNT: Final = "shop"


@dataclass(frozen=True, slots=True)
class Told:
    """What a scene had noted when it was interrupted.

    Args:
        marks: Every note, oldest first.
        is_killed: Whether only the process ended; else the power went, and memory with it.
        is_brief: Whether it is enough to open what was left; else it is used again, too.
    """

    marks: Sequence[str]
    is_killed: bool
    is_brief: bool = False

    def last(self, kind: str) -> int:
        """Return the number of the last mark of this kind, 0 where there is none."""
        found = [int(word[1]) for text in self.marks if (word := text.split())[0] == kind]
        return found[-1] if found else 0


@dataclass(frozen=True, slots=True)
class Scene:
    """One thing the product does.

    Args:
        play: Does it below a folder, in a process that is recorded.
        check: Opens with the product's code what was left below a folder.
        prepare: Makes what was there before.
        volatile: The folder below that lies in memory, "" for none.
    """

    play: Callable[[Path], None]
    check: Callable[[Path, Told], None]
    prepare: Callable[[Path], object] = bool
    volatile: str = ""


def vault_in(root: Path, *, in_ram: bool = True, key: bytes = KEY) -> Vault:
    """Return the vault of the scenes."""
    live = root / ("ram" if in_ram else "disk") / "live" / ACCOUNT
    folder = root / "disk" / "data" / "auth_sessions" / ACCOUNT
    return Vault(folder, live, live_in_ram=in_ram, account_id=ACCOUNT, data_key=key)


def writer(vault: Vault) -> sqlite3.Connection:
    """Open the live database as the library does."""
    path, _, options = vault.database_name.partition("?")
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute(f"PRAGMA synchronous = {'OFF' if '_synchronous=OFF' in options else 'FULL'}")
    db.execute("CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, text TEXT)")
    return db


def talk(vault: Vault, db: sqlite3.Connection, numbers: range) -> None:
    """Commit and seal notes, some of which take pages of their own."""
    for number in numbers:
        mark(f"asked {number}")
        commit(db, number)
        mark(f"committed {number}")
        if vault.seal() is not None:
            mark(f"sealed {number}")


def commit(db: sqlite3.Connection, number: int) -> None:
    """Write one note, and say in the first which was the last."""
    db.execute("BEGIN")
    db.execute("INSERT INTO notes VALUES (?, ?)", (number, _text(number)))
    db.execute("UPDATE notes SET text = ? WHERE id = 1", (f"{number} {_text(1)}",))
    db.execute("COMMIT")


def _text(number: int) -> str:
    return hashlib.sha256(b"%d" % number).hexdigest() * (1 + number % 3 * 60)


def _begun(root: Path, *, in_ram: bool = True) -> None:
    """Leave a vault that was used before and closed."""
    with closing(vault_in(root, in_ram=in_ram)) as vault:
        vault.open()
        with closing(writer(vault)) as db:
            for number in range(1, 4):
                commit(db, number)


def _killed(root: Path) -> None:
    """Leave a vault and a live database that is newer, as a killed worker does."""
    _begun(root)
    child = os.fork()
    if child == 0:
        vault = vault_in(root)
        vault.open()
        db = writer(vault)
        commit(db, 4)
        vault.seal()
        commit(db, 5)  # never sealed
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0


def _seal(root: Path, *, in_ram: bool = True) -> None:
    """Open, seal some changes, let the library fold its log in, and close."""
    vault = vault_in(root, in_ram=in_ram)
    vault.open()
    db = writer(vault)
    talk(vault, db, range(4, 7))
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    talk(vault, db, range(7, 8))
    if not in_ram:  # there the library is gone before the live files are removed
        db.close()
    vault.close()


def _key_file(root: Path) -> None:
    create_key_file(root / "disk" / "key")


def _account_key(root: Path) -> bytes:
    """Return the account's key; the first call makes the record of the master key, too."""
    paths = Paths(data=root / "disk" / "data", runtime=root / "ram", runtime_in_ram=True)
    source = KeyFileKeys(root / "disk" / "key", paths)
    return asyncio.run(AccountKeys(source, paths).data_key(ACCOUNT))


def _first_seal(root: Path) -> None:
    """Make the keys, and seal what a first pairing writes."""
    key = _account_key(root)
    mark(f"key {int.from_bytes(key, 'big')}")
    vault = vault_in(root, key=key)
    vault.open()
    db = writer(vault)
    talk(vault, db, range(1, 4))
    vault.close()


def _adopt(root: Path) -> None:
    """Take over what a killed worker left, and go on."""
    vault = vault_in(root)
    assert vault.open() is Origin.LIVE
    vault.seal()
    mark("sealed 5")
    db = writer(vault)
    talk(vault, db, range(6, 8))
    vault.close()


def check_vault(
    root: Path, told: Told, *, in_ram: bool = True, before: tuple[int, int], key: bytes = KEY
) -> None:
    """Hold the vault to its promise, then use it again.

    Args:
        root: The state that was left.
        told: What had been noted.
        in_ram: Where the live database lay.
        before: The last notes that were sealed, and committed, before the scene began.
        key: The account's key.
    """
    with closing(vault_in(root, in_ram=in_ram, key=key)) as vault:
        vault.open()
        found = _notes(vault)
        sealed, committed = before
        kept = max(committed, told.last("committed")) if told.is_killed else 0
        floor = max(sealed, told.last("sealed"), kept)
        assert floor <= found <= max(committed, told.last("asked")), (found, floor)
        assert not vault.recovered
        if told.is_brief:
            vault._let_go()  # as a killed process does
        else:
            with closing(writer(vault)) as db:
                for number in (found + 1, found + 2):
                    commit(db, number)
                    vault.seal()
    apart = [path.name for path in (root / "disk").rglob("*")]
    apart = [name for name in apart if "damaged" in name or "aside" in name]
    assert not apart, apart
    if not told.is_brief:
        with closing(vault_in(root, in_ram=in_ram, key=key)) as again:
            assert again.open() is Origin.VAULT
            assert _notes(again) == found + 2


def _notes(vault: Vault) -> int:
    """Return the number of the last note; all before it must be there, whole."""
    with closing(writer(vault)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        rows = dict(db.execute("SELECT id, text FROM notes ORDER BY id"))
        expected = {number: _text(number) for number in range(1, len(rows) + 1)}
        if rows:
            expected[1] = f"{len(rows)} {_text(1)}"
        assert rows == expected
        return len(rows)


def _check_first(root: Path, told: Told) -> None:
    key = _account_key(root)
    assert told.last("key") in (0, int.from_bytes(key, "big"))
    check_vault(root, told, before=(0, 0), key=key)


def _registry(root: Path) -> Registry:
    registry = Registry(root / "disk" / "accounts.json")
    registry.load()
    return registry


def _edit_registry(root: Path) -> None:
    """Add accounts, and change and remove them."""
    registry = _registry(root)
    for number in range(1, 4):
        mark(f"asked {number}")
        registry.add(f"account-{number}")
        mark(f"saved {number}")
    mark("asked 4")
    registry.update("account-3", label="x" * 3000)
    mark("saved 4")
    mark("asked 5")
    registry.remove("account-1")
    mark("saved 5")


def _check_registry(root: Path, told: Told) -> None:
    registry = _registry(root)
    accounts = {account.id: account.label for account in registry}
    version = len(accounts)
    if version and "account-1" not in accounts:
        version = 5
    elif accounts.get("account-3"):
        version = 4
    assert told.last("saved") <= version <= told.last("asked")
    registry.add("one-more")
    assert "one-more" in _registry(root)
    assert not list((root / "disk").glob("*damaged*"))


def _message(number: int) -> IncomingMessage:
    return IncomingMessage(
        chat=f"{number % 2}@lid",
        message_id=f"id {number}",
        sender_phone="34655000001",
        sender_name="Ana",
        text=_text(number),
        sent_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number),
    )


def _fill_inbox(root: Path) -> None:
    """Keep messages, answer some, and tidy up in between."""
    with closing(Inbox(root / "disk" / "inbox.db", KEY)) as inbox:
        for number in range(1, 7):
            mark(f"asked {number}")
            (stored,) = inbox.receive([_message(number)])
            mark(f"kept {number}")
            if number % 2 == 0:
                inbox.mark_sending(stored, "rule")
                inbox.sync()
                mark(f"finishing {number}")
                inbox.finish(stored, reply_key="rule", sent_id=f"reply {number}")
                mark(f"finished {number}")
            if number == 3:
                inbox.tidy()
        inbox.remember_sent(["from the phone"])


def _check_inbox(root: Path, told: Told) -> None:
    """Nothing that was kept is forgotten, nothing that was answered is answered again."""
    damage: list[str] = []
    inbox = Inbox(root / "disk" / "inbox.db", KEY, on_damaged=lambda: damage.append("damaged"))
    with closing(inbox):
        undone = {int(stored.message.message_id.split()[1]) for stored in inbox.undone()}
        numbers = range(1, told.last("kept") + 1)
        finished = {number for number in numbers if number <= told.last("finished")}
        finished = {number for number in finished if number % 2 == 0}
        doubtful = {told.last("finishing"), told.last("asked")}
        assert set(numbers) - finished - doubtful <= undone <= (set(numbers) - finished) | doubtful
        assert all(inbox.knows_sent(f"reply {number}") for number in finished)
        assert inbox.receive([_message(number) for number in finished]) == []
        assert len(inbox.receive([_message(99)])) == 1
    assert not damage
    assert not list((root / "disk").glob("*damaged*"))


SCENES: Final = {
    "seal": Scene(
        _seal, lambda root, told: check_vault(root, told, before=(3, 3)), _begun, volatile="ram"
    ),
    "seal-live-on-disk": Scene(
        lambda root: _seal(root, in_ram=False),
        lambda root, told: check_vault(root, told, in_ram=False, before=(3, 3)),
        lambda root: _begun(root, in_ram=False),
    ),
    "first-seal": Scene(_first_seal, _check_first, _key_file, volatile="ram"),
    "adoption": Scene(
        _adopt, lambda root, told: check_vault(root, told, before=(4, 5)), _killed, volatile="ram"
    ),
    "registry": Scene(_edit_registry, _check_registry),
    "inbox": Scene(_fill_inbox, _check_inbox),
}
