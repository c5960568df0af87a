"""Linking a phone, wherever it is shown: by QR code or by number, and how it ended."""

import dataclasses
from datetime import datetime
from typing import Final

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from wabot_tray.core.clock import SYSTEM_CLOCK, Clock
from wabot_tray.core.reasons import Reason
from wabot_tray.core.snapshot import PairingProgress, PairingStage, PairingWay, SessionSnapshot
from wabot_tray.core.states import SessionState
from wabot_tray.gui.bridge import ManagerBridge
from wabot_tray.gui.icons import state_icon
from wabot_tray.gui.jobs import Jobs
from wabot_tray.gui.linkcodepage import LinkCodePage
from wabot_tray.gui.numberpage import NumberPage
from wabot_tray.gui.pairingpages import CodePage, OutcomePage
from wabot_tray.gui.parts import button
from wabot_tray.gui.wording import phone
from wabot_tray.system.i18n import t
from wabot_tray.system.texts import advice, reason_sentence

TICK_MS: Final = 250
# Ends that are nobody's fault carry no warning sign.
_SIGNS: Final = {
    Reason.QR_EXPIRED: SessionState.WAITING,
    Reason.CODE_EXPIRED: SessionState.WAITING,
    Reason.PAIRING_CANCELLED: SessionState.STOPPED,
}
_ACTIVE: Final = frozenset({PairingStage.STARTING, PairingStage.CODE, PairingStage.LINKING})
# These are mended where the number is typed.
_ABOUT_THE_NUMBER: Final = frozenset({Reason.NUMBER_REFUSED, Reason.CODE_LIMIT})


class PairingPanel(QWidget):
    """Links a phone to one account. Showing it begins an attempt; `let_go` ends one.

    A QR code shows at first. Whoever goes over to the number leaves that attempt running until a
    code is asked for, and finds it again on the way back.

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
        self._way = PairingWay.QR  # of the attempt that is under way, or was
        self._linked: tuple[str, datetime] | None = None  # number of the newest code, its end
        self._has_let_go = False
        self._build(self._manager.snapshot(account_id).phone or "")
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
        now = self._clock.now()
        self.code.show_time(now)
        self.link.show_time(now)
        if self.number.show_time(now):
            self._show_allowance()

    def new_code(self) -> None:
        """Begin another attempt, the same way."""
        if self._is_by_number():
            self.show_number()
            self.number.ask()
        else:
            self._begin()

    def show_qr(self) -> None:
        """Go over to the QR code: the one of this attempt if there is one, else another."""
        self._choose(PairingWay.QR)
        if self.is_active and self._way is PairingWay.QR:
            self._show(self.code)
        else:
            self._begin()

    def show_number(self) -> None:
        """Go over to the code of this attempt that is still good, else to where one is asked for.

        An attempt by QR code goes on meanwhile.
        """
        self._choose(PairingWay.PHONE)
        if self._linked is not None and self.is_active and self._linked[1] > self._clock.now():
            if self._way is PairingWay.PHONE:
                self._show(self.link)
            else:
                self._begin(self._linked[0])
            return
        self._show_number_page()

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
        self._forget_code()
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
        self._stage, self._way = progress.stage, progress.way
        if self._is_typing() and _may_wait(progress):
            self._note_aside(progress)
            return
        self._choose(progress.way)
        match progress.stage:
            case PairingStage.STARTING:
                self._linked = None  # another attempt
                self._show_starting()
            case PairingStage.CODE if progress.way is PairingWay.PHONE:
                self._show_link_code(progress)
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

    def _begin(self, digits: str = "") -> None:
        """Ask for codes, or for another way to be shown."""
        self._stage = PairingStage.STARTING
        self._way = PairingWay.PHONE if digits else PairingWay.QR
        self._show_starting()
        self._jobs.start(
            f"pair {self.account_id} {self._way}",
            lambda: self._manager.pair(self.account_id, *([digits] if digits else [])),
            tell_error=self._show_error,
        )

    def _note_aside(self, progress: PairingProgress) -> None:
        """Keep what is told of the attempt while a number is typed, and stay there."""
        if progress.stage is PairingStage.CODE:
            self.code.show_code(progress, self._clock.now())
        else:
            self._forget_code()
            self.code.show_starting()
        self.stage_changed.emit(self._stage)

    def _show_starting(self) -> None:
        if self._way is PairingWay.PHONE:
            self.link.show_starting()
            self._show(self.link)
        else:
            self.code.show_starting()
            self._show(self.code)

    def _show_code(self, progress: PairingProgress) -> None:
        self.code.show_code(progress, self._clock.now())
        self._show(self.code)

    def _show_link_code(self, progress: PairingProgress) -> None:
        now = self._clock.now()
        if progress.phone is not None and progress.code_expires_at is not None:
            self._linked = progress.phone, progress.code_expires_at
        self.link.show_code(progress, self._manager.code_allowance(self.account_id), now)
        self._show(self.link)

    def _show_number_page(self, problem: str = "") -> None:
        self._choose(PairingWay.PHONE)
        self._show_allowance()
        self._show(self.number)
        self.number.show_problem(problem)
        self.number.open()

    def _show_allowance(self) -> None:
        allowance = self._manager.code_allowance(self.account_id)
        self.number.show_allowance(allowance, self._clock.now())

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
        what, hint = reason_sentence(told, self._clock.now()), advice(told)
        if reason in _ABOUT_THE_NUMBER:
            self._forget_code()
            self._show_number_page(f"{what} {hint}")
        else:
            self._show_problem(what, hint, _SIGNS.get(reason))

    def _show_error(self, text: str) -> None:
        self._stage = PairingStage.FAILED
        if self._is_by_number():
            self._forget_code()
            self._show_number_page(text)
        else:
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
        self._linked = None
        self.code.qr.forget()
        self.link.forget()

    def _show(self, page: QWidget, *, again: bool = False) -> None:
        self._pages.setCurrentWidget(page)
        self.again.setVisible(again)
        is_over = self._stage in {PairingStage.LINKING, PairingStage.DONE}
        self._ways.setVisible(not is_over)
        if page is self.outcome:
            self._ticking.stop()
        elif not self._ticking.isActive():
            self._ticking.start(TICK_MS)
        self.stage_changed.emit(self._stage)

    def _choose(self, way: PairingWay) -> None:
        """Mark the way that is shown."""
        (self.by_number if way is PairingWay.PHONE else self.by_qr).setChecked(True)

    def _is_by_number(self) -> bool:
        return self.by_number.isChecked()

    def _is_typing(self) -> bool:
        return self._pages.currentWidget() is self.number

    def _build(self, known: str) -> None:
        self.code = CodePage()
        self.number = NumberPage(self._jobs, known)
        self.number.asked.connect(self._begin)
        self.link = LinkCodePage()
        self.link.other_wanted.connect(self._show_number_page)
        self.outcome = OutcomePage()
        self._pages = QStackedWidget()
        for page in (self.code, self.number, self.link, self.outcome):
            self._pages.addWidget(page)
        self.again: QPushButton = button(t("pairing.new_code"), self.new_code, role="primary")
        self.buttons = QHBoxLayout()  # for what the place it is shown in adds
        self.buttons.addStretch(1)
        self.buttons.setSpacing(10)
        self.buttons.addWidget(self.again)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(18)
        self._ways = self._build_ways()
        column.addWidget(self._ways)
        column.addWidget(self._pages, 1)
        column.addLayout(self.buttons)

    def _build_ways(self) -> QWidget:
        """Return the two ways side by side, one of them pressed."""
        made = QWidget()
        made.setAccessibleName(t("pairing.ways"))
        self.by_qr = button(t("pairing.way_qr"), self.show_qr, role="segment")
        self.by_number = button(t("pairing.way_phone"), self.show_number, role="segment")
        group = QButtonGroup(made)
        row = QHBoxLayout(made)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        for way in (self.by_qr, self.by_number):
            way.setCheckable(True)
            way.setAutoDefault(False)
            group.addButton(way)
            row.addWidget(way)
        row.addStretch(1)
        self.by_qr.setChecked(True)
        return made


def _may_wait(progress: PairingProgress) -> bool:
    """Whether this need not disturb somebody who types a number."""
    if progress.stage in {PairingStage.LINKING, PairingStage.DONE}:
        return False
    return progress.way is PairingWay.QR or progress.reason is Reason.CODE_EXPIRED
