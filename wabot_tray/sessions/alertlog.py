"""What would be told on a screen, as lines of the log: all there is on a machine without one."""

import logging
from collections.abc import Callable, Iterable
from typing import Final

from wabot_tray.core.clock import SYSTEM_CLOCK, Clock
from wabot_tray.core.settings import Settings
from wabot_tray.core.snapshot import SessionSnapshot
from wabot_tray.sessions.alerts import Alerts, Change, Tell
from wabot_tray.sessions.worries import Kind

log = logging.getLogger(__name__)

LOOK_S: Final = 10.0


class AlertLog:
    """Looks at the sessions and writes down what a person would be told.

    Args:
        snapshots: Returns every account.
        settings: Returns what the person set.
    """

    def __init__(
        self,
        snapshots: Callable[[], Iterable[SessionSnapshot]],
        settings: Callable[[], Settings],
        *,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._snapshots = snapshots
        self._settings = settings
        self._alerts = Alerts(clock)

    async def look(self) -> None:
        """Look once; to be called every `LOOK_S` seconds."""
        for change in self._alerts.look(self._snapshots(), self._settings()):
            write_down(change)


def write_down(change: Change) -> None:
    """Log what is told; what is only corrected or taken back is no event of its own."""
    if not isinstance(change, Tell) or change.is_silent:
        return
    level = logging.INFO if change.kind is Kind.BACK else logging.WARNING
    about = ", ".join(f"{worry.account} ({worry.cause})" for worry in change.worries)
    log.log(level, "alert, %s: %s", change.kind, about)
