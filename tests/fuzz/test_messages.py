"""What customers write, through the inbox and the rules: everybody gets an answer."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bot.harness import ANA, LUIS, Shop
from tests.fuzz.profile import TEXTS, tries

ECHO = "[[rule]]\nmatch = '(?s).*'\nreply = '{name}: {text}.'\n"


@tries(40)
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=4), st.booleans())
def test_every_text_of_every_name_is_answered_once_even_through_a_crash(
    tmp_path_factory: pytest.TempPathFactory, written: list[tuple[str, str]], crash: bool
) -> None:
    asyncio.run(_converse(Shop(tmp_path_factory.mktemp("shop"), ECHO), written, crash=crash))


async def _converse(shop: Shop, written: list[tuple[str, str]], *, crash: bool) -> None:
    await shop.open(link=not crash)
    for text, name in written:
        await shop.write(text, sender_name=name)
    if crash:  # they lie in the inbox, sealed, and nowhere else
        await shop.crash()
        await shop.open()
    await shop.time.advance(30)
    await shop.close()
    ends = [f": {text.strip()[:1000]}".rstrip(" ") + "." for text, _ in written]
    assert len(shop.sender.words) == len(ends)
    for words, end in zip(shop.sender.words, ends, strict=True):
        assert words.endswith(end)


async def test_message_that_cannot_be_kept_costs_nobody_else_his_answer(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    await shop.open()
    odd = cast(Any, b"\xff")  # what the library hands over for a name that is no UTF-8
    shop.desk.receive(shop.message("before", LUIS))
    with contextlib.suppress(TypeError):
        shop.desk.receive(shop.message("odd", sender_name=odd))
    shop.desk.receive(shop.message("after", ANA))
    await shop.time.advance(5)
    await shop.write("much later", ANA)
    await shop.time.advance(5)
    assert sorted(shop.sender.words) == ["re: after", "re: before", "re: much later"]
    await shop.close()
