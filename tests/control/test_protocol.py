import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.control.fake_manager import NOW, session, step
from wabot_tray.control import protocol
from wabot_tray.control.protocol import Check, Reply, Request
from wabot_tray.core.errors import AccountError, ControlError, ReasonedError, WabotError, WireError
from wabot_tray.core.reasons import Reason
from wabot_tray.core.snapshot import PairingProgress, PairingStage, SessionSnapshot, VerifyResult
from wabot_tray.core.states import SessionState

VALID: dict[str, Any] = {"v": 1, "id": 1, "method": "start", "params": {"id": "shop"}}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def line(**changes: Any) -> bytes:
    return json.dumps({**VALID, **changes}).encode() + b"\n"


@pytest.mark.parametrize(
    "phone", ["", "+34600111222", "600 111", "0600111222", "1" * 16, "\u0661" * 9]
)
def test_number_that_is_not_digits_is_refused(phone: str) -> None:
    with pytest.raises(WireError):
        protocol.decode_request(line(method="pair", params={"id": "shop", "phone": phone}))


@pytest.mark.parametrize("method", protocol.METHODS)
def test_request_of_every_method_survives_the_way(method: str) -> None:
    wish = {"source": "shop", "target": "shop-2", "label": "", "enabled": None}
    examples = {
        "id": "shop",
        "label": "Café",
        "wait_s": 5.0,
        "phone": "34600111222",
        "path": "/home/rosa/b.wabot",
        "passphrase": "the shop's own words",
        "replace": True,
        "name": "quiet_s",
        "value": "2",
        "proxy": "http://ana@proxy:3128",
        "password": "",
        "wishes": {"accounts": [wish], "files": ["rules"]},
    }
    params = {name: examples[name] for name in protocol.METHODS[method]}
    request = Request(3, method, params)
    assert protocol.decode_request(protocol.encode_request(request)) == request


def test_request_leaves_out_what_is_not_given() -> None:
    encoded = protocol.encode_request(Request(1, "status", {"id": None}))
    assert json.loads(encoded)["params"] == {}


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"\n",
        b"\xff\xfe",
        b"[]",
        b"1",
        b"null",
        b'"v"',
        b"[" * 100_000,
        b"9" * 5000,  # more digits than int() takes
        b"x" * (protocol.LONGEST_LINE_BYTES + 1),
        line(v=None),
        line(v=True),
        line(v="1"),
        line(id=None),
        line(id=-1),
        line(id=1 << 60),
        line(id=True),
        line(id="1"),
        line(method=None),
        line(method=["status"]),
        line(params=[]),
        line(params={}),
        line(params={"id": None}),
        line(params={"id": 1}),
        line(params={"id": "shop", "more": 1}),
        line(method="reconnect", params={}),
        line(method="reconnect", params={"wait_s": "5"}),
        line(method="reconnect", params={"wait_s": True}),
        line(method="reconnect", params={"wait_s": 0}),
        line(method="reconnect", params={"wait_s": 1e9}),
        b'{"v":1,"id":1,"method":"reconnect","params":{"wait_s":NaN}}',
        b'{"v":1,"id":1,"method":"reconnect","params":{"wait_s":Infinity}}',
    ],
)
def test_broken_request_is_a_wire_error(broken: bytes) -> None:
    with pytest.raises(WireError):
        protocol.decode_request(broken)


@pytest.mark.parametrize("account_id", ["", "../x", "A", "a/b", "a" * 65, "a\n", "é"])
def test_request_for_an_impossible_account_is_an_account_error(account_id: str) -> None:
    with pytest.raises(AccountError):
        protocol.decode_request(line(params={"id": account_id}))


@pytest.mark.parametrize("label", ["x" * 81, "a\nb", "a\x1b[2J"])
def test_label_that_cannot_stand_on_a_line_is_refused(label: str) -> None:
    with pytest.raises(ControlError) as caught:
        protocol.decode_request(line(method="rename", params={"id": "shop", "label": label}))
    assert caught.value.message_key == "error.control_label"


def test_other_version_and_other_method_say_so() -> None:
    for broken, key in (
        (line(v=2), "error.control_version"),
        (line(method="format-disk"), "error.control_method"),
    ):
        with pytest.raises(ControlError) as caught:
            protocol.decode_request(broken)
        assert caught.value.message_key == key


@given(st.binary(max_size=200) | JSON.map(lambda body: json.dumps(body).encode()))
def test_any_line_is_a_request_or_an_error_of_ours(raw: bytes) -> None:
    for decode in (protocol.decode_request, protocol.decode_reply, protocol.request_id):
        with contextlib.suppress(WabotError):
            decode(raw)


@given(st.dictionaries(st.sampled_from(["v", "id", "method", "params"]), JSON))
def test_any_object_with_our_names_is_a_request_or_an_error_of_ours(body: dict[str, Any]) -> None:
    raw = json.dumps({"v": 1, **body}).encode()
    with contextlib.suppress(WabotError):
        protocol.decode_request(raw)


def test_snapshots_survive_the_way() -> None:
    full = session(
        "shop",
        state=SessionState.BANNED,
        reason=Reason.TEMPORARY_BAN,
        expires_at=NOW,
        next_attempt_at=NOW,
        notice=Reason.BOT_FILE_BROKEN,
        notice_detail="{}",
    )
    code = step("shop", PairingStage.CODE, code="2@x", number=2, code_expires_at=NOW)
    verified = VerifyResult(id="shop", connected=True, answered=False, took_ms=None)
    values: tuple[Any, ...] = (full, code, verified)
    for value in values:
        body = json.loads(json.dumps(protocol.to_json(value)))
        assert protocol.from_json(type(value), body) == value


def test_snapshot_of_a_newer_program_is_read() -> None:
    body = {**protocol.to_json(session("shop")), "mood": "fine"}
    assert protocol.from_json(SessionSnapshot, body) == session("shop")


@pytest.mark.parametrize(
    "change", [{"state": "happy"}, {"since": "2026-01-01"}, {"id": 1}, {"restarts": "1"}]
)
def test_snapshot_with_a_wrong_field_is_a_wire_error(change: dict[str, Any]) -> None:
    with pytest.raises(WireError):
        protocol.from_json(SessionSnapshot, {**protocol.to_json(session("shop")), **change})


def test_incomplete_snapshot_is_a_wire_error() -> None:
    bodies: tuple[object, ...] = (None, [], {}, {"id": "shop"})
    for body in bodies:
        with pytest.raises(WireError):
            protocol.from_json(PairingProgress, body)


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        {"name": "a", "level": "great", "key": "k"},
        {"name": "a", "level": "ok", "key": 1},
        {"name": "a", "level": "ok", "key": "k", "params": []},
        {"name": "a", "level": "ok", "key": "k", "advice_key": 1},
    ],
)
def test_broken_check_is_a_wire_error(body: object) -> None:
    with pytest.raises(WireError):
        protocol.check_from_json(body)


def test_check_survives_the_way() -> None:
    check = Check(name="tray", level="warn", key="k", params={"n": 1}, advice_key="a")
    assert protocol.check_from_json(json.loads(json.dumps(protocol.to_json(check)))) == check


def test_error_survives_the_way_as_key_and_plain_values() -> None:
    error = ReasonedError(Reason.PHONE_UNLINKED, "x" * 9999)
    reply = protocol.decode_reply(protocol.encode_reply(Reply(1, error=error)))
    assert reply.error is not None
    assert reply.error.message_key == "reason.phone-unlinked"
    assert len(str(reply.error.params["detail"])) == 2000


@pytest.mark.parametrize(
    "body",
    [
        {"v": 1, "id": 1},
        {"v": 1, "id": 1, "result": []},
        {"v": 1, "id": "1", "result": {}},
        {"v": 1, "id": 1, "result": {}, "event": {}},
        {"v": 1, "id": 1, "error": {"key": 1}},
        {"v": 1, "id": 1, "error": {"key": "k", "params": 1}},
    ],
)
def test_broken_reply_is_a_wire_error(body: dict[str, Any]) -> None:
    with pytest.raises(WireError):
        protocol.decode_reply(json.dumps(body).encode())


def test_label_with_half_a_character_does_not_stop_an_answer() -> None:
    body = {"session": {"label": "half \ud83d"}}
    reply = protocol.decode_reply(protocol.encode_reply(Reply(1, result=body)))
    assert reply.result == {"session": {"label": "half ?"}}


WISH: dict[str, Any] = {"source": "a", "target": "b", "label": "", "enabled": None}


@pytest.mark.parametrize(
    "wishes",
    [
        {},
        {"accounts": []},
        {"accounts": {}, "files": []},
        {"accounts": [], "files": [1]},
        {"accounts": [{"source": "a"}], "files": []},
        {"accounts": [WISH | {"target": "../b"}], "files": []},
        {"accounts": [WISH | {"enabled": 1}], "files": []},
        {"accounts": [WISH | {"label": "a\nb"}], "files": []},
        {"accounts": [WISH | {"source": 1}], "files": []},
    ],
)
def test_wishes_of_another_kind_are_refused(wishes: object) -> None:
    params = {"path": "/b", "passphrase": "p", "wishes": wishes}
    line = json.dumps({"v": 1, "id": 1, "method": "restore", "params": params}).encode()
    with pytest.raises(WabotError):
        protocol.decode_request(line)


@pytest.mark.parametrize("change", [{"path": ""}, {"path": "a\0b"}, {"passphrase": "x" * 5000}])
def test_path_and_passphrase_have_limits(change: dict[str, str]) -> None:
    params = {"path": "/b", "passphrase": "p"} | change
    line = json.dumps({"v": 1, "id": 1, "method": "look", "params": params}).encode()
    with pytest.raises(WireError):
        protocol.decode_request(line)
