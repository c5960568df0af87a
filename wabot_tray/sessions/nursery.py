"""Workers forked from a process that has loaded what they share; worker/nursery.py is that process.

Linux only: elsewhere, and where forking fails, workers are spawned. docs/adr/0006 says why.
"""

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

from wabot_tray.core import wire
from wabot_tray.sessions import children
from wabot_tray.sessions.starting import NurseryProcess, can_fork
from wabot_tray.system.logs import log_worker_line

log = logging.getLogger(__name__)

# The first fork waits for the nursery's imports: 0.3 s on two cores, many times that on a busy
# computer that has just been switched on.
FIRST_FORK_DEADLINE_S: Final = 20.0
FORK_DEADLINE_S: Final = 5.0
STATUS_GRACE_S: Final = 1.0
TRIES: Final = 2  # a nursery that fails so often in a row is given up
_LONGEST_MESSAGE: Final = 4096
STATUS_UNKNOWN: Final = -1


class NurseryError(OSError):
    """No worker could be forked."""


class Nursery:
    """Starts workers by forking them, and by spawning them where that cannot be done.

    Args:
        command: The command that starts a worker; with `nursery` after it, what forks them.
        started: The first process to fork from, if one was started already.
    """

    def __init__(self, command: Sequence[str], started: NurseryProcess | None = None) -> None:
        self._command = list(command)
        self._started = started
        self._line: _Line | None = None
        self._lines: list[_Line] = []  # those of failed nurseries too, until the end
        self._opening: asyncio.Lock | None = None
        self._preparing: asyncio.Task[None] | None = None
        self._failures = 0

    def prepare(self) -> None:
        """Start the nursery ahead of the first launch. A second call does nothing."""
        if can_fork() and self._preparing is None:
            self._preparing = asyncio.get_running_loop().create_task(self._prepare())

    async def launch(self) -> children.Child:
        """Start a worker.

        Raises:
            OSError: It could not be started in any way.
        """
        while can_fork() and self._failures < TRIES:
            line = None
            try:
                line = await self._open_line()
                child = await line.fork()
            except (OSError, TimeoutError) as err:
                log.warning("no worker could be forked: %s", str(err) or "no answer in time")
                self._give_up(line)
                continue
            self._failures = 0
            return child
        return await children.spawn(self._command)

    async def close(self) -> None:
        """Let the nursery go; workers it has forked live on. Closing twice is harmless."""
        if self._preparing is not None:
            await self._preparing
        self._line = None
        while self._lines:
            await self._lines.pop().close()

    async def _prepare(self) -> None:
        with contextlib.suppress(OSError):  # the launch meets it again, and says so
            await self._open_line()

    def _give_up(self, line: "_Line | None") -> None:
        """Count a failure, once for all who wait for the same nursery."""
        if line is None or line is self._line:
            self._failures += 1
            self._line = None
        if line is not None:
            line.hang_up()

    async def _open_line(self) -> "_Line":
        if self._opening is None:
            self._opening = asyncio.Lock()
        async with self._opening:
            if self._line is None:
                process, self._started = self._started, None
                self._line = await _Line.open(process or NurseryProcess.start(self._command))
                self._lines.append(self._line)
            return self._line


class ForkedChild:
    """A worker that the nursery forked; a pidfd makes sure that it is this process and no other."""

    def __init__(self, pid: int, pidfd: int, streams: "_Streams") -> None:
        self.pid = pid
        self._pidfd = pidfd
        self._streams = streams
        self.stdout = streams.stdout
        self.stderr = streams.stderr
        loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[int] = loop.create_future()
        self._grace: asyncio.TimerHandle | None = None
        loop.add_reader(pidfd, self._on_gone)

    @property
    def status(self) -> int | None:
        """How it ended, negative for a signal; None while it runs."""
        return self._ended.result() if self._ended.done() else None

    def write(self, line: bytes) -> None:
        """Queue a line for its standard input; dropped when it is gone."""
        self._streams.write(line)

    def terminate(self) -> None:
        """Ask it to end by signal; nothing happens when it is gone."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it; nothing happens when it is gone."""
        self._signal(signal.SIGKILL)

    async def wait(self) -> int:
        """Return how it ended, once it has; `STATUS_UNKNOWN` where the nursery ended before it."""
        return await asyncio.shield(self._ended)

    def ended(self, status: int) -> None:
        """Take the nursery's word for how it ended. Only the first word counts."""
        if self._ended.done():
            return
        if self._grace is not None:
            self._grace.cancel()
        self._ended.set_result(status)
        self._streams.close_stdin()
        asyncio.get_running_loop().remove_reader(self._pidfd)
        os.close(self._pidfd)

    def _on_gone(self) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._pidfd)
        # The nursery says how; it may be gone, too.
        self._grace = loop.call_later(STATUS_GRACE_S, self.ended, STATUS_UNKNOWN)

    def _signal(self, number: signal.Signals) -> None:
        if not self._ended.done():
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)


class _Line:
    """The connection to one nursery."""

    def __init__(self, process: NurseryProcess, log_lines: asyncio.StreamReader) -> None:
        self._process = process
        self._control = process.control
        self._waiting: deque[tuple[asyncio.Future[ForkedChild], _Streams]] = deque()
        self._children: dict[int, ForkedChild] = {}
        self._has_forked = False
        self.is_down = False
        loop = asyncio.get_running_loop()
        loop.add_reader(self._control, self._on_message)
        self._gone: asyncio.Future[None] = loop.create_future()
        self._pidfd = os.pidfd_open(process.pid)
        loop.add_reader(self._pidfd, self._on_gone)
        self._log_reader = loop.create_task(_read_log(log_lines), name="nursery-log")

    @classmethod
    async def open(cls, process: NurseryProcess) -> "_Line":
        """Connect to a nursery that has been started."""
        log_lines, _ = await _reader(process.log)
        return cls(process, log_lines)

    async def fork(self) -> ForkedChild:
        """Have a worker forked.

        Raises:
            NurseryError: The nursery refused, or is gone.
            TimeoutError: It did not answer.
        """
        if self.is_down:
            raise NurseryError("the nursery is gone")
        streams, theirs = await _Streams.make()
        answer: asyncio.Future[ForkedChild] = asyncio.get_running_loop().create_future()
        try:
            socket.send_fds(self._control, [b"fork"], theirs)
        except OSError:
            streams.close()
            raise
        finally:
            for stream in theirs:
                os.close(stream)
        self._waiting.append((answer, streams))
        async with asyncio.timeout(FORK_DEADLINE_S if self._has_forked else FIRST_FORK_DEADLINE_S):
            child = await answer
        self._has_forked = True
        return child

    def hang_up(self) -> None:
        """Let the nursery end; what waits for it fails. A second call does nothing."""
        if self.is_down:
            return
        self.is_down = True
        asyncio.get_running_loop().remove_reader(self._control)
        self._process.hang_up()  # its children hear nothing of it
        while self._waiting:
            answer, streams = self._waiting.popleft()
            streams.close()
            if not answer.done():
                answer.set_exception(NurseryError("the nursery is gone"))

    async def close(self) -> None:
        """Hang up and wait until the nursery is gone. A second call is harmless."""
        self.hang_up()
        await self._gone
        await asyncio.wait([self._log_reader])

    def _on_gone(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._process.wait()
        self._gone.set_result(None)

    def _on_message(self) -> None:
        try:
            message, descriptors, _, _ = socket.recv_fds(self._control, _LONGEST_MESSAGE, 1)
        except BlockingIOError:
            return
        except OSError:
            message, descriptors = b"", []
        if not message:
            log.warning("the nursery ended")
            self.hang_up()
            return
        words: dict[str, Any] = json.loads(message)
        if "exited" in words:
            child = self._children.pop(words["exited"], None)
            if child is not None:
                child.ended(words["status"])
            return
        answer, streams = self._waiting.popleft()
        if "forked" not in words:
            streams.close()
            if not answer.done():
                answer.set_exception(NurseryError(words.get("refused", "refused")))
            return
        child = ForkedChild(words["forked"], descriptors[0], streams)
        self._children[child.pid] = child
        if answer.done():  # nobody waits for it any more
            child.kill()
        else:
            answer.set_result(child)


async def _read_log(lines: asyncio.StreamReader) -> None:
    while True:
        try:
            line = await lines.readline()
        except ValueError:  # longer than the limit; the reader has dropped it
            continue
        if not line:
            return
        log_worker_line("nursery", line.decode(errors="replace"))


class _Streams:
    """Our ends of a worker's three streams."""

    def __init__(
        self,
        stdin: asyncio.WriteTransport,
        stdout: asyncio.StreamReader,
        stderr: asyncio.StreamReader,
        readers: Sequence[asyncio.ReadTransport],
    ) -> None:
        self._stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self._readers = readers

    @classmethod
    async def make(cls) -> "tuple[_Streams, list[int]]":
        """Return our ends, and the three descriptors for the worker; the caller closes those.

        Raises:
            OSError: Too many files are open.
        """
        loop = asyncio.get_running_loop()
        with contextlib.ExitStack() as stack:
            pairs = []
            for _ in range(3):
                pair = os.pipe()
                for end in pair:
                    stack.callback(os.close, end)
                pairs.append(pair)
            stack.pop_all()
        (in_read, in_write), (out_read, out_write), (err_read, err_write) = pairs
        stdin, _ = await loop.connect_write_pipe(asyncio.Protocol, os.fdopen(in_write, "wb", 0))
        stdout, out_transport = await _reader(out_read)
        stderr, err_transport = await _reader(err_read)
        streams = cls(stdin, stdout, stderr, [out_transport, err_transport])
        return streams, [in_read, out_write, err_write]

    def write(self, line: bytes) -> None:
        """Queue a line for standard input; dropped when nobody reads it."""
        if not self._stdin.is_closing():
            self._stdin.write(line)

    def close_stdin(self) -> None:
        """Close standard input; what comes out is read to its end."""
        self._stdin.close()

    def close(self) -> None:
        """Close all three."""
        self._stdin.close()
        for reader in self._readers:
            reader.close()


async def _reader(descriptor: int) -> tuple[asyncio.StreamReader, asyncio.ReadTransport]:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=wire.LONGEST_LINE_BYTES)
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", 0)
    )
    return reader, transport
