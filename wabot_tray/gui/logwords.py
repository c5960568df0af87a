"""What the words of the log mean, for whoever does not know them."""

import re
from typing import Final

from wabot_tray.core.reasons import Reason
from wabot_tray.core.states import SessionState
from wabot_tray.system.i18n import t
from wabot_tray.system.logentries import Entry, Level, words_of
from wabot_tray.system.texts import safely, state_word

LEVEL_SIGNS: Final = {
    Level.DETAIL: "·",
    Level.INFO: "•",
    Level.WARNING: "▲",
    Level.ERROR: "✖",
}
_LEVEL_KEYS: Final = {
    Level.DETAIL: "logs.level_detail",
    Level.INFO: "logs.level_info",
    Level.WARNING: "logs.level_warning",
    Level.ERROR: "logs.level_error",
}
_MOVE: Final = re.compile(r"([a-z-]+) -> ([a-z-]+) \(([a-z-]+)\)")
_STATES: Final = {str(state): state for state in SessionState}
_REASONS: Final = {str(reason): reason for reason in Reason}
# A reason's code in running text is told by its hyphen: "starting" alone is a word like others.
_CODE: Final = re.compile(r"\b[a-z]+(?:-[a-z]+)+\b")


def level_word(level: Level) -> str:
    """Return how grave a line is, in a word."""
    return t(_LEVEL_KEYS[level])


def meaning(entry: Entry) -> str:
    """Return in plain words what an entry reports, "" where its own are all there is."""
    words = words_of(entry)
    if (move := _MOVE.search(words)) and move[1] in _STATES and move[2] in _STATES:
        before, after = state_word(_STATES[move[1]]), state_word(_STATES[move[2]])
        told = t("logs.move", before=before, after=after)
        return " ".join([told, *_reason(move[3])])
    for code in _CODE.findall(words):
        if code in _REASONS:
            return " ".join(_reason(code))
    return ""


def _reason(code: str) -> list[str]:
    """Return why, and what happens next or can be done."""
    if (reason := _REASONS.get(code)) is None:
        return []
    return [safely(f"reason.{reason}", {"until": "…"}), t(f"advice.{reason}")]
