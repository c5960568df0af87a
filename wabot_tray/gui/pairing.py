"""The window that links a phone: the code, the steps, the time left, and how it ended."""

import dataclasses
import logging
from typing import Final

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from wabot_tray.core.clock import SYSTEM_CLOCK, Clock
from wabot_tray.core.reasons import Reason
from wabot_tray.core.snapshot import PairingProgress, PairingStage, SessionSnapshot
from wabot_tray.core.states import SessionState
from wabot_tray.gui.actions import shown_name
from wabot_tray.gui.bridge import ManagerBridge
from wabot_tray.gui.icons import app_icon, state_icon
from wabot_tray.gui.jobs import Jobs
from wabot_tray.gui.pairingpages import CodePage, OutcomePage
from wabot_tray.gui.parts import button, label
from wabot_tray.gui.wording import phone
from wabot_tray.system.i18n import t
from wabot_tray.system.texts import advice, reason_sentence

log = logging.getLogger(__name__)
TICK_MS: Final = 250
_SIZE: Final = QSize(930, 640)
# Ends that are nobody's fault carry no warning sign.
_SIGNS: Final = {
    Reason.QR_EXPIRED: SessionState.WAITING,
    Reason.PAIRING_CANCELLED: SessionState.STOPPED,
}
_ACTIVE: Final = frozenset({PairingStage.STARTING, PairingStage.CODE, PairingStage.LINKING})


class PairingWindow(QWidget):
    """Links a phone to one account. Opening it begins an attempt, closing it ends one.

    Args:
        bridge: Reports each step.
        account_id: Whose phone.
        jobs: Runs what the window asks of the manager.
    """

    closed = Signal(str)  # the account's id

    def __init__(
        self, bridge: ManagerBridge, account_id: str, jobs: Jobs, *, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        super().__init__()
        self._bridge = bridge
        self._manager = bridge.manager
        self.account_id = account_id
        self._jobs = jobs
        self._clock = clock
        self._stage = PairingStage.STARTING
        self.is_replaced = False  # by a window that goes on with the attempt
        self.setObjectName("window")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowIcon(app_icon())
        self._build()
        self.resize(_SIZE.boundedTo(self.screen().availableSize()))
        bridge.pairing_changed.connect(self._on_progress)
        bridge.session_changed.connect(self._on_session)
        bridge.session_removed.connect(self._on_removed)
        self._ticking = QTimer(self)
        self._ticking.timeout.connect(self.tick)
        self._on_session(self._manager.snapshot(account_id))
        self._join()

    @property
    def stage(self) -> PairingStage:
        """How far the attempt has come, as shown."""
        return self._stage

    @property
    def is_active(self) -> bool:
        """Whether an attempt is under way."""
        return self._stage in _ACTIVE

    def tick(self) -> None:
        """Move the countdowns to the present moment."""
        self.code.show_time(self._clock.now())

    def new_code(self) -> None:
        """Begin another attempt."""
        self._show_starting()
        self._jobs.start(
            f"pair {self.account_id}",
            lambda: self._manager.pair(self.account_id),
            tell_error=self._show_error,
        )

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Close on Escape."""
        if event.key() == Qt.Key.Key_Escape:
            self.close()
        else:
            super().keyPressEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Let go of everything, and end an attempt that is under way."""
        self._ticking.stop()
        self.code.qr.forget()
        self._bridge.pairing_changed.disconnect(self._on_progress)
        self._bridge.session_changed.disconnect(self._on_session)
        self._bridge.session_removed.disconnect(self._on_removed)
        if self.is_active and not self.is_replaced:
            self._jobs.start(
                f"cancel pairing {self.account_id}",
                lambda: self._manager.cancel_pairing(self.account_id),
            )
        self.closed.emit(self.account_id)
        event.accept()

    # --- what is told ----------------------------------------------------------------------------

    def _join(self) -> None:
        """Show the attempt that is under way, or begin one."""
        current = self._manager.pairing(self.account_id)
        if current is not None and current.stage in _ACTIVE:
            self._on_progress(current)
        else:
            self.new_code()

    def _on_progress(self, progress: PairingProgress) -> None:
        if progress.id != self.account_id:
            return
        self._stage = progress.stage
        match progress.stage:
            case PairingStage.STARTING:
                self._show_starting()
            case PairingStage.CODE:
                self._show_code(progress)
            case PairingStage.LINKING:
                self._show_linking()
            case PairingStage.DONE:
                self._show_done(progress.phone)
            case PairingStage.FAILED:
                self._show_failed(progress.reason or Reason.PAIRING_ERROR)

    def _on_session(self, snapshot: SessionSnapshot) -> None:
        if snapshot.id == self.account_id:
            title = t("pairing.title", name=shown_name(snapshot))
            self.setWindowTitle(title)
            self.title.setText(title)

    def _on_removed(self, account_id: str) -> None:
        if account_id == self.account_id:
            self._stage = PairingStage.FAILED  # nothing is left to cancel
            self.close()

    # --- what is shown ---------------------------------------------------------------------------

    def _show_starting(self) -> None:
        self._stage = PairingStage.STARTING
        self._ticking.stop()
        self.code.show_starting()
        self._show(self.code)

    def _show_code(self, progress: PairingProgress) -> None:
        self.code.show_code(progress, self._clock.now())
        self._show(self.code)
        self._ticking.start(TICK_MS)

    def _show_linking(self) -> None:
        self._forget_code()
        self.outcome.show_linking()
        self._show(self.outcome)

    def _show_done(self, digits: str | None) -> None:
        self._forget_code()
        self.outcome.show_end(
            state_icon(SessionState.CONNECTED),
            t("pairing.done"),
            t("pairing.done_phone", phone=phone(digits)) if digits else "",
            t("pairing.done_next"),
        )
        self._show(self.outcome, closing=t("pairing.finish"))
        self._close.setProperty("role", "primary")
        self._close.style().polish(self._close)
        self._close.setFocus()

    def _show_failed(self, reason: Reason) -> None:
        told = self._failed_snapshot(reason)
        now = self._clock.now()
        self._show_problem(reason_sentence(told, now), advice(told), _SIGNS.get(reason))

    def _show_error(self, text: str) -> None:
        self._stage = PairingStage.FAILED
        self._show_problem(text, "")

    def _show_problem(self, what: str, hint: str, sign: SessionState | None = None) -> None:
        self._forget_code()
        self.outcome.show_end(state_icon(sign or SessionState.FAILED), what, "", hint)
        self._show(self.outcome, closing=t("pairing.close"), again=True)
        self._again.setFocus()

    def _failed_snapshot(self, reason: Reason) -> SessionSnapshot:
        snapshot = self._manager.snapshot(self.account_id)
        return dataclasses.replace(snapshot, reason=reason, state=SessionState.LOGGED_OUT)

    def _forget_code(self) -> None:
        self._ticking.stop()
        self.code.qr.forget()

    def _show(self, page: QWidget, *, closing: str = "", again: bool = False) -> None:
        self._pages.setCurrentWidget(page)
        self._again.setVisible(again)
        self._close.setText(closing or t("pairing.cancel"))
        self._close.setProperty("role", None)
        self._close.style().polish(self._close)

    def _build(self) -> None:
        self.title = label("", role="title")
        self.code = CodePage()
        self.outcome = OutcomePage()
        self._pages = QStackedWidget()
        self._pages.addWidget(self.code)
        self._pages.addWidget(self.outcome)
        self._again: QPushButton = button(t("pairing.new_code"), self.new_code, role="primary")
        self._close: QPushButton = button(t("pairing.cancel"), self.close)
        row = QHBoxLayout()
        row.addStretch(1)
        row.setSpacing(10)
        row.addWidget(self._again)
        row.addWidget(self._close)
        column = QVBoxLayout(self)
        column.setContentsMargins(28, 24, 28, 24)
        column.setSpacing(18)
        column.addWidget(self.title)
        column.addWidget(self._pages, 1)
        column.addLayout(row)
