"""The parts of bot.toml as a form shows them: what a person may set, finished or not."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from wabot_tray.bot.matching import Find
from wabot_tray.bot.rulebook import When
from wabot_tray.bot.rules import DAY, DAYS

Values = dict[str, object]
Periods = tuple[tuple[str, str], ...]
Kind = TypeVar("Kind", Find, When)
_SPANISH: Final = 2  # the place of Spanish day names in DAYS
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleDraft:
    """One rule. Times and durations are texts as they stand in the file.

    Args:
        name: What the person calls it; may be empty.
        enabled: Whether it speaks.
        find: How many of the words must be there.
        words: What it looks for.
        pattern: A regular expression instead of words; None where it goes by words.
        whole_words: Whether words are not found inside others.
        accents: Whether accents matter.
        reply: What it answers.
        once_per: Not again to the same chat before this has passed; empty for the file's own.
        hours: Part of the day; None for what the file means without it.
        days: Days of its own, 0 is Monday; None for all.
        periods: Hours of its own; empty for all.
        accounts: The ids of those it speaks for; None for all.
    """

    name: str = ""
    enabled: bool = True
    find: Find = Find.ANY
    words: tuple[str, ...] = ()
    pattern: str | None = None
    whole_words: bool = True
    accents: bool = False
    reply: str = ""
    once_per: str = ""
    hours: When | None = None
    days: frozenset[int] | None = None
    periods: Periods = ()
    accounts: tuple[str, ...] | None = None

    @property
    def title(self) -> str:
        """What to call it: its name, else what it looks for; empty if it has neither."""
        if self.name or self.pattern is not None:
            return self.name or self.pattern or ""
        return "" if self.find is Find.EVERY else ", ".join(self.words)

    @classmethod
    def of(cls, values: Mapping[str, object]) -> "RuleDraft":
        """Return what a `[[rule]]` says; what is of a wrong kind counts as not said."""
        return cls(
            name=_text(values, "name"),
            enabled=values.get("enabled") is not False,
            find=_choice(values, "find", Find) or Find.ANY,
            words=_texts(values, "words"),
            pattern=_text(values, "match") if "match" in values else None,
            whole_words=values.get("whole_words") is not False,
            accents=values.get("accents") is True,
            reply=_text(values, "reply"),
            once_per=_text(values, "once_per"),
            hours=_choice(values, "hours", When),
            days=_days(values),
            periods=_periods(values),
            accounts=_texts(values, "accounts") if "accounts" in values else None,
        )

    def values(self, language: str = "en") -> Values:
        """Return what the file says of it, defaults left out; days in `language`."""
        found: Values = {"name": self.name} if self.name else {}
        if not self.enabled:
            found["enabled"] = False
        if self.pattern is not None:
            found["match"] = self.pattern
        else:
            if self.find is not Find.ANY:
                found["find"] = self.find.value
            if self.find is not Find.EVERY or self.words:
                found["words"] = list(self.words)
            if not self.whole_words:
                found["whole_words"] = False
            if self.accents:
                found["accents"] = True
        found["reply"] = self.reply
        if self.once_per:
            found["once_per"] = self.once_per
        if self.hours is not None:
            found["hours"] = self.hours.value
        found |= _times_values(self.days, self.periods, language)
        if self.accounts is not None:
            found["accounts"] = list(self.accounts)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class FallbackDraft:
    """What is answered where no rule matches."""

    enabled: bool = True
    reply: str = ""
    once_per: str = ""

    @classmethod
    def of(cls, values: Mapping[str, object]) -> "FallbackDraft":
        """Return what `[fallback]` says."""
        enabled = values.get("enabled") is not False
        return cls(
            enabled=enabled, reply=_text(values, "reply"), once_per=_text(values, "once_per")
        )

    def values(self, language: str = "en") -> Values:  # noqa: ARG002 - one signature for all
        """Return what the file says of it, defaults left out."""
        found: Values = {} if self.enabled else {"enabled": False}
        found["reply"] = self.reply
        if self.once_per:
            found["once_per"] = self.once_per
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class HoursDraft:
    """When the shop is open, and what is said outside; nothing if `closed` is empty."""

    enabled: bool = True
    days: frozenset[int] | None = None
    periods: Periods = ()
    closed: str = ""
    once_per: str = ""

    @classmethod
    def of(cls, values: Mapping[str, object]) -> "HoursDraft":
        """Return what `[hours]` says."""
        return cls(
            enabled=values.get("enabled") is not False,
            days=_days(values),
            periods=_periods(values),
            closed=_text(values, "closed"),
            once_per=_text(values, "once_per"),
        )

    def values(self, language: str = "en") -> Values:
        """Return what the file says of it, defaults left out; days in `language`."""
        found: Values = {} if self.enabled else {"enabled": False}
        found |= _times_values(self.days, self.periods, language)
        if self.closed:
            found["closed"] = self.closed
        if self.once_per:
            found["once_per"] = self.once_per
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneralDraft:
    """What holds for all rules."""

    groups: bool = False
    once_per: str = ""

    @classmethod
    def of(cls, values: Mapping[str, object]) -> "GeneralDraft":
        """Return what stands before the first section."""
        return cls(groups=values.get("groups") is True, once_per=_text(values, "once_per"))

    def values(self, language: str = "en") -> Values:  # noqa: ARG002 - one signature for all
        """Return what the file says of it, defaults left out."""
        found: Values = {"groups": True} if self.groups else {}
        if self.once_per:
            found["once_per"] = self.once_per
        return found


Draft = RuleDraft | FallbackDraft | HoursDraft | GeneralDraft
# What a switch that every section of its kind may name means where it does not.
SWITCHES: Final[Mapping[str, bool]] = {"enabled": True, "groups": False}


def clean(text: str) -> str:
    """Return text as the file can hold it: whole letters, no signs that only machines read."""
    whole = text.replace("\r\n", "\n").encode("utf-8", "replace").decode()
    return _CONTROL.sub("", whole)


def _text(values: Mapping[str, object], key: str) -> str:
    found = values.get(key)
    return found if isinstance(found, str) else ""


def _texts(values: Mapping[str, object], key: str) -> tuple[str, ...]:
    found = values.get(key)
    return tuple(str(entry) for entry in found) if isinstance(found, list) else ()


def _choice(values: Mapping[str, object], key: str, kind: type[Kind]) -> Kind | None:
    found = values.get(key)
    return kind(found) if isinstance(found, str) and found in tuple(kind) else None


def _days(values: Mapping[str, object]) -> frozenset[int] | None:
    found = values.get("days")
    if not isinstance(found, list):
        return None
    names = (entry.strip().lower() for entry in found if isinstance(entry, str))
    return frozenset(DAY[name] for name in names if name in DAY)


def _periods(values: Mapping[str, object]) -> Periods:
    starts, ends = (
        (found,) if isinstance(found := values.get(key), str) else _texts(values, key)
        for key in ("from", "to")
    )
    return tuple(zip(starts, ends, strict=False))


def _times_values(days: frozenset[int] | None, periods: Periods, language: str) -> Values:
    found: Values = {}
    if days is not None:
        place = _SPANISH if language == "es" else 0
        found["days"] = [DAYS[day][place] for day in sorted(days)]
    if periods:
        found["from"] = _one_or_all([start for start, _ in periods])
        found["to"] = _one_or_all([end for _, end in periods])
    return found


def _one_or_all(times: Sequence[str]) -> object:
    return times[0] if len(times) == 1 else list(times)
