"""Takes the lines of the log apart again: when, how grave, which account, and what belongs to it.

The counterpart of `system/logs.py`. A line that is none of ours (a traceback's, half a line after
a full disk) belongs to the one before it; nothing is left out.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NewType

_LINE: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d (?:DEBUG|INFO |WARN |ERROR|FATAL) \[")
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
    "INFO ": Level.INFO,
    "WARN ": Level.WARNING,
    "ERROR": Level.ERROR,
    "FATAL": Level.ERROR,
}
_LEVEL_AT: Final = slice(20, 25)
_WHEN: Final = slice(0, 19)


# One fact of the log: its lines as they were written. A text and nothing else: fifty thousand
# objects of a class cost each run of Python's garbage collector a tenth of a second (measured).
Entry = NewType("Entry", str)


def level_of(entry: Entry) -> Level:
    """Return how grave an entry is; a line without a level is no alarm."""
    return _LEVELS.get(entry[_LEVEL_AT], Level.INFO)


def when_of(entry: Entry) -> str:
    """Return the day and time as the log has them; "" where the line has none."""
    return entry[_WHEN] if _LINE.match(entry) else ""


def words_of(entry: Entry) -> str:
    """Return what its first line says, its part of the program included."""
    line = entry.partition("\n")[0]
    return line[line.index("[", _LEVEL_AT.stop) :] if _LINE.match(line) else line


def more_lines(entry: Entry) -> int:
    """Return how many lines follow the first."""
    return entry.count("\n")


def account_of(entry: Entry) -> str:
    """Return the id it speaks of, as the log writes it; "" where it is about none or all."""
    if _LINE.match(entry) is None:
        return ""
    part, _, text = words_of(entry).removeprefix("[").partition("] ")
    if found := _WORKER.fullmatch(part):
        return found[1]
    if part == "Supervisor" and (found := _SUPERVISOR.match(text)):
        return found["id"]
    return next((found["id"] for named in _NAMED if (found := named.match(text))), "")


@dataclass(frozen=True, slots=True)
class Fed:
    """What came of some lines.

    Args:
        entries: The new ones.
        extended: The last entry of before, where it has got more lines.
    """

    entries: list[Entry]
    extended: Entry | None = None


class LogParser:
    """Makes entries of lines; what belongs to an entry may come later than it."""

    def __init__(self) -> None:
        self._open: list[str] = []  # the lines of the last entry

    def feed(self, lines: Iterable[str]) -> Fed:
        """Take in lines, in their order."""
        entries: list[Entry] = []
        is_old, has_grown = bool(self._open), False  # of the entry that is open
        extended: Entry | None = None
        for line in lines:
            if self._open and _LINE.match(line) is None:
                if len(self._open) <= _MOST_LINES:
                    self._open.append(line)
                    has_grown = True
                continue
            if not is_old and self._open:
                entries.append(_joined(self._open))
            elif has_grown:
                extended = _joined(self._open)
            self._open, is_old = [line], False
        if not is_old and self._open:
            entries.append(_joined(self._open))
        elif has_grown:
            extended = _joined(self._open)
        return Fed(entries, extended)


def written(entries: Iterable[Entry]) -> str:
    """Return entries as the log has them, each line ended."""
    return "".join(f"{entry}\n" for entry in entries)


def _joined(lines: list[str]) -> Entry:
    return Entry("\n".join(lines))
