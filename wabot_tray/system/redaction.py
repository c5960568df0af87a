"""Takes out of a line what no log may hold: numbers, addresses, codes and keys.

Message text is not looked for here: nothing logs it in the first place.
"""

import re
from typing import Final

# Text WhatsApp gives for scanning: the link of today, and the bare form of before.
_QR: Final = re.compile(r"https?://wa\.me/settings/linked_devices\S*|\b2@[\w+/=,.\-]{20,}")
_PAIRING_CODE: Final = re.compile(r"\b[0-9A-Z]{4}-[0-9A-Z]{4}\b")
_PAIRING_CODE_NAMED: Final = re.compile(r"(?i)(pair(?:ing)?[ _-]?code\W{1,4})([0-9A-Z-]{8,9})\b")
_ADDRESS: Final = re.compile(
    r"(?P<user>…?[\w.:+\-]{1,80})"
    r"@(?P<server>s\.whatsapp\.net|c\.us|g\.us|lid|newsletter|broadcast|hosted(?:\.lid)?)\b"
)
# Raw bytes as Python prints them; a key is 32 of them.
_BYTES: Final = re.compile(r"""\bb(['"])(?:(?!\1)[^\\]|\\.){24,}\1""")
# 43 characters of base64 are 32 bytes. Folders look alike, so a path from the root is passed by.
_BASE64: Final = re.compile(
    r"(?P<path>(?<![\w+/=])/(?:home|root|usr|tmp|var|opt|etc|srv|mnt|media|run|dev|nix|snap"
    r"|Users|Volumes|Applications|Library|System|private)/[^\s\"':;,]*)"
    r"|(?P<key>[A-Za-z0-9+/_\-]{43,}={0,2})"
)
# Dates and IPv4 addresses are no phone numbers; what is left with 8 digits or more may be one.
_PHONE: Final = re.compile(
    r"(?P<date>(?<!\d)\d{4}-\d\d-\d\d(?!\d)(?:[ T]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?)?)"
    r"|(?P<ip>(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.]))"
    r"|(?P<phone>(?!\(\d{4}-\d\d-\d\d(?!\d))\+?\(?\d(?:[ ().\-/\u00a0]{0,2}\d){7,})"
)
# Of a proxy or any other place: user and password before the @ (RFC 3986, 3.2.1).
_LOGIN: Final = re.compile(r"(?<=://)[^/\s@\[\]]{1,600}@")
_HEX: Final = re.compile(r"[0-9a-f]+")


def redact(text: str) -> str:
    """Return `text` without phone numbers, addresses, QR texts, pairing codes and keys.

    Of a number the last three digits stay, so that two accounts can be told apart. It takes
    out too much rather than too little; a second pass changes nothing.
    """
    text = _QR.sub("[QR]", text)
    text = _PAIRING_CODE_NAMED.sub(r"\1[code]", text)
    text = _PAIRING_CODE.sub("[code]", text)
    text = _LOGIN.sub("[login]@", text)
    text = _BYTES.sub("[bytes]", text)
    text = _BASE64.sub(_without_key, text)
    text = _ADDRESS.sub(_without_user, text)
    return _PHONE.sub(_without_phone, text)


def masked_phone(phone: str) -> str:
    """Return a number as logs may show it: its last three digits."""
    return f"…{phone[-3:]}"


def _without_user(match: re.Match[str]) -> str:
    user = match["user"].partition(":")[0].partition(".")[0]
    return f"{user if user.startswith('…') else masked_phone(user)}@{match['server']}"


def _without_key(match: re.Match[str]) -> str:
    key = match["key"]
    if key is None:
        return match[0]
    # Long names in lower case are names; base64 of 32 bytes without a capital does not happen.
    is_name = key.islower() and not _HEX.fullmatch(key.rstrip("="))
    return key if is_name else "[key]"


def _without_phone(match: re.Match[str]) -> str:
    phone = match["phone"]
    if phone is None:
        return match[0]
    digits = [char for char in phone if char.isdigit()]
    return "…" + "".join(digits[-3:])
