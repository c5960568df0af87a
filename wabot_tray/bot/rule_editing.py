"""One person's work on the rules: steps that can be undone, and what is still unfinished."""

from functools import lru_cache
from typing import Final

from wabot_tray.bot.rule_document import Kind, RuleDocument
from wabot_tray.bot.ruledraft import RuleDraft
from wabot_tray.bot.rules import parse
from wabot_tray.core.errors import BotFileError

_MOST_STEPS: Final = 500


class Editing:
    """A document, what it was before, and what is saved of it.

    Args:
        document: What the file says.
    """

    def __init__(self, document: RuleDocument) -> None:
        self.document = document
        self._saved = document
        self._before: list[RuleDocument] = []
        self._after: list[RuleDocument] = []
        self._step = ""

    @property
    def is_changed(self) -> bool:
        """Whether there is something to save."""
        return self.document.pieces != self._saved.pieces

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return bool(self._before)

    @property
    def can_redo(self) -> bool:
        """Whether a step was taken back."""
        return bool(self._after)

    def change(self, document: RuleDocument, step: str = "") -> None:
        """Take a step.

        Args:
            document: What it comes to.
            step: What belongs together, like the letters typed into one field: steps of the same
                name, one after the other, are undone at once. Empty for a step of its own.
        """
        if document.pieces == self.document.pieces:
            return
        if not step or step != self._step:
            self._before = [*self._before, self.document][-_MOST_STEPS:]
        self._after = []
        self._step = step
        self.document = document

    def end_step(self) -> None:
        """Begin a step of its own with the next change."""
        self._step = ""

    def undo(self) -> bool:
        """Take the last step back; return whether there was one."""
        if not self._before:
            return False
        self._after.append(self.document)
        self.document = self._before.pop()
        self._step = ""
        return True

    def redo(self) -> bool:
        """Take a step again that was taken back; return whether there was one."""
        if not self._after:
            return False
        self._before.append(self.document)
        self.document = self._after.pop()
        self._step = ""
        return True

    def saved(self, document: RuleDocument) -> None:
        """Note that `document` is what the file says now."""
        self._saved = document
        self._step = ""

    def faults(self) -> tuple[BotFileError | None, ...]:
        """Return for every rule what is wrong with it, if something is."""
        found: list[BotFileError | None] = []
        seen: set[str] = set()
        for piece in self.document.pieces:
            if not isinstance(piece.draft, RuleDraft):
                continue
            fault = fault_of(piece.text)
            if fault is None and (title := piece.draft.title or "*") in seen:
                fault = BotFileError("error.bot_name_twice", name=title)
            seen.add(piece.draft.title or "*")
            found.append(fault)
        return tuple(found)

    def fault_of_part(self, kind: Kind) -> BotFileError | None:
        """Return what is wrong with the fallback, the hours or the head."""
        texts = (piece.text for piece in self.document.pieces if piece.kind is kind)
        return next((fault for text in texts if (fault := fault_of(text)) is not None), None)


@lru_cache(maxsize=4096)
def fault_of(text: str) -> BotFileError | None:
    """Return what is wrong with a piece of the file by itself."""
    try:
        parse(text)
    except BotFileError as err:
        return err
    return None
