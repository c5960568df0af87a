"""bot.toml taken apart for editing, so that what nobody touched stays as the person wrote it.

The text is cut into pieces: what stands before the first section, each section with the remarks
that touch it, and the prose between them. A rule that moves takes its remarks along; prose stays.
"""

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from wabot_tray.bot.rule_text import changed, written
from wabot_tray.bot.ruledraft import (
    Draft,
    FallbackDraft,
    GeneralDraft,
    HoursDraft,
    RuleDraft,
    Values,
)
from wabot_tray.bot.rules import parse
from wabot_tray.core.toml_text import statement_ends


class Kind(StrEnum):
    """What a piece of the file is."""

    HEAD = "head"
    RULE = "rule"
    FALLBACK = "fallback"
    HOURS = "hours"
    PROSE = "prose"


@dataclass(frozen=True, slots=True)
class Piece:
    """Some lines of the file; each ends with a newline."""

    kind: Kind
    text: str
    draft: Draft | None = None


_HEADERS: Final = {Kind.RULE: "[[rule]]", Kind.FALLBACK: "[fallback]", Kind.HOURS: "[hours]"}
_PATHS: Final[dict[Kind, tuple[str | int, ...]]] = {
    Kind.HEAD: (),
    Kind.RULE: ("rule", 0),
    Kind.FALLBACK: ("fallback",),
    Kind.HOURS: ("hours",),
}
_SECTIONS: Final = tuple(kind.value for kind in _HEADERS)
_BLANK: Final = Piece(Kind.PROSE, "\n")


@dataclass(frozen=True, slots=True)
class RuleDocument:
    """The file's content. Every change makes a new one; a rule may be unfinished in between.

    Args:
        pieces: The lines, in order.
        newline: How lines end in the file.
        mark: What stands before everything (some editors put a byte order mark there).
        language: In which days are written.
    """

    pieces: tuple[Piece, ...]
    newline: str = "\n"
    mark: str = ""
    language: str = "en"

    @classmethod
    def of(cls, source: str, language: str = "en") -> "RuleDocument":
        """Take `source` apart.

        Raises:
            BotFileError: Something in it is wrong.
        """
        parse(source)
        return cls.taken_apart(source, language)

    @classmethod
    def taken_apart(cls, source: str, language: str = "en") -> "RuleDocument":
        """Take apart what an earlier document had for its text, also if it was unfinished."""
        mark = "\ufeff" if source.startswith("\ufeff") else ""
        newline = "\r\n" if "\r\n" in source else "\n"
        text = source.removeprefix("\ufeff").replace("\r\n", "\n")
        return cls(tuple(_pieces(text, language)), newline, mark, language)

    # --- what it says ----------------------------------------------------------------------------

    @property
    def text(self) -> str:
        """The file's content, finished or not; always TOML."""
        return self.mark + "".join(p.text for p in self.pieces).replace("\n", self.newline)

    @property
    def rules(self) -> tuple[RuleDraft, ...]:
        """The rules, in order."""
        return tuple(p.draft for p in self.pieces if isinstance(p.draft, RuleDraft))

    @property
    def fallback(self) -> FallbackDraft | None:
        """What is answered where no rule matches."""
        return next((p.draft for p in self.pieces if isinstance(p.draft, FallbackDraft)), None)

    @property
    def hours(self) -> HoursDraft | None:
        """When the shop is open."""
        return next((p.draft for p in self.pieces if isinstance(p.draft, HoursDraft)), None)

    @property
    def general(self) -> GeneralDraft:
        """What holds for all rules."""
        found = (p.draft for p in self.pieces if isinstance(p.draft, GeneralDraft))
        return next(found, GeneralDraft())

    # --- changes ---------------------------------------------------------------------------------

    def with_rule(self, number: int, draft: RuleDraft) -> "RuleDocument":
        """Return it with another rule in the place of one, counted from 0."""
        place = self._places()[number]
        return self._with(place, self._rewritten(self.pieces[place], draft))

    def with_new(self, number: int, draft: RuleDraft) -> "RuleDocument":
        """Return it with one more rule, which is then the one of this number."""
        made = self._made(Kind.RULE, draft)
        places = self._places()
        if number < len(places):
            return self._put(places[number], made, _BLANK)
        if places:
            return self._put(places[-1] + 1, _BLANK, made)
        others = (Kind.FALLBACK, Kind.HOURS)
        for place, piece in enumerate(self.pieces):
            if piece.kind in others:
                return self._put(place, made, _BLANK)
        return self._at_end(made)

    def without(self, number: int) -> "RuleDocument":
        """Return it without a rule and the remarks that touch it."""
        place = self._places()[number]
        before, after = self.pieces[:place], self.pieces[place + 1 :]
        if after and after[0].kind is Kind.PROSE and after[0].text.startswith("\n"):
            after = (replace(after[0], text=after[0].text[1:]), *after[1:])
        return replace(self, pieces=(*before, *after))

    def moved(self, number: int, to: int) -> "RuleDocument":
        """Return it with a rule taken out and put back so that it is then number `to`."""
        places = self._places()
        rules = [self.pieces[place] for place in places]
        rules.insert(to, rules.pop(number))
        pieces = list(self.pieces)
        for place, piece in zip(places, rules, strict=True):
            pieces[place] = piece
        return replace(self, pieces=tuple(pieces))

    def with_part(self, draft: FallbackDraft | HoursDraft | GeneralDraft) -> "RuleDocument":
        """Return it with another fallback, other hours or other general settings."""
        for place, piece in enumerate(self.pieces):
            if type(piece.draft) is type(draft):
                return self._with(place, self._rewritten(piece, draft))
        return self._at_end(self._made(_kind_of(draft), draft))

    # --- inside ----------------------------------------------------------------------------------

    def _places(self) -> list[int]:
        return [place for place, piece in enumerate(self.pieces) if piece.kind is Kind.RULE]

    def _with(self, place: int, piece: Piece) -> "RuleDocument":
        return replace(self, pieces=(*self.pieces[:place], piece, *self.pieces[place + 1 :]))

    def _put(self, place: int, *new: Piece) -> "RuleDocument":
        return replace(self, pieces=(*self.pieces[:place], *new, *self.pieces[place:]))

    def _at_end(self, piece: Piece) -> "RuleDocument":
        text = "".join(p.text for p in self.pieces)
        gap = () if not text or text.endswith("\n\n") else (_BLANK,)
        return self._put(len(self.pieces), *gap, piece)

    def _made(self, kind: Kind, draft: Draft) -> Piece:
        values = draft.values(self.language)
        return Piece(kind, written(_HEADERS[kind], values), _draft_of(kind, values))

    def _rewritten(self, piece: Piece, draft: Draft) -> Piece:
        draft = _draft_of(piece.kind, draft.values(self.language))  # as the file will say it
        if piece.draft is None or piece.draft == draft:
            return piece
        old, new = piece.draft.values(self.language), draft.values(self.language)
        if not piece.text:  # nothing stood before the first section
            return replace(piece, text=written("", new) + "\n", draft=draft)
        try:
            text = changed(piece.text, _PATHS[piece.kind], old, new)
            is_right = _draft_of(piece.kind, _values_of(piece.kind, text)) == draft
        except (ValueError, RecursionError, LookupError):
            text, is_right = "", False
        if not is_right:
            text = _remarks(piece.text) + written(_HEADERS.get(piece.kind, ""), new)
        return replace(piece, text=text, draft=draft)


def _kind_of(draft: Draft) -> Kind:
    match draft:
        case RuleDraft():
            return Kind.RULE
        case FallbackDraft():
            return Kind.FALLBACK
        case HoursDraft():
            return Kind.HOURS
        case GeneralDraft():
            return Kind.HEAD


def _draft_of(kind: Kind, values: Values) -> Draft:
    match kind:
        case Kind.RULE:
            return RuleDraft.of(values)
        case Kind.FALLBACK:
            return FallbackDraft.of(values)
        case Kind.HOURS:
            return HoursDraft.of(values)
        case Kind.HEAD | Kind.PROSE:
            return GeneralDraft.of(values)


def _values_of(kind: Kind, text: str) -> Values:
    table: object = tomllib.loads(text)
    for step in _PATHS[kind]:
        table = table[step]  # type: ignore[index]  # the text was cut so that it has these
    return dict(table)  # type: ignore[call-overload, no-any-return]


# --- taking a file apart --------------------------------------------------------------------------


def _pieces(text: str, language: str) -> Iterator[Piece]:
    groups: list[list[str]] = [[]]
    for statement in _statements(text):
        if statement.lstrip().startswith("["):
            groups.append([])
        groups[-1].append(statement)
    lead: list[str] = []
    for number, group in enumerate(groups):
        is_last = number == len(groups) - 1
        core, prose, following = _parted(group, has_header=number > 0, is_last=is_last)
        if number == 0:
            inline = _inline("".join(core), language)
            head = "".join(s for s in core if not _is_section(s))
            piece = Piece(Kind.HEAD, head, GeneralDraft.of(tomllib.loads(head)))
            # Without settings the remarks at the top come first, and settings would follow them.
            between = _prose(prose)
            yield from (piece, *between) if head else (*between, piece)
            yield from inline
        else:
            section = "".join((*lead, *core))
            kind = _kind_of_section(section)
            yield Piece(kind, section, _draft_of(kind, _values_of(kind, section)))
            yield from _prose(prose)
        lead = following


def _statements(text: str) -> Iterator[str]:
    """Yield the lines of the file, those of one value together; each ends with a newline."""
    lines = text.split("\n")
    begin = 0
    for end in (*statement_ends(text), len(lines)):
        statement = "\n".join(lines[begin:end]) + "\n"
        if end < len(lines) or statement != "\n":
            yield statement
        begin = end


def _parted(
    group: Sequence[str], *, has_header: bool, is_last: bool
) -> tuple[list[str], list[str], list[str]]:
    """Part a section's lines: what it says, the prose after it, the remarks of the next one."""
    said = [n for n, s in enumerate(group) if s.strip() and not s.lstrip().startswith("#")]
    end = said[-1] + 1 if said else int(has_header)
    begin_next = len(group)
    while not is_last and begin_next > end and group[begin_next - 1].lstrip().startswith("#"):
        begin_next -= 1
    if said:
        while end < begin_next and group[end].lstrip().startswith("#"):
            end += 1
    return list(group[:end]), list(group[end:begin_next]), list(group[begin_next:])


def _prose(lines: Sequence[str]) -> tuple[Piece, ...]:
    return (Piece(Kind.PROSE, "".join(lines)),) if lines else ()


def _kind_of_section(text: str) -> Kind:
    (name,) = tomllib.loads(text)
    return Kind(name)


def _inline(head: str, language: str) -> list[Piece]:
    """Return the sections that are spelled without headers of their own, if there are any."""
    made: list[Piece] = []
    for name, value in tomllib.loads(head).items():
        if name not in _SECTIONS:
            continue
        for values in value if isinstance(value, list) else [value]:
            draft = _draft_of(Kind(name), dict(values))
            text = written(_HEADERS[Kind(name)], draft.values(language)) + "\n"
            made.append(Piece(Kind(name), text, draft))
    return made


def _is_section(statement: str) -> bool:
    return any(name in _SECTIONS for name in tomllib.loads(statement))


def _remarks(text: str) -> str:
    """Return the lines of remarks before a section's header."""
    lines = text.splitlines(keepends=True)
    count = next((n for n, line in enumerate(lines) if not line.lstrip().startswith("#")), 0)
    return "".join(lines[:count])
