"""Says in the dashboard that an update waits for a restart, and restarts."""

from typing import TYPE_CHECKING, Final

from wabot_tray.gui.actions import Tone
from wabot_tray.gui.standingnotice import StandingNotice
from wabot_tray.system.i18n import t

if TYPE_CHECKING:
    from wabot_tray.gui.windows import Windows

KEY: Final = "update"
_LOOK_MS: Final = 60_000


class UpdateNotice(StandingNotice):
    """Shows the line; dismissed, it stays away until the next start."""

    def __init__(self, windows: "Windows") -> None:
        super().__init__(windows, _LOOK_MS)

    def look(self) -> None:
        """Show the line where another version was installed."""
        program = self.windows.program
        if self.dashboard is not None and program.installed.is_replaced():
            offer = (t("update.restart"), program.restart)
            self.dashboard.banners.show_notice(KEY, t("update.ready"), Tone.INFO, offer)
