"""The bot's rules once they are read: which one answers a message, and with what words."""

import time as clock_time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Final

import regex

from wabot_tray.bot.matching import folded, plain
from wabot_tray.core.messages import IncomingMessage

SLOWEST_MATCH_S: Final = 0.1  # a pattern that runs away is stopped after so long
# All rules together hold up every chat, and the worker's sign of life, for so long at most.
LONGEST_SEARCH_S: Final = 1.0
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
class Rule:
    """One rule of the file, counted from 0.

    Args:
        name: What the person calls it.
        number: Its place.
        pattern: What it looks for.
        reply: What it answers.
        when: Whether it speaks while the shop is open or closed.
        enabled: Whether it speaks at all.
        folds: Whether accents do not matter to it.
        times: Days and hours of its own; None for all.
        accounts: The ids of those it speaks for; None for all.
    """

    name: str
    number: int
    pattern: regex.Pattern[str] = field(repr=False)
    reply: Reply
    when: When = When.OPEN
    enabled: bool = True
    folds: bool = False
    times: Hours | None = None
    accounts: frozenset[str] | None = None


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


class Verdict(StrEnum):
    """What became of one rule when a message was held against it."""

    ANSWERS = "answers"
    OFF = "off"
    OTHER_ACCOUNT = "other-account"
    SHOP_OPEN = "shop-open"  # it speaks only while the shop is closed
    SHOP_CLOSED = "shop-closed"
    OTHER_TIME = "other-time"  # outside days and hours of its own
    NO_MATCH = "no-match"
    RESTS = "rests"  # this chat had its reply too short a time ago
    TOO_SLOW = "too-slow"
    LATER = "later"  # it would answer, but one before it comes first
    NOT_TRIED = "not-tried"  # the rules before it took all the time there is


@dataclass(frozen=True, slots=True)
class Examined:
    """What every rule says to one message.

    Args:
        choice: What is sent.
        verdicts: One for each rule, in their order.
        is_open: Whether the shop was open; True where it never closes.
        last: What became of the closed reply (the shop was closed) or of the fallback; None
            where there is none, LATER where a rule matched, so that it was not asked.
    """

    choice: Choice
    verdicts: tuple[Verdict, ...]
    is_open: bool
    last: Verdict | None


@dataclass(frozen=True, slots=True)
class _Scene:
    """One message as the rules look at it, and for how long they may."""

    text: str
    bare: str  # without accents
    local: datetime
    is_open: bool
    account: str
    rests: Callable[[Reply], bool]
    end: float


@dataclass(frozen=True, slots=True)
class RuleBook:
    """All rules of one file. An empty one answers nothing."""

    rules: tuple[Rule, ...] = ()
    fallback: Reply | None = None
    hours: Hours | None = None
    groups: bool = False
    source: str = field(default="", repr=False)  # the file, to find a rule's line in

    def choose(
        self,
        message: IncomingMessage,
        now: datetime,
        rests: Callable[[Reply], bool],
        account: str = "",
    ) -> Choice:
        """Return what to say to `message`.

        The first rule that matches answers. One whose `once_per` has not passed yet is skipped,
        and so are those of another account or another part of the day. Where no rule matches at
        all, it is the closed reply outside the hours and the fallback inside. A rule that takes
        too long is passed over; where all together do, the rest of them is.

        Args:
            message: What the customer wrote.
            now: Aware time.
            rests: Whether this chat heard a reply too short a time ago.
            account: The id of the account that was written to.
        """
        return self._held(self._scene(message, now, rests, account), message).choice

    def examine(
        self,
        message: IncomingMessage,
        now: datetime,
        rests: Callable[[Reply], bool],
        account: str = "",
    ) -> Examined:
        """Return what `choose` says and, for every rule, why; takes up to two seconds."""
        scene = self._scene(message, now, rests, account)
        return self._held(scene, message, goes_on=True)

    def _scene(
        self,
        message: IncomingMessage,
        now: datetime,
        rests: Callable[[Reply], bool],
        account: str,
    ) -> _Scene:
        local = now.astimezone()
        text = plain(message.text)
        return _Scene(
            text=text,
            bare=folded(text),
            local=local,
            is_open=self.hours is None or self.hours.is_open(local),
            account=account,
            rests=rests,
            end=clock_time.monotonic() + LONGEST_SEARCH_S,
        )

    def _held(self, scene: _Scene, message: IncomingMessage, *, goes_on: bool = False) -> Examined:
        """Hold a message against the rules; `goes_on` past the one that answers."""
        verdicts: list[Verdict] = []
        answering: Rule | None = None
        for rule in self.rules:
            verdict = _judged(rule, scene)
            if answering is not None and verdict is Verdict.ANSWERS:
                verdict = Verdict.LATER
            verdicts.append(verdict)
            if verdict is Verdict.ANSWERS:
                answering = rule
                if not goes_on:
                    break
                # What comes after is looked at for the person alone, in a time of its own.
                scene = replace(scene, end=clock_time.monotonic() + LONGEST_SEARCH_S)
        slow = self._slow(verdicts)
        if answering is not None:
            choice = self._said(answering.reply, message, scene.local, slow)
            last = None if self._last(scene) is None else Verdict.LATER
        else:
            choice, last = self._ended(scene, message, verdicts, slow)
        return Examined(choice, tuple(verdicts), scene.is_open, last)

    def _last(self, scene: _Scene) -> Reply | None:
        """Return what is said where no rule matches."""
        return self.fallback if scene.is_open or self.hours is None else self.hours.closed

    def _ended(
        self,
        scene: _Scene,
        message: IncomingMessage,
        verdicts: Sequence[Verdict],
        slow: Sequence[Rule],
    ) -> tuple[Choice, Verdict | None]:
        if (last := self._last(scene)) is None:
            return Choice(slow=tuple(slow)), None
        if Verdict.RESTS in verdicts:
            return Choice(slow=tuple(slow)), Verdict.LATER
        if scene.rests(last):
            return Choice(slow=tuple(slow)), Verdict.RESTS
        return self._said(last, message, scene.local, slow), Verdict.ANSWERS

    def _slow(self, verdicts: Sequence[Verdict]) -> list[Rule]:
        """Return the rules somebody has to be told about."""
        judged = list(zip(self.rules, verdicts, strict=False))
        slow = [rule for rule, verdict in judged if verdict is Verdict.TOO_SLOW]
        return slow or [rule for rule, v in judged if v is Verdict.NOT_TRIED][:1]

    @staticmethod
    def _said(
        reply: Reply, message: IncomingMessage, local: datetime, slow: Sequence[Rule]
    ) -> Choice:
        values = {
            "text": message.text.strip()[:LONGEST_QUOTE],
            "name": _one_line(message.sender_name),
            "phone": f"+{message.sender_phone}" if message.sender_phone else "",
            "time": f"{local:%H:%M}",
        }
        words = reply.template.fill(values).strip()
        # WhatsApp refuses an empty message; "{name}" to somebody without one would be that.
        return Choice(words=words or None, reply=reply if words else None, slow=tuple(slow))


def _judged(rule: Rule, scene: _Scene) -> Verdict:
    """Return what one rule says to a message, were it the first."""
    if (obstacle := _obstacle(rule, scene)) is not None:
        return obstacle
    if scene.end - clock_time.monotonic() < SLOWEST_MATCH_S:
        return Verdict.NOT_TRIED
    try:
        found = rule.pattern.search(
            scene.bare if rule.folds else scene.text, timeout=SLOWEST_MATCH_S
        )
    except TimeoutError:
        return Verdict.TOO_SLOW
    if found is None:
        return Verdict.NO_MATCH
    return Verdict.RESTS if scene.rests(rule.reply) else Verdict.ANSWERS


def _obstacle(rule: Rule, scene: _Scene) -> Verdict | None:
    """Return why a rule does not even look at a message."""
    if not rule.enabled:
        return Verdict.OFF
    if rule.accounts is not None and scene.account not in rule.accounts:
        return Verdict.OTHER_ACCOUNT
    if not _speaks(rule.when, is_open=scene.is_open):
        return Verdict.SHOP_OPEN if scene.is_open else Verdict.SHOP_CLOSED
    if rule.times is not None and not rule.times.is_open(scene.local):
        return Verdict.OTHER_TIME
    return None


def _speaks(when: When, *, is_open: bool) -> bool:
    return when is When.ALWAYS or (when is When.OPEN) == is_open


def _one_line(name: str) -> str:
    words = "".join(char if char.isprintable() else " " for char in name[:_LONGEST_RAW]).split()
    return " ".join(words)[:LONGEST_NAME]
