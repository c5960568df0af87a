"""Waits for a key: nobody is prompted again and again, and unlocking goes on by itself."""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from wabot_tray.core import events as ev
from wabot_tray.core.reasons import Reason
from wabot_tray.core.states import SessionState
from wabot_tray.sessions.keeper import Handle, SessionKeeper

POLL_S: Final = 3.0
KEY_REASONS: Final = frozenset(
    {
        Reason.KEYRING_LOCKED,
        Reason.KEYRING_ABSENT,
        Reason.KEYRING_SLOW,
        Reason.KEY_MISSING,
        Reason.KEY_WRONG,
    }
)


class Keys(Protocol):
    """Where the accounts' keys come from."""

    async def data_key(self, account_id: str) -> bytes:
        """Return an account's 32-byte key; raises KeyUnavailableError or VaultError."""

    async def is_available(self) -> bool:
        """Whether asking would succeed now, found out without prompting anybody."""


class KeyWatch:
    """Looks every few seconds whether a key can be had, while a session waits for one.

    Args:
        keys: Where the keys come from.
        keepers: Returns every account's keeper.
        call_later: Runs a callback after so many seconds.
    """

    def __init__(
        self,
        keys: Keys,
        keepers: Callable[[], list[SessionKeeper]],
        call_later: Callable[[float, Callable[[], None]], Handle],
    ) -> None:
        self._keys = keys
        self._keepers = keepers
        self._call_later = call_later
        self._timer: Handle | None = None
        self._look: asyncio.Task[None] | None = None
        self._closed = False

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
        if self._waiting():
            self._look = asyncio.get_running_loop().create_task(self._retry())

    async def _retry(self) -> None:
        if not await self._keys.is_available():
            self.arm()
            return
        for keeper in self._waiting():
            keeper.handle(ev.RetryDue())

    def _waiting(self) -> list[SessionKeeper]:
        return [
            keeper
            for keeper in self._keepers()
            if keeper.session.state is SessionState.FAILED and keeper.session.reason in KEY_REASONS
        ]
