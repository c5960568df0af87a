"""Reads the documents for people: their links, pictures, commands and what they quote.

In these documents bold stands for one thing: words that the program shows, letter by letter.
"""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path
from typing import Final

from tests.system.catalogues import catalogue

ROOT: Final = Path(__file__).parents[2]
IMAGES: Final = ROOT / "docs" / "images"
GUIDES: Final = {
    "en": ROOT / "docs" / "user-guide",
    "es": ROOT / "docs" / "user-guide" / "es",
}
READMES: Final = {"en": ROOT / "README.md", "es": ROOT / "README.es.md"}
_FENCE: Final = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_CODE: Final = re.compile(r"`([^`\n]+)`")
_BOLD: Final = re.compile(r"\*\*(.+?)\*\*", re.DOTALL)
_LINK: Final = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING: Final = re.compile(r"^#{1,6} +(.+)$", re.MULTILINE)
_PROGRAMS: Final = re.compile(r"(?:\.venv/bin/)?(wabot|wabot-tray|python3 dev\.py)(?: +(.*))?")
_PIECE: Final = re.compile(r"\[([^\]]*)\]")


def documents() -> list[Path]:
    """Return every document: the READMEs and all below docs/."""
    return [*READMES.values(), *sorted((ROOT / "docs").rglob("*.md"))]


def for_people(language: str) -> list[Path]:
    """Return what is written for people who use the program, in one language."""
    return [READMES[language], *sorted(GUIDES[language].glob("*.md"))]


def links(path: Path) -> list[str]:
    """Return where the links and pictures of a document lead."""
    return _LINK.findall(_FENCE.sub("", path.read_text(encoding="utf-8")))


def anchors(path: Path) -> set[str]:
    """Return the names that headings can be linked by, as GitHub makes them."""
    text = _FENCE.sub("", path.read_text(encoding="utf-8"))
    return {
        re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        for heading in _HEADING.findall(text)
    }


def pictures() -> set[str]:
    """Return the names of the files in docs/images that some document shows."""
    found = {(path.parent / link).resolve() for path in documents() for link in links(path)}
    return {one.name for one in found if one.parent == IMAGES and one.suffix == ".png"}


def bold(path: Path) -> list[str]:
    """Return what a document has in bold; a line break counts as a space."""
    text = _FENCE.sub("", path.read_text(encoding="utf-8"))
    return [" ".join(words.split()) for words in _BOLD.findall(text)]


@cache
def shown(language: str) -> frozenset[str]:
    """Return all that the program shows in a language, as it is read: without shortcut marks."""
    texts = (
        form
        for domain in ("core", "gui")
        for forms in catalogue(language, domain).values()
        for form in forms
    )
    return frozenset(line.replace("&", "") for text in texts for line in text.split("\n"))


def commands(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the commands in a document: the program, and its arguments as they stand there."""
    text = path.read_text(encoding="utf-8")
    lines = [line for block in _FENCE.findall(text) for line in block.split("\n")[1:-1]]
    spans = _CODE.findall(_FENCE.sub("", text))
    for one in (*lines, *spans):
        words = " ".join(one.replace("\\|", "|").split(" #")[0].split())
        if (match := _PROGRAMS.fullmatch(words)) is not None:
            yield match[1], match[2] or ""


def spelled_out(usage: str) -> list[list[str]]:
    """Return the commands that a usage stands for: without its [pieces], and with each of them.

    "status [ID] [--json]" stands for three. A | B stands for each; names in capitals for a value.
    """
    pieces = [""]
    for found in _PIECE.findall(usage):
        pieces += found.split("|")
    bare = shlex.split(_PIECE.sub("", usage).replace(" | ", "|"))
    commands = []
    for piece, words in product(pieces, product(*(word.split("|") for word in bare))):
        commands.append([_value(word) for word in (*words, *piece.split())])
    return commands


def _value(word: str) -> str:
    return "shop" if word == "ID" else "60" if word in {"N", "S"} else word
