"""The window that links a phone to one account."""

import contextlib
from typing import Final

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QCloseEvent, QKeyEvent
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from wabot_tray.core.clock import SYSTEM_CLOCK, Clock
from wabot_tray.core.errors import WabotError
from wabot_tray.core.snapshot import PairingStage, SessionSnapshot
from wabot_tray.gui.actions import shown_name
from wabot_tray.gui.bridge import ManagerBridge
from wabot_tray.gui.icons import app_icon
from wabot_tray.gui.jobs import Jobs
from wabot_tray.gui.pairingpanel import PairingPanel
from wabot_tray.gui.parts import button, label, restyle
from wabot_tray.gui.unlinked import WhyUnlinked
from wabot_tray.system.i18n import t

_SIZE: Final = QSize(930, 690)
_AGAIN_SIZE: Final = QSize(930, 820)  # with the causes above the code


class PairingWindow(QWidget):
    """Links a phone to one account. Opening it begins an attempt, closing it ends one.

    Args:
        bridge: Reports each step.
        account_id: Whose phone.
        jobs: Runs what the window asks of the manager.

    Raises:
        AccountError: There is no account of that name.
    """

    closed = Signal(str)  # the account's id

    def __init__(
        self, bridge: ManagerBridge, account_id: str, jobs: Jobs, *, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        super().__init__()
        self._bridge = bridge
        self.account_id = account_id
        self.is_replaced = False  # by a window that goes on with the attempt
        self.setObjectName("window")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowIcon(app_icon())
        self.title = label("", role="title")
        self.why = WhyUnlinked()
        self.panel = PairingPanel(bridge, account_id, jobs, clock=clock)
        self._close: QPushButton = button(t("pairing.cancel"), self.close)
        self.panel.buttons.addWidget(self._close)
        column = QVBoxLayout(self)
        column.setContentsMargins(28, 24, 28, 24)
        column.setSpacing(18)
        column.addWidget(self.title)
        column.addWidget(self.why)
        column.addWidget(self.panel, 1)
        self.panel.stage_changed.connect(self._on_stage)
        self.panel.removed.connect(self.close)
        bridge.session_changed.connect(self._on_session)
        self._on_session(bridge.manager.snapshot(account_id))
        self._on_stage(self.panel.stage)
        size = _SIZE if self.why.isHidden() else _AGAIN_SIZE
        self.resize(size.boundedTo(self.screen().availableSize()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Close on Escape."""
        if event.key() == Qt.Key.Key_Escape:
            self.close()
        else:
            super().keyPressEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Let go of everything, and end an attempt that is under way."""
        self._bridge.session_changed.disconnect(self._on_session)
        self.panel.let_go(is_replaced=self.is_replaced)
        self.closed.emit(self.account_id)
        event.accept()

    def _on_session(self, snapshot: SessionSnapshot) -> None:
        if snapshot.id == self.account_id:
            title = t("pairing.title", name=shown_name(snapshot))
            self.setWindowTitle(title)
            self.title.setText(title)
            self.why.show_for(snapshot, self.panel.stage)

    def _on_stage(self, stage: PairingStage) -> None:
        words = {PairingStage.DONE: "pairing.finish", PairingStage.FAILED: "pairing.close"}
        self._close.setText(t(words.get(stage, "pairing.cancel")))
        with contextlib.suppress(WabotError):  # removed a moment ago
            self.why.show_for(self._bridge.manager.snapshot(self.account_id), stage)
        is_done = stage is PairingStage.DONE
        restyle(self._close, "role", "primary" if is_done else None)
        if is_done:
            self._close.setFocus()
