"""Where workers are forked from: a process that has loaded all they share, and does nothing else.

Linux only. It is this program once more, started with one end of a socket as its standard input:

- The main process sends a message with three descriptors: the worker's standard streams.
- The answer is `{"forked": PID}` with a pidfd, or `{"refused": TEXT}`; the order is kept.
- When a worker ends, `{"exited": PID, "status": N}` follows, N negative for a signal.

It ends when the main process closes the socket; the workers hear of that by their own pipes.
"""

import contextlib
import json
import logging
import os
import selectors
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, NoReturn

from wabot_tray.core import exits
from wabot_tray.system.process import name_process
from wabot_tray.worker import library

log = logging.getLogger(__name__)

NAME: Final = "wabot-nursery"
_STREAMS: Final = 3


def serve(work: Callable[[], NoReturn]) -> NoReturn:
    """Fork workers until the main process hangs up; each of them calls `work`.

    Ends this process: status 0 after a hang-up, another one where forking would not be safe.
    """
    name_process(NAME)
    control = _claim_control()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    library.import_ahead()
    if threading.active_count() > 1 or _native_threads() > 1:
        log.error("something started a thread; forking would not be safe")
        os._exit(exits.BROKEN)
    library.settle()
    _Nursery(control, work).run()
    os._exit(exits.SEALED)


class _Nursery:
    def __init__(self, control: socket.socket, work: Callable[[], NoReturn]) -> None:
        self._control = control
        self._work = work
        self._waker, self._wakes = socket.socketpair()
        self._waker.setblocking(False)
        self._wakes.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wakes.fileno(), warn_on_full_buffer=False)

    def run(self) -> None:
        """Serve until the main process hangs up."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ, self._serve_one)
            selector.register(self._waker, selectors.EVENT_READ, self._reap)
            while all(key.data() for key, _ in selector.select()):
                pass

    def _serve_one(self) -> bool:
        try:
            message, streams, _, _ = socket.recv_fds(self._control, 64, _STREAMS)
        except OSError:
            return False
        if not message:
            return False
        if len(streams) != _STREAMS:
            self._say({"refused": "three streams are needed"})
        else:
            self._fork(streams)
        for stream in streams:
            os.close(stream)
        return True

    def _fork(self, streams: list[int]) -> None:
        try:
            pid = os.fork()
        except OSError as err:
            self._say({"refused": str(err)})
            return
        if pid == 0:
            self._become_worker(streams)
        pidfd = os.pidfd_open(pid)  # before it can be reaped: it is this process and no other
        try:
            self._say({"forked": pid}, pidfd)
        finally:
            os.close(pidfd)

    def _become_worker(self, streams: list[int]) -> NoReturn:
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for own in (self._control, self._waker, self._wakes):
                own.close()
            for target, stream in enumerate(streams):
                os.dup2(stream, target)
                os.close(stream)
            self._work()
        finally:
            os._exit(exits.BROKEN)  # never back into the nursery's own code

    def _reap(self) -> bool:
        with contextlib.suppress(BlockingIOError):
            self._waker.recv(1024)
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return True
            if pid == 0:
                return True
            self._say({"exited": pid, "status": os.waitstatus_to_exitcode(status)})

    def _say(self, words: dict[str, object], *descriptors: int) -> None:
        with contextlib.suppress(OSError):  # the hang-up is heard by the next read
            socket.send_fds(self._control, [json.dumps(words).encode()], descriptors)


def _claim_control() -> socket.socket:
    """Return the socket that is standard input, and point descriptor 0 at nothing."""
    control = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return control


def _native_threads() -> int:
    return sum(1 for _ in Path("/proc/self/task").iterdir())
