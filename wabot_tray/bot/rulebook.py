"""The bot's rules once they are read: which one answers a message, and with what words."""

import time as clock_time
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Final

import regex

from wabot_tray.core.messages import IncomingMessage

SLOWEST_MATCH_S: Final = 0.1  # a pattern that runs away is stopped after so long
# All rules together hold up every chat, and the worker's sign of life, for so long at most.
LONGEST_SEARCH_S: Final = 1.0
LONGEST_TEXT: Final = 4096  # characters of a message that rules look at
LONGEST_QUOTE: Final = 1000  # characters of a message that {text} repeats
LONGEST_NAME: Final = 60
_LONGEST_RAW: Final = 1000
PLACEHOLDERS: Final = ("text", "name", "phone", "time")


class When(StrEnum):
    """In which part of the day a rule speaks."""

    OPEN = "open"
    CLOSED = "closed"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class Template:
    """A reply's words, cut at its placeholders.

    Args:
        parts: Plain words, each followed by the name of what comes after them ("" at the end).
    """

    parts: tuple[tuple[str, str], ...]

    def fill(self, values: Mapping[str, str]) -> str:
        """Return the words; a value is put in as it is and never read as a template itself."""
        said = ""
        for words, name in self.parts:
            said += words
            value = values[name] if name else ""
            # "Hello {name}!" to somebody without a name is "Hello!".
            said = said.rstrip(" ") if name and not value else said + value
        return said


@dataclass(frozen=True, slots=True)
class Reply:
    """Words, and how often one chat may hear them.

    Args:
        template: The words.
        once_per_s: Seconds before the same chat gets this reply again; 0 for every time.
        key: What the memory of `once_per_s` goes by; stays the same while the file is edited.
    """

    template: Template
    once_per_s: float
    key: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the file, counted from 0."""

    name: str
    number: int
    pattern: regex.Pattern[str] = field(repr=False)
    reply: Reply
    when: When = When.OPEN
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Hours:
    """When the shop is open, in local time.

    Args:
        days: 0 is Monday; a period past midnight belongs to the day it begins on.
        periods: From and to; the same time twice is the whole day.
        closed: What is said outside; nothing if None.
    """

    days: frozenset[int]
    periods: tuple[tuple[time, time], ...]
    closed: Reply | None

    def is_open(self, local: datetime) -> bool:
        """Return whether the shop is open at `local`, a local time."""
        today = local.weekday() in self.days
        yesterday = (local - timedelta(days=1)).weekday() in self.days
        moment = local.time()
        for start, end in self.periods:
            if start < end:
                if today and start <= moment < end:
                    return True
            elif (today and moment >= start) or (yesterday and moment < end):
                return True
        return False


@dataclass(frozen=True, slots=True)
class Choice:
    """What the rules say to one message.

    Args:
        words: The reply, or None for silence.
        reply: Where the words come from, for the memory of `once_per`.
        slow: Rules that took too long and were passed over.
    """

    words: str | None = None
    reply: Reply | None = None
    slow: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleBook:
    """All rules of one file. An empty one answers nothing."""

    rules: tuple[Rule, ...] = ()
    fallback: Reply | None = None
    hours: Hours | None = None
    groups: bool = False
    source: str = field(default="", repr=False)  # the file, to find a rule's line in

    def choose(
        self, message: IncomingMessage, now: datetime, rests: Callable[[Reply], bool]
    ) -> Choice:
        """Return what to say to `message`.

        The first rule that matches answers. One whose `once_per` has not passed yet is skipped,
        and so are those of another part of the day. Where no rule matches at all, it is the
        closed reply outside the hours and the fallback inside. A rule that takes too long is
        passed over; where all together do, the rest of them is.

        Args:
            message: What the customer wrote.
            now: Aware time.
            rests: Whether this chat heard a reply too short a time ago.
        """
        local = now.astimezone()
        is_open = self.hours is None or self.hours.is_open(local)
        text = plain(message.text)
        slow: list[Rule] = []
        matched = False
        end = clock_time.monotonic() + LONGEST_SEARCH_S
        for rule in self.rules:
            if not rule.enabled or not _speaks(rule.when, is_open=is_open):
                continue
            if end - clock_time.monotonic() < SLOWEST_MATCH_S:
                slow = slow or [rule]
                break
            try:
                if rule.pattern.search(text, timeout=SLOWEST_MATCH_S) is None:
                    continue
            except TimeoutError:
                slow.append(rule)
                continue
            matched = True
            if not rests(rule.reply):
                return self._said(rule.reply, message, local, slow)
        last = self.fallback if is_open or self.hours is None else self.hours.closed
        if matched or last is None or rests(last):
            return Choice(slow=tuple(slow))
        return self._said(last, message, local, slow)

    @staticmethod
    def _said(reply: Reply, message: IncomingMessage, local: datetime, slow: list[Rule]) -> Choice:
        values = {
            "text": message.text.strip()[:LONGEST_QUOTE],
            "name": _one_line(message.sender_name),
            "phone": f"+{message.sender_phone}" if message.sender_phone else "",
            "time": f"{local:%H:%M}",
        }
        words = reply.template.fill(values).strip()
        # WhatsApp refuses an empty message; "{name}" to somebody without one would be that.
        return Choice(words=words or None, reply=reply if words else None, slow=tuple(slow))


def plain(text: str) -> str:
    """Return text as rules compare it: one way to write an accent, no blanks around it."""
    return unicodedata.normalize("NFC", text[:LONGEST_TEXT]).strip()


def _speaks(when: When, *, is_open: bool) -> bool:
    return when is When.ALWAYS or (when is When.OPEN) == is_open


def _one_line(name: str) -> str:
    words = "".join(char if char.isprintable() else " " for char in name[:_LONGEST_RAW]).split()
    return " ".join(words)[:LONGEST_NAME]
