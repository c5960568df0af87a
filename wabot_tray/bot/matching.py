"""Words that a rule looks for, made into the one kind of pattern that rules search with."""

import unicodedata
from collections.abc import Iterable
from enum import StrEnum
from typing import Final

import regex

LONGEST_TEXT: Final = 4096  # characters of a message that rules look at


class Find(StrEnum):
    """How the words of a rule must stand in a message."""

    ANY = "any"  # one of them is enough
    ALL = "all"  # every one, in any order
    EXACT = "exact"  # one of them, and nothing else
    EVERY = "every"  # no words: every message


def plain(text: str) -> str:
    """Return text as rules compare it: one way to write an accent, no blanks around it."""
    return unicodedata.normalize("NFC", text[:LONGEST_TEXT]).strip()


def folded(text: str) -> str:
    """Return text without its accents: "¿Cuánto?" and "¿Cuanto?" are the same then."""
    apart = unicodedata.normalize("NFD", text)
    # Latin, Greek and Cyrillic accents only: other scripts write vowels as marks.
    bare = "".join(char for char in apart if not "\u0300" <= char <= "\u036f")
    return unicodedata.normalize("NFC", bare)


def words_pattern(
    words: Iterable[str], find: Find, *, whole_words: bool, accents: bool
) -> "regex.Pattern[str]":
    """Return what finds `words` in a message that went through `plain`, capitals aside.

    Args:
        words: Words or phrases; blanks in them stand for any blanks.
        find: How many of them must be there.
        whole_words: Whether "sun" is not found in "sunday".
        accents: Whether accents matter; without, the message is to be `folded` as well.
    """
    words = [plain(word) if accents else folded(plain(word)) for word in words]
    parts = [_part(word) for word in words]
    if find is Find.EVERY:
        found = ""
    elif find is Find.EXACT:
        # "Hello!!" is a hello: signs around the words do not count.
        found = rf"\A[^\w]*(?:{_one_of(parts)})[^\w]*\Z"
    else:
        if whole_words:
            parts = [_bounded(word, part) for word, part in zip(words, parts, strict=True)]
        if find is Find.ALL:
            found = r"\A" + "".join(f"(?=[\\s\\S]*?{part})" for part in parts)
        else:
            found = _one_of(parts)
    return regex.compile(found, regex.IGNORECASE | regex.UNICODE)


def _part(word: str) -> str:
    return r"\s+".join(regex.escape(piece) for piece in word.split())


def _one_of(parts: Iterable[str]) -> str:
    return "|".join(f"(?:{part})" for part in parts)


def _bounded(word: str, part: str) -> str:
    """Ask for the ends of a word where `word` has them: "$" is found in "$5"."""
    before = r"(?<!\w)" if word[:1].isalnum() else ""
    after = r"(?!\w)" if word[-1:].isalnum() else ""
    return f"{before}(?:{part}){after}"
