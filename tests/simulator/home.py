"""The event loop that all state of a simulator lives in, and the way in from other threads."""

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Home:
    """Runs calls on one loop and wakes those who wait for something to become true."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiters: list[tuple[Callable[[], object], asyncio.Future[None]]] = []
        self._is_check_due = False

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop of the simulator.

        Raises:
            RuntimeError: It has not started, or has stopped.
        """
        if self._loop is None:
            raise RuntimeError("the simulator is not running")
        return self._loop

    def move_in(self) -> None:
        """Make the running loop the one that everything runs on."""
        self._loop = asyncio.get_running_loop()

    def move_out(self) -> None:
        """Forget the loop; those who wait are told."""
        for _, future in self._waiters:
            future.cancel()
        self._waiters.clear()
        self._loop = None

    def run(self, call: Callable[[], R]) -> R:
        """Return what `call` returns on the loop, from whichever thread this is asked."""
        if self._is_here():
            return call()

        async def called() -> R:
            return call()

        return asyncio.run_coroutine_threadsafe(called(), self.loop).result()

    def block_on(self, coroutine: Coroutine[Any, Any, R]) -> R:
        """Return the result of `coroutine`, for threads other than the loop's own.

        Raises:
            RuntimeError: This is the loop's own thread, which would wait for itself.
        """
        if self._is_here():
            coroutine.close()
            raise RuntimeError("on the simulator's own loop, use the awaitable method")
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result()

    def changed(self) -> None:
        """Say that something has changed; those who wait look again."""
        if self._waiters and not self._is_check_due:
            self._is_check_due = True
            self.loop.call_soon(self._check)

    async def until(self, is_true: Callable[[], object], timeout_s: float) -> None:
        """Return once `is_true` returns true.

        Raises:
            TimeoutError: It did not within `timeout_s`.
        """
        if is_true():
            return
        future: asyncio.Future[None] = self.loop.create_future()
        waiter = (is_true, future)
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(timeout_s):
                await future
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)

    def _is_here(self) -> bool:
        try:
            return asyncio.get_running_loop() is self._loop
        except RuntimeError:
            return False

    def _check(self) -> None:
        self._is_check_due = False
        for waiter in list(self._waiters):
            is_true, future = waiter
            try:
                if future.done() or not is_true():
                    continue
                future.set_result(None)
            except Exception as err:  # noqa: BLE001  # it belongs to the one who waits
                future.set_exception(err)
            self._waiters.remove(waiter)


class _AtHome(Protocol):
    @property
    def home(self) -> Home: ...


H = TypeVar("H", bound=_AtHome)


def in_loop(method: Callable[Concatenate[H, P], R]) -> Callable[Concatenate[H, P], R]:
    """Run a method on the loop of its object's home, whichever thread calls it."""

    @functools.wraps(method)
    def call(self: H, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.home.run(lambda: method(self, *args, **kwargs))

    return call
