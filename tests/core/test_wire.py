"""What crosses between our processes: all that is sent comes back, and rubbish is refused."""

import dataclasses
import json
import math
import types
import typing
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wabot_tray.core import commands, events, wire
from wabot_tray.core.errors import WireError
from wabot_tray.core.reasons import Reason

EVENTS = sorted(wire._tree(events.WorkerEvent).values(), key=lambda cls: cls.__name__)
COMMANDS = sorted(wire._tree(commands.Command).values(), key=lambda cls: cls.__name__)
_ZONES = st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(
    lambda offset: timezone(timedelta(minutes=offset // timedelta(minutes=1)))
)
# As Hypothesis wants them: it adds the zone.
_CALENDAR = datetime(1970, 1, 1), datetime(9990, 12, 31)  # noqa: DTZ001
_VALUES: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(st.characters()),  # halves of surrogate pairs too
    int: st.integers(-(2**53), 2**53),
    bool: st.booleans(),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bytes: st.binary(max_size=64),
    datetime: st.datetimes(*_CALENDAR, timezones=_ZONES),
}
_DIGITS = st.text("0123456789", max_size=wire.LONGEST_PHONE)
_DETAILS = st.text(st.characters(), max_size=100) | st.just("é" * wire.LONGEST_DETAIL)
_FITTING = {
    ("QrShown", "code"): st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1),
    ("LinkCodeShown", "code"): st.from_regex(r"[0-9A-Z]{4}-[0-9A-Z]{4}", fullmatch=True),
    ("LinkCodeShown", "phone"): _DIGITS,
    ("PairingSucceeded", "phone"): _DIGITS,
    ("LoggedIn", "phone"): _DIGITS,
    ("DialFailed", "detail"): _DETAILS,
    ("StorageFailed", "detail"): _DETAILS,
    ("Noticed", "detail"): _DETAILS,
    ("Noticed", "topic"): st.sampled_from(wire.TOPICS),
}
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


def values(hint: Any) -> st.SearchStrategy[Any]:
    if isinstance(hint, types.UnionType):
        parts = [values(part) for part in typing.get_args(hint) if part is not type(None)]
        return st.none() | st.one_of(parts)
    if issubclass(hint, Enum):
        return st.sampled_from(list(hint))
    return _VALUES[hint]


def instances(cls: type) -> st.SearchStrategy[Any]:
    hints = typing.get_type_hints(cls)
    fields = dataclasses.fields(cls)
    return st.builds(
        cls,
        **{
            field.name: _FITTING.get((cls.__name__, field.name), values(hints[field.name]))
            for field in fields
        },
    )


def decode(message: object, line: bytes) -> object:
    is_event = isinstance(message, events.WorkerEvent)
    return wire.decode_event(line) if is_event else wire.decode_command(line)


@given(st.one_of([instances(cls) for cls in [*EVENTS, *COMMANDS]]))
def test_message_comes_back_as_it_was_in_one_line(message: Any) -> None:
    line = wire.encode(message)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert decode(message, line) == message


def test_every_event_of_a_worker_and_every_command_is_known() -> None:
    assert {cls.__name__ for cls in EVENTS} >= {"WorkerReady", "QrShown", "WorkerExited"}
    names = {"Start", "SetPace", "Verify", "AskCode", "Unlink", "Stop"}
    assert {cls.__name__ for cls in COMMANDS} == names


@pytest.mark.parametrize("cls", [*EVENTS, *COMMANDS], ids=lambda cls: cls.__name__)
def test_every_field_is_of_a_kind_that_can_cross(cls: type) -> None:
    for hint in typing.get_type_hints(cls).values():
        if typing.get_origin(hint) is not typing.ClassVar:
            values(hint)


@given(st.binary(max_size=200))
def test_rubbish_is_refused(line: bytes) -> None:
    with pytest.raises(WireError):
        wire.decode_event(line)
    with pytest.raises(WireError):
        wire.decode_command(line)


@given(st.sampled_from([*EVENTS, *COMMANDS]), st.data())
def test_line_with_foreign_values_is_a_message_or_refused(cls: type, data: st.DataObject) -> None:
    body: dict[str, Any] = {"v": wire.VERSION, "type": cls.__name__}
    for field in dataclasses.fields(cls):
        if data.draw(st.booleans()):
            body[field.name] = data.draw(_JSON)
    line = json.dumps(body).encode()
    is_event = issubclass(cls, events.WorkerEvent)
    try:
        found = wire.decode_event(line) if is_event else wire.decode_command(line)
    except WireError:
        return
    assert isinstance(found, cls)
    assert wire.encode(found)


@given(instances(commands.Start), st.data())
def test_cut_line_is_refused(message: commands.Start, data: st.DataObject) -> None:
    line = wire.encode(message)
    end = data.draw(st.integers(0, len(line) - 2))
    with pytest.raises(WireError):
        wire.decode_command(line[:end])


READY = {"v": 1, "type": "WorkerReady", "pid": 1, "live_in_ram": True}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ([], "other version"),
        ({}, "other version"),
        (READY | {"v": 2}, "other version"),
        (READY | {"type": None}, "unknown type"),
        (READY | {"type": "Start"}, "unknown type"),
        (READY | {"type": "WorkerEvent"}, "unknown type"),
        (READY | {"type": "StopAsked"}, "unknown type"),
        ({"v": 1, "type": "WorkerReady", "pid": 1}, "incomplete"),
        (READY | {"pid": True}, "pid is no int"),
        (READY | {"pid": 1.0}, "pid is no int"),
        (READY | {"live_in_ram": 1}, "live_in_ram is no bool"),
        (READY | {"pid": None}, "pid is no int"),
        ({"v": 1, "type": "Verified", "token": 1, "answered": True, "took_ms": True}, "no float"),
        (
            {"v": 1, "type": "Verified", "token": 1, "answered": True, "took_ms": 10**400},
            "no float",
        ),
        (READY | {"v": True}, "other version"),
        (READY | {"pid": 2**53 + 1}, "pid is no int"),
        ({"v": 1, "type": "Verified", "token": 1, "answered": True, "took_ms": math.nan}, "float"),
        ({"v": 1, "type": "Verified", "token": 1, "answered": True, "took_ms": math.inf}, "float"),
        ({"v": 1, "type": "LoggedIn", "phone": "\x1b[31m"}, "phone cannot be that"),
        ({"v": 1, "type": "LoggedIn", "phone": "٣٤"}, "phone cannot be that"),
        ({"v": 1, "type": "LoggedIn", "phone": "3" * 21}, "phone cannot be that"),
        ({"v": 1, "type": "DialFailed", "detail": "x" * 4001}, "detail cannot be that"),
        ({"v": 1, "type": "Noticed", "topic": "x", "reason": None}, "topic cannot be that"),
        (
            {"v": 1, "type": "TemporarilyBanned", "code": 1, "expires_at": "9999-12-31T23:59:59Z"},
            "expires_at is no datetime",
        ),
        ({"v": 1, "type": "LoggedOut", "reason": "no-such-reason"}, "reason is no Reason"),
        (
            {"v": 1, "type": "TemporarilyBanned", "code": 1, "expires_at": "2026-11-22T10:00:00"},
            "expires_at is no datetime",
        ),
    ],
)
def test_wrong_line_is_refused_with_what_is_wrong(body: object, said: str) -> None:
    with pytest.raises(WireError, match=said):
        wire.decode_event(json.dumps(body).encode())


def test_line_that_is_too_long_or_too_deep_is_refused() -> None:
    with pytest.raises(WireError, match="too long"):
        wire.decode_event(b" " * (wire.LONGEST_LINE_BYTES + 1))
    with pytest.raises(WireError, match="no JSON"):
        wire.decode_event(b"[" * 200_000)


def test_key_that_is_no_base64_is_refused() -> None:
    with pytest.raises(WireError, match="k is no bytes"):
        wire.from_json("a secret!", bytes, "k")


def test_unknown_field_of_a_later_version_is_passed_over() -> None:
    event = wire.decode_event(json.dumps(READY | {"later": 1}).encode())
    assert event == events.WorkerReady(pid=1, live_in_ram=True)


def test_whole_number_is_taken_for_a_float() -> None:
    verified = {"v": 1, "type": "Verified", "token": 1, "answered": True, "took_ms": 41}
    event = wire.decode_event(json.dumps(verified).encode())
    assert isinstance(event, events.Verified)
    assert isinstance(event.took_ms, float)


def test_secrets_are_in_no_repr() -> None:
    start = commands.Start(
        account_id="a",
        folder="f",
        live_folder="l",
        live_in_ram=True,
        bot_file="b",
        data_key=b"KEYKEYKEY",
        pair=False,
    )
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    qr = events.QrShown(code="2@SECRET", number=1, code_expires_at=moment, window_ends_at=moment)
    logged_in = events.LoggedIn(phone="34600111222")
    for message in (start, qr, logged_in, events.PairingSucceeded(phone="34600111222")):
        for secret in ("KEYKEY", "34600", "SECRET"):
            assert secret not in repr(message)


def test_to_json_says_enums_by_value() -> None:
    assert wire.to_json(Reason.LINK_LOST) == "link-lost"
