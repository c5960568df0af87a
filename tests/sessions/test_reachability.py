"""The watch on WhatsApp's door, with the door in the test's hands."""

import asyncio
import socket

import pytest

from wabot_tray.sessions.reachability import CALLS, Reachability, door_is_open


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


async def test_real_door() -> None:
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    address = server.sockets[0].getsockname()
    async with server:
        assert await door_is_open(address)
    assert not await door_is_open(address)


async def test_door_that_never_answers_is_closed() -> None:
    # A full backlog drops further connections on loopback, as a firewall does.
    with socket.socket() as listener, socket.socket() as filler:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        filler.connect(listener.getsockname())
        assert not await door_is_open(listener.getsockname(), timeout_s=0.05)
