"""TOML as people and accidents write it: every text is read, or refused with its line."""

import bisect
import re
import tomllib
from collections.abc import Callable
from typing import Any, Final

# A name like a.b.c... costs the parser memory and time by its square: 60 000 parts took 72 s and
# 14 GB (measured with Python 3.11). Nobody names a thing in more parts than this.
_MOST_PARTS: Final = 64
_LONG_NAME: Final = re.compile(
    rf"(?<![\w-])(?:(?:[\w-]++|\"[^\"\n]*+\"|'[^'\n]*+')[ \t]*+\.[ \t]*+){{{_MOST_PARTS}}}"
)
# Python refuses longer whole numbers with an error of another kind than for the rest of TOML.
_LONG_NUMBER: Final = re.compile(r"(?<![\d_])[\d_]{4000}")
_PLACE: Final = re.compile(r" \(at line (\d+), column \d+\)$| \(at end of document\)$")
# What may hold a line's end inside a value, and what opens and closes one. No possessive groups:
# Python before 3.11.5, Debian 12's for one, takes them wrongly.
_TOKEN: Final = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*+'"
    r"|#[^\n]*+"
    r"|[\[{]|[\]}]|\n",
    re.DOTALL,
)


class TomlFaultError(ValueError):
    """A text is no TOML, or none that a person would write.

    Args:
        line: Where, counted from 1.
        detail: The parser's own words, in English.
    """

    def __init__(self, line: int, detail: str) -> None:
        self.line = line
        self.detail = detail
        super().__init__(f"{detail} (line {line})")


def parse_toml(text: str) -> dict[str, Any]:
    """Return what `text` says; its lines end with a bare newline.

    Raises:
        TomlFaultError: It cannot be read.
    """
    if (found := _LONG_NAME.search(text)) is not None:
        raise TomlFaultError(_line_at(text, found.start()), "a name of too many parts")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as err:
        said = str(err)
        place = _PLACE.search(said)
        line = int(place[1]) if place and place[1] else text.rstrip().count("\n") + 1
        raise TomlFaultError(line, _PLACE.sub("", said)) from err
    except RecursionError as err:
        raise TomlFaultError(_deepest_line(text), "nested too deeply") from err
    except ValueError as err:
        found = _LONG_NUMBER.search(text)
        line = 1 if found is None else _line_at(text, found.start())
        raise TomlFaultError(line, "a number that is too long") from err


def first_line_with(text: str, has: Callable[[dict[str, Any]], bool]) -> int:
    """Return the line, counted from 1, of the statement that makes `has` true.

    The parser keeps no lines, so it is asked, with ever more of the statements. `text` has been
    read without a fault, and `has` is true of all of it and stays true from that statement on.
    """
    lines = text.split("\n")
    ends = statement_ends(text)
    place = bisect.bisect_left(
        ends, True, key=lambda end: has(tomllib.loads("\n".join(lines[:end])))
    )
    return ends[place - 1] + 1 if place else 1


def statement_ends(text: str) -> list[int]:
    """Return after which numbers of lines no value is left open, the last one excluded."""
    ends: list[int] = []
    line = depth = 0
    for token in _TOKEN.finditer(text):
        word = token[0]
        if word == "\n":
            line += 1
            if depth == 0:
                ends.append(line)
        elif word in "[{":
            depth += 1
        elif word in "]}":
            depth -= 1
        else:
            line += word.count("\n")
    return ends


def _deepest_line(text: str) -> int:
    deepest = depth = 0
    found = 0
    for token in _TOKEN.finditer(text):
        if token[0] in {"[", "{"}:
            depth += 1
            if depth > deepest:
                deepest, found = depth, token.start()
        elif token[0] in {"]", "}"}:
            depth -= 1
    return _line_at(text, found)


def _line_at(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1
