"""The open door of the running program: a Unix socket, or on Windows a named pipe."""

import asyncio
import contextlib
import os
import socket
import stat
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, Protocol

from wabot_tray.control.protocol import LONGEST_LINE_BYTES
from wabot_tray.control.transport import (
    ADDRESS_FILE,
    is_trusted,
    peer_uid,
    pipe_address,
    socket_address,
)
from wabot_tray.core.errors import ControlError
from wabot_tray.system.paths import Paths, make_private

_BACKLOG: Final = 16

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Listening(Protocol):
    """An open door; `close` shuts it and leaves nothing behind."""

    def close(self) -> None:
        """Stop accepting. Closing twice is harmless."""

    def is_there(self) -> bool:
        """Whether clients can still find it."""


async def listen(paths: Paths, handler: Handler, *, lock_held: bool) -> Listening:
    """Open the door of the program on this data folder.

    Args:
        paths: Whose data folder it is.
        handler: Runs once per connection, which it must close.
        lock_held: Whether the caller holds the lock on the data folder. Only then is a socket that
            a crashed program left behind replaced.

    Raises:
        ControlError: Another program listens there, or a socket is left and the lock is not held.
        OSError: The runtime folder cannot be used.
    """
    if sys.platform == "win32":
        return await listen_on_pipe(asyncio.get_running_loop(), pipe_address(paths), handler)
    return await _UnixDoor.open(paths, handler, lock_held=lock_held)


class _UnixDoor:
    """A listening Unix socket, the file it lies in and the note that names it."""

    def __init__(self, server: asyncio.Server, where: Path, note: Path) -> None:
        self._server = server
        self._where = where
        self._note = note
        self._inode = where.stat().st_ino

    @classmethod
    async def open(cls, paths: Paths, handler: Handler, *, lock_held: bool) -> "_UnixDoor":
        where = socket_address(paths)
        make_private(where.parent)
        _make_room(where, lock_held=lock_held)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.bind(os.fspath(where))
            where.chmod(0o600)
            server = await asyncio.start_unix_server(
                _only_trusted(handler), sock=sock, backlog=_BACKLOG, limit=LONGEST_LINE_BYTES
            )
        except BaseException:
            sock.close()
            raise
        note = paths.data / ADDRESS_FILE
        _write_note(note, where)
        return cls(server, where, note)

    def is_there(self) -> bool:
        try:
            return self._where.stat().st_ino == self._inode
        except OSError:
            return False

    def close(self) -> None:
        self._server.close()
        with contextlib.suppress(OSError):
            if self._where.stat().st_ino == self._inode:
                self._where.unlink()
                self._note.unlink()


def _make_room(where: Path, *, lock_held: bool) -> None:
    try:
        mode = where.lstat().st_mode
    except FileNotFoundError:
        return
    if not lock_held or not stat.S_ISSOCK(mode) or _answers(where):
        raise ControlError("error.control_taken")
    where.unlink()


def _answers(where: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(os.fspath(where))
        except TimeoutError:
            return True  # somebody is there, only slow
        except OSError:
            return False
    return True


def _only_trusted(handler: Handler) -> Handler:
    async def checked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            trusted = is_trusted(peer_uid(writer.get_extra_info("socket")))
        except OSError:
            trusted = False
        if trusted:
            await handler(reader, writer)
        else:
            writer.close()

    return checked


def _write_note(note: Path, where: Path) -> None:
    """Name the socket in the data folder; without the note the usual address still works."""
    with contextlib.suppress(OSError):
        handle, name = tempfile.mkstemp(dir=note.parent, prefix=note.name)  # 0600
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(f"{where}\n")
        Path(name).replace(note)


async def listen_on_pipe(loop: Any, address: str, handler: Handler) -> Listening:
    """Serve a Windows pipe on `loop`, a ProactorEventLoop (qasync's is one too).

    Raises:
        ControlError: The name is taken.
    """
    running: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(handler(reader, writer))
        running.add(task)
        task.add_done_callback(running.discard)

    def protocol() -> asyncio.StreamReaderProtocol:
        reader = asyncio.StreamReader(limit=LONGEST_LINE_BYTES, loop=loop)
        return asyncio.StreamReaderProtocol(reader, connected, loop=loop)

    try:
        servers = await loop.start_serving_pipe(protocol, address)
    except PermissionError as err:  # FILE_FLAG_FIRST_PIPE_INSTANCE: somebody was there before
        raise ControlError("error.control_taken") from err
    return _PipeDoor(servers)


class _PipeDoor:
    def __init__(self, servers: list[Any]) -> None:
        self._servers = servers

    def is_there(self) -> bool:
        return True  # a pipe's name goes with its program alone

    def close(self) -> None:
        for server in self._servers:
            server.close()
        self._servers = []
