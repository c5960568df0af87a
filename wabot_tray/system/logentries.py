"""Takes the lines of the log apart again: when, how grave, which account, and what belongs to it.

The counterpart of `system/logs.py`. A line that is none of ours (a traceback's, half a line after
a full disk) belongs to the one before it; nothing is left out.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

_LINE: Final = re.compile(
    r"(?P<when>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (?P<level>DEBUG|INFO|WARN|ERROR|FATAL) +"
    r"\[(?P<part>[^\]]*)\] ?(?P<text>.*)"
)
_WORKER: Final = re.compile(r"Worker\((.+)\)")
_ID: Final = r"(?P<id>[a-z0-9…][a-z0-9_…-]*)"
# How the program's parts name the account they speak of; an id of digits is masked in the log.
_NAMED: Final = tuple(
    re.compile(pattern)
    for pattern in (
        rf"session {_ID}: ",
        rf"(?:Restoring session|Session (?:not )?restored|Auto-reconnection set) for: {_ID}$",
        rf"control: (?:add|rename|remove|start|stop|reconnect) {_ID}$",
        rf"(?:reconnect|verify|start|stop|remove|pair) {_ID}(?:: | failed$)",
    )
)
_SUPERVISOR: Final = re.compile(rf"{_ID}: ")
_MOST_LINES: Final = 500  # of one entry; a traceback has some thirty


class Level(IntEnum):
    """How grave a line is."""

    DETAIL = 10
    INFO = 20
    WARNING = 30
    ERROR = 40


_LEVELS: Final = {
    "DEBUG": Level.DETAIL,
    "INFO": Level.INFO,
    "WARN": Level.WARNING,
    "ERROR": Level.ERROR,
    "FATAL": Level.ERROR,
}


@dataclass(slots=True, eq=False)
class Entry:
    """One fact of the log, with the lines that belong to it.

    Args:
        line: Its first line, as it was written.
        level: How grave it is.
        account: The id it speaks of, as the log writes it; "" where it is about none or all.
        start: Where in `line` its words begin, after time and level.
        more: The lines after it that are its own.
    """

    line: str
    level: Level = Level.INFO
    account: str = ""
    start: int = 0
    more: list[str] = field(default_factory=list)

    @property
    def when(self) -> str:
        """The day and time as the log has them; "" where the line has none."""
        return self.line[:19] if self.start else ""

    @property
    def words(self) -> str:
        """What the line says, its part of the program included."""
        return self.line[self.start :]

    @property
    def whole(self) -> str:
        """All its lines, as they were written."""
        return "\n".join((self.line, *self.more)) if self.more else self.line


@dataclass(slots=True)
class Fed:
    """What came of some lines.

    Args:
        entries: The new ones.
        extended: Whether the last entry of before has got more lines.
    """

    entries: list[Entry]
    extended: bool = False


class LogParser:
    """Makes entries of lines; what belongs to an entry may come later than it."""

    def __init__(self) -> None:
        self._last: Entry | None = None

    def feed(self, lines: Iterable[str]) -> Fed:
        """Take in lines, in their order."""
        fed = Fed([])
        for line in lines:
            entry = entry_of(line)
            if entry is None and self._last is not None:
                if len(self._last.more) < _MOST_LINES:
                    self._last.more.append(line)
                    fed.extended = fed.extended or not fed.entries
                continue
            self._last = entry or Entry(line)
            fed.entries.append(self._last)
        return fed


def entry_of(line: str) -> Entry | None:
    """Return the entry that `line` begins, None where it is the beginning of none."""
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    part, text = found["part"], found["text"]
    return Entry(line, _LEVELS[found["level"]], _account(part, text), found.start("part") - 1)


def _account(part: str, text: str) -> str:
    if found := _WORKER.fullmatch(part):
        return found[1]
    if part == "Supervisor" and (found := _SUPERVISOR.match(text)):
        return found["id"]
    return next((found["id"] for named in _NAMED if (found := named.match(text))), "")


def written(entries: Sequence[Entry]) -> str:
    """Return entries as the log has them, each line ended."""
    return "".join(f"{entry.whole}\n" for entry in entries)
