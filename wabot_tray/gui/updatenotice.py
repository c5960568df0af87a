"""Says in the dashboard that an update waits for a restart, and restarts."""

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, QTimer

from wabot_tray.gui.actions import Tone
from wabot_tray.system.i18n import t

if TYPE_CHECKING:
    from wabot_tray.gui.dashboard import Dashboard
    from wabot_tray.gui.windows import Windows

KEY: Final = "update"
_LOOK_MS: Final = 60_000


class UpdateNotice(QObject):
    """Shows the line; dismissed, it stays away until the next start."""

    def __init__(self, windows: "Windows") -> None:
        super().__init__(windows)
        self._program = windows.program
        self._dashboard: Dashboard | None = None
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.look)
        self._timer.start(_LOOK_MS)

    def use(self, dashboard: "Dashboard") -> None:
        """Speak through this dashboard from now on."""
        self._dashboard = dashboard
        dashboard.destroyed.connect(self._on_gone)
        self.look()

    def look(self) -> None:
        """Show the line where another version was installed."""
        if self._dashboard is not None and self._program.installed.is_replaced():
            offer = (t("update.restart"), self._program.restart)
            self._dashboard.banners.show_notice(KEY, t("update.ready"), Tone.INFO, offer)

    def _on_gone(self) -> None:
        self._dashboard = None
