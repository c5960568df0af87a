"""How the commands write: colours for a terminal only, nothing that could move its cursor."""

import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from wabot_tray.core.errors import WabotError
from wabot_tray.core.states import SessionState
from wabot_tray.system.texts import clean, safely

__all__ = ["clean"]  # beside what is defined here

NOTHING: Final = "-"
_NARROWEST: Final = 40
_WIDEST_TEXT: Final = 100
_CODES: Final[Mapping[str, str]] = {
    "green": "32",
    "amber": "33",
    "red": "31",
    "blue": "36",
    "grey": "90",
    "bold": "1",
}
_LOOKS: Final[Mapping[SessionState, tuple[str, str, str]]] = {
    # state: colour, symbol, symbol where the terminal knows only ASCII
    SessionState.STOPPED: ("grey", "■", "#"),
    SessionState.CONNECTING: ("amber", "○", "~"),
    SessionState.PAIRING: ("blue", "▦", "?"),
    SessionState.CONNECTED: ("green", "●", "*"),
    SessionState.RECONNECTING: ("amber", "○", "~"),
    SessionState.WAITING: ("amber", "◔", "~"),
    SessionState.LOGGED_OUT: ("red", "✖", "x"),
    SessionState.BANNED: ("red", "◔", "x"),
    SessionState.REPLACED: ("red", "⇄", "x"),
    SessionState.OUTDATED: ("red", "↑", "x"),
    SessionState.FAILED: ("red", "!", "!"),
}


def prepare() -> None:
    """Make the streams fit for any text, whatever encoding the terminal has."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    if sys.platform == "win32" and sys.stdout.isatty():
        os.system("")  # noqa: S605 - runs nothing; cmd.exe turns escape sequences on


def is_terminal() -> bool:
    """Whether a person reads our output as it comes."""
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def say(text: str = "") -> None:
    """Write one line at once."""
    print(text, flush=True)


def complain(text: str) -> None:
    """Write one line to the person, beside the output."""
    print(text, file=sys.stderr, flush=True)


def say_json(body: Mapping[str, Any]) -> None:
    """Write one JSON object on one line at once."""
    text = json.dumps(body, ensure_ascii=False)
    # What a terminal would obey is written as JSON's own escape.
    say("".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in text))


def coloured(text: str, colour: str) -> str:
    """Return `text` in colour where somebody sees it and did not ask us not to (no-color.org)."""
    if not is_terminal() or os.environ.get("NO_COLOR"):
        return text
    return f"\033[{_CODES[colour]}m{text}\033[0m"


def colour_of(state: SessionState) -> str:
    """Return the colour of a state, the same as in the tray."""
    return _LOOKS[state][0]


def symbol(state: SessionState) -> str:
    """Return one character that tells the states apart without colour."""
    _, shape, plain = _LOOKS[state]
    return shape if can_write(shape) else plain


def can_write(text: str) -> bool:
    """Whether our output can show `text`."""
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def width() -> int:
    """Return how many columns lines may have; 80 where nobody looks."""
    if not is_terminal():
        return 80
    return max(_NARROWEST, shutil.get_terminal_size().columns)


def columns(text: str) -> int:
    """Return how many columns a terminal needs for `text`."""
    if text.isascii():
        return len(text)
    import unicodedata  # noqa: PLC0415 - only where there is something to measure

    marks = sum(unicodedata.combining(char) != 0 for char in text)
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) - marks + wide


def fitted(text: str, size: int) -> str:
    """Return `text` in exactly `size` columns, cut with an ellipsis or padded."""
    text = text[: 16 * size]  # marks take no column, but nobody writes so many
    if columns(text) > size:
        end = "…" if can_write("…") else "."
        while columns(text) > size - 1:
            text = text[:-1]
        text += end
    return text + " " * (size - columns(text))


def wrapped(text: str, indent: str, hanging: str | None = None) -> str:
    """Return `text` in lines that fit, each behind `indent`, later ones behind `hanging`."""
    import textwrap  # noqa: PLC0415 - only where there is something to explain

    return textwrap.fill(
        clean(text),
        width=min(width(), _WIDEST_TEXT) - 1,
        initial_indent=indent,
        subsequent_indent=indent if hanging is None else hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )


def table(rows: Sequence[Sequence[str]], flexible: int) -> list[list[str]]:
    """Return the cells of `rows` padded to columns; column `flexible` gives way to the width."""
    sizes = [max(columns(row[place]) for row in rows) for place in range(len(rows[0]))]
    room = width() - 1 - (sum(sizes) - sizes[flexible]) - 2 * (len(sizes) - 1)
    sizes[flexible] = max(6, min(sizes[flexible], room))
    return [[fitted(cell, size) for cell, size in zip(row, sizes, strict=True)] for row in rows]


def phone_words(digits: str | None) -> str:
    """Return a phone number as people write it."""
    return f"+{digits}" if digits else NOTHING


def words(key: str, params: Mapping[str, object]) -> str:
    """Return the sentence for `key`, even where its placeholders and `params` do not agree."""
    return clean(safely(key, params))


def explained(error: WabotError) -> str:
    """Return what `error` says, and for a reason also what to do about it."""
    text = words(error.message_key, error.params)
    if error.message_key.startswith("reason."):
        advice_key = "advice." + error.message_key.removeprefix("reason.")
        if (advice := words(advice_key, error.params)) != advice_key:
            return f"{text} {advice}"
    return text
