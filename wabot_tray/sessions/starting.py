"""What our own processes are started with; and the nursery, which is started before all else.

The nursery needs a third of a second for its imports, and so does the main process: side by side
they take as long as one. So this module imports next to nothing, and the program asks it first.
"""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Self


def worker_command() -> list[str]:
    """Return the command that starts a worker: this program again, frozen or not."""
    if getattr(sys, "frozen", False):
        return [sys.executable, "worker"]
    return [sys.executable, "-m", "wabot_tray", "worker"]


def worker_environment() -> dict[str, str]:
    """Return the environment a worker, or what it is forked from, is started with.

    Plain replies carry no `<bot>` node. The Go side reads the environment the process was started
    with, so that it is too late to set this inside the worker (measured with neonize 0.5.2).
    """
    return {**os.environ, "NEONIZE_BOT_TAG": "off"}


def package_root() -> str | None:
    """Return the folder that `-m wabot_tray` is found from in a checkout."""
    if getattr(sys, "frozen", False):
        return None
    return os.fspath(Path(__file__).resolve().parent.parent.parent)


def can_fork() -> bool:
    """Return whether workers can be forked on this system, and told apart by pidfd."""
    return sys.platform == "linux" and hasattr(os, "pidfd_open")


class NurseryProcess:
    """The process that workers are forked from, as the one that started it holds it.

    Attributes:
        control: Our end of the socket it takes its orders from; it ends when that is closed.
        log: The descriptor that its log is read from; whoever reads it closes it.
    """

    def __init__(
        self, process: "subprocess.Popen[bytes]", control: socket.socket, log: int
    ) -> None:
        self._process = process
        self.control = control
        self.log = log

    @classmethod
    def start(cls, command: Sequence[str]) -> Self:
        """Start a nursery.

        Args:
            command: The command that starts a worker.

        Raises:
            OSError: It could not be started.
        """
        with contextlib.ExitStack() as stack:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            stack.callback(theirs.close)
            log, log_end = os.pipe()
            stack.callback(os.close, log_end)
            try:
                ours.setblocking(False)
                process = subprocess.Popen(
                    [*command, "nursery"],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=log_end,
                    cwd=package_root(),
                    env=worker_environment(),
                )
            except BaseException:
                ours.close()
                os.close(log)
                raise
        return cls(process, ours, log)

    @property
    def pid(self) -> int:
        """Its process id, which nobody else gets before `wait`."""
        return self._process.pid

    def hang_up(self) -> None:
        """End it, however it is; workers it has forked live on. A second call is harmless."""
        self.control.close()
        self._process.kill()  # it may hang

    def wait(self) -> None:
        """Return when it has ended. Blocks."""
        self._process.wait()
