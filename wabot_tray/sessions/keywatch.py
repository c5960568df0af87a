"""Waits for what only a person or the machine can bring back: a key, a disk that can be written.

Nobody is prompted again and again, and unlocking a keyring or freeing some space goes on by itself.
"""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from wabot_tray.core import events as ev
from wabot_tray.core.backoff import Backoff
from wabot_tray.core.clock import Clock
from wabot_tray.core.reasons import Reason
from wabot_tray.core.states import SessionState
from wabot_tray.sessions.keeper import Handle, SessionKeeper

POLL_S: Final = 3.0
FORGOTTEN_AFTER_S: Final = 600.0
KEY_REASONS: Final = frozenset(
    {
        Reason.KEYRING_LOCKED,
        Reason.KEYRING_ABSENT,
        Reason.KEYRING_SLOW,
        Reason.KEY_MISSING,
        Reason.KEY_WRONG,
    }
)
STORAGE_REASONS: Final = frozenset(
    {Reason.DISK_FULL, Reason.STORAGE_UNWRITABLE, Reason.IN_USE_ELSEWHERE}
)


class Keys(Protocol):
    """Where the accounts' keys come from."""

    async def data_key(self, account_id: str) -> bytes:
        """Return an account's 32-byte key; raises KeyUnavailableError or VaultError."""

    async def is_available(self) -> bool:
        """Whether asking would succeed now, found out without prompting anybody."""


class ReturnWatch:
    """Looks every few seconds at what a session waits for, and lets it try again.

    What looks well and fails again is tried ever more rarely, up to a minute apart.

    Args:
        keys: Where the keys come from.
        has_room: Whether an account's files could be written now; may block.
        keepers: Returns every account's keeper.
        call_later: Runs a callback after so many seconds.
        clock: Injected time.
        random: For jitter.
    """

    def __init__(
        self,
        keys: Keys,
        has_room: Callable[[str], bool],
        keepers: Callable[[], list[SessionKeeper]],
        *,
        call_later: Callable[[float, Callable[[], None]], Handle],
        clock: Clock,
        random: Callable[[], float],
    ) -> None:
        self._keys = keys
        self._has_room = has_room
        self._keepers = keepers
        self._call_later = call_later
        self._clock = clock
        self._random = random
        self._timer: Handle | None = None
        self._look: asyncio.Task[None] | None = None
        self._closed = False
        self._tried: dict[str, tuple[float, Backoff]] = {}  # when next at the earliest

    def arm(self) -> None:
        """Look again soon. A second call is harmless."""
        if self._timer is None and not self._closed:
            self._timer = self._call_later(POLL_S, self._on_time)

    async def close(self) -> None:
        """Look no more. Closing twice is harmless."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._look is not None:
            self._look.cancel()
            await asyncio.wait([self._look])

    def _on_time(self) -> None:
        self._timer = None
        if self._waiting(KEY_REASONS | STORAGE_REASONS):
            self._look = asyncio.get_running_loop().create_task(self._retry())

    async def _retry(self) -> None:
        if self._waiting(KEY_REASONS) and await self._keys.is_available():
            for keeper in self._waiting(KEY_REASONS):
                keeper.handle(ev.RetryDue())
        for keeper in self._waiting(STORAGE_REASONS):
            account_id = keeper.session.id
            if self._may_try(account_id) and await asyncio.to_thread(self._has_room, account_id):
                self._note_try(account_id)
                keeper.handle(ev.RetryDue())
        if self._waiting(KEY_REASONS | STORAGE_REASONS):
            self.arm()

    def _may_try(self, account_id: str) -> bool:
        earliest, _ = self._tried.get(account_id, (0.0, None))
        return self._clock.monotonic() >= earliest

    def _note_try(self, account_id: str) -> None:
        now = self._clock.monotonic()
        earliest, backoff = self._tried.get(account_id, (now, None))
        if backoff is None or now - earliest > FORGOTTEN_AFTER_S:
            backoff = Backoff(self._random)
        self._tried[account_id] = (now + backoff.next_delay_s(), backoff)

    def _waiting(self, reasons: frozenset[Reason]) -> list[SessionKeeper]:
        return [
            keeper
            for keeper in self._keepers()
            if keeper.session.state is SessionState.FAILED and keeper.session.reason in reasons
        ]
