"""Events and commands as JSON lines, one object a line, with the version in each.

Only these two trees of frozen dataclasses cross a process border; every field is checked against
its annotation, so that a damaged or foreign line becomes a `WireError` and nothing else.
"""

import base64
import binascii
import dataclasses
import json
import sys
import types
import typing
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any, Final

from wabot_tray.core import commands, events
from wabot_tray.core.errors import WireError

VERSION: Final = 1
LONGEST_LINE_BYTES: Final = 1 << 20


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
    if not isinstance(body, dict) or body.get("v") != VERSION:
        raise WireError(detail="other version")
    name = body.get("type")
    cls = known.get(name) if isinstance(name, str) else None
    if cls is None:
        raise WireError(detail="unknown type")
    values: dict[str, object] = {}
    for field in dataclasses.fields(cls):
        if field.name in body:
            values[field.name] = from_json(body[field.name], _hints(cls)[field.name], field.name)
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
        return float(value)
    if hint in (str, int, bool, float) and type(value) is hint:
        return value
    if isinstance(value, str):
        if hint is datetime:
            moment = datetime.fromisoformat(value)
            if moment.tzinfo is None:
                raise ValueError(value)
            return moment
        if hint is bytes:
            return base64.b64decode(value, validate=True)
        if issubclass(hint, Enum):
            return hint(value)
    raise TypeError(value)
