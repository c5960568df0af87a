"""What of a session outlives it: kept in the list of accounts as events come."""

import logging
import math
from datetime import timedelta
from typing import Any, Final

from wabot_tray.core import codes
from wabot_tray.core import events as ev
from wabot_tray.core.clock import Clock
from wabot_tray.core.errors import ControlError, VaultError
from wabot_tray.core.reasons import Reason
from wabot_tray.storage.registry import Registry

log = logging.getLogger(__name__)

_CONNECTED_KEPT: Final = timedelta(minutes=1)


class Records:
    """Writes down what a later start, or a later attempt, has to know.

    Args:
        registry: The accounts.
        clock: Injected time.
    """

    def __init__(self, registry: Registry, clock: Clock) -> None:
        self._registry = registry
        self._clock = clock

    def note(self, account_id: str, event: ev.Event) -> None:
        """Keep what `event` says, where it says something lasting."""
        if account_id not in self._registry:  # a last word of one just removed
            return
        account, now = self._registry.get(account_id), self._clock.now()
        match event:
            case ev.PairingSucceeded():
                self.remember(account_id, paired=True, phone=event.phone, codes=())
            case ev.LoggedIn():
                phone = event.phone or account.phone
                self.remember(account_id, paired=True, phone=phone, last_connected=now)
            case ev.LoggedOut():
                self.remember(account_id, paired=False)
            case ev.LinkCodeShown():
                self.remember(account_id, codes=codes.with_one_more(account.codes, now))
            case ev.LinkCodeRefused(reason=Reason.CODE_LIMIT):
                self.remember(account_id, codes=codes.used_up(now))
            case _:
                pass

    def remember(self, account_id: str, **changes: Any) -> None:
        """Keep `changes`; a disk that refuses must not stop a session that is connected."""
        account = self._registry.get(account_id)
        last, moment = account.last_connected, changes.get("last_connected")
        if last is not None and moment is not None and moment - last < _CONNECTED_KEPT:
            del changes["last_connected"]  # a link that flaps is not worth a write each time
        if all(getattr(account, name) == value for name, value in changes.items()):
            return
        try:
            self._registry.update(account_id, **changes)
        except VaultError as err:
            log.warning("session %s: the list of accounts could not be saved: %s", account_id, err)

    def code_allowance(self, account_id: str) -> codes.CodeAllowance:
        """Return how many codes to type this account may still ask for.

        Raises:
            AccountError: There is no account of that name.
        """
        return codes.allowance(self._registry.get(account_id).codes, self._clock.now())

    def refuse_without_codes(self, account_id: str) -> None:
        """Let an account pass that may ask for a code.

        Raises:
            ControlError: It has had its codes for now.
        """
        again_at = self.code_allowance(account_id).again_at
        if again_at is not None:
            left_s = (again_at - self._clock.now()).total_seconds()
            minutes = max(1, math.ceil(left_s / 60))
            raise ControlError("error.codes_paused", id=account_id, minutes=minutes)
