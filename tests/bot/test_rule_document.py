"""Editing bot.toml: exactly what was changed is changed, and the rest stays as it was written."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wabot_tray.bot.matching import Find
from wabot_tray.bot.rule_document import RuleDocument
from wabot_tray.bot.rulebook import When
from wabot_tray.bot.ruledraft import (
    FallbackDraft,
    GeneralDraft,
    HoursDraft,
    RuleDraft,
)
from wabot_tray.bot.rules import parse
from wabot_tray.core.errors import BotFileError
from wabot_tray.system.paths import resource

EXAMPLES = ("bot.example.toml", "bot.example.es.toml")
SHOP = """\
# Rosa's rules

groups = true   # the choir too
once_per = '30m'

# prices, see the board
[[rule]]
name = 'prices'      # short
match = 'pri[cs]e'
reply = '''
Coffee {name}'''     # updated in May
days = ["lunes", 'mar']
from = "9:00"
to = "18:00"

# a remark on its own

[[rule]]
words = ["hi"]
reply = "Hello"
# after hello

[fallback]
reply = "Later"
"""


def example(name: str) -> str:
    return resource(name).read_text("utf-8")


WORDS = st.text(max_size=12).filter(str.strip).map(lambda text: text.replace("\x08", ""))
SOLID = WORDS.filter(str.strip)
REPLIES = st.text(max_size=60).map(lambda t: t.replace("{", "(").replace("}", ")"))
REPLY = st.one_of(
    REPLIES, st.sampled_from(['"""', 'a\n"""\n', "\\", "a\\\n b", '"', "\n\n", "é'''"])
)
SAID = REPLY.filter(str.strip)
TIMES = st.sampled_from(["00:00", "9:00", "09:30", "18:00", "24:00"])
ONCE = st.sampled_from(["", "30m", "12h", "7 d"])
DAYS = st.none() | st.frozensets(st.integers(0, 6))
PERIODS = st.lists(st.tuples(TIMES, TIMES), max_size=3).map(tuple)


@st.composite
def rules(draw: st.DrawFn) -> RuleDraft:
    by_words = draw(st.booleans())
    find = draw(st.sampled_from(Find)) if by_words else Find.ANY
    return RuleDraft(
        name=draw(SOLID) if draw(st.booleans()) else "",
        enabled=draw(st.booleans()),
        find=find,
        words=tuple(draw(st.lists(SOLID, min_size=1, max_size=4))) if by_words else (),
        pattern=None if by_words else draw(st.sampled_from(["a|b", "'", "\\d+", "x'''y", "ñ\n"])),
        whole_words=draw(st.booleans()) if by_words else True,
        accents=draw(st.booleans()) if by_words else False,
        reply=draw(SAID),
        once_per=draw(ONCE),
        hours=draw(st.none() | st.sampled_from(When)),
        days=draw(DAYS),
        periods=draw(PERIODS),
        accounts=draw(st.none() | st.lists(SOLID, min_size=1, max_size=2).map(tuple)),
    )


FALLBACKS = st.builds(FallbackDraft, enabled=st.booleans(), reply=SAID, once_per=ONCE)
HOURS = st.builds(
    HoursDraft,
    enabled=st.booleans(),
    days=DAYS,
    periods=PERIODS.filter(bool),
    closed=st.just("") | SAID,
    once_per=ONCE,
)
GENERAL = st.builds(GeneralDraft, groups=st.booleans(), once_per=ONCE)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("with_new"), st.integers(0, 9), rules()),
        st.tuples(st.just("with_rule"), st.integers(0, 9), rules()),
        st.tuples(st.just("without"), st.integers(0, 9)),
        st.tuples(st.just("moved"), st.integers(0, 9), st.integers(0, 9)),
        st.tuples(st.just("with_part"), FALLBACKS | HOURS | GENERAL),
    ),
    max_size=6,
)


def remarks(text: str) -> list[str]:
    return sorted(line.strip() for line in text.split("\n") if line.lstrip().startswith("# "))


def walked(document: RuleDocument, steps: list[tuple[Any, ...]]) -> RuleDocument:
    """Take the steps, and hold what the document says of its rules against a plain list."""
    wanted = list(document.rules)
    for name, *values in steps:
        if name == "with_part":
            document = document.with_part(values[0])
        elif name == "with_new":
            number = min(values[0], len(wanted))
            wanted.insert(number, values[1])
            document = document.with_new(number, values[1])
        elif wanted:
            number = values[0] % len(wanted)
            taken = wanted.pop(number)
            if name == "with_rule":
                wanted.insert(number, values[1])
            elif name == "moved":
                values[1] %= len(wanted) + 1
                wanted.insert(values[1], taken)
            document = getattr(document, name)(number, *values[1:])
        assert document.rules == tuple(wanted)
    return document


@settings(deadline=None, max_examples=60)
@given(st.sampled_from([*map(example, EXAMPLES), SHOP, ""]), STEPS, st.booleans())
def test_any_edits_give_exactly_the_edited_rules(
    source: str, steps: list[tuple[Any, ...]], dos: bool
) -> None:
    if dos:
        source = source.replace("\n", "\r\n")
    document = walked(RuleDocument.of(source), steps)
    text = document.text
    try:
        parse(text)
    except BotFileError as err:
        assert err.message_key == "error.bot_name_twice", err  # noqa: PT017 - drawn alike
        return
    again = RuleDocument.of(text)
    assert again.rules == document.rules
    assert (again.fallback, again.hours) == (document.fallback, document.hours)
    parts = {type(values[0]): values[0] for name, *values in steps if name == "with_part"}
    found = {type(part): part for part in (again.fallback, again.hours, again.general)}
    assert {kind: found[kind] for kind in parts} == parts
    assert again.text == text
    if dos and "\r" in source:
        assert "\n" not in text.replace("\r\n", "")


@pytest.mark.parametrize("source", [*map(example, EXAMPLES), SHOP, "", "# nothing\n"])
def test_document_untouched_is_the_same_text(source: str) -> None:
    assert RuleDocument.of(source).text == source


@pytest.mark.parametrize("name", EXAMPLES)
def test_remarks_of_the_example_survive_every_edit_but_deleting(name: str) -> None:
    source = example(name)
    document = RuleDocument.of(source)
    for number, rule in enumerate(document.rules):
        edited = RuleDraft(name=rule.name + "!", words=("x",), reply="y\nz", once_per="1h")
        document = document.with_rule(number, edited)
    document = document.moved(2, 0).with_new(1, RuleDraft(words=("a",), reply="b"))
    document = document.with_part(FallbackDraft(reply="later"))
    document = document.with_part(HoursDraft(periods=(("9:00", "18:00"),), closed="no"))
    document = document.with_part(GeneralDraft(groups=True, once_per="1d"))
    assert set(remarks(source)) <= set(remarks(document.text))
    assert RuleDocument.of(document.text).rules == document.rules


def test_a_change_touches_its_line_alone() -> None:
    document = RuleDocument.of(SHOP)
    prices = document.rules[0]
    said = {"enabled": False, "name": "cost"}
    text = document.with_rule(0, _with(prices, **said)).text
    before, after = SHOP.splitlines(), text.splitlines()
    assert [line for line in after if line not in before] == [
        'name = "cost"      # short',
        "enabled = false",
    ]
    assert [line for line in before if line not in after] == ["name = 'prices'      # short"]


def test_a_switch_that_the_file_names_stays_named() -> None:
    document = RuleDocument.of("[[rule]]\nwords = ['a']\nreply = 'b'\nenabled = false # not yet\n")
    text = document.with_rule(0, _with(document.rules[0], enabled=True)).text
    assert "enabled = true # not yet" in text


def test_a_rule_takes_the_remarks_that_touch_it_along() -> None:
    text = RuleDocument.of(SHOP).moved(0, 1).text
    assert text.index('"hi"') < text.index("# a remark on its own") < text.index("# prices, see")
    assert text.index("# after hello") < text.index("# a remark on its own")
    assert text.startswith("# Rosa's rules\n\ngroups = true   # the choir too\n")


def test_deleting_leaves_the_rest_and_no_hole() -> None:
    text = RuleDocument.of(SHOP).without(0).text
    assert "prices" not in text
    assert "# a remark on its own\n\n[[rule]]" in text
    assert "\n\n\n" not in text


@pytest.mark.parametrize(
    "source",
    [
        "rule = [{match = 'a', reply = 'b'}, {words = ['c'], reply = 'd'}]\ngroups = true\n",
        "hours.from = '9:00'\nhours.to = '18:00'\ngroups = true\n[[rule]]\nmatch='a'\nreply='b'\n",
        "fallback = { reply = 'x' }\ngroups = true",
        "\ufeff[[ \"rule\" ]]\nmatch = '''\n[[rule]]\n'''\nreply = 'b'",
    ],
)
def test_other_spellings_say_the_same(source: str) -> None:
    document = RuleDocument.of(source)
    wanted, found = parse(source), parse(document.text)
    assert (found.rules, found.fallback, found.hours, found.groups) == (
        wanted.rules,
        wanted.fallback,
        wanted.hours,
        wanted.groups,
    )


def test_wrong_file_is_refused_with_its_line() -> None:
    with pytest.raises(BotFileError) as caught:
        RuleDocument.of("groups = true\nfoo = 1\n")
    assert caught.value.line == 2


def _with(draft: RuleDraft, **values: Any) -> RuleDraft:
    return RuleDraft(**({name: getattr(draft, name) for name in RuleDraft.__slots__} | values))
