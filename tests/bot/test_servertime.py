"""The computer's clock is wrong by hours or days; messages are as old as WhatsApp says."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.bot.harness import ECHO, LUIS, START, FakeTime, Shop
from wabot_tray.bot.answering import Pace
from wabot_tray.bot.servertime import ServerTime

HOUR = timedelta(hours=1)


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    shop = Shop(tmp_path)
    shop.rules(ECHO)
    shop.pace = Pace(max_age_s=24 * 3600)
    yield shop
    await shop.close()


@pytest.mark.parametrize("ahead", [30 * HOUR, -30 * HOUR, 400 * 24 * HOUR])
async def test_shop_with_a_wrong_clock_answers_what_comes_now_and_lets_go_what_is_old(
    shop: Shop, ahead: timedelta
) -> None:
    await shop.open()
    await shop.write("now", sent_at=START - ahead)
    old = START - ahead - 25 * HOUR
    await shop.write("old", LUIS, sent_at=old, offline=True)
    await shop.write("young", LUIS, sent_at=old + 2 * HOUR, offline=True)
    await shop.time.advance(2)
    assert shop.sender.words == ["re: now", "re: young"]


def test_held_back_messages_do_not_set_the_clock_back() -> None:
    time = FakeTime()
    server = ServerTime(time.clock)
    assert server.now() == START
    server.learn(START - 5 * HOUR)
    assert server.now() == START - 5 * HOUR
    time.elapsed = 3600
    server.learn(START - 20 * HOUR)  # was sent again after a failure to read it
    assert server.now() == START - 4 * HOUR
    server.learn(START + HOUR)
    assert server.now() == START + HOUR


def test_clock_that_is_about_right_is_believed() -> None:
    time = FakeTime()
    server = ServerTime(time.clock)
    server.learn(START - timedelta(minutes=9))
    time.elapsed = 60
    assert server.now() == START + timedelta(minutes=1)
