"""A line in the dashboard that is looked after as long as the program runs."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

if TYPE_CHECKING:
    from wabot_tray.gui.dashboard import Dashboard
    from wabot_tray.gui.windows import Windows


class StandingNotice(QObject):
    """Calls `look` again and again, and for each dashboard that is made.

    Args:
        windows: Everything a notice may use.
        every_ms: Between two looks.
    """

    def __init__(self, windows: "Windows", every_ms: int) -> None:
        super().__init__(windows)
        self.windows = windows
        self.dashboard: Dashboard | None = None
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.look)
        self._timer.start(every_ms)

    def use(self, dashboard: "Dashboard") -> None:
        """Speak through this dashboard from now on."""
        self.dashboard = dashboard
        dashboard.banners.dismissed.connect(self.on_dismissed)
        dashboard.destroyed.connect(self._on_gone)
        self.look()

    def look(self) -> None:
        """Show the line in the dashboard, if there is one, or take it away."""

    def on_dismissed(self, key: str) -> None:
        """Take note that the person has read a line, this or another."""

    def _on_gone(self) -> None:
        self.dashboard = None
