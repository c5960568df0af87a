"""Events and commands as JSON lines, one object a line, with the version in each.

Only these two trees of frozen dataclasses cross a process border; every field is checked against
its annotation, and what the main process keeps or shows against what it can be, so that a damaged
or foreign line becomes a `WireError` and nothing else.
"""

import base64
import binascii
import dataclasses
import json
import math
import re
import sys
import types
import typing
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any, Final

from wabot_tray.core import commands, events
from wabot_tray.core.errors import WireError

VERSION: Final = 1
LONGEST_LINE_BYTES: Final = 1 << 20
LONGEST_CODE: Final = 1000  # characters; WhatsApp's have about 240, a QR code holds 2953
LONGEST_PHONE: Final = 20  # digits; E.164 allows 15
LONGEST_DETAIL: Final = 4000  # characters
TOPICS: Final = ("bot", "vault", "inbox", "phone")
_LINK_CODE: Final = re.compile(r"[0-9A-Z]{4}-[0-9A-Z]{4}")
_HIGHEST: Final = 1 << 53  # what every reader of JSON holds exactly
# Within these years every time can be moved by some days or into another zone.
_FIRST_YEAR: Final = 1970
_LAST_YEAR: Final = 9990


def _is_code(text: str) -> bool:
    return 0 < len(text) <= LONGEST_CODE and text.isascii() and text.isprintable()


def _is_link_code(text: str) -> bool:
    return _LINK_CODE.fullmatch(text) is not None


def _is_phone(text: str) -> bool:
    return not text or (len(text) <= LONGEST_PHONE and text.isascii() and text.isdigit())


def _is_detail(text: str) -> bool:
    return len(text) <= LONGEST_DETAIL


# A worker talks to the whole internet; these texts of it are kept in files and shown in windows.
_FITS: Final[Mapping[tuple[str, str], Callable[[str], bool]]] = {
    ("QrShown", "code"): _is_code,
    ("LinkCodeShown", "code"): _is_link_code,
    ("LinkCodeShown", "phone"): _is_phone,
    ("PairingSucceeded", "phone"): _is_phone,
    ("LoggedIn", "phone"): _is_phone,
    ("DialFailed", "detail"): _is_detail,
    ("StorageFailed", "detail"): _is_detail,
    ("Noticed", "detail"): _is_detail,
    ("Noticed", "topic"): TOPICS.__contains__,
}


def encode(message: events.WorkerEvent | commands.Command) -> bytes:
    """Return `message` as one line, newline included."""
    body: dict[str, Any] = {"v": VERSION, "type": type(message).__name__}
    for field in dataclasses.fields(message):
        body[field.name] = to_json(getattr(message, field.name))
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    # A stray half of a surrogate pair (a file's odd name in an error) becomes JSON's own escape.
    return text.encode(errors="backslashreplace") + b"\n"


def decode_event(line: bytes) -> events.WorkerEvent:
    """Return the event in `line`.

    Raises:
        WireError: The line is no event of this version.
    """
    return typing.cast(events.WorkerEvent, _decode(line, _tree(events.WorkerEvent)))


def decode_command(line: bytes) -> commands.Command:
    """Return the command in `line`.

    Raises:
        WireError: The line is no command of this version.
    """
    return typing.cast(commands.Command, _decode(line, _tree(commands.Command)))


def to_json(value: object) -> Any:
    """Return `value` as JSON knows it: enums by value, times in ISO 8601, bytes in base64."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value


@cache
def _tree(root: type[Any]) -> dict[str, type]:
    # dataclass(slots=True) makes the class twice, and the first one lingers as a subclass.
    module = sys.modules[root.__module__]
    return {cls.__name__: getattr(module, cls.__name__) for cls in root.__subclasses__()}


@cache
def _hints(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _decode(line: bytes, known: dict[str, type]) -> object:
    if len(line) > LONGEST_LINE_BYTES:
        raise WireError(detail="line too long")
    try:
        body = json.loads(line)
    except (ValueError, RecursionError) as err:
        raise WireError(detail="no JSON") from err
    if not isinstance(body, dict) or type(body.get("v")) is not int or body["v"] != VERSION:
        raise WireError(detail="other version")
    name = body.get("type")
    cls = known.get(name) if isinstance(name, str) else None
    if cls is None:
        raise WireError(detail="unknown type")
    values: dict[str, object] = {}
    for field in dataclasses.fields(cls):
        if field.name in body:
            value = from_json(body[field.name], _hints(cls)[field.name], field.name)
            fits = _FITS.get((cls.__name__, field.name))
            if fits is not None and not fits(typing.cast(str, value)):
                raise WireError(detail=f"{field.name} cannot be that")
            values[field.name] = value
    try:
        return cls(**values)
    except TypeError as err:
        raise WireError(detail=f"{cls.__name__} is incomplete") from err


def from_json(value: object, hint: Any, name: str) -> object:
    """Return `value` as the type `hint` asks for.

    Raises:
        WireError: The value is of another type; `name` says where.
    """
    if isinstance(hint, types.UnionType):
        if value is None and type(None) in typing.get_args(hint):
            return None
        (hint,) = (arg for arg in typing.get_args(hint) if arg is not type(None))
    try:
        return _convert(value, hint)
    except (TypeError, ValueError, OverflowError, binascii.Error) as err:
        raise WireError(detail=f"{name} is no {hint.__name__}") from err


def _convert(value: object, hint: type) -> object:
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        if not math.isfinite(number := float(value)):
            raise ValueError(value)
        return number
    if hint is int and type(value) is int and abs(value) > _HIGHEST:
        raise ValueError(value)
    if hint in (str, int, bool) and type(value) is hint:
        return value
    if isinstance(value, str):
        if hint is datetime:
            moment = datetime.fromisoformat(value)
            if moment.tzinfo is None or not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
                raise ValueError(value)
            return moment
        if hint is bytes:
            return base64.b64decode(value, validate=True)
        if issubclass(hint, Enum):
            return hint(value)
    raise TypeError(value)
