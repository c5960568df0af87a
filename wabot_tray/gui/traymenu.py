"""The tray's menu. It is built once and changed in place, so that it may stay open meanwhile."""

import logging
from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from wabot_tray.core.snapshot import SessionSnapshot
from wabot_tray.gui.accountmenu import AccountMenu
from wabot_tray.gui.actions import AccountActions
from wabot_tray.gui.bridge import ManagerBridge
from wabot_tray.gui.openings import Opening
from wabot_tray.gui.ports import LoginItem
from wabot_tray.system.i18n import t

log = logging.getLogger(__name__)


class TrayMenu(QMenu):
    """Accounts first, then what concerns the whole program."""

    dashboard_wanted = Signal()
    window_wanted = Signal(str)  # the name of an opening
    quit_wanted = Signal()
    failed = Signal(str)  # a sentence

    def __init__(
        self,
        bridge: ManagerBridge,
        actions: AccountActions,
        login_item: LoginItem | None,
        openings: Sequence[Opening] = (),
    ) -> None:
        super().__init__()
        self._actions = actions
        self._login_item = login_item
        self._accounts: dict[str, AccountMenu] = {}
        self.empty = self.addAction(t("tray.no_accounts"))
        self.empty.setEnabled(False)
        self._after_accounts = self.addSeparator()
        self.reconnect_all = self._command("tray.reconnect_all", actions.reconnect_all)
        self.pair = self._command("tray.pair", actions.pair_any)
        self.addSeparator()
        self.dashboard = self._command("tray.dashboard", self.dashboard_wanted.emit)
        self.openings = {
            one.name: self._command(one.key, partial(self.window_wanted.emit, one.name))
            for one in openings
        }
        self.autostart = self._command(
            "tray.autostart", lambda: self.set_autostart(self.autostart.isChecked())
        )
        self.autostart.setCheckable(True)
        self.autostart.setVisible(login_item is not None)
        self.addSeparator()
        self.quit = self._command("tray.quit", self.quit_wanted.emit)
        self.aboutToShow.connect(self.read_autostart)
        self.read_autostart()
        for snapshot in bridge.manager.snapshots():
            self.show_account(snapshot)
        bridge.session_changed.connect(self.show_account)
        bridge.session_removed.connect(self.drop_account)

    def show_account(self, snapshot: SessionSnapshot) -> None:
        """Follow one account; a new one is added at the end of the list."""
        if (menu := self._accounts.get(snapshot.id)) is not None:
            menu.show_for(snapshot)
            return
        self._accounts[snapshot.id] = menu = AccountMenu(snapshot, self._actions, self)
        self.insertMenu(self._after_accounts, menu)
        self.empty.setVisible(False)

    def drop_account(self, account_id: str) -> None:
        """Take an account out of the list."""
        if (menu := self._accounts.pop(account_id, None)) is not None:
            self.removeAction(menu.menuAction())
            menu.deleteLater()
        self.empty.setVisible(not self._accounts)

    def account_menu(self, account_id: str) -> AccountMenu:
        """Return one account's submenu. Raises KeyError where it has none."""
        return self._accounts[account_id]

    def read_autostart(self) -> None:
        """Tick "Start at login" where it is so."""
        if self._login_item is None:
            return
        try:
            self.autostart.setChecked(self._login_item.is_enabled())
        except OSError:
            log.warning("cannot read whether the program starts at login", exc_info=True)

    def set_autostart(self, wanted: bool) -> None:
        """Start at login from now on, or no longer; `failed` says why not."""
        if self._login_item is None:
            return
        try:
            if wanted:
                self._login_item.enable()
            else:
                self._login_item.disable()
        except OSError as err:
            log.warning("cannot change whether the program starts at login", exc_info=True)
            self.failed.emit(t("tray.autostart_failed", why=err.strerror or str(err)))
        self.read_autostart()

    def _command(self, key: str, work: Callable[[], object]) -> QAction:
        action = self.addAction(t(key))
        action.triggered.connect(lambda _checked=False: work())
        return action
