"""Regular expressions of rules, and what customers make of them: no worker is held up."""

import time
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.profile import TEXTS, corpus, said, tries
from wabot_tray.bot.rulebook import LONGEST_SEARCH_S, SLOWEST_MATCH_S, Reply
from wabot_tray.bot.rules import MOST_RULES, parse
from wabot_tray.core.errors import BotFileError
from wabot_tray.core.messages import IncomingMessage


def message(text: str) -> IncomingMessage:
    now = datetime.now().astimezone()
    return IncomingMessage(
        chat="1@lid", message_id="1", sender_phone="", sender_name=text, text=text, sent_at=now
    )


def never(_reply: Reply) -> bool:
    return False


def test_patterns_that_run_away_take_a_second_together_and_the_fallback_answers() -> None:
    rules = "".join(f"[[rule]]\nmatch = '''{p}'''\nreply = 'x'\n" for p in corpus("patterns"))
    book = parse(rules + "[fallback]\nreply = 'still here'\n")
    for text in ("a" * 70_000 + "!", "x" * 4096, "a!" * 3000):
        began = time.thread_time()
        choice = book.choose(message(text), datetime.now().astimezone(), never)
        assert time.thread_time() - began < 2 * LONGEST_SEARCH_S
        assert choice.words in {"x", "still here"}
    slow = book.choose(message("a" * 4095 + "!"), datetime.now().astimezone(), never).slow
    assert slow
    assert len(slow) <= LONGEST_SEARCH_S / SLOWEST_MATCH_S


def test_many_rules_that_are_all_rather_slow_are_bounded_too() -> None:
    pattern = "(?:hello){e<=4}"  # some 50 ms each, which is below the limit of one rule
    rules = "".join(
        f"[[rule]]\nname = '{n}'\nmatch = '{pattern}'\nreply = 'x'\n" for n in range(200)
    )
    began = time.thread_time()
    choice = parse(rules).choose(message("z" * 4096), datetime.now().astimezone(), never)
    assert time.thread_time() - began < 2 * LONGEST_SEARCH_S
    assert len(choice.slow) == 1  # somebody has to be told


PIECES = st.sampled_from([*corpus("pattern_pieces"), "\ud83d"])


@tries(300)
@given(st.lists(PIECES, min_size=1, max_size=12).map("".join), TEXTS)
def test_any_pattern_matches_or_is_refused(pattern: str, text: str) -> None:
    source = f"[[rule]]\nmatch = '''{pattern}'''\nreply = '{{text}}'\n"
    try:
        book = parse(source)
    except BotFileError as err:
        said(err)
        return
    book.choose(message(text), datetime.now().astimezone(), never)


def test_more_rules_or_longer_patterns_than_anybody_writes_are_refused() -> None:
    many = "[[rule]]\nmatch = 'a'\nreply = 'b'\nname = '{}'\n"
    assert len(parse("".join(many.format(n) for n in range(MOST_RULES))).rules) == MOST_RULES
    with pytest.raises(BotFileError, match="bot_too_many") as caught:
        parse("".join(many.format(n) for n in range(MOST_RULES + 1)))
    assert caught.value.line == 4 * MOST_RULES + 1
    said(caught.value)
    with pytest.raises(BotFileError, match="bot_match_long") as caught:
        parse("[[rule]]\nreply = 'b'\nmatch = '" + "a|" * 1500 + "b'\n")
    assert caught.value.line == 3
    said(caught.value)


@tries(150)
@given(TEXTS, TEXTS)
def test_what_a_customer_writes_is_quoted_and_never_read_as_a_template(
    text: str, name: str
) -> None:
    book = parse("[[rule]]\nmatch = '(?s).*'\nreply = '<{text}|{name}|{{text}}>'\n")
    now = datetime.now().astimezone()
    asked = IncomingMessage(
        chat="1@lid", message_id="1", sender_phone="", sender_name=name, text=text, sent_at=now
    )
    words = book.choose(asked, now, never).words
    assert words is not None
    assert words.endswith("|{text}>")
    assert words.startswith(f"<{text.strip()[:1000]}".rstrip(" "))
    assert len(words) < 1100
