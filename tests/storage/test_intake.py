"""The log of what has just come in, on a real file, and what the inbox makes of it."""

import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from wabot_tray.core.messages import IncomingMessage
from wabot_tray.storage.inbox import Inbox
from wabot_tray.storage.intake import TAG_BYTES, Intake

KEY = bytes(range(32))


def tag(number: int) -> bytes:
    return number.to_bytes(TAG_BYTES)


def message(text: str) -> IncomingMessage:
    chat = "34600111222@s.whatsapp.net"
    sent_at = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    return IncomingMessage(
        chat=chat, message_id=f"ID-{text}", sender_phone="34600111222", sender_name="Ana",
        text=text, sent_at=sent_at,
    )  # fmt: skip


@pytest.fixture
def open_inbox(tmp_path: Path) -> Callable[..., Inbox]:
    """Open the inbox as one process after another does."""

    def open_one(key: bytes = KEY) -> Inbox:
        return Inbox(tmp_path / "inbox.db", key, intake=Intake(tmp_path))

    return open_one


def test_what_a_process_jotted_down_the_next_one_finds(tmp_path: Path) -> None:
    intake = Intake(tmp_path)
    assert intake.add(tag(1), b"one")
    assert intake.add(tag(2), b"two" * 30_000)
    assert Intake(tmp_path).left() == [(tag(1), b"one"), (tag(2), b"two" * 30_000)]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such rights")
def test_log_is_this_users_alone(tmp_path: Path) -> None:
    Intake(tmp_path).add(tag(1), b"one")
    assert stat.S_IMODE((tmp_path / Intake.NAME).stat().st_mode) == 0o600


def test_log_is_emptied_when_all_is_struck_out_and_removed_at_the_end(tmp_path: Path) -> None:
    intake = Intake(tmp_path)
    intake.add(tag(1), b"one")
    intake.add(tag(2), b"two")
    intake.strike([tag(1)])
    assert len(Intake(tmp_path).left()) == 2  # emptied as a whole
    intake.strike([tag(2), tag(3)])
    intake.strike([tag(2)])
    assert (tmp_path / Intake.NAME).stat().st_size == 0
    intake.add(tag(4), b"four")
    assert Intake(tmp_path).left() == [(tag(4), b"four")]
    intake.close()
    assert (tmp_path / Intake.NAME).exists()  # something is left in it
    intake.strike([tag(4)])
    intake.close()
    intake.close()
    assert not (tmp_path / Intake.NAME).exists()


def test_next_process_strikes_out_what_the_last_one_left(tmp_path: Path) -> None:
    Intake(tmp_path).add(tag(1), b"one")
    intake = Intake(tmp_path)
    intake.left()
    intake.strike([tag(1)])
    intake.close()
    assert not (tmp_path / Intake.NAME).exists()


@pytest.mark.parametrize("end", [b"\0", b"\0\0\0\x09" + tag(2) + b"torn", bytes(4096)])
def test_torn_end_is_passed_over(tmp_path: Path, end: bytes) -> None:
    Intake(tmp_path).add(tag(1), b"one")
    with (tmp_path / Intake.NAME).open("ab") as file:
        file.write(end)
    assert Intake(tmp_path).left() == [(tag(1), b"one")]


def test_without_a_folder_or_room_nothing_is_jotted_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not Intake(tmp_path / "gone").add(tag(1), b"one")
    assert Intake(tmp_path / "gone").left() == []
    intake = Intake(tmp_path)
    monkeypatch.setattr(os, "write", lambda *_: 3)
    assert not intake.add(tag(1), b"one")
    monkeypatch.undo()
    intake.strike([tag(1)])
    assert intake.add(tag(2), b"two")
    assert Intake(tmp_path).left() == [(tag(2), b"two")]


def test_two_threads_lose_nothing(tmp_path: Path) -> None:
    """One jots down while the other strikes out and empties."""
    intake = Intake(tmp_path)
    numbers = range(2000)

    def strike_out() -> None:
        for number in numbers:
            intake.strike([tag(number)])

    with ThreadPoolExecutor(2) as pool:
        adding = pool.submit(lambda: [intake.add(tag(n), b"x") for n in numbers])
        striking = pool.submit(strike_out)
        assert all(adding.result())
        striking.result()
    intake.strike([tag(n) for n in numbers if n % 2])
    left = dict(Intake(tmp_path).left())
    assert all(tag(n) in left for n in numbers if tag(n) in intake._open)


def test_inbox_takes_up_what_was_jotted_down_and_strikes_it_out(
    open_inbox: Callable[..., Inbox], tmp_path: Path
) -> None:
    assert open_inbox().jot(message("a"))
    with closing(open_inbox()) as inbox:
        (found,) = inbox.jotted()
        assert (found.text, found.offline) == ("a", True)
        assert [stored.message.text for stored in inbox.receive([found])] == ["a"]
        assert (tmp_path / Intake.NAME).stat().st_size == 0
    with closing(open_inbox()) as inbox:
        assert inbox.jotted() == []
        assert [stored.message.text for stored in inbox.undone()] == ["a"]


def test_message_that_was_dealt_with_is_struck_out_too(
    open_inbox: Callable[..., Inbox], tmp_path: Path
) -> None:
    """It was answered from memory while the disk refused."""
    with closing(open_inbox()) as inbox:
        (stored,) = inbox.receive([message("a")])
        inbox.jot(message("a"))
        inbox.finish(stored, reply_key=None)
        assert (tmp_path / Intake.NAME).stat().st_size == 0


def test_nothing_can_be_read_in_the_log_and_another_key_opens_nothing(
    open_inbox: Callable[..., Inbox], tmp_path: Path
) -> None:
    with closing(open_inbox()) as inbox:
        inbox.jot(message("secret words"))
        content = (tmp_path / Intake.NAME).read_bytes()
        assert b"secret words" not in content
        assert b"34600111222" not in content
    with closing(open_inbox(bytes(32))) as inbox:
        assert inbox.jotted() == []
    assert not (tmp_path / Intake.NAME).exists()


def test_inbox_without_a_log_says_so(tmp_path: Path) -> None:
    with closing(Inbox(tmp_path / "inbox.db", KEY)) as inbox:
        assert not inbox.jot(message("a"))
        assert inbox.jotted() == []
