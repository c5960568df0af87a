"""The actions of one account, for the tray's submenu and the dashboard alike."""

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

from wabot_tray.core.snapshot import SessionSnapshot
from wabot_tray.core.states import SessionState
from wabot_tray.gui.actions import AccountActions, needs_pairing, shown_name
from wabot_tray.gui.icons import state_icon
from wabot_tray.system.i18n import t
from wabot_tray.system.texts import state_word


class AccountCommands(QObject):
    """Four commands that follow the account they are shown for.

    Without an account, all of them are grey.
    """

    def __init__(self, actions: AccountActions, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._actions = actions
        self._shown: SessionSnapshot | None = None
        self.reconnect = QAction(t("action.reconnect"), self)
        self.pair = QAction(t("action.pair"), self)
        self.verify = QAction(t("action.verify"), self)
        self.toggle = QAction(t("action.stop"), self)
        self.reconnect.triggered.connect(self._on_reconnect)
        self.pair.triggered.connect(self._on_pair)
        self.verify.triggered.connect(self._on_verify)
        self.toggle.triggered.connect(self._on_toggle)
        self.show_for(None)

    @property
    def all(self) -> tuple[QAction, ...]:
        """The commands in the order they are shown in."""
        return self.reconnect, self.pair, self.verify, self.toggle

    def show_for(self, snapshot: SessionSnapshot | None) -> None:
        """Word and enable the commands for `snapshot`, in place."""
        self._shown = snapshot
        if snapshot is None:
            for action in self.all:
                action.setEnabled(False)
            return
        state = snapshot.state
        lacking = needs_pairing(snapshot)
        replaced = state is SessionState.REPLACED
        self.reconnect.setText(t("action.take_over" if replaced else "action.reconnect"))
        self.reconnect.setEnabled(not lacking and snapshot.enabled)
        was_paired = snapshot.paired or snapshot.phone is not None
        self.pair.setText(t("action.pair_again" if was_paired else "action.pair"))
        self.pair.setEnabled(state is not SessionState.CONNECTED)
        self.verify.setEnabled(state is SessionState.CONNECTED)
        self.toggle.setText(t("action.stop" if snapshot.enabled else "action.start"))
        self.toggle.setEnabled(not lacking or not snapshot.enabled)

    def _on_reconnect(self) -> None:
        if self._shown is not None:
            self._actions.reconnect(self._shown.id)

    def _on_pair(self) -> None:
        if self._shown is not None:
            self._actions.pair(self._shown.id)

    def _on_verify(self) -> None:
        if self._shown is not None:
            self._actions.verify(self._shown.id)

    def _on_toggle(self) -> None:
        if self._shown is None:
            return
        if self._shown.enabled:
            self._actions.stop(self._shown.id)
        else:
            self._actions.connect_account(self._shown.id)


class AccountMenu(QMenu):
    """One account in the tray's menu: its state as title, its commands within."""

    def __init__(
        self, snapshot: SessionSnapshot, actions: AccountActions, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.commands = AccountCommands(actions, self)
        self.addActions(self.commands.all)
        self.show_for(snapshot)

    def show_for(self, snapshot: SessionSnapshot) -> None:
        """Follow the account, in place."""
        name = shown_name(snapshot).replace("&", "&&")  # no shortcut in a name
        self.setTitle(t("tray.account", name=name, state=state_word(snapshot.state)))
        self.setIcon(state_icon(snapshot.state))
        self.commands.show_for(snapshot)
