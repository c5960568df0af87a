"""The lines of the log that users of the system before this one know."""

import logging
from collections.abc import Iterable

from wabot_tray.core.states import SessionState

log = logging.getLogger("wabot_tray.sessions.manager")


class Milestones:
    """Says how far the restoring of the sessions has come, and `Ready` when all have an outcome."""

    def __init__(self) -> None:
        self._restoring: set[str] = set()

    def begin(self, account_ids: Iterable[str]) -> None:
        """Say which sessions are being restored."""
        self._restoring = set(account_ids)
        log.info("Found %d active connections", len(self._restoring))
        for account_id in sorted(self._restoring):
            log.info("Restoring session for: %s", account_id)
        if not self._restoring:
            log.info("Ready")

    def note(self, account_id: str, state: SessionState) -> None:
        """Hear where a session stands; only the first outcome of each counts."""
        if account_id not in self._restoring or state is SessionState.CONNECTING:
            return
        self._restoring.discard(account_id)
        if state is SessionState.CONNECTED:
            log.info("Session restored for: %s", account_id)
        if state.needs_user:
            log.warning("Session not restored for: %s", account_id)
        else:
            log.info("Auto-reconnection set for: %s", account_id)
        if not self._restoring:
            log.info("Ready")
