import asyncio
import json
import logging
import os
import socket
from datetime import timedelta
from typing import Any

import pytest

from tests.control.conftest import Dial, FakeHost, StartServer
from tests.control.fake_manager import NOW, FakeManager, session, step
from tests.waiting import until
from wabot_tray import __version__
from wabot_tray.control import protocol
from wabot_tray.control.protocol import Check
from wabot_tray.core.errors import ControlError
from wabot_tray.core.reasons import Reason
from wabot_tray.core.snapshot import PairingStage, SessionRemoved, SessionSnapshot
from wabot_tray.core.states import SessionState
from wabot_tray.system.paths import Paths

CODE = "2@very-secret,qr,text"
CONNECTING: dict[str, Any] = {"state": SessionState.CONNECTING, "reason": Reason.RETRYING}


async def test_status_returns_every_session_in_order(
    start_server: StartServer, dial: Dial, manager: FakeManager
) -> None:
    await start_server()
    result = (await (await dial()).ask("status"))["result"]
    assert result["version"] == __version__
    found = [protocol.from_json(SessionSnapshot, body) for body in result["sessions"]]
    assert tuple(found) == manager.snapshots()


async def test_status_of_one_account_returns_it_alone(
    start_server: StartServer, dial: Dial
) -> None:
    await start_server()
    result = (await (await dial()).ask("status", id="bar"))["result"]
    assert [body["id"] for body in result["sessions"]] == ["bar"]


@pytest.mark.parametrize(
    "method", ["status", "watch", "remove", "start", "stop", "reconnect", "verify", "pair"]
)
async def test_unknown_account_is_named_in_the_error(
    start_server: StartServer, dial: Dial, manager: FakeManager, method: str
) -> None:
    await start_server()
    params: dict[str, object] = {"wait_s": 5} if method == "reconnect" else {}
    reply = await (await dial()).ask(method, id="nobody", **params)
    assert reply["error"] == {"key": "error.account_unknown", "params": {"id": "nobody"}}
    assert manager.asked == []
    assert manager.listeners == []


async def test_one_connection_serves_several_requests(
    start_server: StartServer, dial: Dial
) -> None:
    await start_server()
    client = await dial()
    assert (await client.ask("hello"))["result"]["pid"] == os.getpid()
    assert (await client.ask("status"))["id"] == 2


@pytest.mark.parametrize(
    ("method", "asked", "state"),
    [
        ("start", ("connect", "shop"), "connecting"),
        ("stop", ("stop", "shop"), "stopped"),
    ],
)
async def test_change_is_done_and_told(
    start_server: StartServer,
    dial: Dial,
    manager: FakeManager,
    method: str,
    asked: tuple[str, ...],
    state: str,
) -> None:
    await start_server()
    reply = await (await dial()).ask(method, id="shop")
    assert reply["result"]["session"]["state"] == state
    assert manager.asked == [asked]


async def test_add_rename_and_remove_reach_the_manager(
    start_server: StartServer, dial: Dial, manager: FakeManager
) -> None:
    await start_server()
    client = await dial()
    assert (await client.ask("add", id="new", label=" Café "))["result"]["session"]["id"] == "new"
    assert (await client.ask("rename", id="new", label="Bar"))["result"]["session"][
        "label"
    ] == "Bar"
    assert (await client.ask("remove", id="new"))["result"] == {"unlinked": False}
    assert manager.asked == [("add", "new", "Café"), ("rename", "new", "Bar"), ("remove", "new")]
    assert "new" not in manager.sessions


async def test_broken_manager_is_an_error_for_the_client_and_a_trace_for_the_log(
    start_server: StartServer, dial: Dial, manager: FakeManager, caplog: pytest.LogCaptureFixture
) -> None:
    manager.errors["stop"] = RuntimeError("oops")
    await start_server()
    client = await dial()
    with caplog.at_level(logging.ERROR):
        reply = await client.ask("stop", id="shop")
    assert reply["error"] == {"key": "error.unexpected", "params": {"detail": "RuntimeError"}}
    assert "RuntimeError: oops" in caplog.text
    assert "result" in await client.ask("status")  # the connection and the program live on


async def test_full_disk_is_an_error_and_not_a_hang_up(
    start_server: StartServer, dial: Dial, manager: FakeManager
) -> None:
    manager.errors["stop"] = OSError(28, "No space left on device")
    await start_server()
    reply = await (await dial()).ask("stop", id="shop")
    assert reply["error"]["params"] == {"detail": "OSError"}


async def test_method_that_hangs_ends_with_a_timeout(
    start_server: StartServer, dial: Dial, manager: FakeManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(_: str) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(manager, "stop", hang)
    await start_server(method_s=0.02)
    assert (await (await dial()).ask("stop", id="shop"))["error"]["key"] == "error.control_timeout"


async def test_verify_asks_only_enabled_sessions(
    start_server: StartServer, dial: Dial, manager: FakeManager
) -> None:
    manager.sessions["off"] = session("off", enabled=False, state=SessionState.STOPPED)
    await start_server()
    results = (await (await dial()).ask("verify"))["result"]["results"]
    assert [(body["id"], body["answered"]) for body in results] == [("shop", True), ("bar", False)]


async def test_diagnose_carries_the_checks_of_the_program(
    start_server: StartServer, dial: Dial, host: FakeHost
) -> None:
    check = Check(name="tray", level="warn", key="k", params={"n": 1}, advice_key="a")
    host.checks.append(check)
    await start_server()
    checks = (await (await dial()).ask("diagnose"))["result"]["checks"]
    assert [protocol.check_from_json(body) for body in checks] == [check]


async def test_show_and_quit_reach_the_program(
    start_server: StartServer, dial: Dial, host: FakeHost
) -> None:
    await start_server()
    client = await dial()
    assert (await client.ask("show"))["result"] == {}
    assert "result" in await client.ask("quit")
    await until(lambda: (host.shown, host.quits) == (1, 1))


# --- Watching ------------------------------------------------------------------------------------


async def test_watch_tells_changes_and_removals(
    start_server: StartServer, dial: Dial, manager: FakeManager
) -> None:
    await start_server()
    client = await dial()
    assert len((await client.ask("watch"))["event"]["sessions"]) == 2
    manager.tell(session("shop", **CONNECTING))
    assert (await client.line())["event"]["session"]["state"] == "connecting"
    manager.tell(SessionRemoved(id="bar"))
    assert (await client.line())["event"] == {"removed": "bar"}


async def test_watch_of_one_account_hears_nothing_of_others_and_ends_with_it(
    start_server: StartServer, dial: Dial, manager: FakeManager
) -> None:
    await start_server()
    client = await dial()
    await client.ask("watch", id="shop")
    manager.tell(session("bar", **CONNECTING))
    manager.tell(SessionRemoved(id="shop"))
    assert (await client.line())["event"] == {"removed": "shop"}
    assert (await client.line())["result"] == {}
    assert manager.listeners == []


async def test_watch_never_carries_a_code(
    start_server: StartServer, dial: Dial, manager: FakeManager
) -> None:
    await start_server()
    client = await dial()
    first = await client.ask("watch")
    manager.tell(step("shop", PairingStage.CODE, code=CODE, number=1))
    manager.tell(session("shop", **CONNECTING))
    assert CODE not in json.dumps([first, await client.line()])


async def test_watch_of_a_slow_reader_is_told_the_newest_state(
    start_server: StartServer, dial: Dial, manager: FakeManager
) -> None:
    await start_server()
    client = await dial()
    await client.ask("watch")
    for restarts in range(500):
        manager.tell(session("shop", restarts=restarts))
    assert (await client.line())["event"]["session"]["restarts"] == 499


async def test_watcher_that_hangs_up_is_forgotten(
    start_server: StartServer, dial: Dial, manager: FakeManager
) -> None:
    await start_server()
    client = await dial()
    await client.ask("watch")
    assert len(manager.listeners) == 1
    await client.close()
    await until(lambda: manager.listeners == [])


# --- Reconnecting --------------------------------------------------------------------------------


async def test_reconnect_waits_until_connected(
    start_server: StartServer, dial: Dial, manager: FakeManager
) -> None:
    manager.reconnects_to["shop"] = session("shop")
    await start_server()
    client = await dial()
    states = [(await client.ask("reconnect", id="shop", wait_s=5))["event"]["session"]["state"]]
    states.append((await client.line())["event"]["session"]["state"])
    (outcome,) = (await client.line())["result"]["sessions"]
    assert states == ["connecting", "connected"]
    assert outcome["outcome"] == "connected"
    assert manager.listeners == []


async def test_reconnect_of_all_tells_each_outcome(
    start_server: StartServer, dial: Dial, manager: FakeManager
) -> None:
    manager.sessions["off"] = session("off", enabled=False, state=SessionState.STOPPED)
    manager.sessions["mute"] = session("mute")
    banned = session("club", state=SessionState.BANNED, reason=Reason.TEMPORARY_BAN)
    manager.sessions["club"] = manager.reconnects_to["club"] = banned
    manager.reconnects_to["shop"] = session("shop")
    await start_server()
    client = await dial()
    reply = await client.ask("reconnect", wait_s=0.2)
    while "result" not in reply:
        reply = await client.line()
    told = {body["id"]: body for body in reply["result"]["sessions"]}
    assert {account_id: body["outcome"] for account_id, body in told.items()} == {
        "shop": "connected",
        "bar": "failed",
        "mute": "timeout",
        "club": "failed",
    }
    assert told["bar"]["error"]["key"] == "reason.phone-unlinked"


async def test_reconnect_of_an_account_removed_meanwhile_fails(
    start_server: StartServer, dial: Dial, manager: FakeManager
) -> None:
    await start_server()
    client = await dial()
    await client.ask("reconnect", id="shop", wait_s=5)
    manager.tell(SessionRemoved(id="shop"))
    (outcome,) = (await client.line())["result"]["sessions"]
    assert (outcome["outcome"], outcome["session"]) == ("failed", None)
    assert outcome["error"]["key"] == "error.account_unknown"


# --- Pairing -------------------------------------------------------------------------------------


def script(account_id: str) -> list[Any]:
    ends = NOW + timedelta(seconds=20)
    return [
        step(account_id, PairingStage.STARTING),
        step(account_id, PairingStage.CODE, code=CODE, number=1, code_expires_at=ends),
        step(account_id, PairingStage.LINKING),
        step(account_id, PairingStage.DONE, phone="34600111222"),
    ]


async def test_pair_streams_the_steps_to_the_end(
    start_server: StartServer, dial: Dial, manager: FakeManager, caplog: pytest.LogCaptureFixture
) -> None:
    manager.pairing_steps = script("bar")
    await start_server()
    client = await dial()
    with caplog.at_level(logging.DEBUG):
        lines = [await client.ask("pair", id="bar")]
        lines += [await client.line() for _ in range(4)]
    assert [line["event"]["stage"] for line in lines[:-1]] == [
        "starting",
        "code",
        "linking",
        "done",
    ]
    assert lines[1]["event"]["code"] == CODE
    assert lines[-1]["result"] == {}
    assert ("cancel_pairing", "bar") not in manager.asked
    assert CODE not in caplog.text


async def test_pairing_ends_with_the_client_that_began_it(
    start_server: StartServer, dial: Dial, manager: FakeManager
) -> None:
    manager.pairing_steps = script("bar")[:2]
    await start_server()
    client = await dial()
    await client.ask("pair", id="bar")
    await client.close()
    await until(lambda: len(manager.asked) > 1)
    assert manager.asked == [("pair", "bar"), ("cancel_pairing", "bar")]
    assert manager.listeners == []


async def test_pairing_of_a_window_is_shared_and_survives_the_client(
    start_server: StartServer, dial: Dial, manager: FakeManager
) -> None:
    manager.progress["bar"] = script("bar")[1]
    await start_server()
    client = await dial()
    assert (await client.ask("pair", id="bar"))["event"]["code"] == CODE
    await client.close()
    await until(lambda: manager.listeners == [])
    assert manager.asked == []


async def test_pairing_refused_is_an_error(
    start_server: StartServer, dial: Dial, manager: FakeManager
) -> None:
    await start_server()
    reply = await (await dial()).ask("pair", id="shop")
    assert reply["error"]["key"] == "error.already_linked"
    assert manager.listeners == []


async def test_pairing_of_an_account_removed_meanwhile_fails(
    start_server: StartServer, dial: Dial, manager: FakeManager
) -> None:
    manager.pairing_steps = script("bar")[:1]
    await start_server()
    client = await dial()
    await client.ask("pair", id="bar")
    manager.tell(SessionRemoved(id="bar"))
    assert (await client.line())["event"]["reason"] == "pairing-cancelled"


# --- Limits --------------------------------------------------------------------------------------


async def test_too_many_clients_are_told_so(start_server: StartServer, dial: Dial) -> None:
    server = await start_server(clients=2)
    first, second = await dial(), await dial()
    await first.ask("hello")
    await second.ask("hello")
    third = await dial()
    assert (await third.line())["error"]["key"] == "error.control_busy"
    assert await third.ended()
    await first.close()
    await until(lambda: len(server._clients) == 1)
    assert "result" in await (await dial()).ask("hello")


async def test_client_that_says_nothing_is_dropped(start_server: StartServer, dial: Dial) -> None:
    await start_server(request_s=0.02)
    assert await (await dial()).ended()


async def test_client_that_never_ends_its_line_is_dropped(
    start_server: StartServer, dial: Dial
) -> None:
    await start_server(request_s=0.05)
    client = await dial()
    await client.send(b'{"v":1,')
    assert await client.ended()


async def test_line_over_the_limit_is_refused(start_server: StartServer, dial: Dial) -> None:
    await start_server()
    client = await dial()
    await client.send(b"x" * (protocol.LONGEST_LINE_BYTES + 70_000))
    assert (await client.line())["error"]["key"] == "error.wire"
    assert await client.ended()


async def test_client_that_does_not_read_is_dropped(
    start_server: StartServer, dial: Dial, manager: FakeManager
) -> None:
    manager.sessions = {f"a{n}": session(f"a{n}", label="x" * 80) for n in range(2000)}
    await start_server(write_s=0.05)
    client = await dial()
    client.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]
    await client.send(b'{"v":1,"id":1,"method":"watch"}\n')
    await until(lambda: manager.listeners != [])
    await until(lambda: manager.listeners == [])


async def test_client_that_talks_out_of_turn_is_dropped(
    start_server: StartServer, dial: Dial, manager: FakeManager
) -> None:
    await start_server()
    client = await dial()
    await client.ask("watch")
    await client.send(b"x")
    assert await client.ended()
    assert manager.listeners == []


async def test_other_version_is_told_and_the_connection_lives(
    start_server: StartServer, dial: Dial
) -> None:
    await start_server()
    client = await dial()
    await client.send(b'{"v":2,"id":7,"method":"status"}\n')
    reply = await client.line()
    assert (reply["id"], reply["error"]["key"]) == (7, "error.control_version")
    assert "result" in await client.ask("status")


async def test_close_hangs_up_and_leaves_no_file(
    start_server: StartServer, dial: Dial, manager: FakeManager, paths: Paths
) -> None:
    server = await start_server()
    client = await dial()
    await client.ask("watch")
    await server.close()
    await server.close()
    assert await client.ended()
    assert manager.listeners == []
    assert list(paths.runtime.iterdir()) == []
    assert list(paths.data.iterdir()) == []


async def test_second_program_is_refused(start_server: StartServer, dial: Dial) -> None:
    await start_server()
    with pytest.raises(ControlError) as caught:
        await start_server()
    assert caught.value.message_key == "error.control_taken"
    assert "result" in await (await dial()).ask("hello")
