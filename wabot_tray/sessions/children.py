"""A worker's process as the main process holds it, however it was started."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Protocol

from wabot_tray.core import wire


class Child(Protocol):
    """A running process with its three streams."""

    @property
    def pid(self) -> int:
        """Its process id."""

    @property
    def stdout(self) -> asyncio.StreamReader:
        """Its events."""

    @property
    def stderr(self) -> asyncio.StreamReader:
        """Its log."""

    @property
    def status(self) -> int | None:
        """How it ended, negative for a signal; None while it runs."""

    def write(self, line: bytes) -> None:
        """Queue a line for its standard input; dropped when it is gone."""

    def terminate(self) -> None:
        """Ask it to end by signal; nothing happens when it is gone."""

    def kill(self) -> None:
        """End it; nothing happens when it is gone."""

    async def wait(self) -> int:
        """Return how it ended, once it has."""


Launch = Callable[[], Awaitable[Child]]


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


class SpawnedChild:
    """A process that was started by executing a command."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None  # noqa: S101 - all three are asked for as pipes
        assert process.stdout is not None  # noqa: S101
        assert process.stderr is not None  # noqa: S101
        self._process = process
        self._stdin = process.stdin
        self.stdout = process.stdout
        self.stderr = process.stderr

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """How it ended, negative for a signal; None while it runs."""
        return self._process.returncode

    def write(self, line: bytes) -> None:
        """Queue a line for its standard input; dropped when it is gone."""
        if not self._stdin.is_closing():
            self._stdin.write(line)

    def terminate(self) -> None:
        """Ask it to end by signal; nothing happens when it is gone."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()

    def kill(self) -> None:
        """End it; nothing happens when it is gone."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def wait(self) -> int:
        """Return how it ended, once it has."""
        return await self._process.wait()


async def spawn(command: Sequence[str]) -> Child:
    """Start `command` as a worker.

    Raises:
        OSError: It could not be started.
    """
    return SpawnedChild(
        await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=wire.LONGEST_LINE_BYTES,
            cwd=package_root(),
            env=worker_environment(),
        )
    )
