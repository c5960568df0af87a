"""The rules an account's name and number follow."""

import re
from typing import Final

from wabot_tray.core.errors import AccountError

_ID: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def checked_id(text: str) -> str:
    """Return `text` if it can name an account; it becomes a folder's name, so the rule is strict.

    Raises:
        AccountError: It is anything but 1 to 64 of a-z, 0-9, _ and -, led by a letter or digit.
    """
    if not _ID.fullmatch(text):
        raise AccountError("error.account_id", id=text[:80])
    return text
