"""Accounts set down for a while, so that somebody may change their files and the list."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Collection

from wabot_tray.core import events as ev
from wabot_tray.core.errors import ControlError
from wabot_tray.core.reasons import Reason
from wabot_tray.sessions.keeper import SessionKeeper
from wabot_tray.storage.registry import Account, Registry

log = logging.getLogger(__name__)


class SetDown:
    """Stops accounts while a block runs and starts what is wanted then, from the list as it is.

    Args:
        registry: The accounts.
        keepers: Who keeps them.
        adopt: Makes a keeper for an account, in place of the one it had.
        publish: Tells everybody of an account.
    """

    def __init__(
        self,
        registry: Registry,
        keepers: dict[str, SessionKeeper],
        adopt: Callable[[Account], SessionKeeper],
        publish: Callable[[str], None],
    ) -> None:
        self._registry = registry
        self._keepers = keepers
        self._adopt = adopt
        self._publish = publish
        self._down: set[str] = set()

    def refuse(self, account_id: str) -> None:
        """Raise ControlError where the account is set down just now."""
        if account_id in self._down:
            raise ControlError("error.restore_under_way")

    @contextlib.asynccontextmanager
    async def during(self, account_ids: Collection[str]) -> AsyncIterator[Registry]:
        """Run the block while no worker of these accounts lives; some may not be there yet.

        The list is the block's to change, on the loop. Who was enabled starts anew afterwards,
        whether the block failed or not.

        Raises:
            ControlError: One of them is set down already.
        """
        for account_id in account_ids:
            self.refuse(account_id)
        self._down.update(account_ids)
        held = [self._keepers[one] for one in account_ids if one in self._keepers]
        try:
            for keeper in held:
                keeper.handle(ev.StopAsked())
            await asyncio.gather(*(keeper.close() for keeper in held))
            log.info("%d accounts are set down", len(held))
            yield self._registry
        finally:
            self._down.difference_update(account_ids)
            self._take_up(account_ids)

    def _take_up(self, account_ids: Collection[str]) -> None:
        for account in self._registry.all():
            if account.id not in account_ids:
                continue
            keeper = self._adopt(account)
            if account.enabled and account.paired:
                keeper.handle(ev.StartAsked(reason=Reason.STARTED_BY_PERSON))
            elif account.enabled:
                keeper.handle(ev.NotPaired())
            self._publish(account.id)
