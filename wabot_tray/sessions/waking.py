"""What is done when something outside says that a link may be had now, or may be dead."""

import logging
from collections.abc import Mapping, Sequence
from typing import Final

from wabot_tray.core import events as ev
from wabot_tray.core.states import SessionState
from wabot_tray.sessions.keeper import SessionKeeper

log = logging.getLogger(__name__)

_UNDERWAY: Final = frozenset(
    {SessionState.CONNECTING, SessionState.WAITING, SessionState.RECONNECTING}
)


class Waking:
    """Tries again at once, or asks for a sign of life.

    Args:
        keepers: Every account's, as they come and go.
    """

    def __init__(self, keepers: Mapping[str, SessionKeeper]) -> None:
        self._keepers = keepers

    def wake(self, account_ids: Sequence[str] | None = None) -> None:
        """End the waits of these accounts, or of all, and doubt the links they have."""
        for keeper in self._of(account_ids):
            session = keeper.session
            waits = session.state in {SessionState.WAITING, SessionState.RECONNECTING}
            if waits or session.dial_is_old():
                if session.may_try():
                    keeper.handle(ev.RestartAsked())
            elif session.state is SessionState.CONNECTED:
                keeper.doubt()
            else:
                keeper.check()

    def dial_anew(self, account_id: str) -> None:
        """Make another link, since the way is another now; a phone being linked is left to end."""
        if (keeper := self._keepers.get(account_id)) is None:  # not started yet
            return
        session = keeper.session
        underway = session.state.has_worker or session.state is SessionState.WAITING
        if underway and not session.pairing:
            log.info("session %s: takes another way", account_id)
            keeper.handle(ev.RestartAsked(by_person=True))

    def trouble(self, account_ids: Sequence[str] | None = None) -> bool:
        """Whether any of these sessions, or of all, is on its way to a link: a look may help."""
        return any(keeper.session.state in _UNDERWAY for keeper in self._of(account_ids))

    def _of(self, account_ids: Sequence[str] | None) -> list[SessionKeeper]:
        chosen = self._keepers if account_ids is None else account_ids
        return [self._keepers[one] for one in chosen if one in self._keepers]
