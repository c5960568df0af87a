"""What we call ourselves when we ask for a code to type, and what a refusal means."""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from wabot_tray.core.reasons import Reason

# WhatsApp takes "Browser (OS)" with common names only, and answers 400 otherwise (whatsmeow,
# pair-code.go). The library's own list has "Windows Nt", which is none.
_SYSTEMS: Final = {"win32": "Windows", "darwin": "Mac OS"}
_STATUS: Final = re.compile(r"status (\d{3})")
_MEANINGS: Final[Mapping[int, Reason]] = {
    400: Reason.NUMBER_REFUSED,
    403: Reason.NUMBER_REFUSED,
    404: Reason.NUMBER_REFUSED,
    406: Reason.NUMBER_REFUSED,
    419: Reason.CODE_LIMIT,
    429: Reason.CODE_LIMIT,
    500: Reason.SERVER_BUSY,
    503: Reason.SERVER_BUSY,
}


@dataclass(frozen=True, slots=True)
class SystemName:
    """The operating system, as the library asks for it."""

    name: str


def system_name(platform: str = sys.platform) -> SystemName:
    """Return this computer's system under a name that WhatsApp knows."""
    return SystemName(_SYSTEMS.get(platform, "Linux"))


def refusal(said: str) -> Reason:
    """Return what the library's words mean when it has no code for us."""
    if (found := _STATUS.search(said)) is not None:
        return _MEANINGS.get(int(found[1]), Reason.PAIRING_ERROR)
    if "phone number" in said:  # too short, or not international
        return Reason.NUMBER_REFUSED
    return Reason.PAIRING_NO_NETWORK
