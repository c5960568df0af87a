"""What the running program and the command line say to each other: JSON, one object a line.

    client -> server   {"v": 1, "id": 7, "method": "start", "params": {"id": "shop"}}
    server -> client   {"v": 1, "id": 7, "event": {...}}      any number, for streams
    server -> client   {"v": 1, "id": 7, "result": {...}}     the last line, or
    server -> client   {"v": 1, "id": 7, "error": {"key": "error.account_unknown", "params": {...}}}

One request at a time per connection; closing the connection cancels the request. Errors travel as
a key of the catalogues with the values for its placeholders, so that each side speaks the language
of the person in front of it. Both sides check every field: a hostile line becomes a `WireError`
and nothing else.
"""

import dataclasses
import json
import re
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, TypeVar

from wabot_tray.core import wire
from wabot_tray.core.accounts import checked_id, checked_label
from wabot_tray.core.errors import ControlError, WabotError, WireError

VERSION: Final = 1
LONGEST_LINE_BYTES: Final = 1 << 20
LONGEST_WAIT_S: Final = 3600.0
_HIGHEST_ID: Final = 1 << 53  # what every reader of JSON holds exactly
_PHONE: Final = re.compile(r"[1-9][0-9]{6,14}")  # E.164 allows 15 digits
_LONGEST_TEXT: Final = 4096  # characters of a path or a passphrase
_LONGEST_PARAM: Final = 2000  # characters of one value inside an error

Scalar = str | int | float | bool | None
Params = Mapping[str, object]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks; `params` are checked against `METHODS`."""

    id: int
    method: str
    params: Params


@dataclass(frozen=True, slots=True)
class Reply:
    """One line of an answer: exactly one of the three is set, and `event` is not the last line."""

    id: int | None  # None where the request could not be read
    result: Mapping[str, Any] | None = None
    event: Mapping[str, Any] | None = None
    error: WabotError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One finding of a diagnosis, as keys, so that the reader says it in his language."""

    name: str  # stable, e.g. "tray-host"
    level: str  # "ok", "warn" or "fail"
    key: str  # the sentence
    params: Mapping[str, Scalar] = field(default_factory=dict)
    advice_key: str | None = None  # what to do; it takes the same params


LEVELS: Final = ("ok", "warn", "fail")


@dataclass(frozen=True, slots=True)
class _Param:
    """What one parameter may be; without a default it must be there."""

    kind: str
    optional: bool = False


_ID: Final = {"id": _Param("id")}
_MAYBE_ID: Final = {"id": _Param("id", optional=True)}

# The passphrase passes through the socket, which is this user's alone, and is kept nowhere.
_BACKUP: Final = {"path": _Param("path"), "passphrase": _Param("secret")}

METHODS: Final[Mapping[str, Mapping[str, _Param]]] = {
    "hello": {},
    "status": _MAYBE_ID,
    "watch": _MAYBE_ID,  # stream
    "add": {"id": _Param("id"), "label": _Param("label", optional=True)},
    "rename": {"id": _Param("id"), "label": _Param("label")},
    "remove": _ID,
    "start": _ID,
    "stop": _ID,
    "reconnect": {"id": _Param("id", optional=True), "wait_s": _Param("seconds")},  # stream
    "history": _ID,
    "verify": _MAYBE_ID,
    # stream, the only one that carries codes
    "pair": {"id": _Param("id"), "phone": _Param("phone", optional=True)},
    "diagnose": {},
    "backup": {**_BACKUP, "replace": _Param("flag", optional=True)},  # stream
    "look": _BACKUP,
    "restore": {**_BACKUP, "wishes": _Param("wishes")},  # stream
    "settings": {},
    "set": {"name": _Param("word"), "value": _Param("word")},
    "proxy": {  # its password is kept sealed and never told
        "proxy": _Param("word", optional=True),
        "password": _Param("word", optional=True),
        "id": _Param("id", optional=True),
    },
    "show": {},
    "quit": {},
}


# --- Requests ------------------------------------------------------------------------------------


def encode_request(request: Request) -> bytes:
    """Return `request` as one line, newline included."""
    params = {name: value for name, value in request.params.items() if value is not None}
    return _line({"id": request.id, "method": request.method, "params": params})


def decode_request(line: bytes) -> Request:
    """Return the request in `line`, all its parameters checked.

    Raises:
        WireError: The line is no request.
        ControlError: It is one, of another version or for an unknown method.
        AccountError: It names an account by something that can be no id.
    """
    body = _object(line)
    number = body.get("id")
    if type(number) is not int or not 0 <= number <= _HIGHEST_ID:
        raise WireError(detail="id")
    method, params = body.get("method"), body.get("params", {})
    if not isinstance(method, str) or not isinstance(params, dict):
        raise WireError(detail="method")
    if (known := METHODS.get(method)) is None:
        raise ControlError("error.control_method", method=method[:40])
    if unknown := set(params) - set(known):
        raise WireError(detail=f"unknown parameter {min(unknown)[:40]!r}")
    checked: dict[str, object] = {}
    for name, rule in known.items():
        if params.get(name) is not None:
            checked[name] = _checked(name, params[name], rule.kind)
        elif not rule.optional:
            raise WireError(detail=f"{name} is missing")
    return Request(number, method, checked)


def request_id(line: bytes) -> int | None:
    """Return the id in a line that is otherwise refused, so that the refusal can name it."""
    try:
        number = json.loads(line).get("id")
    except (ValueError, RecursionError, AttributeError):
        return None
    return number if type(number) is int and 0 <= number <= _HIGHEST_ID else None


def _checked(name: str, value: object, kind: str) -> object:
    if kind == "seconds":
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise WireError(detail=f"{name} is no number")
        if not 0 < value <= LONGEST_WAIT_S:  # NaN and infinity are not either
            raise WireError(detail=f"{name} is out of its limits")
        return float(value)
    if kind == "flag":
        if not isinstance(value, bool):
            raise WireError(detail=f"{name} is neither true nor false")
        return value
    if kind == "wishes":
        return _wishes(value)
    if not isinstance(value, str):
        raise WireError(detail=f"{name} is no text")
    if kind in {"path", "secret", "word", "phone"}:
        return _text(name, value, kind)
    return checked_id(value) if kind == "id" else checked_label(value)


def _text(name: str, value: str, kind: str) -> str:
    if kind == "phone" and not _PHONE.fullmatch(value):
        raise WireError(detail=f"{name} is no number in digits")
    if not (value or kind == "word") or len(value) > _LONGEST_TEXT or "\0" in value:
        raise WireError(detail=f"{name} is out of its limits")
    return value


def _wishes(value: object) -> object:
    """Return what is to be restored, checked: ids by id, and names of files."""
    if not isinstance(value, dict) or set(value) != {"accounts", "files"}:
        raise WireError(detail="wishes")
    accounts, files = value["accounts"], value["files"]
    if not isinstance(accounts, list) or not isinstance(files, list):
        raise WireError(detail="wishes")
    if not all(isinstance(name, str) for name in files):
        raise WireError(detail="files")
    for one in accounts:
        if not isinstance(one, dict) or set(one) != {"source", "target", "label", "enabled"}:
            raise WireError(detail="an account's wish")
        if not isinstance(one["source"], str) or not isinstance(one["target"], str):
            raise WireError(detail="an account's id")
        if not isinstance(one["enabled"], bool | None) or not isinstance(one["label"], str):
            raise WireError(detail="an account's wish")
        checked_id(one["source"])
        checked_id(one["target"])
        one["label"] = checked_label(one["label"])
    return value


# --- Replies -------------------------------------------------------------------------------------


def encode_reply(reply: Reply) -> bytes:
    """Return `reply` as one line, newline included."""
    body: dict[str, Any] = {"id": reply.id}
    if reply.error is not None:
        body["error"] = error_to_json(reply.error)
    elif reply.event is not None:
        body["event"] = reply.event
    else:
        body["result"] = reply.result or {}
    return _line(body)


def decode_reply(line: bytes) -> Reply:
    """Return the reply in `line`.

    Raises:
        WireError: The line is no reply.
        ControlError: The running program speaks another version of this protocol.
    """
    body = _object(line)
    number = body.get("id")
    if number is not None and type(number) is not int:
        raise WireError(detail="id")
    found = [name for name in ("result", "event", "error") if name in body]
    if len(found) != 1 or not isinstance(body[found[0]], dict):
        raise WireError(detail="reply")
    content = body[found[0]]
    if found == ["error"]:
        return Reply(number, error=error_from_json(content))
    return Reply(number, **{found[0]: content})


def error_to_json(error: WabotError) -> dict[str, Any]:
    """Return what `error` says, its values cut to plain, short ones."""
    return {"key": error.message_key, "params": {k: _plain(v) for k, v in error.params.items()}}


def error_from_json(body: Mapping[str, object]) -> ControlError:
    """Return the error the other side reported.

    Raises:
        WireError: It is none.
    """
    key, params = body.get("key"), body.get("params", {})
    if not isinstance(key, str) or not isinstance(params, dict):
        raise WireError(detail="error")
    return ControlError(key, **{str(name): _plain(value) for name, value in params.items()})


def _plain(value: object) -> Scalar:
    if value is None or isinstance(value, bool | int | float):
        return value
    return str(value)[:_LONGEST_PARAM]


# --- What is inside ------------------------------------------------------------------------------


def to_json(value: object) -> dict[str, Any]:
    """Return a frozen dataclass of `core.snapshot`, or a `Check`, as JSON knows it."""
    found = {f.name: getattr(value, f.name) for f in dataclasses.fields(typing.cast(Any, value))}
    return {
        name: dict(item) if isinstance(item, Mapping) else wire.to_json(item)
        for name, item in found.items()
    }


def from_json(cls: type[T], body: object) -> T:
    """Return `body` as a `cls`, a dataclass of `core.snapshot`, every field checked.

    Fields we do not know are passed over: the running program may be newer.

    Raises:
        WireError: A field is missing or of another type.
    """
    if not isinstance(body, dict):
        raise WireError(detail=f"no {cls.__name__}")
    values = {
        name: wire.from_json(body[name], hint, name)
        for name, hint in _hints(typing.cast(type, cls)).items()
        if name in body
    }
    try:
        return cls(**values)
    except TypeError as err:
        raise WireError(detail=f"{cls.__name__} is incomplete") from err


def check_from_json(body: object) -> Check:
    """Return `body` as a `Check`.

    Raises:
        WireError: It is none.
    """
    if not isinstance(body, dict):
        raise WireError(detail="no Check")
    name, level, key = (body.get(part) for part in ("name", "level", "key"))
    params, advice = body.get("params", {}), body.get("advice_key")
    texts = isinstance(name, str) and isinstance(key, str) and isinstance(advice, str | None)
    if not texts or level not in LEVELS or not isinstance(params, dict):
        raise WireError(detail="no Check")
    plain = {str(word): _plain(value) for word, value in params.items()}
    return Check(name=str(name), level=level, key=str(key), params=plain, advice_key=advice)


@cache
def _hints(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _line(body: dict[str, Any]) -> bytes:
    whole = {"v": VERSION, **body}
    return (
        json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode(
            "utf-8",
            "replace",  # a lone surrogate in a label must not stop an answer
        )
        + b"\n"
    )


def _object(line: bytes) -> dict[str, Any]:
    if len(line) > LONGEST_LINE_BYTES:
        raise WireError(detail="line too long")
    try:
        body = json.loads(line)
    except (ValueError, RecursionError) as err:
        raise WireError(detail="no JSON") from err
    if not isinstance(body, dict) or type(body.get("v")) is not int:
        raise WireError(detail="no object of ours")
    if body["v"] != VERSION:
        raise ControlError("error.control_version", ours=VERSION, theirs=body["v"])
    return body
