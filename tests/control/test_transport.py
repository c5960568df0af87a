import asyncio
import os
import socket
import stat
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.control.conftest import Dial, StartServer
from wabot_tray.control import client, listener, transport
from wabot_tray.control.client import connect
from wabot_tray.control.errors import NotRunningError
from wabot_tray.core.errors import ControlError
from wabot_tray.system.paths import Paths

NOBODY = 65534


def deep(paths: Paths) -> Paths:
    return Paths(data=paths.data, runtime=paths.runtime / ("x" * 120), runtime_in_ram=True)


async def test_socket_and_its_folder_are_ours_alone(
    start_server: StartServer, paths: Paths
) -> None:
    await start_server()
    assert stat.S_IMODE(paths.control_socket.stat().st_mode) == 0o600
    assert stat.S_IMODE(paths.runtime.stat().st_mode) == 0o700
    assert stat.S_IMODE((paths.data / transport.ADDRESS_FILE).stat().st_mode) == 0o600


def leave_socket(paths: Paths) -> None:
    """Leave what a killed program leaves."""
    paths.runtime.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(paths.control_socket))


async def test_socket_of_a_crashed_program_is_replaced_under_the_lock(
    start_server: StartServer, dial: Dial, paths: Paths
) -> None:
    leave_socket(paths)
    await start_server()
    assert "result" in await (await dial()).ask("hello")


async def nobody(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    del reader
    writer.close()


def reach(paths: Paths) -> None:
    """Connect, and wait for `nobody` to hang up."""
    with connect(paths) as found, pytest.raises(NotRunningError) as caught:
        found.call("hello")
    assert caught.value.message_key == "error.program_ended"


async def test_socket_of_a_crashed_program_stays_without_the_lock(paths: Paths) -> None:
    leave_socket(paths)
    with pytest.raises(ControlError) as caught:
        await listener.listen(paths, nobody, lock_held=False)
    assert caught.value.message_key == "error.control_taken"
    assert paths.control_socket.exists()


async def test_file_in_the_place_of_the_socket_is_not_deleted(paths: Paths) -> None:
    paths.runtime.mkdir(mode=0o700)
    paths.control_socket.write_text("mine")
    with pytest.raises(ControlError):
        await listener.listen(paths, nobody, lock_held=True)
    assert paths.control_socket.read_text() == "mine"


async def test_socket_of_a_successor_is_not_removed(paths: Paths) -> None:
    first = await listener.listen(paths, nobody, lock_held=True)
    paths.control_socket.unlink()
    second = await listener.listen(paths, nobody, lock_held=True)
    first.close()
    assert paths.control_socket.exists()
    second.close()
    assert not paths.control_socket.exists()


def test_address_that_is_too_long_for_a_socket_becomes_a_short_private_one(paths: Paths) -> None:
    where = transport.socket_address(deep(paths))
    assert len(os.fsencode(where)) <= transport.LONGEST_SOCKET_PATH_BYTES
    assert where == transport.socket_address(deep(paths))
    other = Paths(data=paths.data, runtime=paths.runtime / ("y" * 120), runtime_in_ram=True)
    assert where != transport.socket_address(other)


async def test_program_in_a_deep_folder_is_reached(paths: Paths) -> None:
    far = deep(paths)
    door = await listener.listen(far, nobody, lock_held=True)
    try:
        await asyncio.to_thread(reach, far)
        folder = transport.socket_address(far).parent
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    finally:
        door.close()
        transport.socket_address(far).parent.rmdir()


async def test_program_is_found_from_another_environment_by_its_note(paths: Paths) -> None:
    door = await listener.listen(paths, nobody, lock_held=True)
    elsewhere = Paths(data=paths.data, runtime=paths.data / "other", runtime_in_ram=False)
    try:
        await asyncio.to_thread(reach, elsewhere)
    finally:
        door.close()
    with pytest.raises(NotRunningError):
        await asyncio.to_thread(connect, elsewhere)


@pytest.mark.parametrize("text", ["", "\n", "a\0b", "x" * 300, "/nowhere/at/all"])
def test_note_without_sense_means_that_nothing_runs(paths: Paths, text: str) -> None:
    (paths.data / transport.ADDRESS_FILE).write_text(text)
    with pytest.raises(NotRunningError):
        connect(paths)


# --- Who is there --------------------------------------------------------------------------------


def test_peer_is_known_to_the_kernel() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert transport.peer_uid(ours) == os.getuid()


class FakeSocket:
    """Answers getsockopt as macOS does."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.asked: tuple[int, ...] = ()

    def getsockopt(self, *asked: int) -> bytes:
        self.asked = asked
        return self.answer


def test_peer_on_macos_is_read_from_xucred() -> None:
    fake: Any = FakeSocket(struct.pack("IIh16I", 0, 501, 1, *range(16)))
    assert transport.peer_uid(fake, platform="darwin") == 501
    assert fake.asked[:2] == (0, 1)  # SOL_LOCAL, LOCAL_PEERCRED


def test_peer_that_is_not_told_is_an_error() -> None:
    fake: Any = FakeSocket(b"")
    with pytest.raises(OSError, match="did not tell"):
        transport.peer_uid(fake, platform="darwin")


def test_only_we_and_root_are_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    assert transport.is_trusted(1000)
    assert transport.is_trusted(0)
    assert not transport.is_trusted(1001)


async def test_stranger_is_hung_up_on_without_a_word(
    start_server: StartServer, dial: Dial, monkeypatch: pytest.MonkeyPatch
) -> None:
    await start_server()
    monkeypatch.setattr(listener, "peer_uid", lambda _: NOBODY)
    monkeypatch.setattr(listener, "is_trusted", lambda uid: uid == os.getuid())
    stranger = await dial()
    await stranger.send(b'{"v":1,"id":1,"method":"status"}\n')
    assert await stranger.ended()


KNOCK = """
import os, socket, sys
os.setgid(65534); os.setuid(65534)
try:
    socket.socket(socket.AF_UNIX).connect(sys.argv[1])
except PermissionError:
    sys.exit(7)
"""


async def test_second_user_cannot_connect(start_server: StartServer, paths: Paths) -> None:
    await start_server()
    if os.getuid() != 0:  # nobody can become somebody else: the modes are what there is to see
        assert stat.S_IMODE(paths.runtime.stat().st_mode) == 0o700
        return
    paths.data.parent.chmod(0o755)
    knock = [sys.executable, "-c", KNOCK, str(paths.control_socket)]
    result = await asyncio.to_thread(subprocess.run, knock, timeout=30, check=False)
    assert result.returncode == 7


async def test_client_refuses_a_program_of_somebody_else(
    start_server: StartServer, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    await start_server()
    monkeypatch.setattr(client, "is_trusted", lambda _: False)
    with pytest.raises(ControlError) as caught:
        await asyncio.to_thread(connect, paths)
    assert caught.value.message_key == "error.other_user"


# --- Windows -------------------------------------------------------------------------------------


def test_pipe_is_named_after_user_and_folder(paths: Paths) -> None:
    other = Paths(data=Path("/elsewhere"), runtime=paths.runtime, runtime_in_ram=True)
    names = {
        transport.pipe_address(paths, "ana"),
        transport.pipe_address(paths, "eva"),
        transport.pipe_address(other, "ana"),
    }
    assert len(names) == 3
    assert all(name.startswith("\\\\.\\pipe\\wabot-tray-") for name in names)
    assert transport.pipe_address(paths, "ana") in names


class FakePipeServer:
    def __init__(self) -> None:
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


class FakeProactor:
    """Answers start_serving_pipe as asyncio's ProactorEventLoop does."""

    def __init__(self, error: Exception | None = None) -> None:
        self.server = FakePipeServer()
        self.factory: Any = None
        self.error = error

    async def start_serving_pipe(self, factory: Any, address: str) -> list[FakePipeServer]:
        assert address == "\\\\.\\pipe\\x"
        if self.error is not None:
            raise self.error
        self.factory = factory
        return [self.server]

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio.get_running_loop(), name)


async def test_pipe_server_gives_each_connection_to_the_handler() -> None:
    heard: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readline())
        writer.close()

    loop = FakeProactor()
    door = await listener.listen_on_pipe(loop, "\\\\.\\pipe\\x", handler)
    ours, theirs = socket.socketpair()
    # A pipe's transport is like a socket's to the protocol above it.
    await asyncio.get_running_loop().connect_accepted_socket(loop.factory, theirs)
    ours.setblocking(False)
    await asyncio.get_running_loop().sock_sendall(ours, b"hello\n")
    async with asyncio.timeout(20):
        assert await asyncio.get_running_loop().sock_recv(ours, 10) == b""
    ours.close()
    assert heard == [b"hello\n"]
    door.close()
    door.close()
    assert loop.server.closed == 1


async def test_pipe_whose_name_is_taken_is_refused() -> None:
    loop = FakeProactor(PermissionError())
    with pytest.raises(ControlError) as caught:
        await listener.listen_on_pipe(loop, "\\\\.\\pipe\\x", nobody)
    assert caught.value.message_key == "error.control_taken"
