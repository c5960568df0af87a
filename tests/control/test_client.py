import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from wabot_tray.control.client import ControlClient, _SocketLink, connect, is_running
from wabot_tray.control.errors import NotRunningError, TimedOutError
from wabot_tray.control.pipe import PipeLink, open_pipe
from wabot_tray.control.protocol import LONGEST_LINE_BYTES
from wabot_tray.core.errors import ControlError, WireError
from wabot_tray.system.paths import Paths

RESULT = b'{"v":1,"id":1,"result":{"a":1}}\n'
EVENT = b'{"v":1,"id":1,"event":{"b":2}}\n'


@pytest.fixture
def ends() -> Iterator[tuple[ControlClient, socket.socket]]:
    ours, theirs = socket.socketpair()
    with theirs, ControlClient(_SocketLink(ours)) as client:
        yield client, theirs


def test_nobody_there_is_not_running(paths: Paths) -> None:
    with pytest.raises(NotRunningError):
        connect(paths)
    assert not is_running(paths)


def test_call_returns_the_result(ends: tuple[ControlClient, socket.socket]) -> None:
    client, server = ends
    server.sendall(RESULT)
    assert client.call("status") == {"a": 1}
    assert server.recv(1000) == b'{"v":1,"id":1,"method":"status","params":{}}\n'


def test_line_that_comes_in_pieces_is_put_together(
    ends: tuple[ControlClient, socket.socket],
) -> None:
    client, server = ends

    def send() -> None:
        for place in range(len(RESULT)):
            server.sendall(RESULT[place : place + 1])

    sender = threading.Thread(target=send)
    sender.start()
    assert client.call("status") == {"a": 1}
    sender.join()


def test_stream_yields_events_and_the_result(ends: tuple[ControlClient, socket.socket]) -> None:
    client, server = ends
    server.sendall(EVENT + EVENT + RESULT)
    replies = [reply for reply in client.stream("watch") if reply is not None]
    assert [reply.event for reply in replies] == [{"b": 2}, {"b": 2}, None]
    assert replies[-1].result == {"a": 1}


def test_silence_ticks_and_then_times_out(ends: tuple[ControlClient, socket.socket]) -> None:
    client, _ = ends
    ticks: list[Any] = []
    with pytest.raises(TimedOutError):
        ticks.extend(client.stream("watch", timeout_s=0.05, tick_s=0.01))
    with pytest.raises(TimedOutError):
        client.call("status", timeout_s=0.01)


def test_end_of_the_program_is_not_running(ends: tuple[ControlClient, socket.socket]) -> None:
    client, server = ends
    server.close()
    with pytest.raises(NotRunningError) as caught:
        client.call("status")
    assert caught.value.message_key == "error.program_ended"


def test_last_words_of_a_busy_program_are_heard(
    ends: tuple[ControlClient, socket.socket],
) -> None:
    client, server = ends
    server.sendall(b'{"v":1,"id":null,"error":{"key":"error.control_busy"}}\n')
    server.close()
    with pytest.raises(ControlError) as caught:
        client.call("status")
    assert caught.value.message_key == "error.control_busy"


@pytest.mark.parametrize(
    "line", [b"nonsense\n", b'{"v":1,"id":9,"result":{}}\n', b'{"v":1,"id":1,"error":{}}\n']
)
def test_answer_without_sense_is_a_wire_error(
    ends: tuple[ControlClient, socket.socket], line: bytes
) -> None:
    client, server = ends
    server.sendall(line)
    with pytest.raises(WireError):
        client.call("status")


def test_answer_without_end_is_a_wire_error(ends: tuple[ControlClient, socket.socket]) -> None:
    client, server = ends
    flood = threading.Thread(target=_flood, args=(server,))
    flood.start()
    with pytest.raises(WireError):
        client.call("status", timeout_s=30)
    client.close()
    flood.join()


def _flood(server: socket.socket) -> None:
    with contextlib.suppress(OSError):
        server.sendall(b"x" * (LONGEST_LINE_BYTES + (1 << 18)))


# --- Windows -------------------------------------------------------------------------------------


class FakePipe:
    """A handle with bytes to read; an exception among them is raised."""

    def __init__(self, *chunks: bytes | Exception) -> None:
        self.chunks = list(chunks)
        self.written = b""
        self.closed = 0

    def write(self, data: bytes) -> None:
        self.written += data

    def available(self) -> int:
        if not self.chunks:
            return 0
        if isinstance(first := self.chunks[0], Exception):
            raise first
        return len(first)

    def read(self, size: int) -> bytes:
        chunk = self.chunks.pop(0)
        assert isinstance(chunk, bytes)
        assert len(chunk) == size
        return chunk

    def close(self) -> None:
        self.closed += 1


class FakeTime:
    def __init__(self) -> None:
        self.now = 0.0

    def pause(self, seconds: float) -> None:
        self.now += seconds


def test_pipe_carries_lines_in_pieces() -> None:
    pipe = FakePipe(RESULT[:5], RESULT[5:])
    with ControlClient(PipeLink(pipe)) as client:
        assert client.call("status") == {"a": 1}
    assert pipe.written.startswith(b'{"v":1,"id":1,"method":"status"')
    assert pipe.closed == 1


def test_pipe_waits_no_longer_than_it_may() -> None:
    time = FakeTime()
    link = PipeLink(FakePipe(), pause=time.pause, monotonic=lambda: time.now)
    assert link.receive(2.0) is None
    assert 2.0 <= time.now < 2.1


def test_pipe_that_breaks_is_not_running() -> None:
    link = PipeLink(FakePipe(RESULT, BrokenPipeError()))
    assert link.receive(1.0) == RESULT.rstrip()
    with pytest.raises(NotRunningError):
        link.receive(1.0)


def test_pipe_without_end_of_line_is_a_wire_error() -> None:
    with pytest.raises(WireError):
        PipeLink(FakePipe(b"x" * (LONGEST_LINE_BYTES + 1))).receive(1.0)


def failing(*errors: Exception) -> Callable[[str], FakePipe]:
    left = list(errors)

    def opener(address: str) -> FakePipe:
        assert address == "\\\\.\\pipe\\x"
        if left:
            raise left.pop(0)
        return FakePipe(RESULT)

    return opener


def busy() -> OSError:
    error = OSError("busy")
    error.winerror = 231  # type: ignore[attr-defined]
    return error


def test_busy_pipe_is_tried_again() -> None:
    time = FakeTime()
    link = open_pipe("\\\\.\\pipe\\x", failing(busy(), busy()), time.pause)
    assert link.receive(1.0) == RESULT.rstrip()
    assert time.now == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ([FileNotFoundError()], NotRunningError),
        ([PermissionError()], ControlError),
        ([OSError("other")], ControlError),
        ([busy() for _ in range(60)], TimedOutError),
    ],
)
def test_pipe_that_cannot_be_opened_says_why(
    errors: list[Exception], expected: type[Exception]
) -> None:
    with pytest.raises(expected):
        open_pipe("\\\\.\\pipe\\x", failing(*errors), FakeTime().pause)
