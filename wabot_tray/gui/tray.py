"""The tray icon: the worst state of all accounts at a glance, a line for each on hovering."""

import sys
from datetime import datetime
from typing import Final

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QSystemTrayIcon

from wabot_tray.core.clock import SYSTEM_CLOCK, Clock
from wabot_tray.core.snapshot import SessionSnapshot, worst
from wabot_tray.gui.actions import Tone
from wabot_tray.gui.bridge import ManagerBridge
from wabot_tray.gui.icons import empty_icon, state_icon
from wabot_tray.gui.traymenu import TrayMenu
from wabot_tray.gui.wording import no_markup
from wabot_tray.system.i18n import t, tn
from wabot_tray.system.texts import account_line

TOOLTIP_LINES: Final = 8
ABSENT_POLL_MS: Final = 500
PRESENT_POLL_MS: Final = 2000
TOOLTIP_MS: Final = 15_000  # its words hold times
MESSAGE_MS: Final = 8000
_MESSAGE_ICONS: Final = {
    Tone.GOOD: QSystemTrayIcon.MessageIcon.Information,
    Tone.INFO: QSystemTrayIcon.MessageIcon.Information,
    Tone.WARNING: QSystemTrayIcon.MessageIcon.Warning,
    Tone.ERROR: QSystemTrayIcon.MessageIcon.Critical,
}


class Tray(QObject):
    """Shows the icon while a panel offers a tray, and again when a panel comes later.

    Qt chooses the protocol when the icon is made, so an icon made before a StatusNotifier panel is
    up never appears (measured with PySide6 6.11 and lxqt-panel): it is made anew then.
    """

    dashboard_wanted = Signal()
    presence_changed = Signal(bool)  # whether a panel shows the icon
    message_clicked = Signal(str)  # the token of the message beside the tray

    def __init__(
        self,
        bridge: ManagerBridge,
        menu: TrayMenu,
        *,
        clock: Clock = SYSTEM_CLOCK,
        platform: str = sys.platform,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._manager = bridge.manager
        self.menu = menu
        self._clock = clock
        self._platform = platform
        self._icon: QIcon | None = None
        self._tooltip = ""
        self._token = ""
        self._present = QSystemTrayIcon.isSystemTrayAvailable()
        self.icon = self._make()
        self.refresh()
        self.icon.show()
        bridge.session_changed.connect(self.refresh)
        bridge.session_removed.connect(self.refresh)
        self._poll = QTimer(self)
        self._poll.timeout.connect(self.look_for_panel)
        self._poll.start(PRESENT_POLL_MS if self._present else ABSENT_POLL_MS)
        self._ageing = QTimer(self)
        self._ageing.timeout.connect(self.refresh)
        self._ageing.start(TOOLTIP_MS)

    @property
    def is_present(self) -> bool:
        """Whether some panel offers a tray."""
        return self._present

    def refresh(self, _changed: object = None) -> None:
        """Show the worst state and every account's line, where either is new."""
        snapshots = self._manager.snapshots()
        first = worst(snapshots)
        icon = empty_icon() if first is None else state_icon(first.state)
        if icon is not self._icon:
            self._icon = icon
            self.icon.setIcon(icon)
        tooltip = no_markup(tooltip_text(snapshots, self._clock.now()))
        if tooltip != self._tooltip:
            self._tooltip = tooltip
            self.icon.setToolTip(tooltip)

    def use_menu(self, menu: TrayMenu) -> None:
        """Offer `menu` from now on, and say everything anew. Panels read a menu with its icon."""
        self.menu = menu
        self._remake()

    def look_for_panel(self) -> None:
        """Make the icon anew when a panel has come; say so when one came or went."""
        present = QSystemTrayIcon.isSystemTrayAvailable()
        if present is self._present:
            return
        self._present = present
        self._poll.start(PRESENT_POLL_MS if present else ABSENT_POLL_MS)
        if present:
            self._remake()
        self.presence_changed.emit(present)

    def tell(self, text: str, tone: Tone, *, title: str = "", token: str = "") -> None:
        """Show a message beside the tray.

        Args:
            text: What it says.
            tone: How it is meant.
            title: Its first line, by default the program's name.
            token: What `message_clicked` says when the person clicks on it.
        """
        self._token = token
        heading = no_markup(title) or t("app.name")
        self.icon.showMessage(heading, no_markup(text), _MESSAGE_ICONS[tone], MESSAGE_MS)

    def close(self) -> None:
        """Take the icon away. A second call changes nothing."""
        self._poll.stop()
        self._ageing.stop()
        self.icon.hide()

    def _make(self) -> QSystemTrayIcon:
        icon = QSystemTrayIcon(self)
        icon.setContextMenu(self.menu)
        icon.activated.connect(self._on_activated)
        icon.messageClicked.connect(self._on_message_clicked)
        return icon

    def _remake(self) -> None:
        old = self.icon
        old.hide()
        old.deleteLater()
        self.icon = self._make()
        self._icon, self._tooltip = None, ""
        self.refresh()
        self.icon.show()

    def _on_message_clicked(self) -> None:
        self.message_clicked.emit(self._token)

    def _on_activated(self, how: QSystemTrayIcon.ActivationReason) -> None:
        # On macOS a click opens the menu, by custom and by Qt.
        if how is QSystemTrayIcon.ActivationReason.Trigger and self._platform != "darwin":
            self.dashboard_wanted.emit()


def tooltip_text(snapshots: tuple[SessionSnapshot, ...], now: datetime) -> str:
    """Return a line per account, the worst first, since some systems cut long texts."""
    if not snapshots:
        return t("tray.tooltip_empty")
    ordered = sorted(snapshots, key=lambda s: s.state.severity, reverse=True)
    lines = [account_line(snapshot, now) for snapshot in ordered[:TOOLTIP_LINES]]
    if (rest := len(ordered) - len(lines)) > 0:
        lines.append(tn("tray.more_accounts", rest))
    return "\n".join(lines)
