"""Talks to the running program. Synchronous and light, because `wabot status` must feel instant."""

import contextlib
import os
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol

from wabot_tray.control import protocol
from wabot_tray.control.errors import NotRunningError, TimedOutError
from wabot_tray.control.protocol import Reply, Request
from wabot_tray.control.transport import (
    is_trusted,
    peer_uid,
    pipe_address,
    socket_address,
    written_address,
)
from wabot_tray.core.errors import ControlError, WireError
from wabot_tray.system.paths import Paths

ANSWER_TIMEOUT_S: Final = 10.0
_CONNECT_TIMEOUT_S: Final = 5.0
_CHUNK_BYTES: Final = 1 << 16


class Link(Protocol):
    """A connection that carries lines."""

    def send(self, line: bytes) -> None:
        """Send `line`; NotRunningError if nobody is there any more."""

    def receive(self, timeout_s: float | None) -> bytes | None:
        """Return the next line, or None if none came in time; NotRunningError at the end."""

    def close(self) -> None:
        """Hang up. Closing twice is harmless."""


class ControlClient:
    """One connection to the running program, used for one request after the other.

    Leaving the context hangs up, and that cancels what is still going on, a pairing included.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._last_id = 0

    def __enter__(self) -> "ControlClient":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up. Closing twice is harmless."""
        self._link.close()

    def call(
        self, method: str, *, timeout_s: float = ANSWER_TIMEOUT_S, **params: object
    ) -> Mapping[str, Any]:
        """Return the answer to one question.

        Raises:
            ControlError: The program refused, is gone or did not answer within `timeout_s`.
            WireError: What it said makes no sense.
        """
        for reply in self.stream(method, timeout_s=timeout_s, tick_s=None, **params):
            if reply is not None and reply.result is not None:
                return reply.result
        raise WireError(detail="no result")

    def stream(
        self,
        method: str,
        *,
        timeout_s: float | None = None,
        tick_s: float | None = None,
        **params: object,
    ) -> Iterator[Reply | None]:
        """Yield the events of one request, then its result.

        Args:
            method: One of `protocol.METHODS`.
            timeout_s: For all of it; None waits for ever.
            tick_s: Yield None whenever this many seconds pass in silence.
            **params: The method's parameters; None means not given.

        Raises:
            ControlError: The program refused, is gone or did not finish within `timeout_s`.
            WireError: What it said makes no sense.
        """
        self._last_id += 1
        self._link.send(protocol.encode_request(Request(self._last_id, method, params)))
        end = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                raise TimedOutError
            waits = [wait for wait in (left, tick_s) if wait is not None]
            line = self._link.receive(min(waits) if waits else None)
            if line is None:
                yield None
                continue
            reply = protocol.decode_reply(line)
            if reply.id not in (self._last_id, None):
                raise WireError(detail="answer to another question")
            if reply.error is not None:
                raise reply.error
            yield reply
            if reply.result is not None:
                return


def connect(paths: Paths) -> ControlClient:
    """Reach the program that runs on this data folder.

    Raises:
        NotRunningError: None does.
        ControlError: One of another user does, or it cannot be reached.
    """
    if sys.platform == "win32":
        from wabot_tray.control import pipe  # noqa: PLC0415 - it imports this module

        return ControlClient(pipe.open_pipe(pipe_address(paths), pipe.WindowsPipe))
    return ControlClient(_SocketLink(_reach(paths)))


def is_running(paths: Paths) -> bool:
    """Whether a program answers at this data folder's door."""
    try:
        connect(paths).close()
    except NotRunningError:
        return False
    return True


def _reach(paths: Paths) -> socket.socket:
    usual = socket_address(paths)
    for where in dict.fromkeys((usual, written_address(paths) or usual)):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            return _checked(sock, where)
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            sock.close()
        except PermissionError as err:
            sock.close()
            raise ControlError("error.other_user") from err
        except (TimeoutError, BlockingIOError) as err:  # its queue of callers is full
            sock.close()
            raise TimedOutError from err
        except BaseException:
            sock.close()
            raise
    raise NotRunningError


def _checked(sock: socket.socket, where: Path) -> socket.socket:
    sock.settimeout(_CONNECT_TIMEOUT_S)
    sock.connect(os.fspath(where))
    if not is_trusted(peer_uid(sock)):
        raise PermissionError(where)
    return sock


class _SocketLink:
    """Lines over a Unix socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._held = bytearray()

    def send(self, line: bytes) -> None:
        self._sock.settimeout(_CONNECT_TIMEOUT_S)
        try:
            self._sock.sendall(line)
        except TimeoutError as err:
            raise TimedOutError from err
        except OSError:
            # A busy program says so and hangs up before it reads; its words are still to be read.
            pass

    def receive(self, timeout_s: float | None) -> bytes | None:
        end = None if timeout_s is None else time.monotonic() + timeout_s
        while (cut := self._held.find(b"\n")) < 0:
            if len(self._held) > protocol.LONGEST_LINE_BYTES:
                raise WireError(detail="line too long")
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                return None
            self._sock.settimeout(left)
            try:
                chunk = self._sock.recv(_CHUNK_BYTES)
            except TimeoutError:
                return None
            except OSError:
                chunk = b""
            if not chunk:
                raise NotRunningError("error.program_ended")
            self._held += chunk
        line = bytes(self._held[:cut])
        del self._held[: cut + 1]
        return line

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._sock.close()
