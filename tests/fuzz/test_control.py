"""Whatever clients do to the control socket, in any order: others are served, nothing piles up."""

import asyncio
import contextlib
import gc
import json
import resource
import shutil
import socket
import sys
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from tests.control.conftest import FakeHost
from tests.control.fake_manager import FakeManager, session, step
from tests.control.wire_client import WireClient
from tests.fuzz.profile import IS_LONG, JSON, TEXTS, said, tries
from tests.waiting import until
from wabot_tray.control import protocol
from wabot_tray.control.server import ControlServer, Limits
from wabot_tray.control.transport import socket_address
from wabot_tray.core.errors import WabotError
from wabot_tray.core.reasons import Reason
from wabot_tray.core.snapshot import PairingStage, SessionRemoved
from wabot_tray.core.states import SessionState
from wabot_tray.system.paths import Paths

T = TypeVar("T")
LIMITS: Final = Limits(clients=12, request_s=0.5, write_s=0.2, method_s=1.0, pairing_s=1.0)
METHODS = st.sampled_from([*protocol.METHODS, "", "__init__", "status\0"])
REQUESTS = st.fixed_dictionaries(
    {
        "v": st.just(1) | JSON,
        "id": st.integers(0, 9) | JSON,
        "method": METHODS | JSON,
        "params": st.fixed_dictionaries(
            {},
            optional={
                "id": st.sampled_from(["shop", "bar", "new-one", "con", "../shop"]) | JSON,
                "label": TEXTS | JSON,
                "wait_s": st.floats(0.001, 0.5) | JSON,
                "other": JSON,
            },
        )
        | JSON,
    }
)
HARD: Final = (
    b"[" * 100_000 + b"\n",
    b'{"a":' * 100_000 + b"\n",
    b'{"v":1,"v":2,"id":1,"id":2,"method":"status","method":"hello"}\n',
    b'{"v":1,"id":1,"method":"reconnect","params":{"wait_s":1' + b"0" * 400 + b"}}\n",
    b'{"v":1,"id":1,"method":"reconnect","params":{"wait_s":NaN}}\n',
    b'{"v":1,"id":' + b"9" * 5000 + b',"method":"hello"}\n',
    b"x" * (protocol.LONGEST_LINE_BYTES + 10) + b"\n",
    b'{"v":1,"id":1,"method":"hello"}\n' * 50,
    '{"v":1,"id":1,"method":"hello"}\n'.encode("utf-16"),
)
LINES = (
    REQUESTS.map(lambda body: json.dumps(body).encode() + b"\n")
    | st.binary(max_size=80)
    | st.integers(0, len(HARD) - 1).map(HARD.__getitem__)
)


# --- lines ---------------------------------------------------------------------------------------


@tries(250)
@given(REQUESTS.map(lambda body: json.dumps(body).encode()) | st.binary(max_size=80))
def test_any_line_is_a_request_or_a_sentence(line: bytes) -> None:
    try:
        request = protocol.decode_request(line)
    except WabotError as err:
        said(err)
        answer = protocol.encode_reply(protocol.Reply(protocol.request_id(line), error=err))
        assert protocol.decode_reply(answer).error is not None
        return
    assert request.method in protocol.METHODS
    again = protocol.decode_request(protocol.encode_request(request))
    assert again == request


@tries(150)
@given(
    st.dictionaries(st.sampled_from(["v", "id", "result", "event", "error", "x"]), JSON).map(
        lambda body: json.dumps({"v": 1} | body).encode()
    )
)
def test_any_reply_is_read_or_refused(line: bytes) -> None:
    with contextlib.suppress(WabotError):
        protocol.decode_reply(line)


@pytest.mark.parametrize("wait", ["1" + "0" * 400, "-1", "0", "NaN", "Infinity", "1e999", "true"])
def test_wait_that_is_none_is_refused_with_a_sentence(wait: str) -> None:
    line = f'{{"v":1,"id":3,"method":"reconnect","params":{{"wait_s":{wait}}}}}'
    with pytest.raises(WabotError) as caught:
        protocol.decode_request(line.encode())
    said(caught.value)


# --- clients -------------------------------------------------------------------------------------


class Attack(RuleBasedStateMachine):
    """Clients of every kind against the real server on a real socket."""

    clients = Bundle("clients")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="wabot-fuzz-"))
        (self.folder / "data").mkdir()
        self.paths = Paths(
            data=self.folder / "data", runtime=self.folder / "run", runtime_in_ram=True
        )
        out = {"state": SessionState.LOGGED_OUT, "reason": Reason.PHONE_UNLINKED}
        self.manager = FakeManager(session("shop"), session("bar", **out))
        self.manager.reconnects_to["shop"] = session("shop")
        self.manager.pairing_steps = [step("bar", PairingStage.STARTING)]
        self.host = FakeHost()
        self.loop = asyncio.new_event_loop()
        self.open: list[WireClient] = []
        self.server = ControlServer(self.manager, self.host.host, self.paths, limits=LIMITS)
        self.run(self.server.start(lock_held=True))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(asyncio.wait_for(work, 20))

    @rule(target=clients)
    def connect(self) -> WireClient:
        client = self.run(WireClient.connect(self.paths))
        self.open.append(client)
        return client

    @rule(client=clients, line=LINES)
    def say(self, client: WireClient, line: bytes) -> None:
        with contextlib.suppress(RuntimeError):  # it has said that it says no more
            client.writer.write(line)  # nobody waits until it is taken
        self.run(asyncio.sleep(0))

    @rule(client=clients, line=LINES, data=st.data())
    def say_half(self, client: WireClient, line: bytes, data: st.DataObject) -> None:
        with contextlib.suppress(RuntimeError):
            client.writer.write(line[: data.draw(st.integers(0, len(line)))])

    @rule(client=clients)
    def listen(self, client: WireClient) -> None:
        async def read() -> None:
            with contextlib.suppress(TimeoutError, OSError):
                async with asyncio.timeout(0.01):
                    await client.reader.read(1 << 16)

        self.run(read())

    @rule(client=clients)
    def half_close(self, client: WireClient) -> None:
        with contextlib.suppress(OSError):
            client.writer.write_eof()

    @rule(client=consumes(clients))
    def hang_up(self, client: WireClient) -> None:
        client.writer.transport.abort()
        self.open.remove(client)

    @rule(count=st.integers(1, 300))
    def move(self, count: int) -> None:
        for number in range(count):
            if "shop" in self.manager.sessions:
                self.manager.tell(session("shop", restarts=number, label="L" * 80))
        self.run(asyncio.sleep(0))

    @rule()
    def remove_and_add(self) -> None:
        self.manager.tell(SessionRemoved(id="shop"))
        self.run(asyncio.sleep(0))
        self.manager.tell(session("shop"))

    @rule()
    def pairing_moves(self) -> None:
        self.manager.tell(step("bar", PairingStage.CODE, code="2@" + "x" * 200, number=1))
        self.run(asyncio.sleep(0))

    @invariant()
    def friend_is_served_or_told_that_it_is_busy(self) -> None:
        async def ask() -> dict[str, Any]:
            friend = await WireClient.connect(self.paths)
            try:
                return await friend.ask("hello")
            finally:
                friend.writer.transport.abort()
                await asyncio.sleep(0)

        answer = self.run(ask())
        busy = answer.get("error", {}).get("key") == "error.control_busy"
        assert "result" in answer or (busy and len(self.open) >= LIMITS.clients - 1)

    def teardown(self) -> None:
        for client in self.open:
            client.writer.transport.abort()
        self.run(self.server.close())
        self.run(asyncio.sleep(0.01))
        for _ in range(100):
            if not self.manager.listeners and not asyncio.all_tasks(self.loop):
                break
            self.run(asyncio.sleep(0.02))
        assert self.manager.listeners == []
        assert asyncio.all_tasks(self.loop) == set()
        assert not socket_address(self.paths).exists()
        self.loop.close()
        shutil.rmtree(self.folder)


TestAttack = Attack.TestCase
TestAttack.settings = tries(30, stateful_step_count=60 if IS_LONG else 25)


async def opened(paths: Paths, **limits: Any) -> tuple[ControlServer, FakeManager]:
    (paths.data).mkdir(exist_ok=True)
    manager = FakeManager(*(session(f"shop{n}", label="L" * 80) for n in range(20)))
    server = ControlServer(manager, FakeHost().host, paths, limits=Limits(**limits))
    await server.start(lock_held=True)
    return server, manager


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(data=tmp_path / "data", runtime=tmp_path / "run", runtime_in_ram=True)


async def test_client_that_never_reads_leaves_nothing_behind(paths: Paths) -> None:
    server, manager = await opened(paths, write_s=0.2)
    client = await WireClient.connect(paths)
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a read transport too
    await client.send(b'{"v":1,"id":1,"method":"reconnect","params":{"wait_s":3600}}\n')
    await until(lambda: len(manager.listeners) == 20)
    async with asyncio.timeout(20):
        while server._clients:  # each change is written, until no more goes
            for snapshot in manager.snapshots()[:5]:
                moved = session(
                    snapshot.id,
                    label="L" * 80,
                    state=SessionState.CONNECTING,
                    notice_detail="x" * 9000,
                )
                manager.tell(moved)
            await asyncio.sleep(0.01)
    await until(lambda: not manager.listeners)  # though nothing changes any more
    client.writer.transport.abort()
    await server.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.skipif(sys.platform == "win32", reason="Unix sockets")
async def test_two_thousand_connections_are_turned_away_and_forgotten(paths: Paths) -> None:
    server, manager = await opened(paths)
    where = str(socket_address(paths))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    gc.collect()
    for _ in range(40):
        crowd = []
        for _ in range(50):
            caller = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            caller.setblocking(False)
            crowd.append(caller)
            with contextlib.suppress(BlockingIOError):  # the queue of callers is full
                caller.connect(where)
        await asyncio.sleep(0)
        for caller in crowd:
            caller.close()
    await until(lambda: not server._clients)
    friend = await WireClient.connect(paths)
    assert "result" in await friend.ask("status")
    await friend.close()
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory
    assert grown_kb < 50_000
    await server.close()
    assert manager.listeners == []


async def test_slow_callers_lose_their_place(paths: Paths) -> None:
    server, _ = await opened(paths, clients=4, request_s=0.3)
    slow = [await WireClient.connect(paths) for _ in range(4)]
    for client in slow:
        await client.send(b'{"v":1,"id":1,')
    late = await WireClient.connect(paths)
    assert (await late.line())["error"]["key"] == "error.control_busy"
    for client in slow:
        assert await client.ended()
    friend = await WireClient.connect(paths)
    assert "result" in await friend.ask("hello")
    await friend.close()
    for client in (*slow, late):
        await client.close()
    await server.close()
