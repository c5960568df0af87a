"""bot.toml: what it may say, what it must not, and what comes of it."""

import time as clock_time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wabot_tray.bot.rulebook import Choice, Reply, RuleBook, Verdict, When
from wabot_tray.bot.rules import line_of, line_of_rule, parse
from wabot_tray.core.errors import BotFileError
from wabot_tray.core.messages import IncomingMessage
from wabot_tray.system.paths import resource

MONDAY_NOON = datetime(2026, 11, 23, 12, 0).astimezone()


def message(text: str, **more: Any) -> IncomingMessage:
    values: dict[str, Any] = {
        "chat": "34600111222@s.whatsapp.net",
        "message_id": "3EB0",
        "sender_phone": "34600111222",
        "sender_name": "Ana",
        "text": text,
        "sent_at": datetime(2026, 11, 23, 11, 0, tzinfo=UTC),
    }
    return IncomingMessage(**(values | more))


def never(_reply: Reply) -> bool:
    return False


def say(source: str, text: str, now: datetime = MONDAY_NOON, **more: Any) -> str | None:
    return parse(source).choose(message(text, **more), now, never).words


def rule(match: str, reply: str = "yes", more: str = "") -> str:
    return f"[[rule]]\nmatch = '{match}'\nreply = '''{reply}'''\n{more}\n"


def fault(source: str) -> BotFileError:
    with pytest.raises(BotFileError) as caught:
        parse(source)
    return caught.value


def test_first_rule_that_matches_answers() -> None:
    source = rule("price", "one") + rule("price|cost", "two")
    assert say(source, "What PRICE?") == "one"
    assert say(source, "the cost?") == "two"
    assert say(source, "hello") is None


def test_rule_ignores_capitals_and_keeps_accents() -> None:
    assert say(rule("ÁRBOL"), "un árbol") == "yes"
    assert say(rule("árbol"), "un arbol") is None


def test_rule_matches_however_the_accent_is_encoded() -> None:
    composed, apart = "café", "cafe\u0301"
    assert say(rule(composed), apart) == "yes"
    assert say(rule(apart), composed) == "yes"


def test_disabled_rule_is_silent() -> None:
    assert say(rule("a", more="enabled = false"), "a") is None


def test_empty_file_answers_nothing() -> None:
    assert parse("") == RuleBook()
    assert say("", "hello") is None


def test_placeholders_are_filled() -> None:
    source = rule(".", "{name}|{phone}|{text}|{time}")
    assert say(source, " hola ") == "Ana|+34600111222|hola|12:00"


def test_double_braces_are_plain_braces() -> None:
    assert say(rule(".", "{{name}} { } {1} {name}"), "x") == "{name} { } {1} Ana"


def test_braces_of_customers_are_never_interpreted() -> None:
    source = rule(".", "you said {text}, {name}")
    said = say(source, "{phone} {{name}} {0.__class__} %s", sender_name="{text}")
    assert said == "you said {phone} {{name}} {0.__class__} %s, {text}"


@given(st.text(), st.text())
def test_any_text_of_a_customer_is_repeated_as_it_is(text: str, name: str) -> None:
    said = say(rule("", "x").replace("match = ''", "match = '^'") + "", text, sender_name=name)
    assert said == "x"
    quoted = say("[fallback]\nreply = '<{text}>'", text, sender_name=name)
    assert quoted == f"<{text.strip()[:1000]}>"


def test_missing_name_leaves_no_gap() -> None:
    assert say(rule(".", "Hello {name}!"), "x", sender_name="") == "Hello!"


def test_name_is_one_short_printable_line() -> None:
    said = say(rule(".", "{name}"), "x", sender_name="A\n\u202e  B" + "c" * 99)
    assert said == "A B" + "c" * 57


def test_reply_of_nothing_is_silence() -> None:
    choice = parse(rule(".", "{name}")).choose(message("x", sender_name=""), MONDAY_NOON, never)
    assert choice == Choice()


def test_hidden_phone_is_empty() -> None:
    assert say(rule(".", "<{phone}>"), "x", sender_phone="") == "<>"


def test_long_text_is_quoted_shortened() -> None:
    assert say(rule(".", "{text}"), "a" * 5000) == "a" * 1000


def test_fallback_answers_where_no_rule_matches() -> None:
    source = rule("price") + "[fallback]\nreply = 'later'"
    assert say(source, "hello") == "later"
    assert say(source.replace("[fallback]", "[fallback]\nenabled = false"), "hello") is None


def test_once_per_belongs_to_rule_file_or_section() -> None:
    book = parse(
        "once_per = '1d'\n"
        + rule("a", more="once_per = '30m'")
        + rule("b")
        + "[fallback]\nreply = 'x'\nonce_per = '45s'"
    )
    assert [rule.reply.once_per_s for rule in book.rules] == [1800.0, 86400.0]
    assert book.fallback is not None
    assert book.fallback.once_per_s == 45.0


def test_rule_that_rests_gives_way_to_the_next_but_not_to_the_fallback() -> None:
    book = parse(
        rule("hello", "greeting", "name = 'greeting'")
        + rule("price", "prices")
        + "[fallback]\nreply = 'later'"
    )

    def rests(reply: Reply) -> bool:
        return reply.key == "rule:greeting"

    assert book.choose(message("hello"), MONDAY_NOON, rests).words is None
    assert book.choose(message("hello, the price?"), MONDAY_NOON, rests).words == "prices"
    assert book.choose(message("bye"), MONDAY_NOON, rests).words == "later"


def test_fallback_that_rests_is_silent() -> None:
    book = parse("[fallback]\nreply = 'later'")
    assert book.choose(message("x"), MONDAY_NOON, lambda _reply: True).words is None


def test_rule_memory_goes_by_name_else_by_what_it_matches() -> None:
    book = parse(rule("a", more="name = 'A'") + rule("b"))
    assert [rule.reply.key for rule in book.rules] == ["rule:A", "rule:b"]
    assert [rule.name for rule in book.rules] == ["A", "b"]


HOURS = "[hours]\ndays = ['mon', 'mar', 'Miércoles']\nfrom = '09:00'\nto = '18:00'\n"


@pytest.mark.parametrize(
    ("day", "hour", "minute", "is_open"),
    [
        (23, 9, 0, True),
        (23, 17, 59, True),
        (23, 18, 0, False),
        (23, 8, 59, False),
        (25, 12, 0, True),
        (26, 12, 0, False),
    ],
)
def test_hours_by_day_and_time(day: int, hour: int, minute: int, is_open: bool) -> None:
    now = datetime(2026, 11, day, hour, minute).astimezone()
    source = rule("a") + HOURS + "closed = 'closed'"
    assert say(source, "a", now) == ("yes" if is_open else "closed")


def test_hours_with_a_break_at_noon() -> None:
    source = "[fallback]\nreply = 'o'\n[hours]\nfrom = ['09:00', '17:00']\nto = ['14:00', '20:00']"
    heard = [
        say(source, "x", datetime(2026, 11, 23, hour).astimezone()) for hour in (8, 10, 15, 18, 21)
    ]
    assert heard == [None, "o", None, "o", None]


def test_hours_past_midnight_belong_to_the_day_they_begin_on() -> None:
    source = "[fallback]\nreply = 'o'\n[hours]\ndays = ['fri']\nfrom = '20:00'\nto = '02:00'"
    friday, saturday = 27, 28
    assert say(source, "x", datetime(2026, 11, friday, 23).astimezone()) == "o"
    assert say(source, "x", datetime(2026, 11, saturday, 1).astimezone()) == "o"
    assert say(source, "x", datetime(2026, 11, saturday, 3).astimezone()) is None
    assert say(source, "x", datetime(2026, 11, friday, 1).astimezone()) is None


def test_hours_until_midnight_and_all_day() -> None:
    until = "[fallback]\nreply = 'o'\n[hours]\ndays = ['mon']\nfrom = '20:00'\nto = '24:00'"
    assert say(until, "x", datetime(2026, 11, 23, 23, 59).astimezone()) == "o"
    assert say(until, "x", datetime(2026, 11, 24, 0, 0).astimezone()) is None
    whole = until.replace("20:00", "00:00")
    assert say(whole, "x", datetime(2026, 11, 23, 13).astimezone()) == "o"


def test_closed_shop_lets_only_the_rules_for_it_speak() -> None:
    source = (
        rule("a", "open") + rule("b", "always", "hours = 'always'")
        + rule("c", "night", "hours = 'closed'") + "[fallback]\nreply = 'fallback'\n"
        + HOURS + "closed = 'closed'"
    )  # fmt: skip
    night = datetime(2026, 11, 23, 22).astimezone()
    assert [say(source, text, night) for text in "abcd"] == ["closed", "always", "night", "closed"]
    assert [say(source, text) for text in "abcd"] == ["open", "always", "fallback", "fallback"]


def test_closed_shop_without_words_for_it_is_silent() -> None:
    night = datetime(2026, 11, 23, 22).astimezone()
    assert say("[fallback]\nreply = 'x'\n" + HOURS, "a", night) is None
    assert say("[fallback]\nreply = 'x'\n" + HOURS + "enabled = false", "a", night) == "x"


def test_groups_are_off_unless_switched_on() -> None:
    assert parse("").groups is False
    assert parse("groups = true").groups is True


def test_rule_that_runs_away_is_skipped_and_named() -> None:
    book = parse(rule("(a|aa)+$", "never") + rule("aaa", "second"))
    started = clock_time.monotonic()
    choice = book.choose(message("a" * 60 + "!"), MONDAY_NOON, never)
    assert clock_time.monotonic() - started < 2.0
    assert choice.words == "second"
    assert [rule.number for rule in choice.slow] == [0]


PREFIX = "# a remark\n\n[[rule]]\nmatch = 'a'\nreply = '''\none\n[[rule]]\ntwo'''\n\n"


@pytest.mark.parametrize(
    ("source", "key", "line"),
    [
        ("[[rule]]\nmatch = a\n", "error.bot_toml", 2),
        ("[[rule]]\nmatch = 'a\n", "error.bot_toml", 2),
        ("[[rule]]\nmatch = 'a'\nreply = '''\nopen", "error.bot_toml", 4),
        ("x = " + "[" * 9999, "error.bot_toml", 1),
        ('[[rule]]\nmatch = "\\d"\nreply = "x"', "error.bot_backslash", 2),
        ('[[rule]]\nmatch = "\\bhello\\b"\nreply = "x"', "error.bot_backslash", 2),
        ("rules = 1", "error.bot_unknown_key", 1),
        ("rule = 1", "error.bot_kind_section", 1),
        ("rule = [1]", "error.bot_kind_section", 1),
        ("\nfallback = 1", "error.bot_kind_section", 2),
        ("\n\nhours = '9-5'", "error.bot_kind_section", 3),
        ("groups = 'no'", "error.bot_kind_switch", 1),
        ("once_per = 12", "error.bot_kind_text", 1),
        ("once_per = '12 hours'", "error.bot_duration", 1),
        (PREFIX + "[[rule]]\nmatch = 'x'\n", "error.bot_missing", 10),
        (PREFIX + "[[rule]]\nreply = 'x'\n", "error.bot_missing", 10),
        (PREFIX + "[[rule]]\nmatch = 'x'\n\nreply = '''\n{nome}'''\n", "error.bot_placeholder", 13),
        (PREFIX + "[[rule]]\nreply = 'x'\nmatch = '('\n", "error.bot_regex", 12),
        (PREFIX + "[[rule]]\nreply = 'x'\nmatch = ' '\n", "error.bot_empty", 12),
        (PREFIX + "[[rule]]\nreply = 'x'\nmatch = 'b'\nmach = 'b'", "error.bot_unknown_key", 13),
        (PREFIX + "[[rule]]\nreply = 'x'\nmatch = 'b'\nenabled = 1", "error.bot_kind_switch", 13),
        (PREFIX + "[[rule]]\nreply = 'x'\nmatch = 'b'\nhours = 'day'", "error.bot_when", 13),
        (PREFIX + "[[rule]]\nreply = 'x'\nmatch = 'a'", "error.bot_name_twice", 10),
        (PREFIX + "[fallback]\n# nothing\n", "error.bot_missing", 10),
        (PREFIX + "[hours]\nfrom = '9'\nto = '18:00'", "error.bot_time", 11),
        (PREFIX + "[hours]\nfrom = '09:60'\nto = '18:00'", "error.bot_time", 11),
        (PREFIX + "[hours]\nfrom = '25:00'\nto = '18:00'", "error.bot_time", 11),
        (PREFIX + "[hours]\nfrom = [9]\nto = '18:00'", "error.bot_time", 11),
        (PREFIX + "[hours]\nfrom = 9\nto = '18:00'", "error.bot_kind_text", 11),
        (PREFIX + "[hours]\nfrom = '09:00'", "error.bot_missing", 10),
        (PREFIX + "[hours]\nfrom = ['09:00']\nto = ['10:00', '11:00']", "error.bot_times", 12),
        (PREFIX + HOURS + "days2 = 1", "error.bot_unknown_key", 14),
        (PREFIX + HOURS.replace("'mon'", "'noday'"), "error.bot_day", 11),
        (PREFIX + HOURS.replace("'mon'", "1"), "error.bot_day", 11),
        (PREFIX + "[hours]\ndays = 'mon'\nfrom = '09:00'\nto = '10:00'", "error.bot_kind_list", 11),
        ("#" * 256 * 1024 + "\n", "error.bot_too_large", 0),
    ],
)
def test_mistake_is_told_with_its_line(source: str, key: str, line: int) -> None:
    found = fault(source)
    assert (found.message_key, found.line) == (key, line)
    found = fault(source.replace("\n", "\r\n"))
    assert (found.message_key, found.line) == (key, line)


def test_unknown_placeholder_is_named() -> None:
    found = fault(rule(".", "Hello {nombre}"))
    assert found.params["placeholder"] == "{nombre}"
    assert "{name}" in str(found.params["known"])


def test_byte_order_mark_of_an_editor_is_no_mistake() -> None:
    assert say("\ufeff" + rule("a"), "a") == "yes"


def test_line_of_rule_counts_past_text_that_looks_like_one() -> None:
    book = parse(PREFIX + "[[rule]]\nmatch = 'x'\nreply = 'y'\n")
    assert [line_of_rule(book, rule) for rule in book.rules] == [3, 10]
    assert line_of(PREFIX, ()) == 1


def test_inline_tables_are_rules_too() -> None:
    assert say("rule = [{match = 'a', reply = 'b', hours = 'always'}]", "a") == "b"
    assert parse(rule("a", more="hours = 'closed'")).rules[0].when is When.CLOSED


@given(st.text(alphabet="[]rule=\n\"'{}#abc.\\ 01", max_size=60))
def test_any_text_is_rules_or_a_mistake_with_a_line(source: str) -> None:
    found = None
    try:
        parse(source)
    except BotFileError as err:
        found = err
    assert found is None or 1 <= found.line <= source.count("\n") + 1


def test_hundreds_of_rules_are_read_at_once() -> None:
    source = "".join(rule(f"word{number}", f"reply {number}") for number in range(400))
    started = clock_time.monotonic()
    assert len(parse(source).rules) == 400
    fault(source + "[[rule]]\nmatch = 'x'\n")
    assert clock_time.monotonic() - started < 5.0


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("bot.example.toml", ["Hello!", "What is the price?", "What time do you open?"]),
        ("bot.example.es.toml", ["¡Hola!", "¿Cuánto cuesta el café?", "¿A qué hora abren?"]),
    ],
)
def test_example_greets_and_once_switched_on_tells_prices_and_hours(
    name: str, texts: list[str]
) -> None:
    source = resource(name).read_text(encoding="utf-8")
    # Nobody's customers are told the prices of our example.
    assert [say(source, text) is not None for text in texts] == [True, False, False]
    source = source.replace("enabled = false", "enabled = true")
    replies = [say(source, text) for text in texts]
    assert None not in replies
    assert len(set(replies)) == 3
    assert say(source, "xyz") is None


@pytest.mark.parametrize("name", ["bot.example.toml", "bot.example.es.toml"])
def test_example_with_everything_switched_on_is_right(name: str) -> None:
    source = resource(name).read_text(encoding="utf-8")
    head, _, tail = source.partition("[[rule]]")
    lines = [
        line[2:] if line.startswith(("# [", "# reply", "# once", "# days", "# from", "# to",
                                     "# closed")) else line
        for line in tail.split("\n")
    ]  # fmt: skip
    book = parse(head + "[[rule]]" + "\n".join(lines))
    assert book.fallback is not None
    assert book.hours is not None
    assert book.hours.days == frozenset(range(5))
    assert book.hours.closed is not None


def words(more: str, reply: str = "yes") -> str:
    return f"[[rule]]\n{more}\nreply = '{reply}'\n"


@pytest.mark.parametrize(
    ("more", "text", "found"),
    [
        ("words = ['cuánto']", "¿CUANTO es?", True),
        ("words = ['cuanto']", "¿Cua\u0301nto es?", True),
        ("words = ['cuánto']\naccents = true", "cuanto", False),
        ("words = ['cuánto']\naccents = true", "CUA\u0301NTO", True),
        ("words = ['sun']", "on sunday", False),
        ("words = ['sun']\nwhole_words = false", "on sunday", True),
        ("words = ['how much']", "how \n much?", True),
        ("words = ['how much']", "how very much", False),
        ("words = ['a', 'b']", "only b", True),
        ("words = ['a', 'b']\nfind = 'all'", "b\nand a", True),
        ("words = ['a', 'b']\nfind = 'all'", "only b", False),
        ("words = ['hi', 'ok']\nfind = 'exact'", "¡Ok!! 👍", True),
        ("words = ['hi', 'ok']\nfind = 'exact'", "ok then", False),
        ("words = ['👍']\nfind = 'exact'", "👍👍", True),
        ("words = ['$', 'c++']", "5$", True),
        ("words = ['$', 'c++']", "C++!", True),
        ("words = ['.*']", "anything", False),
        ("find = 'every'", "", True),
        ("find = 'every'", "x", True),
        ("words = ['мир']", "Мир!", True),
    ],
)
def test_words_are_found_as_people_mean_them(more: str, text: str, found: bool) -> None:
    assert (say(words(more), text) is not None) == found


@pytest.mark.parametrize(
    ("more", "key", "line"),
    [
        ("words = ['a']\nmatch = 'a'", "error.bot_match_and_words", 2),
        ("words = 'a'", "error.bot_kind_texts", 2),
        ("words = []", "error.bot_empty", 2),
        ("words = [' ']", "error.bot_empty", 2),
        ("words = ['a']\nfind = 'some'", "error.bot_find", 3),
        ("find = 'all'", "error.bot_missing", 1),
        ("words = ['a']\naccounts = []", "error.bot_empty", 3),
        ("words = ['a']\nfrom = '9:00'", "error.bot_missing", 1),
        (f"words = ['{'a' * 2001}']", "error.bot_match_long", 2),
    ],
)
def test_mistakes_in_words_are_told_with_their_line(more: str, key: str, line: int) -> None:
    found = fault(words(more))
    assert (found.message_key, found.line) == (key, line)


def test_rule_of_another_account_is_silent() -> None:
    book = parse(words("words = ['a']\naccounts = ['centre', 'north']"))
    assert book.choose(message("a"), MONDAY_NOON, never, "north").words == "yes"
    assert book.choose(message("a"), MONDAY_NOON, never, "south").words is None


def test_rule_with_times_of_its_own_speaks_then_whatever_the_shop_does() -> None:
    shut = "[hours]\nfrom = '20:00'\nto = '21:00'\nclosed = 'shut'\n"
    assert say(words("words = ['a']\ndays = ['mon']") + shut, "a") == "yes"
    assert say(words("words = ['a']\ndays = ['tue']") + shut, "a") == "shut"
    assert say(words("words = ['a']\nfrom = '11:00'\nto = '13:00'") + shut, "a") == "yes"
    assert say(words("words = ['a']\nfrom = '13:00'\nto = '14:00'") + shut, "a") == "shut"
    assert say(words("words = ['a']\ndays = ['mon']\nhours = 'open'") + shut, "a") == "shut"


def test_every_rule_says_why_it_does_not_answer() -> None:
    quick = {"find": "every"}
    cases: list[tuple[dict[str, Any], Verdict]] = [
        (quick | {"enabled": False}, Verdict.OFF),
        (quick | {"accounts": ["other"]}, Verdict.OTHER_ACCOUNT),
        (quick | {"hours": "closed"}, Verdict.SHOP_OPEN),
        (quick | {"days": ["sun"]}, Verdict.OTHER_TIME),
        ({"words": ["b"]}, Verdict.NO_MATCH),
        (quick | {"once_per": "1h"}, Verdict.RESTS),
        ({"match": "(a|aa)+$"}, Verdict.TOO_SLOW),
        (quick, Verdict.ANSWERS),
        ({"words": ["c"]}, Verdict.NO_MATCH),
        (quick, Verdict.LATER),
    ]
    source = (
        "".join(
            "[[rule]]\n"
            + "".join(f"{name} = {_toml(value)}\n" for name, value in more.items())
            + f"name = 'n{number}'\nreply = 'r{number}'\n"
            for number, (more, _) in enumerate(cases)
        )
        + "[fallback]\nreply = 'f'\n"
    )
    book = parse(source)
    asked = message("a" * 60 + "!")
    found = book.examine(asked, MONDAY_NOON, lambda reply: reply.once_per_s > 0, "shop")
    assert found.verdicts == tuple(verdict for _, verdict in cases)
    assert (found.choice.words, found.is_open, found.last) == ("r7", True, Verdict.LATER)
    assert found.choice == book.choose(asked, MONDAY_NOON, lambda r: r.once_per_s > 0, "shop")


@pytest.mark.parametrize(
    ("source", "text", "said", "last"),
    [
        ("[fallback]\nreply = 'f'\n", "a", "f", Verdict.ANSWERS),
        ("[fallback]\nreply = 'f'\nonce_per = '1h'\n", "a", None, Verdict.RESTS),
        (
            words("words = ['a']\nonce_per = '1h'") + "[fallback]\nreply = 'f'\n",
            "a",
            None,
            Verdict.LATER,
        ),
        ("", "a", None, None),
    ],
)
def test_what_comes_last_says_why_too(
    source: str, text: str, said: str | None, last: Verdict | None
) -> None:
    book = parse(source)
    found = book.examine(message(text), MONDAY_NOON, lambda reply: reply.once_per_s > 0)
    assert (found.choice.words, found.last) == (said, last)


def _toml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)


def test_quotation_mark_left_open_is_told_so() -> None:
    found = fault("groups = true\n[[rule]]\nmatch = 'a\nreply = 'b'\n")
    assert (found.message_key, found.line) == ("error.bot_unclosed", 3)
    assert fault('[[rule]]\nmatch = "\\d"\nreply = "b"\n').message_key == "error.bot_backslash"
