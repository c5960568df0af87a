"""The inbox on a real file: what it keeps, what it hides, what it survives."""

import os
import sqlite3
import stat
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from wabot_tray.core.clock import Clock
from wabot_tray.core.errors import VaultError
from wabot_tray.core.messages import IncomingMessage
from wabot_tray.core.reasons import Reason
from wabot_tray.storage import inbox_file
from wabot_tray.storage.inbox import HEARD_KEPT, KEPT, Inbox, Stored

KEY = bytes(range(32))
ANA = "34600111222@s.whatsapp.net"
SENT_AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class Box:
    """An inbox that is opened as often as a test likes, and its clock."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "auth_sessions" / "tienda" / "inbox.db"
        self.now = SENT_AT
        self.damages = 0
        self.clock = Clock(monotonic=lambda: 0.0, now=lambda: self.now)
        self.inbox = self.open()

    def open(self, key: bytes = KEY) -> Inbox:
        self.inbox = Inbox(self.path, key, self._on_damaged, self.clock)
        return self.inbox

    def reopen(self, key: bytes = KEY) -> Inbox:
        self.inbox.close()
        return self.open(key)

    def _on_damaged(self) -> None:
        self.damages += 1

    def receive(self, text: str = "hola", **more: Any) -> Stored:
        (stored,) = self.inbox.receive([message(text, **more)])
        return stored

    def sealed(self) -> Any:
        db = sqlite3.connect(self.path)
        ((value,),) = db.execute("SELECT sealed FROM messages").fetchall()
        db.close()
        return value

    def set_aside(self) -> list[Path]:
        return sorted(self.path.parent.glob("*.damaged-*"))


def message(text: str = "hola", **more: Any) -> IncomingMessage:
    values: dict[str, Any] = {
        "chat": ANA,
        "message_id": f"ID-{text}",
        "sender_phone": "34600111222",
        "sender_name": "Ana María",
        "text": text,
        "sent_at": SENT_AT,
    }
    return IncomingMessage(**(values | more))


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    box = Box(tmp_path)
    yield box
    box.inbox.close()


def test_received_message_comes_back_as_it_was(box: Box) -> None:
    box.receive("¡Hola! 👋\n\ud83d", is_group=True)
    (stored,) = box.reopen().undone()
    assert stored.message == message("¡Hola! 👋\n\ud83d", is_group=True, offline=True)
    assert (stored.sending_at, stored.resent) == (None, False)


def test_undone_is_oldest_first_and_in_order_of_arrival(box: Box) -> None:
    early = SENT_AT - timedelta(seconds=5)
    box.inbox.receive([message("c"), message("a", sent_at=early), message("d")])
    box.inbox.receive([message("b", sent_at=early)])
    assert [stored.message.text for stored in box.reopen().undone()] == ["a", "b", "c", "d"]


def test_known_message_is_not_received_again_in_any_state(box: Box) -> None:
    stored = box.receive()
    assert box.inbox.receive([message(), message(), message("other")])[0].message.text == "other"
    box.inbox.mark_sending(stored, "rule:a")
    assert box.inbox.receive([message()]) == []
    box.inbox.finish(stored, reply_key="rule:a")
    assert box.reopen().receive([message()]) == []
    assert box.inbox.known([message(), message("never seen")]) == {stored.tag}


def test_same_id_in_another_chat_is_another_message(box: Box) -> None:
    box.receive()
    assert len(box.inbox.receive([message(chat="34600333444@s.whatsapp.net")])) == 1


def test_chat_and_id_cannot_be_shifted_into_each_other(box: Box) -> None:
    tag = box.inbox.tag
    assert tag(message(chat="ab", message_id="c")) != tag(message(chat="a", message_id="bc"))


def test_reply_under_way_is_in_doubt_after_a_restart(box: Box) -> None:
    stored = box.receive()
    box.inbox.mark_sending(stored, "rule:a")
    (found,) = box.reopen().undone()
    assert found.sending_at == SENT_AT
    box.inbox.mark_not_sent(found, resent=True)
    (found,) = box.reopen().undone()
    assert (found.sending_at, found.resent) == (None, True)


def test_finished_message_is_done_and_its_words_are_gone(box: Box) -> None:
    stored = box.receive()
    box.inbox.finish(stored, reply_key=None)
    box.inbox.finish(stored, reply_key=None)
    assert box.reopen().undone() == []
    assert box.sealed() is None


def test_words_of_a_finished_message_are_overwritten_in_the_file(box: Box) -> None:
    stored = box.receive("x" * 300)
    box.inbox.close()
    sealed = bytes(box.sealed())
    assert sealed[50:90] in box.path.read_bytes()
    box.open().finish(stored, reply_key="rule:a")
    box.inbox.tidy()
    assert Path(f"{box.path}-wal").stat().st_size == 0
    assert sealed[50:90] not in box.path.read_bytes()


def test_once_per_is_remembered_when_a_reply_was_sent(box: Box) -> None:
    stored = box.receive()
    box.inbox.mark_sending(stored, "rule:a")
    assert box.inbox.last_heard(ANA, "rule:a") is None
    box.inbox.finish(stored, reply_key="rule:a", sent_id="OUT")
    for inbox in (box.inbox, box.reopen()):
        assert inbox.undone() == []
        assert inbox.last_heard(ANA, "rule:a") == SENT_AT
        assert inbox.last_heard(ANA, "rule:b") is None
        assert inbox.last_heard("other", "rule:a") is None
        assert inbox.knows_sent("OUT")
        assert not inbox.knows_sent("OTHER")


def test_once_per_is_remembered_when_evidence_shows_the_reply_left(box: Box) -> None:
    stored = box.receive()
    box.inbox.mark_sending(stored, "rule:a")
    (stored,) = box.reopen().undone()
    box.inbox.finish(stored, reply_key="", sent_id="OUT")
    assert box.reopen().undone() == []
    assert box.inbox.last_heard(ANA, "rule:a") == SENT_AT


def test_finish_after_doubt_without_a_note_is_harmless(box: Box) -> None:
    stored = Stored(box.inbox.tag(message()), message())
    box.inbox.finish(stored, reply_key="")
    assert box.inbox.undone() == []


def test_message_that_could_not_be_kept_is_known_once_finished(box: Box) -> None:
    stored = Stored(box.inbox.tag(message()), message())
    box.inbox.finish(stored, reply_key="rule:a", sent_id="OUT")
    assert box.reopen().receive([message()]) == []


def test_ids_sent_by_phone_are_remembered(box: Box) -> None:
    box.inbox.remember_sent(["A", "B"])
    box.reopen().undone()
    assert box.inbox.knows_sent("A")
    assert box.inbox.knows_sent("B")


def test_old_names_are_forgotten_and_undone_ones_with_them(box: Box) -> None:
    stored = box.receive()
    box.inbox.finish(stored, reply_key="rule:a", sent_id="OUT")
    box.inbox.tidy()
    box.now += KEPT - timedelta(hours=1)
    box.reopen().tidy()
    assert box.inbox.receive([message()]) == []
    box.now += timedelta(hours=2)
    box.inbox.tidy()  # once a day
    assert box.inbox.receive([message()]) == []
    box.now += timedelta(days=1)
    box.inbox.tidy()
    assert len(box.inbox.receive([message()])) == 1
    box.reopen().undone()
    assert not box.inbox.knows_sent("OUT")
    assert box.inbox.last_heard(ANA, "rule:a") == SENT_AT
    box.now += HEARD_KEPT
    box.inbox.tidy()
    box.reopen().undone()
    assert box.inbox.last_heard(ANA, "rule:a") is None


def test_tidy_of_a_closed_inbox_is_harmless(box: Box) -> None:
    box.inbox.tidy()
    box.inbox.close()
    box.inbox.close()
    box.inbox.tidy()
    box.inbox.sync()


# --- secrecy --------------------------------------------------------------------------------


def test_file_gives_nothing_away(box: Box) -> None:
    stored = box.receive("a secret wish")
    box.receive("another")
    box.inbox.mark_sending(stored, "rule:greeting")
    box.inbox.finish(stored, reply_key="rule:greeting", sent_id="OUT-3EB0")
    everything = b"".join(path.read_bytes() for path in box.path.parent.iterdir())
    assert b"messages" in everything
    for secret in (b"secret wish", b"another", b"34600111222", "María".encode(), b"ID-", b"OUT-"):
        assert secret not in everything
    assert b"greeting" not in everything
    assert KEY not in everything


def test_files_are_this_users_alone(box: Box) -> None:
    before = os.umask(0)
    try:
        box.receive()
    finally:
        os.umask(before)
    for path in box.path.parent.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(box.path.parent.stat().st_mode) == 0o700


def test_row_moved_to_another_place_is_unreadable_and_reported(box: Box) -> None:
    box.inbox.receive([message("a"), message("b"), message("c")])
    box.inbox.close()
    db = sqlite3.connect(box.path)
    db.execute("UPDATE messages SET sealed = (SELECT sealed FROM messages WHERE seq = 1)"
               " WHERE seq = 2")  # fmt: skip
    db.execute("UPDATE messages SET sealed = NULL WHERE seq = 3")
    db.commit()
    db.close()
    assert [stored.message.text for stored in box.open().undone()] == ["a"]
    assert box.damages == 1
    assert len(box.reopen().undone()) == 1
    assert box.damages == 1


def test_every_flipped_byte_is_noticed_or_changes_nothing(box: Box) -> None:
    box.receive("hola")
    box.inbox.close()
    good = box.path.read_bytes()
    reasons: set[Reason] = set()
    for place in range(0, len(good), 97):
        damaged = bytearray(good)
        damaged[place] ^= 0x55
        box.path.write_bytes(damaged)
        try:
            texts = [stored.message.text for stored in box.open().undone()]
        except VaultError as err:
            reasons.add(err.reason)
        else:
            assert texts in (["hola"], [])
        box.inbox.close()
    assert reasons <= {Reason.VAULT_TOO_NEW}  # the byte of the version


# --- trouble --------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"no database" * 500, b"SQLite format 3\0" + b"\xff" * 8000])
def test_file_that_is_no_database_is_set_aside(box: Box, content: bytes) -> None:
    box.path.parent.mkdir(parents=True)
    box.path.write_bytes(content)
    box.receive()
    assert box.damages == 1
    (aside,) = box.set_aside()
    assert aside.read_bytes() == content
    assert len(box.reopen().undone()) == 1


def test_database_of_something_else_is_set_aside(box: Box) -> None:
    box.path.parent.mkdir(parents=True)
    db = sqlite3.connect(box.path)
    db.execute("CREATE TABLE messages (x)")
    db.execute("PRAGMA user_version = 1")
    db.close()
    box.receive()
    assert box.damages == 1


def test_inbox_of_another_key_is_set_aside(box: Box) -> None:
    box.receive()
    assert box.reopen(bytes(32)).undone() == []
    assert box.damages == 1
    assert box.set_aside()


def test_inbox_damaged_while_open_is_set_aside_and_what_is_known_stays(box: Box) -> None:
    done = box.receive("done")
    box.inbox.finish(done, reply_key="rule:a", sent_id="OUT")
    open_one = box.receive("open")
    box.inbox.tidy()
    db = box.inbox._file._db
    assert db is not None
    db.execute("PRAGMA shrink_memory")  # else the damage is not seen until the pages are read
    with box.path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (box.path.stat().st_size - 4096))
    box.inbox.finish(open_one, reply_key="rule:b")
    assert box.damages == 1
    assert box.inbox.knows_sent("OUT")
    assert box.inbox.last_heard(ANA, "rule:a") == SENT_AT
    assert box.inbox.receive([message("open")]) == []


def test_inbox_of_a_newer_program_is_left_alone(box: Box) -> None:
    box.receive()
    box.inbox.close()
    db = sqlite3.connect(box.path)
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(VaultError) as caught:
        box.open().undone()
    assert caught.value.reason is Reason.VAULT_TOO_NEW
    assert box.damages == 0


def test_full_disk_is_an_error_with_its_reason_and_passes(box: Box) -> None:
    box.receive()
    db = box.inbox._file._db
    assert db is not None
    (pages,) = db.execute("PRAGMA page_count").fetchone()
    db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(VaultError) as caught:
        box.inbox.receive([message("x" * 50_000)])
    assert caught.value.reason is Reason.DISK_FULL
    assert [stored.message.text for stored in box.inbox.undone()] == ["hola"]
    box.receive("x" * 50_000)


@pytest.mark.parametrize("obstacle", ["folder", "file"])
def test_folder_that_cannot_be_written_is_an_error_with_its_reason(box: Box, obstacle: str) -> None:
    if obstacle == "folder":
        box.path.mkdir(parents=True)
    else:
        box.path.parent.parent.write_text("in the way")
    with pytest.raises(VaultError) as caught:
        box.receive()
    assert caught.value.reason is Reason.STORAGE_UNWRITABLE
    assert box.damages == 0


def test_disk_that_damages_every_new_file_is_an_error(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_self: object, _db: object) -> None:
        raise inbox_file._DamagedError("again")

    monkeypatch.setattr(inbox_file.InboxFile, "_prepare", fail)
    with pytest.raises(VaultError) as caught:
        box.receive()
    assert caught.value.reason is Reason.STORAGE_UNWRITABLE


def test_sync_that_fails_is_an_error(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    box.receive()
    box.inbox.sync()

    def fail(_handle: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(VaultError):
        box.inbox.sync()


def test_receive_waits_for_the_disk_and_a_reply_under_way_does_not(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = box.receive()
    box.inbox.sync()
    log = Path(f"{box.path}-wal").stat().st_ino
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.fstat(handle).st_ino))
    box.inbox.mark_sending(stored, "rule:a")
    assert synced == []
    box.inbox.receive([message("second")], is_urgent=True)
    box.inbox.finish(stored, reply_key="rule:a", is_urgent=True)
    assert synced == []
    box.receive("third")
    assert synced == [log]


def test_nobody_waits_for_the_disk_because_another_thread_does(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = box.receive()
    is_waiting, may_go_on = threading.Event(), threading.Event()

    def slow_disk(_handle: int) -> None:
        is_waiting.set()
        assert may_go_on.wait(20)

    monkeypatch.setattr(os, "fsync", slow_disk)
    with ThreadPoolExecutor(1) as pool:
        syncing = pool.submit(box.inbox.sync)
        assert is_waiting.wait(20)
        box.inbox.mark_sending(stored, "rule:a")
        box.inbox.finish(stored, reply_key="rule:a", is_urgent=True)
        assert not syncing.done()
        may_go_on.set()
        syncing.result(20)
    assert box.inbox.undone() == []


def test_receipt_heard_while_a_reply_was_under_way_is_known_after_a_restart(box: Box) -> None:
    stored = box.receive()
    box.inbox.mark_sending(stored, "rule:a")
    assert not box.inbox.has_receipt(stored, None)
    box.inbox.note_receipts(stored, ["OUT1", "OUT2"])
    (again,) = box.reopen().undone()
    assert box.inbox.has_receipt(again, "OUT1")
    assert box.inbox.has_receipt(again, "OUT2")
    assert not box.inbox.has_receipt(again, "OUT3")
    assert box.inbox.has_receipt(again, None)
    assert box.inbox.secret(again) == box.inbox.secret(stored)


def test_secret_is_of_one_attempt(box: Box) -> None:
    stored = box.receive()
    box.inbox.mark_sending(stored, "rule:a")
    first = box.inbox.secret(stored)
    box.inbox.note_receipts(stored, ["OUT1"])
    stored.sending_at = None
    box.now += timedelta(seconds=1)
    box.inbox.mark_sending(stored, "rule:a")
    assert box.inbox.secret(stored) != first
    assert not box.inbox.has_receipt(stored, None)


def test_inbox_of_version_1_is_taken_over(box: Box) -> None:
    box.receive()
    box.inbox.close()
    db = sqlite3.connect(box.path)
    db.executescript("DROP TABLE receipts; PRAGMA user_version = 1")
    db.close()
    (stored,) = box.open().undone()
    box.inbox.mark_sending(stored, "rule:a")
    box.inbox.note_receipts(stored, ["OUT1"])
    assert box.inbox.has_receipt(stored, "OUT1")
    assert box.damages == 0


def test_long_log_is_emptied_between_tidyings(box: Box) -> None:
    log = Path(f"{box.path}-wal")
    longest = 0
    for number in range(300):
        stored = box.receive(f"{number}" * 900)
        box.inbox.finish(stored, reply_key="rule:a")
        longest = max(longest, log.stat().st_size)
    assert 500_000 < longest < 2_000_000


def test_failed_job_changes_nothing(box: Box) -> None:
    box.receive()

    def job(db: sqlite3.Connection) -> None:
        db.execute("DELETE FROM messages")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        box.inbox._file.commit(job, is_urgent=True)
    assert len(box.inbox.undone()) == 1


def test_process_killed_after_a_commit_leaves_everything_that_returned(tmp_path: Path) -> None:
    box = Box(tmp_path)
    script = textwrap.dedent(
        f"""
        import os, signal, sys
        from pathlib import Path
        from tests.storage.test_inbox import KEY, message
        from wabot_tray.storage.inbox import Inbox
        inbox = Inbox(Path({str(box.path)!r}), KEY)
        for number in range(50):
            (stored,) = inbox.receive([message(f"m{{number:02}}")])
            if number % 2:
                inbox.mark_sending(stored, "rule:a")
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=False, cwd=Path(__file__).parents[2]
    )
    assert done.returncode == -9
    found = box.inbox.undone()
    assert [stored.message.text for stored in found] == [f"m{number:02}" for number in range(50)]
    assert [stored.sending_at is not None for stored in found] == [False, True] * 25
    assert box.damages == 0
    box.inbox.close()
