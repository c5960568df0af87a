"""Seals a vault while its account runs, off the event loop."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Protocol

from wabot_tray.core.errors import VaultError
from wabot_tray.storage.vault import SealReport

log = logging.getLogger(__name__)

# A change is seen within a poll and sealed at once; the rest after it gathers for as long.
# 0.25 + 0.25 s and the seal itself stay far below the second that is promised.
POLL_S: Final = 0.25


class Sealable(Protocol):
    """What the sealer needs of a vault."""

    def has_changed(self) -> bool:
        """Whether there may be something to seal."""

    def seal(self) -> SealReport | None:
        """Seal what changed."""


class Sealer:
    """Watches a vault and seals it within a second of every change.

    It has a thread of its own: neonize occupies the default executor's.

    Args:
        vault: Opened.
        on_failure: Called on the loop when sealing begins to fail, once until it works again.
            It is tried again at every poll.
        on_recovery: Called on the loop when it works again.
        poll_s: Seconds between two looks.
    """

    def __init__(
        self,
        vault: Sealable,
        *,
        on_failure: Callable[[VaultError], None],
        on_recovery: Callable[[], None],
        poll_s: float = POLL_S,
    ) -> None:
        self._vault = vault
        self._on_failure = on_failure
        self._on_recovery = on_recovery
        self._poll_s = poll_s
        self._failure: VaultError | None = None
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="sealer")

    @property
    def failure(self) -> VaultError | None:
        """Why sealing does not work at the moment, if it does not."""
        return self._failure

    async def run(self) -> None:
        """Watch until cancelled. A seal that is under way is finished first."""
        while True:
            await asyncio.sleep(self._poll_s)
            await self.seal_now()

    async def seal_now(self) -> SealReport | None:
        """Seal what changed, at once; None where nothing did or it failed (see `failure`)."""
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._executor, self._seal)
        try:
            report = await asyncio.shield(work)
        except VaultError as error:
            self._failed(error)
            return None
        except asyncio.CancelledError:
            await asyncio.wait([work])
            raise
        self._worked()
        return report

    def close(self) -> None:
        """Wait for the thread to end. `run` must have been cancelled; closing twice is harmless."""
        self._executor.shutdown(wait=True)

    def _seal(self) -> SealReport | None:
        return self._vault.seal() if self._vault.has_changed() else None

    def _failed(self, error: VaultError) -> None:
        is_first = self._failure is None or self._failure.reason is not error.reason
        self._failure = error
        log.log(logging.WARNING if is_first else logging.DEBUG, "sealing failed: %s", error)
        if is_first:
            self._on_failure(error)

    def _worked(self) -> None:
        if self._failure is not None:
            log.info("sealing works again")
            self._failure = None
            self._on_recovery()
