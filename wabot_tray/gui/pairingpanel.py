"""Linking a phone, wherever it is shown: the code, the steps, the time left, and how it ended."""

import dataclasses
from typing import Final

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from wabot_tray.core.clock import SYSTEM_CLOCK, Clock
from wabot_tray.core.reasons import Reason
from wabot_tray.core.snapshot import PairingProgress, PairingStage, SessionSnapshot
from wabot_tray.core.states import SessionState
from wabot_tray.gui.bridge import ManagerBridge
from wabot_tray.gui.icons import state_icon
from wabot_tray.gui.jobs import Jobs
from wabot_tray.gui.pairingpages import CodePage, OutcomePage
from wabot_tray.gui.parts import button
from wabot_tray.gui.wording import phone
from wabot_tray.system.i18n import t
from wabot_tray.system.texts import advice, reason_sentence

TICK_MS: Final = 250
# Ends that are nobody's fault carry no warning sign.
_SIGNS: Final = {
    Reason.QR_EXPIRED: SessionState.WAITING,
    Reason.PAIRING_CANCELLED: SessionState.STOPPED,
}
_ACTIVE: Final = frozenset({PairingStage.STARTING, PairingStage.CODE, PairingStage.LINKING})


class PairingPanel(QWidget):
    """Links a phone to one account. Showing it begins an attempt; `let_go` ends one.

    Args:
        bridge: Reports each step.
        account_id: Whose phone.
        jobs: Runs what is asked of the manager.

    Raises:
        AccountError: There is no account of that name.
    """

    stage_changed = Signal(object)  # PairingStage
    removed = Signal()  # the account is gone

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
        self.done_words = t("pairing.done_next")
        self._has_let_go = False
        self._manager.snapshot(account_id)
        self._build()
        bridge.pairing_changed.connect(self._on_progress)
        bridge.session_removed.connect(self._on_removed)
        self._ticking = QTimer(self)
        self._ticking.timeout.connect(self.tick)
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

    def let_go(self, *, is_replaced: bool = False) -> None:
        """Forget the code, listen no more, and end an attempt that is under way.

        A second call changes nothing.

        Args:
            is_replaced: Another panel goes on with the attempt.
        """
        if self._has_let_go:
            return
        self._has_let_go = True
        self._ticking.stop()
        self.code.qr.forget()
        self._bridge.pairing_changed.disconnect(self._on_progress)
        self._bridge.session_removed.disconnect(self._on_removed)
        if self.is_active and not is_replaced:
            self._jobs.start(
                f"cancel pairing {self.account_id}",
                lambda: self._manager.cancel_pairing(self.account_id),
            )

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

    def _on_removed(self, account_id: str) -> None:
        if account_id == self.account_id:
            self._stage = PairingStage.FAILED  # nothing is left to cancel
            self.removed.emit()

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
            self.done_words,
        )
        self._show(self.outcome)

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
        self._show(self.outcome, again=True)
        self.again.setFocus()

    def _failed_snapshot(self, reason: Reason) -> SessionSnapshot:
        snapshot = self._manager.snapshot(self.account_id)
        return dataclasses.replace(snapshot, reason=reason, state=SessionState.LOGGED_OUT)

    def _forget_code(self) -> None:
        self._ticking.stop()
        self.code.qr.forget()

    def _show(self, page: QWidget, *, again: bool = False) -> None:
        self._pages.setCurrentWidget(page)
        self.again.setVisible(again)
        self.stage_changed.emit(self._stage)

    def _build(self) -> None:
        self.code = CodePage()
        self.outcome = OutcomePage()
        self._pages = QStackedWidget()
        self._pages.addWidget(self.code)
        self._pages.addWidget(self.outcome)
        self.again: QPushButton = button(t("pairing.new_code"), self.new_code, role="primary")
        self.buttons = QHBoxLayout()  # for what the place it is shown in adds
        self.buttons.addStretch(1)
        self.buttons.setSpacing(10)
        self.buttons.addWidget(self.again)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(18)
        column.addWidget(self._pages, 1)
        column.addLayout(self.buttons)
