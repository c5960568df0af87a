"""Takes out of what leaves this computer what is nobody else's business."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from wabot_tray.system.redaction import masked_phone, redact

HIDDEN: Final = "[hidden]"
_SECRET: Final = re.compile(r"(?i)(?:^|_)(?:pass|password|passphrase|secret|token|key)$")
_CREDENTIALS: Final = re.compile(r"(?i)\b([a-z][a-z0-9+.\-]{1,15}://)[^\s/@]+@")
_SHORTEST_PHONE: Final = 6  # digits


class Mask:
    """Hides phone numbers, keys, codes, passwords in addresses, and whose home folder it is.

    Args:
        phones: Numbers that are known, in digits: they are found inside longer runs too.
        home: The person's home folder, written as ~.
    """

    def __init__(self, phones: Iterable[str] = (), home: Path | None = None) -> None:
        known = sorted({p for p in phones if len(p) >= _SHORTEST_PHONE}, key=len, reverse=True)
        self._phones = re.compile("|".join(map(re.escape, known))) if known else None
        text = "" if home is None else str(home)
        is_telling = home is not None and len(home.parts) > 1
        self._home = re.compile(re.escape(text) + r"(?![\w.\-])") if is_telling else None

    def __call__(self, text: str) -> str:
        """Return `text` as it may leave; a second pass changes nothing."""
        return redact(self.own(text))

    def own(self, text: str) -> str:
        """Return what we wrote ourselves, figures and times, whose numbers are no phones."""
        if self._home is not None:
            text = self._home.sub("~", text)
        if self._phones is not None:
            text = self._phones.sub(lambda match: masked_phone(match[0]), text)
        return _CREDENTIALS.sub(rf"\1{HIDDEN}@", text)

    def values(self, body: Any, *, ours: bool = False) -> Any:
        """Return `body`, as JSON knows it, with every text masked and every secret hidden.

        Args:
            body: What `json.loads` may return.
            ours: Whether its texts are our own; see `own`.
        """
        text = self.own if ours else self
        if isinstance(body, str):
            return text(body)
        if isinstance(body, Mapping):
            return {text(str(name)): self._field(str(name), body[name], ours) for name in body}
        if isinstance(body, list | tuple):
            return [self.values(value, ours=ours) for value in body]
        return body

    def _field(self, name: str, value: Any, ours: bool) -> Any:
        if value and _SECRET.search(name):
            return HIDDEN
        return self.values(value, ours=ours)
