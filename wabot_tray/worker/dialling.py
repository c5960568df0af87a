"""Why a dial failed, as far as the library's words tell (measured with neonize 0.5.2)."""

import re
from http import HTTPStatus
from typing import Final

from wabot_tray.core.reasons import Reason

# Go's net/http gives a proxy's refusal of a CONNECT as its status line's words, and nothing else.
_STATUS: Final = re.compile(
    r': "?(?:Get|CONNECT) "[^"]+": (?:'
    + "|".join(
        re.escape(status.phrase) for status in HTTPStatus if status >= HTTPStatus.BAD_REQUEST
    )
    + r")$"
)
_SOCKS: Final = "socks connect "


def dial_reason(words: str) -> Reason:
    """Return what a dial's error means: one of the three of a proxy, or DIAL_FAILED."""
    through_socks = _SOCKS in words
    refused = "authentication failed" in words or "no acceptable authentication" in words
    if "Proxy Authentication Required" in words or (through_socks and refused):
        return Reason.PROXY_REFUSED
    if "proxyconnect tcp" in words or (through_socks and ": dial tcp" in words):
        return Reason.PROXY_UNREACHABLE
    if through_socks or _STATUS.search(words):
        return Reason.PROXY_CLOSED
    return Reason.DIAL_FAILED
