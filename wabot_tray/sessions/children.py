"""A worker's process as the main process holds it, however it was started."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from wabot_tray.core import wire
from wabot_tray.sessions.starting import package_root, worker_environment


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
