"""A simulator in a thread of its own, for tests and programs without an event loop."""

import asyncio
import threading
from types import TracebackType
from typing import Final, Self

from tests.simulator.server import Simulator

_PATIENCE_S: Final = 10.0


class RunningSimulator(Simulator):
    """A simulator that `with` starts and stops; everything about it may be used meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self._thread: threading.Thread | None = None
        self._has_started = threading.Event()
        self._end: asyncio.Event | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, name="simulator", daemon=True)
        self._thread.start()
        if not self._has_started.wait(_PATIENCE_S):
            raise TimeoutError("the simulator does not start")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._thread and self._end:
            self.home.loop.call_soon_threadsafe(self._end.set)
            self._thread.join(_PATIENCE_S)

    def _run(self) -> None:
        asyncio.run(self._serve_until_end())

    async def _serve_until_end(self) -> None:
        self._end = asyncio.Event()
        async with self:
            self._has_started.set()
            await self._end.wait()
