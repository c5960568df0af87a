"""Seals a vault while its account runs, off the event loop."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Protocol

from wabot_tray.core.errors import VaultError
from wabot_tray.core.reasons import Reason
from wabot_tray.storage.watching import Watch

log = logging.getLogger(__name__)

# A change is seen within one look and sealed at once; what comes meanwhile is in the next seal.
# Two looks and a seal stay far below the second that is promised.
POLL_S: Final = 0.25
_WATCHED_LOOKS_APART: Final = 40  # a watch may miss a change; then this many times POLL_S
_QUIET_LOOKS: Final = 2  # then only a watch wakes us
_LONG_QUIET_LOOKS: Final = 40  # then, without a watch, each second look is enough


@dataclass(frozen=True, slots=True, kw_only=True)
class SealReport:
    """What one seal wrote."""

    generation: int
    pages: int
    page_count: int
    written_bytes: int
    is_full: bool  # whether every page was compared
    took_s: float


class Sealable(Protocol):
    """What the sealer needs of a vault."""

    def has_changed(self) -> bool:
        """Whether there may be something to seal."""

    def seal(self) -> SealReport | None:
        """Seal what changed."""


class Sealer:
    """Watches a vault and seals it within a second of every change.

    It has a thread of its own: neonize occupies those of the default executor.

    Args:
        vault: Opened.
        on_trouble: Called on the loop when sealing begins to fail, again when it fails for another
            reason, and with None when it works again. It is tried again at every poll.
        on_sealed: Called on the loop with the generation of every seal.
        watch: Tells of changes, so that a quiet account costs nothing; None where there is none.
        poll_s: Seconds between two looks while there is something going on.
    """

    def __init__(
        self,
        vault: Sealable,
        *,
        on_trouble: Callable[[VaultError | None], None],
        on_sealed: Callable[[int], None],
        watch: Watch | None = None,
        poll_s: float = POLL_S,
    ) -> None:
        self._vault = vault
        self._on_trouble = on_trouble
        self._on_sealed = on_sealed
        self._watch = watch
        self._poll_s = poll_s
        self._under_way = 0
        self._trouble: VaultError | None = None
        self._stopped = asyncio.Event()
        self._noticed = asyncio.Event()  # a change, or the end
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="sealer")

    @property
    def trouble(self) -> VaultError | None:
        """Why sealing does not work at the moment, if it does not."""
        return self._trouble

    async def run(self) -> None:
        """Watch until stopped or cancelled. A seal that is under way is finished first."""
        quiet_looks = 0
        try:
            while not self._stopped.is_set():
                await self._until_next_look(quiet_looks)
                if self._under_way or self._vault.has_changed():
                    await self.seal_now()
                    quiet_looks = 0
                else:
                    quiet_looks += 1
        finally:
            if self._watch is not None:
                self._watch.close()

    async def _until_next_look(self, quiet_looks: int) -> None:
        watch = self._watch
        if watch is None or watch.is_blind:
            is_long_quiet = quiet_looks >= _LONG_QUIET_LOOKS
            await _wait(self._stopped, self._poll_s * (2 if is_long_quiet else 1))
            return
        if quiet_looks >= _QUIET_LOOKS:
            await _wait(self._noticed, self._poll_s * _WATCHED_LOOKS_APART)
        if self._noticed.is_set() or quiet_looks == 0:
            self._noticed.clear()
            watch.arm(self._noticed.set)
        # The log is written before the commit can be seen, and commits come in groups.
        await _wait(self._stopped, self._poll_s)

    async def seal_now(self) -> SealReport | None:
        """Seal what changed, at once.

        None where nothing had changed, where it failed (see `trouble`), and after `stop`.
        """
        if self._stopped.is_set():
            return None
        work = asyncio.get_running_loop().run_in_executor(self._executor, self._seal)
        self._under_way += 1
        work.add_done_callback(self._done)
        try:
            report = await asyncio.shield(work)
        except VaultError as error:
            self._failed(error)
            return None
        except asyncio.CancelledError:
            await asyncio.wait([work])
            with contextlib.suppress(VaultError):
                work.result()
            raise
        self._worked()
        if report is not None:
            self._on_sealed(report.generation)
        return report

    async def stop(self) -> None:
        """Begin no other seal and wait for the one under way. Stopping twice is harmless.

        The vault's `close` seals what is left.
        """
        self._stopped.set()
        self._noticed.set()
        loop = asyncio.get_running_loop()
        with contextlib.suppress(RuntimeError):  # the executor is shut down already
            await loop.run_in_executor(self._executor, bool)
        self._executor.shutdown(wait=False)

    def _seal(self) -> SealReport | None:
        try:
            return self._vault.seal() if self._vault.has_changed() else None
        except VaultError:
            raise
        except Exception as error:
            # Whatever it is, it must neither end the sealing nor go unsaid.
            if self._trouble is None:
                log.exception("sealing met an error of its own")
            detail = f"{type(error).__name__}: {error}"
            raise VaultError(Reason.STORAGE_UNWRITABLE, detail) from error

    def _done(self, work: asyncio.Future[SealReport | None]) -> None:
        del work
        self._under_way -= 1

    def _failed(self, error: VaultError) -> None:
        is_news = self._trouble is None or self._trouble.reason is not error.reason
        self._trouble = error
        log.log(logging.WARNING if is_news else logging.DEBUG, "sealing failed: %s", error)
        if is_news:
            self._on_trouble(error)

    def _worked(self) -> None:
        if self._trouble is not None:
            log.info("sealing works again")
            self._trouble = None
            self._on_trouble(None)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    """Wait for `event`, `seconds` at most."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
