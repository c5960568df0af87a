"""A data folder with accounts, made the way the program makes it, for tests of backups."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.storage.conftest import FakeTime
from wabot_tray.core.messages import IncomingMessage
from wabot_tray.storage.backup import Goods, make_backup
from wabot_tray.storage.backup_file import Backup, Index, open_backup
from wabot_tray.storage.data_keys import open_data_key
from wabot_tray.storage.inbox import Inbox
from wabot_tray.storage.intake import Intake
from wabot_tray.storage.registry import Registry
from wabot_tray.storage.restore import Restore, Wish, Wishes
from wabot_tray.storage.sealed_stream import Cost
from wabot_tray.storage.vault import Vault
from wabot_tray.system.paths import Paths

CHEAP = Cost(log2_n=4)
PASSPHRASE = "the shop's own words"


def quiet(_share: float) -> None: ...


class Computer:
    """One data folder under one master key."""

    def __init__(self, folder: Path, time: FakeTime, master_key: bytes) -> None:
        folder.mkdir(parents=True)
        self.paths = Paths(data=folder / "data", runtime=folder / "run", runtime_in_ram=True)
        self.paths.data.mkdir()
        self.paths.sessions.mkdir()
        self.time = time
        self.master_key = master_key
        self.registry = Registry(self.paths.registry_file, clock=time.clock)
        self.registry.load()

    def key(self, account_id: str = "shop") -> bytes:
        folder = self.paths.session(account_id)
        return open_data_key(folder, account_id, self.master_key, create=True)

    def vault(self, account_id: str = "shop") -> Vault:
        return Vault(
            self.paths.session(account_id),
            self.paths.live(account_id),
            live_in_ram=True,
            account_id=account_id,
            data_key=self.key(account_id),
            clock=self.time.clock,
        )

    def inbox(self, account_id: str = "shop") -> Inbox:
        live = self.paths.live(account_id)
        live.mkdir(parents=True, exist_ok=True)
        path = self.paths.session(account_id) / "inbox.db"
        return Inbox(path, self.key(account_id), clock=self.time.clock, intake=Intake(live))

    def add(self, account_id: str = "shop", *, note: str = "linked", **more: Any) -> None:
        """Add an account that is linked and has run."""
        self.registry.add(account_id)
        values = {"label": account_id.title(), "paired": True, "phone": "573005550100"} | more
        self.registry.update(account_id, **values)
        self.write(note, account_id)

    def write(self, note: str, account_id: str = "shop") -> None:
        """Let the account run for a moment in which something is written."""
        vault = self.vault(account_id)
        vault.open()
        write(self.paths.live(account_id) / "session.db", note)
        vault.close()

    def notes(self, account_id: str = "shop") -> list[str]:
        """Open the account as its worker does, and return what its database says."""
        vault = self.vault(account_id)
        vault.open()
        try:
            with closing(sqlite3.connect(self.paths.live(account_id) / "session.db")) as db:
                return [text for (text,) in db.execute("SELECT text FROM notes ORDER BY id")]
        finally:
            vault.close()

    def back_up(self, path: Path, **more: Any) -> Index:
        goods = Goods(self.paths, self.registry.all(), self.master_key, self.time.clock)
        return make_backup(path, PASSPHRASE, goods, cost=CHEAP, **more)

    def restore(self, path: Path, *wishes: Wish, files: frozenset[str] = frozenset()) -> None:
        backup = opened(path)
        chosen = wishes or tuple(
            Wish(source=one.id, target=one.id) for one in backup.index.accounts
        )
        restore = Restore(self.paths, self.time.clock)
        plan = restore.stage(backup, Wishes(accounts=chosen, files=files), self.master_key, quiet)
        restore.commit(plan, self.master_key)
        restore.move(plan)
        self.registry.put(plan.accounts)
        restore.end(plan)

    def message(self, number: int, chat: str = "573000000001@s.whatsapp.net") -> IncomingMessage:
        return IncomingMessage(
            chat=chat,
            message_id=f"M{number}",
            sender_phone="573000000001",
            sender_name="Ana",
            text=f"question {number}",
            sent_at=self.time.now() + timedelta(seconds=number),
        )


def write(database: Path, note: str) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, text TEXT)")
        db.execute("INSERT INTO notes (text) VALUES (?)", (note,))


def opened(path: Path, passphrase: str = PASSPHRASE) -> Backup:
    return open_backup(path, passphrase, quiet)
