"""One message, one reply: in order, after quiet, across faults and crashes."""

import asyncio
import itertools
import random
import sqlite3
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.bot.harness import ANA, ECHO, KEY, LUIS, Shop, refused
from wabot_tray.bot.answering import Pace, make_desk
from wabot_tray.bot.bookkeeping import OneThread
from wabot_tray.bot.rulebook import RuleBook
from wabot_tray.core.commands import Start
from wabot_tray.core.errors import VaultError
from wabot_tray.core.messages import IncomingMessage
from wabot_tray.core.reasons import Reason
from wabot_tray.storage.inbox import Inbox, Stored
from wabot_tray.storage.traces import Traces

Write = tuple[str, str]


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    shop = Shop(tmp_path)
    yield shop
    await shop.close()


# --- quiet and order -----------------------------------------------------------------------------


async def test_message_is_answered_after_the_quiet_and_once(shop: Shop) -> None:
    await shop.open()
    await shop.write("hola")
    await shop.time.advance(0.59)
    assert shop.sender.sent == []
    await shop.time.advance(0.02)
    assert shop.sender.sent == [(ANA, "re: hola")]
    await shop.time.advance(60)
    assert len(shop.sender.sent) == 1
    assert shop.counts == [(1, 1)]


async def test_quiet_begins_again_with_every_message(shop: Shop) -> None:
    await shop.open()
    for text in ("a", "b", "c"):
        await shop.write(text)
        await shop.time.advance(0.5)
    assert shop.sender.sent == []
    await shop.time.advance(0.11)
    assert shop.sender.words == ["re: a", "re: b", "re: c"]


async def test_quiet_of_one_chat_does_not_hold_up_another(shop: Shop) -> None:
    await shop.open()
    await shop.write("a", LUIS)
    for _ in range(4):
        await shop.write("x", ANA)
        await shop.time.advance(0.4)
    assert shop.sender.sent == [(LUIS, "re: a")]


async def test_pace_that_changes_counts_for_the_next_message(shop: Shop) -> None:
    desk = await shop.open()
    desk.set_pace(quiet_s=5.0, max_age_s=3600)
    await shop.write("a")
    await shop.time.advance(4.9)
    assert shop.sender.sent == []
    await shop.time.advance(0.2)
    assert shop.sender.words == ["re: a"]


async def test_message_between_two_replies_makes_the_second_wait(shop: Shop) -> None:
    await shop.open()
    shop.sender.hold = asyncio.Event()
    await shop.write("a")
    await shop.write("b")
    await shop.time.advance(0.7)
    await shop.write("c")
    shop.sender.hold.set()
    await shop.time.advance(0.5)
    assert shop.sender.words == ["re: a"]
    await shop.time.advance(0.2)
    assert shop.sender.words == ["re: a", "re: b", "re: c"]


async def test_one_chat_gets_one_reply_at_a_time_and_chats_go_side_by_side(shop: Shop) -> None:
    shop.pace = Pace(parallel=3)
    await shop.open()
    shop.sender.hold = asyncio.Event()
    for number in range(5):
        for text in "ab":
            await shop.write(text, f"3460000000{number}@s.whatsapp.net")
    await shop.time.advance(1)
    assert shop.sender.under_way == 3
    shop.sender.hold.set()
    await shop.time.advance(1)
    assert shop.sender.most_under_way == 3
    assert len(shop.sender.sent) == 10


async def test_thirty_messages_in_five_chats_are_each_answered_once_in_order(shop: Shop) -> None:
    await shop.open()
    chats = [f"3460000000{number}@s.whatsapp.net" for number in range(5)]
    chance = random.Random(7)  # noqa: S311 - a test that can be repeated
    for number in range(30):
        await shop.write(f"m{number:02}", chats[number % 5])
        await shop.time.advance(chance.random() * 0.4)
    await shop.time.advance(5)
    for chat in chats:
        replies = shop.sender.to(chat)
        assert len(replies) == 6
        assert replies == sorted(replies)
    assert len(shop.sender.sent) == 30
    assert shop.counts[-1] == (30, 30)


async def test_older_message_that_comes_later_is_answered_first(shop: Shop) -> None:
    await shop.open()
    now = shop.time.now()
    await shop.write("first came", sent_at=now)
    await shop.write("new", sent_at=now)
    await shop.write("old", sent_at=now - timedelta(seconds=5))
    await shop.time.advance(1)
    assert shop.sender.words == ["re: first came", "re: old", "re: new"]


async def test_redelivered_message_is_not_answered_again(shop: Shop) -> None:
    await shop.open()
    message = await shop.write("a")
    shop.desk.receive(message)
    await shop.time.advance(1)
    shop.desk.receive(message)
    await shop.time.advance(1)
    await shop.crash()
    await shop.open()
    shop.desk.receive(message)
    await shop.time.advance(1)
    assert shop.sender.words == ["re: a"]


async def test_same_id_in_another_chat_is_another_message(shop: Shop) -> None:
    await shop.open()
    await shop.write("a", ANA, message_id="SAME")
    await shop.write("b", LUIS, message_id="SAME")
    await shop.time.advance(1)
    assert sorted(shop.sender.words) == ["re: a", "re: b"]


# --- whom not to answer --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "more",
    [
        {"from_me": True},
        {"is_broadcast": True},
        {"is_group": True},
        {"is_group": True, "is_broadcast": True},
    ],
)
async def test_message_of_no_customer_is_not_answered(shop: Shop, more: dict[str, Any]) -> None:
    await shop.open()
    await shop.write("a", **more)
    await shop.time.advance(5)
    assert shop.sender.sent == []
    assert shop.inbox.undone() == []


async def test_group_is_answered_when_switched_on(shop: Shop) -> None:
    shop.rules("groups = true\n" + ECHO)
    await shop.open()
    await shop.write("a", "120363@g.us", is_group=True)
    await shop.write("b", "120363@g.us", is_group=True, from_me=True)
    await shop.time.advance(1)
    assert shop.sender.words == ["re: a"]


async def test_group_switched_off_meanwhile_is_not_answered(shop: Shop) -> None:
    shop.rules("groups = true\n" + ECHO)
    await shop.open()
    await shop.write("a", "120363@g.us", is_group=True)
    shop.rules(ECHO)
    await shop.time.advance(1)
    assert shop.sender.sent == []
    assert shop.inbox.undone() == []


async def test_message_older_than_the_limit_is_not_answered(shop: Shop) -> None:
    shop.pace = Pace(max_age_s=3600)
    await shop.open()
    await shop.write("old", sent_at=shop.time.now() - timedelta(seconds=3601), offline=True)
    await shop.write("young", sent_at=shop.time.now() - timedelta(seconds=3500), offline=True)
    await shop.time.advance(1)
    assert shop.sender.words == ["re: young"]


async def test_message_that_grew_too_old_while_the_link_was_down_is_let_go(shop: Shop) -> None:
    shop.pace = Pace(max_age_s=3600)
    await shop.open(link=False)
    await shop.write("a")
    shop.time.elapsed += 3700
    shop.desk.link_up()
    await shop.time.advance(1)
    assert shop.sender.sent == []
    assert shop.inbox.undone() == []
    assert shop.counts == [(1, 0)]


async def test_message_without_a_rule_is_done(shop: Shop) -> None:
    shop.rules("")
    await shop.open()
    await shop.write("a")
    await shop.time.advance(1)
    assert shop.inbox.undone() == []
    assert shop.counts == [(1, 0)]


# --- rules ---------------------------------------------------------------------------------------


async def test_changed_rules_hold_for_the_next_reply(shop: Shop) -> None:
    await shop.open()
    await shop.write("a")
    shop.rules(ECHO.replace("re:", "new:"))
    await shop.time.advance(1)
    assert shop.sender.words == ["new: a"]


async def test_broken_rules_are_told_within_two_seconds_without_a_message(shop: Shop) -> None:
    await shop.open()
    shop.time.elapsed += 10 * 365 * 86400  # long after the file was saved
    shop.rules("[[rule]]")
    await shop.time.advance(2.1)
    assert shop.notices == [("bot", Reason.BOT_FILE_BROKEN)]
    shop.rules(ECHO)
    await shop.time.advance(2.1)
    assert shop.notices[1:] == [("bot", None)]


async def test_once_per_is_remembered_per_chat_and_across_a_restart(shop: Shop) -> None:
    shop.rules(ECHO + "once_per = '12h'\n")
    await shop.open()
    await shop.write("a")
    await shop.write("b")
    await shop.write("c", LUIS)
    await shop.time.advance(1)
    assert sorted(shop.sender.words) == ["re: a", "re: c"]
    await shop.crash()
    await shop.open()
    await shop.write("d")
    await shop.time.advance(1)
    assert len(shop.sender.sent) == 2
    shop.time.elapsed += 12 * 3600
    await shop.write("e")
    await shop.time.advance(1)
    assert shop.sender.words[-1] == "re: e"


async def test_once_per_does_not_count_a_reply_that_did_not_leave(shop: Shop) -> None:
    shop.rules(ECHO + "once_per = '12h'\n")
    await shop.open()
    shop.sender.faults = [refused()]
    await shop.write("a")
    await shop.time.advance(10)
    assert shop.sender.words == ["re: a"]


async def test_slow_rule_is_told(shop: Shop) -> None:
    shop.rules("[[rule]]\nmatch = '(a|aa)+$'\nreply = 'x'\n" + ECHO)
    await shop.open()
    await shop.write("a" * 60 + "!")
    await shop.time.advance(1)
    assert shop.notices == [("bot", Reason.BOT_RULE_SLOW)]
    assert len(shop.sender.sent) == 1


# --- a link in trouble ---------------------------------------------------------------------------


async def test_nothing_is_answered_before_the_login_and_all_after_it(shop: Shop) -> None:
    await shop.open(link=False)
    await shop.write("a")
    await shop.write("b", LUIS)
    await shop.time.advance(100)
    assert shop.sender.sent == []
    shop.desk.link_up()
    shop.desk.link_up()
    await shop.time.advance(0.1)
    assert sorted(shop.sender.words) == ["re: a", "re: b"]


async def test_reply_that_did_not_leave_waits_for_the_link(shop: Shop) -> None:
    await shop.open()
    shop.sender.faults = [refused()]
    await shop.write("a")
    await shop.write("b")
    await shop.time.advance(0.7)
    shop.desk.link_down()
    shop.desk.link_down()
    await shop.time.advance(500)
    assert shop.sender.sent == []
    shop.desk.link_up()
    await shop.time.advance(0.1)
    assert shop.sender.words == ["re: a", "re: b"]


async def test_reply_that_does_not_leave_is_tried_again_ever_more_slowly(shop: Shop) -> None:
    await shop.open()
    shop.sender.faults = [refused() for _ in range(12)]
    await shop.write("a")
    tries: list[tuple[float, int]] = []
    for _ in range(2100):
        await shop.time.advance(1)
        if not tries or tries[-1][1] != len(shop.sender.faults):
            tries.append((shop.time.elapsed, len(shop.sender.faults)))
    gaps = [later[0] - sooner[0] for sooner, later in itertools.pairwise(tries)]
    assert gaps[:4] == [2, 4, 8, 16]
    assert max(gaps) == 300
    assert shop.sender.words == ["re: a"]


async def test_link_that_comes_back_ends_the_wait(shop: Shop) -> None:
    await shop.open()
    shop.sender.faults = [refused() for _ in range(6)]
    await shop.write("a")
    await shop.time.advance(70)  # 2 + 4 + 8 + 16 + 32 s, and now 64 s
    assert len(shop.sender.faults) == 0
    shop.desk.link_down()
    shop.desk.link_up()
    await shop.time.advance(0.1)
    assert shop.sender.words == ["re: a"]


async def test_retry_in_one_chat_does_not_hold_up_another(shop: Shop) -> None:
    await shop.open()
    shop.sender.faults = [refused()]
    await shop.write("a", ANA)
    await shop.time.advance(0.7)
    await shop.write("b", LUIS)
    await shop.time.advance(0.7)
    assert shop.sender.words == ["re: b"]


# --- doubt ---------------------------------------------------------------------------------------


async def in_doubt(shop: Shop) -> None:
    """Leave one reply in doubt, as a send that timed out does."""
    await shop.open()
    shop.sender.faults = [TimeoutError()]
    await shop.write("a")
    await shop.time.advance(1)
    assert shop.sender.sent == []


async def test_reply_in_doubt_is_sent_again_after_thirty_seconds(shop: Shop) -> None:
    await in_doubt(shop)
    await shop.time.advance(29)
    assert shop.sender.sent == []
    await shop.time.advance(1.1)
    assert shop.sender.words == ["re: a"]
    assert shop.inbox.undone() == []


async def test_reply_in_doubt_with_a_receipt_is_not_sent_again(shop: Shop) -> None:
    await in_doubt(shop)
    shop.desk.delivered(ANA, ("UNKNOWN",), shop.time.now())
    await shop.time.advance(100)
    assert shop.sender.sent == []
    assert shop.counts == [(1, 1)]
    assert shop.inbox.undone() == []
    assert shop.inbox.knows_sent("UNKNOWN")


async def test_receipt_during_the_send_counts_once_the_reply_is_in_doubt(shop: Shop) -> None:
    await shop.open()
    shop.sender.hold = asyncio.Event()
    shop.sender.faults = [TimeoutError()]
    await shop.write("a")
    await shop.time.advance(5)
    shop.desk.delivered(ANA, ("UNKNOWN",), shop.time.now())
    await shop.time.advance(70)
    shop.sender.hold.set()
    await shop.time.advance(100)
    assert shop.sender.sent == []
    assert shop.counts == [(1, 1)]


@pytest.mark.parametrize(
    ("chat", "message_id", "age_s"),
    [
        (LUIS, "UNKNOWN", 0),  # another chat
        (ANA, "BY_PHONE", 0),  # the owner wrote by phone
        (ANA, "OUT1", 0),  # an earlier reply
        (ANA, "UNKNOWN", 3600),  # given before the customer wrote
    ],
)
async def test_receipt_of_something_else_is_no_evidence(
    shop: Shop, chat: str, message_id: str, age_s: float
) -> None:
    await shop.open()
    await shop.write("before")
    await shop.write("by phone", from_me=True, message_id="BY_PHONE")
    await shop.time.advance(60)
    shop.sender.faults = [TimeoutError()]
    await shop.write("a")
    await shop.time.advance(1)
    shop.desk.delivered(chat, (message_id,), shop.time.now() - timedelta(seconds=age_s))
    await shop.time.advance(40)
    assert shop.sender.words == ["re: before", "re: a"]


async def test_receipt_stamped_by_a_clock_that_differs_is_evidence(shop: Shop) -> None:
    await shop.open()
    shop.sender.faults = [TimeoutError()]
    await shop.write("a", sent_at=shop.time.now() - timedelta(seconds=50))
    await shop.time.advance(1)
    shop.desk.delivered(ANA, ("UNKNOWN",), shop.time.now() - timedelta(seconds=45))
    await shop.time.advance(100)
    assert shop.sender.sent == []


async def test_later_messages_of_the_chat_wait_for_the_one_in_doubt(shop: Shop) -> None:
    await in_doubt(shop)
    await shop.write("b")
    await shop.write("other", LUIS)
    await shop.time.advance(10)
    assert shop.sender.words == ["re: other"]
    await shop.time.advance(30)
    assert shop.sender.words == ["re: other", "re: a", "re: b"]


async def test_time_without_a_link_does_not_count_as_no_evidence(shop: Shop) -> None:
    await in_doubt(shop)
    await shop.time.advance(10)
    shop.desk.link_down()
    await shop.time.advance(100)
    shop.desk.link_up()
    await shop.time.advance(20)
    assert shop.sender.sent == []
    shop.desk.delivered(ANA, ("UNKNOWN",), shop.time.now())
    await shop.time.advance(100)
    assert shop.sender.sent == []


async def test_reply_in_doubt_twice_is_not_sent_a_third_time(shop: Shop) -> None:
    await shop.open()
    shop.sender.faults = [TimeoutError(), TimeoutError()]
    await shop.write("a")
    await shop.write("b")
    await shop.time.advance(100)
    assert shop.sender.words == ["re: b"]
    assert shop.inbox.undone() == []


async def test_once_per_counts_a_reply_proved_by_a_receipt(shop: Shop) -> None:
    shop.rules(ECHO + "once_per = '12h'\n")
    await in_doubt(shop)
    shop.desk.delivered(ANA, ("UNKNOWN",), shop.time.now())
    await shop.write("b")
    await shop.time.advance(5)
    assert shop.sender.sent == []


# --- crashes -------------------------------------------------------------------------------------


async def test_messages_undone_at_a_crash_are_answered_oldest_first(shop: Shop) -> None:
    await shop.open(link=False)
    now = shop.time.now()
    await shop.write("second", sent_at=now - timedelta(seconds=5))
    await shop.write("first", sent_at=now - timedelta(seconds=9))
    await shop.crash()
    await shop.open()
    await shop.time.advance(1)
    assert shop.sender.words == ["re: first", "re: second"]
    assert shop.counts[-1] == (2, 2)


async def test_crash_during_a_send_leaves_doubt_and_evidence_ends_it(shop: Shop) -> None:
    await shop.open()
    shop.sender.hold = asyncio.Event()
    await shop.write("a")
    await shop.time.advance(1)
    assert shop.sender.under_way == 1
    await shop.crash()
    shop.sender.hold = None
    await shop.open()
    await shop.time.advance(3)
    shop.desk.delivered(ANA, ("UNKNOWN",), shop.time.now())
    await shop.time.advance(100)
    assert shop.sender.sent == []


async def test_crash_during_a_send_without_evidence_is_sent_once_more(shop: Shop) -> None:
    await shop.open()
    shop.sender.hold = asyncio.Event()
    await shop.write("a")
    await shop.time.advance(1)
    await shop.crash()
    shop.sender.hold = None
    await shop.open(link=False)
    await shop.time.advance(100)
    assert shop.sender.sent == []
    shop.desk.link_up()
    await shop.time.advance(29)
    assert shop.sender.sent == []
    await shop.time.advance(2)
    assert shop.sender.words == ["re: a"]


async def test_receipt_of_a_reply_before_the_crash_is_no_evidence_after_it(shop: Shop) -> None:
    await shop.open()
    await shop.write("a")
    await shop.time.advance(1)
    shop.sender.hold = asyncio.Event()
    await shop.write("b")
    await shop.time.advance(1)
    await shop.crash()
    shop.sender.hold = None
    await shop.open()
    shop.desk.delivered(ANA, ("OUT1",), shop.time.now())
    await shop.time.advance(40)
    assert shop.sender.words == ["re: a", "re: b"]


async def test_reply_the_library_has_no_trace_of_never_left_and_is_sent_at_once(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    await crashed_in_a_send(shop)
    shop.traces = Traces({}, is_complete=True)
    with caplog.at_level("INFO"):
        await shop.open()
    assert shop.looked_for == shop.sender.marks
    await shop.time.advance(1)
    assert shop.sender.words == ["re: a"]
    assert "had not left" in caplog.text


async def test_reply_without_a_trace_in_a_database_that_may_be_older_waits(shop: Shop) -> None:
    await crashed_in_a_send(shop)
    await shop.open()
    await shop.time.advance(29)
    assert shop.sender.words == []
    await shop.time.advance(2)
    assert shop.sender.words == ["re: a"]


async def test_trace_tells_whose_receipt_is_evidence(shop: Shop) -> None:
    await crashed_in_a_send(shop)
    shop.traces = Traces({shop.sender.marks[0]: "OUT9"}, is_complete=True)
    await shop.open()
    shop.desk.delivered(ANA, ("UNKNOWN",), shop.time.now())  # typed on the phone, perhaps
    await shop.time.advance(1)
    # The customer's other address, and a phone whose clock is an hour slow.
    shop.desk.delivered("123@lid", ("OUT8", "OUT9"), shop.time.now() - timedelta(hours=1))
    await shop.time.advance(100)
    assert shop.sender.sent == []
    assert shop.inbox.undone() == []
    assert shop.inbox.knows_sent("OUT9")
    assert shop.counts[-1] == (1, 1)


async def test_receipt_of_something_else_does_not_settle_a_traced_reply(shop: Shop) -> None:
    await crashed_in_a_send(shop)
    shop.traces = Traces({shop.sender.marks[0]: "OUT9"}, is_complete=True)
    await shop.open()
    shop.desk.delivered(ANA, ("UNKNOWN",), shop.time.now())
    await shop.time.advance(31)
    assert shop.sender.words == ["re: a"]


@pytest.mark.parametrize("is_traced", [True, False])
async def test_receipt_heard_before_the_crash_settles_the_reply_after_it(
    shop: Shop, *, is_traced: bool
) -> None:
    await shop.open()
    shop.sender.hold = asyncio.Event()
    await shop.write("a")
    await shop.time.advance(1)
    shop.desk.delivered(ANA, ("OUT9",), shop.time.now())
    await shop.time.settle()
    await shop.crash()
    if is_traced:
        shop.traces = Traces({shop.sender.marks[0]: "OUT9"}, is_complete=True)
    shop.sender.hold = None
    await shop.open()
    assert shop.inbox.undone() == []
    assert shop.inbox.knows_sent("OUT9") is is_traced
    await shop.time.advance(100)
    assert shop.sender.sent == []


async def test_receipt_of_an_attempt_that_failed_says_nothing_of_the_next(shop: Shop) -> None:
    shop.sender.faults = [refused()]
    await shop.open()
    shop.sender.hold = asyncio.Event()
    await shop.write("a")
    await shop.time.advance(0.7)
    shop.desk.delivered(ANA, ("OUT8",), shop.time.now())
    await shop.time.settle()
    shop.sender.hold.set()
    await shop.time.settle()
    shop.sender.hold = asyncio.Event()
    await shop.time.advance(5)
    assert len(set(shop.sender.marks)) == 2
    await shop.crash()
    shop.traces = Traces({shop.sender.marks[1]: "OUT9"}, is_complete=True)
    shop.sender.hold = None
    await shop.open()
    await shop.time.advance(31)
    assert shop.sender.words == ["re: a"]


async def crashed_in_a_send(shop: Shop) -> None:
    await shop.open()
    shop.sender.hold = asyncio.Event()
    await shop.write("a")
    await shop.time.advance(1)
    await shop.crash()
    shop.sender.hold = None


class Wire:
    """A WhatsApp that takes 50 ms to get a message and 50 ms more to acknowledge it.

    The library notes the message 20 ms after it was told to send it. The receipt is given once, to
    whoever is connected 10 ms after the message came, or connects next.
    """

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.traces: dict[bytes, str] = {}
        self.got: list[tuple[str, str]] = []  # chat and words
        self.receipts: list[tuple[str, str, datetime]] = []  # not given yet

    async def send(self, chat: str, words: str, mark: bytes) -> str:
        desk = self.shop.desk
        await self.shop.time.sleep(0.02)
        message_id = f"OUT{len(self.traces)}"
        self.traces[mark] = message_id
        await self.shop.time.sleep(0.03)
        self.got.append((chat, words))
        self.receipts.append((chat, message_id, self.shop.time.now()))
        await self.shop.time.sleep(0.01)
        if desk is self.shop.desk:
            self.give_receipts()
        await self.shop.time.sleep(0.04)
        return message_id

    def give_receipts(self) -> None:
        receipts, self.receipts = self.receipts, []
        for chat, message_id, at in receipts:
            self.shop.desk.delivered(chat, (message_id,), at)

    def to(self, chat: str) -> list[str]:
        return [words for address, words in self.got if address == chat]


@pytest.mark.parametrize("seed", range(60))
async def test_crash_at_any_moment_answers_each_message_exactly_once(
    tmp_path: Path, seed: int
) -> None:
    shop = Shop(tmp_path)
    wire = Wire(shop)
    shop.send = wire.send
    chance = random.Random(seed)  # noqa: S311 - a test that can be repeated
    await shop.open()
    for number in range(12):
        await shop.write(f"m{number:02}", chance.choice([ANA, LUIS]))
        await shop.time.advance(chance.choice([0.05, 0.3, 0.61, 0.63, 0.655, 0.68, 0.75, 1.2]))
        if chance.random() < 0.4:
            await shop.crash()
            shop.traces = Traces(wire.traces, is_complete=True)
            await shop.open()
            await shop.time.advance(0.01)
            wire.give_receipts()
    began = shop.time.elapsed
    while shop.inbox.undone() and shop.time.elapsed < began + 300:
        await shop.time.advance(1)
    assert sorted(words for _, words in wire.got) == [f"re: m{number:02}" for number in range(12)]
    for chat in (ANA, LUIS):
        assert wire.to(chat) == sorted(wire.to(chat))
    # Only a reply that the library had noted and not sent yet waits for want of evidence.
    assert shop.time.elapsed < began + 30 or len(wire.traces) > len(wire.got)
    await shop.close()


async def test_close_lets_a_reply_on_its_way_arrive(shop: Shop) -> None:
    await shop.open()
    shop.sender.hold = asyncio.Event()
    await shop.write("a")
    await shop.write("b")
    await shop.time.advance(0.7)
    closing = asyncio.ensure_future(shop.desk.close())
    await shop.time.settle()
    shop.sender.hold.set()
    await closing
    await shop.desk.close()
    assert shop.sender.words == ["re: a"]
    shop.sender.hold = None
    await shop.open()
    await shop.time.advance(1)
    assert shop.sender.words == ["re: a", "re: b"]


async def test_close_with_a_reply_that_hangs_leaves_it_in_doubt(shop: Shop) -> None:
    await shop.open()
    shop.sender.hold = asyncio.Event()
    await shop.write("a")
    await shop.time.advance(0.7)
    await shop.desk.close(grace_s=0.0)
    await shop.open(link=False)
    (stored,) = shop.inbox.undone()
    assert stored.sending_at is not None


async def test_message_is_written_down_when_it_was_handed_over(shop: Shop) -> None:
    """A process may be killed in the very next moment, before the inbox has it."""
    await shop.open()
    message = shop.message("a")
    with ThreadPoolExecutor(1) as library:
        assert library.submit(shop.desk.jot, message).result(20) is True
    assert shop.inbox.undone() == []
    await shop.crash()
    await shop.open()
    shop.desk.receive(message, is_jotted=shop.desk.jot(message))  # WhatsApp gives it once more
    await shop.time.advance(1)
    assert shop.sender.words == ["re: a"]
    assert shop.counts[-1] == (1, 1)
    await shop.desk.close()
    await shop.open()
    await shop.time.advance(1)
    assert shop.sender.words == ["re: a"]


@pytest.mark.parametrize("more", [{"from_me": True}, {"is_group": True}, {"is_broadcast": True}])
async def test_message_that_rules_or_nobody_may_answer_is_not_jotted_down(
    shop: Shop, more: dict[str, Any]
) -> None:
    await shop.open()
    assert shop.desk.jot(shop.message("a", **more)) is False
    await shop.crash()
    await shop.open()
    assert shop.inbox.undone() == []


async def test_message_that_was_jotted_down_and_is_too_old_is_let_go(shop: Shop) -> None:
    shop.pace = Pace(max_age_s=3600)
    await shop.open()
    message = shop.message("a", sent_at=shop.time.now() - timedelta(hours=2), offline=True)
    shop.desk.receive(message, is_jotted=shop.desk.jot(message))
    await shop.time.advance(1)
    assert shop.sender.sent == []
    assert shop.inbox.undone() == []


async def test_message_the_disk_refuses_is_answered_from_memory_and_outlives_a_kill(
    shop: Shop,
) -> None:
    shop.inbox_type = FullInbox
    await shop.open(link=False)
    for text in ("a", "b"):
        message = shop.message(text)
        shop.desk.receive(message, is_jotted=shop.desk.jot(message))
    await shop.time.advance(1)
    await shop.crash()
    await shop.open()  # the disk refuses still
    await shop.time.advance(1)
    assert shop.sender.words == ["re: a", "re: b"]


async def test_message_that_comes_while_the_connection_is_closed_is_kept(shop: Shop) -> None:
    await shop.open()
    await shop.desk.stop_answering()
    shop.desk.link_up()  # the library's last word may come late
    shop.desk.receive(shop.message("a"))
    await shop.time.advance(5)
    assert shop.sender.sent == []
    await shop.desk.close()
    await shop.open()
    await shop.time.advance(1)
    assert shop.sender.words == ["re: a"]


async def test_close_keeps_what_has_just_arrived(shop: Shop) -> None:
    await shop.open()
    shop.desk.receive(shop.message("a"))
    await shop.desk.close()
    shop.desk.receive(shop.message("too late"))
    await shop.open()
    await shop.time.advance(1)
    assert shop.sender.words == ["re: a"]


# --- trouble with the inbox ----------------------------------------------------------------------


class FullInbox(Inbox):
    """Its disk is full while `is_full` says so."""

    is_full = True

    def _refuse(self) -> None:
        if self.is_full:
            raise VaultError(Reason.DISK_FULL, "database or disk is full")

    def receive(self, messages: Any, **how: Any) -> list[Stored]:
        self._refuse()
        return super().receive(messages, **how)

    def mark_sending(self, stored: Stored, reply_key: str) -> None:
        self._refuse()
        super().mark_sending(stored, reply_key)

    def finish(self, stored: Stored, **how: Any) -> None:
        self._refuse()
        super().finish(stored, **how)

    def probe(self) -> None:
        self._refuse()
        super().probe()


async def test_full_disk_is_told_once_and_messages_are_answered(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.inbox_type = FullInbox
    await shop.open()
    message = await shop.write("a")
    await shop.write("b")
    shop.desk.receive(message)
    await shop.time.advance(1)
    assert shop.sender.words == ["re: a", "re: b"]
    assert shop.notices == [("inbox", Reason.DISK_FULL)]
    monkeypatch.setattr(FullInbox, "is_full", False)
    await shop.time.advance(2.1)
    assert shop.notices[1:] == [("inbox", None)]
    shop.desk.receive(message)  # what was owed is written, so it is known
    await shop.time.advance(1)
    await shop.crash()
    await shop.open()
    shop.desk.receive(message)
    await shop.time.advance(1)
    assert shop.sender.words == ["re: a", "re: b"]


async def test_message_known_before_the_disk_filled_is_not_answered_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.inbox_type = FullInbox
    monkeypatch.setattr(FullInbox, "is_full", False)
    await shop.open()
    message = await shop.write("a")
    await shop.time.advance(1)
    monkeypatch.setattr(FullInbox, "is_full", True)
    shop.desk.receive(message)
    await shop.time.advance(1)
    assert shop.sender.words == ["re: a"]


async def test_damaged_inbox_is_told_and_work_goes_on(shop: Shop) -> None:
    (shop.folder / "inbox.db").write_bytes(b"no database at all" * 100)
    await shop.open()
    assert shop.notices == [("inbox", Reason.INBOX_DAMAGED)]
    await shop.write("a")
    await shop.time.advance(1)
    assert shop.sender.words == ["re: a"]
    assert len(list(shop.folder.glob("inbox.db.damaged-*"))) == 1


async def test_inbox_that_cannot_even_be_read_does_not_stop_answers(shop: Shop) -> None:
    (shop.folder / "inbox.db").mkdir()
    await shop.open()
    message = await shop.write("a")
    shop.desk.receive(message)
    await shop.time.advance(1)
    assert shop.sender.words == ["re: a"]
    assert shop.notices == [("inbox", Reason.STORAGE_UNWRITABLE)]


async def test_rule_that_fails_does_not_stop_the_chat(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    choose = RuleBook.choose

    def fail(book: RuleBook, message: IncomingMessage, *rest: object) -> object:
        if message.text == "poison":
            raise RuntimeError("a fault of ours")
        return choose(book, message, *rest)  # type: ignore[arg-type]  # passed on

    monkeypatch.setattr(RuleBook, "choose", fail)
    await shop.open()
    await shop.write("poison")
    await shop.write("b")
    await shop.time.advance(1)
    assert shop.sender.words == ["re: b"]
    assert "a task of the bot failed" in caplog.text
    assert len(shop.inbox.undone()) == 1


async def test_log_of_it_all_says_nothing_of_customers(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    shop.sender.faults = [refused(), TimeoutError()]
    await shop.open()
    await shop.write("geheimnis")
    await shop.write("old", sent_at=shop.time.now() - timedelta(days=9))
    await shop.time.advance(100)
    assert caplog.text
    for secret in ("geheimnis", "600111", "Ana", "re:"):
        assert secret not in caplog.text


async def test_idle_desk_tidies_the_inbox(shop: Shop) -> None:
    await shop.open()
    await shop.write("a")
    await shop.time.advance(59)
    log = shop.folder / "inbox.db-wal"
    assert log.stat().st_size > 0
    await shop.time.advance(5)
    assert log.stat().st_size == 0


async def test_desk_of_a_worker_answers_with_a_real_thread_and_clock(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    start = Start(
        account_id="tienda",
        folder=str(tmp_path),
        live_folder=str(tmp_path),
        live_in_ram=False,
        bot_file=str(tmp_path / "bot.toml"),
        data_key=KEY,
        pair=False,
        quiet_s=0.0,
    )
    answered = asyncio.Event()
    outlets = shop.make()._outlets
    desk = make_desk(
        start,
        type(outlets)(
            send=outlets.send,
            counted=lambda _received, replied: answered.set() if replied == 2 else None,
            notify=outlets.notify,
        ),
    )
    await desk.start()
    desk.link_up()
    for text in "ab":
        desk.receive(shop.message(text, sent_at=desk._clock.now().replace(microsecond=0)))
    await asyncio.wait_for(answered.wait(), 10)
    await desk.close()
    assert shop.sender.words == ["re: a", "re: b"]
    with sqlite3.connect(tmp_path / "inbox.db") as db:
        assert db.execute("SELECT count(*), count(sealed) FROM messages").fetchone() == (2, 0)
    db.close()


async def test_job_of_a_caller_that_is_gone_is_still_done() -> None:
    thread = OneThread()
    gate = threading.Event()
    done: list[str] = []

    def fail() -> None:
        done.append("failed")
        raise VaultError(Reason.DISK_FULL)

    first = asyncio.ensure_future(thread.run(gate.wait))
    await asyncio.sleep(0)
    jobs = [
        asyncio.ensure_future(thread.run(lambda: done.append("second"), is_brief=True)),
        asyncio.ensure_future(thread.run(fail)),
    ]
    await asyncio.sleep(0)
    for job in jobs:
        job.cancel()
    await asyncio.gather(*jobs, return_exceptions=True)
    assert done == []
    gate.set()
    await first
    await thread.run(lambda: None)
    assert done == ["second", "failed"]
    thread.close()


async def test_brief_job_is_done_at_once_when_nothing_is_before_it() -> None:
    thread = OneThread()
    assert await thread.run(threading.get_ident, is_brief=True) == threading.get_ident()
    assert await thread.run(threading.get_ident) != threading.get_ident()
    assert await thread.run(threading.get_ident, is_brief=True) == threading.get_ident()
    thread.close()
