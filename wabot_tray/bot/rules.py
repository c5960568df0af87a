"""Reads bot.toml. Whatever is wrong in it is told with its line, in a sentence.

groups = false            # answer in groups too?
once_per = "12h"          # for every rule that says nothing else

[[rule]]
name = "prices"           # free; for you and for the logs
words = ["price", "cost"] # capitals do not matter
find = "any"              # "any" of the words, "all", "exact" (nothing else), "every" message
whole_words = true        # so that "sun" is not found in "sunday"
accents = false           # whether accents matter
reply = "Hello {name}!"   # {text} {name} {phone} {time}; {{name}} stands for itself
once_per = "30m"          # to the same chat; s, m, h or d
hours = "open"            # "open", "closed" or "always"
days = ["sat", "sun"]     # days and hours of its own, as in [hours]; "always" goes with them
from = "10:00"
to = "14:00"
accounts = ["centre"]     # the ids of the accounts it speaks for; all if left out
enabled = true

[[rule]]
match = 'pric(e|ing)'     # instead of words: a regular expression, where accents matter
reply = "..."

[fallback]                # where no rule matches
reply = "..."
once_per = "1d"

[hours]                   # without it the shop never closes
days = ["mon", "tue"]     # all days if left out; lun, mar, mié ... too
from = "09:00"            # or ["09:00", "17:00"]
to = "18:00"              # or ["14:00", "20:00"]
closed = "..."            # outside the hours, instead of everything that is not "always"
once_per = "4h"
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from enum import StrEnum
from typing import Any, Final, TypeVar

import regex

from wabot_tray.bot.matching import Find, plain, words_pattern
from wabot_tray.bot.rulebook import (
    PLACEHOLDERS,
    Hours,
    Reply,
    Rule,
    RuleBook,
    Template,
    When,
)
from wabot_tray.core.errors import BotFileError
from wabot_tray.core.toml_text import TomlFaultError, first_line_with, parse_toml

LARGEST_KB: Final = 256
MOST_RULES: Final = 1000
LONGEST_MATCH: Final = 2000  # characters of a regular expression, or of all words of a rule
_LONGEST_QUOTED: Final = 60  # characters of the file that a complaint repeats

_TOP: Final = ("rule", "fallback", "hours", "groups", "once_per")
_RULE: Final = (
    *("words", "find", "whole_words", "accents", "match"),
    *("reply", "name", "enabled", "once_per", "hours", "days", "from", "to", "accounts"),
)
_WORDS_ONLY: Final = ("words", "find", "whole_words", "accents")
_FALLBACK: Final = ("reply", "once_per", "enabled")
_HOURS: Final = ("days", "from", "to", "closed", "once_per", "enabled")
DAYS: Final = (
    ("mon", "monday", "lun", "lunes"),
    ("tue", "tuesday", "mar", "martes"),
    ("wed", "wednesday", "mié", "mie", "miércoles", "miercoles"),
    ("thu", "thursday", "jue", "jueves"),
    ("fri", "friday", "vie", "viernes"),
    ("sat", "saturday", "sáb", "sab", "sábado", "sabado"),
    ("sun", "sunday", "dom", "domingo"),
)
DAY: Final = {name: number for number, names in enumerate(DAYS) for name in names}
_UNIT_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION: Final = re.compile(r"(\d{1,6})\s*([smhd])")
_TIME: Final = re.compile(r"(\d{1,2}):(\d\d)")
_CUT: Final = re.compile(r"(\{\{|\}\})|\{([^\W\d]\w*)\}")

Path = tuple[str | int, ...]
Kind = TypeVar("Kind", bound=StrEnum)


def parse(text: str) -> RuleBook:
    """Return the rules in `text`.

    Raises:
        BotFileError: Something in it is wrong; nothing of it is used then.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    if len(text) > LARGEST_KB * 1024:
        raise BotFileError("error.bot_too_large", limit=LARGEST_KB)
    document = _document(text)
    top = _Section(text, (), document, _TOP, once_per_s=0.0)
    default_s = top.duration("once_per", 0.0)
    tables = top.sections("rule", _RULE, default_s)
    if len(tables) > MOST_RULES:
        raise tables[MOST_RULES].fault(None, "error.bot_too_many", limit=MOST_RULES)
    rules = tuple(_rule(section, number) for number, section in enumerate(tables))
    _refuse_doubles(text, rules)
    fallback = top.section("fallback", _FALLBACK, default_s)
    hours = top.section("hours", _HOURS, default_s)
    return RuleBook(
        rules=rules,
        fallback=fallback.reply("reply", "fallback") if fallback else None,
        hours=_hours(hours) if hours else None,
        groups=top.switch("groups", default=False),
        source=text,
    )


def template(text: str, fault: Callable[[str], BotFileError]) -> Template:
    """Return a reply's words cut at its placeholders; `{{` and `}}` are plain braces.

    Args:
        text: The words as they stand in the file.
        fault: Makes the error for a placeholder that does not exist.
    """
    parts: list[tuple[str, str]] = []
    words, end = "", 0
    for cut in _CUT.finditer(text):
        words += text[end : cut.start()]
        end = cut.end()
        if cut[1]:
            words += cut[1][0]
            continue
        if cut[2] not in PLACEHOLDERS:
            raise fault(cut[0])
        parts.append((words, cut[2]))
        words = ""
    return Template((*parts, (words + text[end:], "")))


def _document(text: str) -> dict[str, Any]:
    try:
        return parse_toml(text)
    except TomlFaultError as err:
        if "\\n" in err.detail:  # "Illegal character '\\n'"
            raise BotFileError("error.bot_unclosed", line=err.line) from err
        if "\\" in err.detail:
            raise BotFileError("error.bot_backslash", line=err.line) from err
        raise BotFileError("error.bot_toml", line=err.line, detail=err.detail) from err


def _rule(section: "_Section", number: int) -> Rule:
    pattern, sought = _words(section) if _has_words(section) else _match(section)
    name = section.text("name") if section.has("name") else ""
    times = _own_times(section)
    return Rule(
        name=name or sought[:40],
        number=number,
        pattern=pattern,
        reply=section.reply("reply", f"rule:{name or sought}"),
        when=section.when("hours", When.OPEN if times is None else When.ALWAYS),
        enabled=section.switch("enabled", default=True),
        folds=_has_words(section) and not section.switch("accents", default=False),
        times=times,
        accounts=frozenset(section.texts("accounts")) if section.has("accounts") else None,
    )


def _has_words(section: "_Section") -> bool:
    found = next((key for key in _WORDS_ONLY if section.has(key)), None)
    if found and section.has("match"):
        raise section.fault(found, "error.bot_match_and_words")
    return found is not None


def _words(section: "_Section") -> tuple["regex.Pattern[str]", str]:
    find = section.choice("find", Find, "error.bot_find", Find.ANY)
    words = [] if find is Find.EVERY else section.texts("words")
    if sum(map(len, words)) > LONGEST_MATCH:
        raise section.fault("words", "error.bot_match_long", limit=LONGEST_MATCH)
    pattern = words_pattern(
        words,
        find,
        whole_words=section.switch("whole_words", default=True),
        accents=section.switch("accents", default=False),
    )
    return pattern, ", ".join(words) or "*"


def _match(section: "_Section") -> tuple["regex.Pattern[str]", str]:
    match = section.text("match")
    # Between double quotes TOML turns \b into a backspace, and the rule would never match.
    if "\b" in match:
        raise section.fault("match", "error.bot_backslash")
    if len(match) > LONGEST_MATCH:
        raise section.fault("match", "error.bot_match_long", limit=LONGEST_MATCH)
    return _pattern(section, match), match


def _own_times(section: "_Section") -> Hours | None:
    has_hours = section.has("from") or section.has("to")
    if not has_hours and not section.has("days"):
        return None
    periods = section.periods() if has_hours else ((time(0, 0), time(0, 0)),)
    return Hours(days=section.days("days"), periods=periods, closed=None)


def _pattern(section: "_Section", match: str) -> "regex.Pattern[str]":
    try:
        return regex.compile(plain(match), regex.IGNORECASE | regex.UNICODE)
    except (MemoryError, RecursionError) as err:
        raise section.fault("match", "error.bot_regex", detail="nested too deeply") from err
    except Exception as err:  # its parser lets errors of its own through (KeyError, IndexError)
        raise section.fault("match", "error.bot_regex", detail=str(err)) from err


def line_of_rule(book: RuleBook, rule: Rule) -> int:
    """Return the line a rule of `book` begins on, counted from 1."""
    return line_of(book.source, ("rule", rule.number))


def _refuse_doubles(text: str, rules: Sequence[Rule]) -> None:
    seen: set[str] = set()
    for rule in rules:
        # A rule without a name goes by what it matches; two of those would share their memory.
        if rule.reply.key in seen:
            line = line_of(text, ("rule", rule.number))
            raise BotFileError("error.bot_name_twice", line=line, name=rule.name)
        seen.add(rule.reply.key)


def _hours(section: "_Section") -> Hours | None:
    if not section.switch("enabled", default=True):
        return None
    return Hours(
        days=section.days("days"),
        periods=section.periods(),
        closed=section.reply("closed", "closed") if section.has("closed") else None,
    )


@dataclass(frozen=True, slots=True)
class _Section:
    """One table of the file, and how to complain about it."""

    source: str
    path: Path
    values: Mapping[str, Any]
    known: tuple[str, ...]
    once_per_s: float

    def __post_init__(self) -> None:
        for key in self.values:
            if key not in self.known:
                raise self.fault(key, "error.bot_unknown_key", key=key, known=", ".join(self.known))

    def line(self, key: str | None = None) -> int:
        return line_of(self.source, self.path if key is None else (*self.path, key))

    def fault(self, key: str | None, message_key: str, /, **params: object) -> BotFileError:
        short = {name: v if name == "known" else _short(v) for name, v in params.items()}
        return BotFileError(message_key, line=self.line(key), **short)

    def has(self, key: str) -> bool:
        return key in self.values

    def sections(self, key: str, known: tuple[str, ...], once_s: float) -> list["_Section"]:
        tables = self.values.get(key, [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            raise self.fault(key, "error.bot_kind_section", key=key, example=f"[[{key}]]")
        return [
            _Section(self.source, (*self.path, key, number), table, known, once_s)
            for number, table in enumerate(tables)
        ]

    def section(self, key: str, known: tuple[str, ...], once_s: float) -> "_Section | None":
        if key not in self.values:
            return None
        table = self.values[key]
        if not isinstance(table, dict):
            raise self.fault(key, "error.bot_kind_section", key=key, example=f"[{key}]")
        found = _Section(self.source, (*self.path, key), table, known, once_s)
        return found if found.switch("enabled", default=True) else None

    def text(self, key: str) -> str:
        if key not in self.values:
            raise self.fault(None, "error.bot_missing", key=key)
        value = self.values[key]
        if not isinstance(value, str):
            raise self.fault(key, "error.bot_kind_text", key=key)
        if not value.strip():
            raise self.fault(key, "error.bot_empty", key=key)
        return value

    def switch(self, key: str, *, default: bool) -> bool:
        value = self.values.get(key, default)
        if not isinstance(value, bool):
            raise self.fault(key, "error.bot_kind_switch", key=key)
        return value

    def duration(self, key: str, default_s: float) -> float:
        if key not in self.values:
            return default_s
        value = self.text(key)
        if (found := _DURATION.fullmatch(value.strip())) is None:
            raise self.fault(key, "error.bot_duration", value=value)
        return float(int(found[1]) * _UNIT_S[found[2]])

    def reply(self, key: str, memory_key: str) -> Reply:
        known = " ".join(f"{{{name}}}" for name in PLACEHOLDERS)
        words = template(
            self.text(key),
            lambda name: self.fault(key, "error.bot_placeholder", placeholder=name, known=known),
        )
        once_per_s = self.duration("once_per", self.once_per_s)
        return Reply(template=words, once_per_s=once_per_s, key=memory_key)

    def when(self, key: str, default: When) -> When:
        return self.choice(key, When, "error.bot_when", default)

    def choice(self, key: str, kind: type[Kind], message_key: str, default: Kind) -> Kind:
        if key not in self.values:
            return default
        value = self.text(key)
        if value not in tuple(kind):
            raise self.fault(key, message_key, value=value)
        return kind(value)

    def texts(self, key: str) -> list[str]:
        """Return a list of texts, none of them empty."""
        if key not in self.values:
            raise self.fault(None, "error.bot_missing", key=key)
        value = self.values[key]
        if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
            raise self.fault(key, "error.bot_kind_texts", key=key)
        if not value or not all(entry.strip() for entry in value):
            raise self.fault(key, "error.bot_empty", key=key)
        return value

    def periods(self) -> tuple[tuple[time, time], ...]:
        starts, ends = self.times("from"), self.times("to")
        if len(starts) != len(ends):
            raise self.fault("to", "error.bot_times")
        return tuple(zip(starts, ends, strict=True))

    def times(self, key: str) -> list[time]:
        value = self.values.get(key)
        entries = value if isinstance(value, list) and value else [self.text(key)]
        return [self._time(key, entry) for entry in entries]

    def _time(self, key: str, value: object) -> time:
        found = _TIME.fullmatch(value.strip()) if isinstance(value, str) else None
        hour, minute = (int(found[1]), int(found[2])) if found else (-1, 0)
        if (hour, minute) == (24, 0):
            return time(0, 0)  # midnight ends a day as well as it begins one
        try:
            return time(hour, minute)
        except ValueError as err:
            raise self.fault(key, "error.bot_time", value=value) from err

    def days(self, key: str) -> frozenset[int]:
        if key not in self.values:
            return frozenset(range(7))
        value = self.values[key]
        if not isinstance(value, list):
            raise self.fault(key, "error.bot_kind_list", key=key)
        for entry in value:
            if not isinstance(entry, str) or entry.strip().lower() not in DAY:
                raise self.fault(key, "error.bot_day", value=entry)
        return frozenset(DAY[entry.strip().lower()] for entry in value)


def _short(value: object) -> object:
    """Return what a complaint repeats of the file: one line, and never all of a long text."""
    if isinstance(value, list | dict):
        value = str(value)
    if isinstance(value, str) and (len(value) > _LONGEST_QUOTED or not value.isprintable()):
        line = " ".join("".join(c if c.isprintable() else " " for c in value[:500]).split())
        return line if len(line) <= _LONGEST_QUOTED else line[: _LONGEST_QUOTED - 1] + "…"
    return value


def line_of(text: str, path: Path) -> int:
    """Return the line, counted from 1, on which the statement that defines `path` begins."""
    return first_line_with(text, lambda document: _defines(document, path)) if path else 1


def _defines(document: Any, path: Path) -> bool:
    for step in path:
        if isinstance(step, str):
            if not isinstance(document, dict) or step not in document:
                return False
        elif not isinstance(document, list) or step >= len(document):
            return False
        document = document[step]
    return True
