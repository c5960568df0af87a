"""Seals a vault while its account runs, off the event loop."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Protocol

from wabot_tray.core.errors import VaultError

log = logging.getLogger(__name__)

# A change is seen within one poll and sealed at once; what comes meanwhile is in the next seal.
# Two polls and a seal stay far below the second that is promised.
POLL_S: Final = 0.25


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
        poll_s: Seconds between two looks.
    """

    def __init__(
        self,
        vault: Sealable,
        *,
        on_trouble: Callable[[VaultError | None], None],
        on_sealed: Callable[[int], None],
        poll_s: float = POLL_S,
    ) -> None:
        self._vault = vault
        self._on_trouble = on_trouble
        self._on_sealed = on_sealed
        self._poll_s = poll_s
        self._trouble: VaultError | None = None
        self._stopped = asyncio.Event()
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="sealer")

    @property
    def trouble(self) -> VaultError | None:
        """Why sealing does not work at the moment, if it does not."""
        return self._trouble

    async def run(self) -> None:
        """Watch until stopped or cancelled. A seal that is under way is finished first."""
        while not self._stopped.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._poll_s):
                    await self._stopped.wait()
            await self.seal_now()

    async def seal_now(self) -> SealReport | None:
        """Seal what changed, at once.

        None where nothing had changed, where it failed (see `trouble`), and after `stop`.
        """
        if self._stopped.is_set():
            return None
        work = asyncio.get_running_loop().run_in_executor(self._executor, self._seal)
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
        loop = asyncio.get_running_loop()
        with contextlib.suppress(RuntimeError):  # the executor is shut down already
            await loop.run_in_executor(self._executor, bool)
        self._executor.shutdown(wait=False)

    def _seal(self) -> SealReport | None:
        return self._vault.seal() if self._vault.has_changed() else None

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
