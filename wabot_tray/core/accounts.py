"""The rules an account's name and number follow."""

import re
import unicodedata
from collections.abc import Collection
from typing import Final

from wabot_tray.core.errors import AccountError, ControlError

LONGEST_LABEL: Final = 80  # characters
_ID: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
# Windows opens its devices under these names, in every folder.
# They join the parts of an emoji, and the letters of Persian; alone they show nothing.
_JOINERS: Final = "\u200c\u200d"
_DEVICE: Final = re.compile(r"con|prn|aux|nul|(com|lpt)[0-9]")


def checked_id(text: str) -> str:
    """Return `text` if it can name an account; it becomes a folder's name, so the rule is strict.

    Raises:
        AccountError: It is anything but 1 to 64 of a-z, 0-9, _ and -, led by a letter or digit,
            or a name that no folder can have on Windows.
    """
    if not _ID.fullmatch(text) or _DEVICE.fullmatch(text):
        raise AccountError("error.account_id", id=text[:80])
    return text


def checked_label(text: str) -> str:
    """Return `text`, trimmed, if it can be shown as an account's label on one line.

    What turns the direction of writing, moves a cursor or shows nothing is refused: a label
    stands in menus, in terminals and in sentences.

    Raises:
        ControlError: It is longer than 80 characters or holds such characters.
    """
    text = text.strip()
    shown = text.translate(dict.fromkeys(map(ord, _JOINERS)))
    if len(text) > LONGEST_LABEL or not shown.isprintable() or (text and not shown):
        raise ControlError("error.control_label", longest=LONGEST_LABEL)
    return text


def suggested_id(label: str, taken: Collection[str] = ()) -> str:
    """Return an id made from `label` that no account in `taken` has.

    Accents are dropped, other signs become hyphens; a label without letters gives "account".
    """
    plain = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode().lower()
    base = re.sub(r"[^a-z0-9_]+", "-", plain).strip("-_")[:58].rstrip("-_") or "account"
    number, found = 1, base
    while found in taken or _DEVICE.fullmatch(found):
        number += 1
        found = f"{base}-{number}"
    return found
