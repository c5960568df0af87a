r"""The client's end of a Windows named pipe.

Opened with SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION: whoever might have taken the name can
learn who we are, but not act as us (CreateFile, "Impersonation levels"). The handle is synchronous,
and there a waiting read would block every write; so a read only happens where PeekNamedPipe says
that something has come. Tested by injection; not run on Windows yet.
"""

import contextlib
import sys
import time
from collections.abc import Callable
from typing import Final, Protocol

from wabot_tray.control.errors import NotRunningError, TimedOutError
from wabot_tray.control.protocol import LONGEST_LINE_BYTES
from wabot_tray.core.errors import ControlError, WireError

_GENERIC_READ_WRITE: Final = 0x80000000 | 0x40000000
_OPEN_EXISTING: Final = 3
_SQOS_IDENTIFICATION: Final = 0x00100000 | 0x00010000
_ERROR_PIPE_BUSY: Final = 231
_BUSY_TRIES: Final = 50
_BUSY_PAUSE_S: Final = 0.1
_PEEK_PAUSE_S: Final = 0.01


class Pipe(Protocol):
    """An open handle. Everything raises OSError once the other end is gone."""

    def write(self, data: bytes) -> None:
        """Write all of `data`."""

    def available(self) -> int:
        """Return how many bytes `read` would give without waiting."""

    def read(self, size: int) -> bytes:
        """Return `size` bytes that are available."""

    def close(self) -> None:
        """Close the handle."""


def open_pipe(
    address: str, opener: Callable[[str], Pipe], pause: Callable[[float], None] = time.sleep
) -> "PipeLink":
    """Connect to the program behind `address`, waiting up to 5 s while it is busy.

    Raises:
        NotRunningError: No such pipe.
        ControlError: It belongs to another user.
        TimedOutError: It stayed busy.
    """
    for _ in range(_BUSY_TRIES):
        try:
            return PipeLink(opener(address), pause=pause)
        except FileNotFoundError as err:
            raise NotRunningError from err
        except PermissionError as err:
            raise ControlError("error.other_user") from err
        except OSError as err:
            if getattr(err, "winerror", None) != _ERROR_PIPE_BUSY:
                raise ControlError(detail=type(err).__name__) from err
            pause(_BUSY_PAUSE_S)
    raise TimedOutError


class PipeLink:
    """Lines over an open pipe."""

    def __init__(
        self,
        pipe: Pipe,
        pause: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pipe = pipe
        self._pause = pause
        self._monotonic = monotonic
        self._held = bytearray()

    def send(self, line: bytes) -> None:
        """Send `line`; a pipe that is gone is noticed by the next `receive`."""
        with contextlib.suppress(OSError):
            self._pipe.write(line)

    def receive(self, timeout_s: float | None) -> bytes | None:
        """Return the next line, or None if none came in time.

        Raises:
            NotRunningError: The program hung up.
            WireError: The line is longer than any of ours.
        """
        end = None if timeout_s is None else self._monotonic() + timeout_s
        while (cut := self._held.find(b"\n")) < 0:
            if len(self._held) > LONGEST_LINE_BYTES:
                raise WireError(detail="line too long")
            try:
                if (size := self._pipe.available()) > 0:
                    self._held += self._pipe.read(size)
                    continue
            except OSError as err:
                raise NotRunningError("error.program_ended") from err
            if end is not None and self._monotonic() >= end:
                return None
            self._pause(_PEEK_PAUSE_S)
        line = bytes(self._held[:cut])
        del self._held[: cut + 1]
        return line

    def close(self) -> None:
        """Hang up. Closing twice is harmless."""
        with contextlib.suppress(OSError):
            self._pipe.close()


if sys.platform == "win32":
    import _winapi

    class WindowsPipe:
        """A handle of CreateFile."""

        def __init__(self, address: str) -> None:
            self._handle: int | None = _winapi.CreateFile(
                address, _GENERIC_READ_WRITE, 0, 0, _OPEN_EXISTING, _SQOS_IDENTIFICATION, 0
            )

        def write(self, data: bytes) -> None:
            """Write all of `data`."""
            while data:
                written, _ = _winapi.WriteFile(self._open(), data)
                data = data[written:]

        def available(self) -> int:
            """Return how many bytes `read` would give without waiting."""
            return int(_winapi.PeekNamedPipe(self._open())[0])

        def read(self, size: int) -> bytes:
            """Return `size` bytes that are available."""
            return bytes(_winapi.ReadFile(self._open(), size)[0])

        def close(self) -> None:
            """Close the handle. Closing twice is harmless."""
            if self._handle is not None:
                _winapi.CloseHandle(self._handle)
                self._handle = None

        def _open(self) -> int:
            if self._handle is None:
                raise OSError
            return self._handle
