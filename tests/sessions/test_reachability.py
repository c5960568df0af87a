"""The watch on WhatsApp's door, with the door in the test's hands."""

import asyncio
import socket
import threading

import pytest

from wabot_tray.sessions import reachability
from wabot_tray.sessions.reachability import (
    CALLS,
    INTERVAL_S,
    OPEN_INTERVAL_S,
    Reachability,
)


class Door:
    def __init__(self) -> None:
        self.is_open = False
        self.is_needed = True
        self.looks = 0
        self.calls = 0

    async def look(self) -> bool:
        self.looks += 1
        return self.is_open

    def called(self) -> None:
        self.calls += 1


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
def watch(door: Door) -> Reachability:
    return Reachability(door.look, lambda: door.is_needed, door.called)


async def test_opening_door_is_called_out(door: Door, watch: Reachability) -> None:
    await watch.step()
    assert door.calls == 0
    door.is_open = True
    await watch.step()
    assert door.calls == 1
    for _ in range(10):  # somebody still waits: a dial was under way when it opened
        await watch.step()
    assert door.calls == CALLS


async def test_door_that_was_always_open_is_left_to_the_backoff(
    door: Door, watch: Reachability
) -> None:
    door.is_open = True
    for _ in range(10):
        await watch.step()
    assert door.calls == 0


async def test_nobody_waiting_costs_no_look(door: Door, watch: Reachability) -> None:
    door.is_needed = False
    await watch.step()
    assert door.looks == 0


async def test_end_of_the_wait_ends_the_calls(door: Door, watch: Reachability) -> None:
    await watch.step()
    door.is_open = True
    await watch.step()
    door.is_needed = False
    await watch.step()
    door.is_needed = True
    await watch.step()
    assert door.calls == 1


async def test_watch_runs_until_cancelled(door: Door) -> None:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) > 3:
            raise asyncio.CancelledError

    watch = Reachability(door.look, lambda: True, door.called, pause)
    with pytest.raises(asyncio.CancelledError):
        await watch.run()
    assert door.looks == 3


async def test_door_that_is_open_anyway_is_looked_at_seldom(door: Door) -> None:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        door.is_open = len(pauses) < 4
        if len(pauses) > 5:
            raise asyncio.CancelledError

    watch = Reachability(door.look, lambda: True, door.called, pause)
    with pytest.raises(asyncio.CancelledError):
        await watch.run()
    assert pauses == [
        INTERVAL_S, OPEN_INTERVAL_S, OPEN_INTERVAL_S, OPEN_INTERVAL_S, INTERVAL_S, INTERVAL_S,
    ]  # fmt: skip


async def test_real_door() -> None:
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    real = reachability.Door(server.sockets[0].getsockname())
    async with server:
        assert await real.is_open()
    assert not await real.is_open()


async def test_door_that_never_answers_is_closed() -> None:
    # A full backlog drops further connections on loopback, as a firewall does.
    with socket.socket() as listener, socket.socket() as filler:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        filler.connect(listener.getsockname())
        assert not await reachability.Door(listener.getsockname(), timeout_s=0.05).is_open()


async def test_door_with_one_address_that_leads_nowhere_is_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    stream = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
    with socket.socket() as listener, socket.socket() as filler:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        filler.connect(listener.getsockname())
        found = [(*stream, listener.getsockname()), (*stream, (host, port))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        async with server:
            assert await reachability.Door(("example.invalid", 443), timeout_s=5).is_open()


async def test_name_that_cannot_be_resolved_is_a_closed_door(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    assert not await reachability.Door(("example.invalid", 443)).is_open()


async def test_resolver_that_hangs_is_asked_once_and_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    over, asked = threading.Event(), []

    def hang(*_: object, **__: object) -> list[object]:
        asked.append(threading.current_thread())
        over.wait()
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    hanging = reachability.Door(("example.invalid", 443), timeout_s=0.01)
    for _ in range(20):
        assert not await hanging.is_open()
    (thread,) = asked
    assert thread.daemon  # the end of the program does not wait for it
    assert await asyncio.wait_for(asyncio.to_thread(lambda: "free"), 5) == "free"
    over.set()
    thread.join()
