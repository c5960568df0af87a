"""The code to type on the phone, where to type it, and the time left for that."""

from datetime import datetime
from typing import Final

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QFont, QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from wabot_tray.core.codes import CodeAllowance
from wabot_tray.core.snapshot import PairingProgress
from wabot_tray.gui.pairingpages import steps, until
from wabot_tray.gui.parts import button, card, label
from wabot_tray.gui.wording import minutes_seconds, phone
from wabot_tray.system.i18n import t, tn

STEPS: Final = ("pairing.step_1", "pairing.step_2", "pairing.code_step_3", "pairing.code_step_4")
_LARGER: Final = 3.2  # than the text around it
_COPIED_MS: Final = 2500
_NO_CODE: Final = "••••-••••"


class LinkCodePage(QWidget):
    """The code on the left, large; the steps and the time left on the right."""

    other_wanted = Signal()  # another number

    def __init__(self) -> None:
        super().__init__()
        self.code = label("", wrap=False)
        self.number = label("", role="quiet")
        self.copy = button(t("pairing.copy"), self._copy)
        self.other = button(t("pairing.other_number"), self.other_wanted.emit, role="flat")
        self.left = label("", role="quiet")
        self.time_left = label("")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 1000)
        self.bar.setAccessibleName(t("pairing.code_time_name"))
        self._expires_at: datetime | None = None
        self._lasts_s = 1.0
        self._copied = QTimer(self)
        self._copied.setSingleShot(True)
        self._copied.timeout.connect(self._on_copied_seen)
        self._build()
        self.show_starting()

    def show_starting(self) -> None:
        """Wait for the code that was asked for."""
        self.forget()
        self.code.setText(_NO_CODE)
        self.number.setText(t("pairing.starting"))
        self._countdown.hide()
        self.left.hide()

    def show_code(self, progress: PairingProgress, allowance: CodeAllowance, now: datetime) -> None:
        """Show the code and count its time."""
        if progress.code_expires_at != self._expires_at:
            self._lasts_s = max(1.0, until(progress.code_expires_at, now))
        self._expires_at = progress.code_expires_at
        self.code.setText(progress.code)
        self.code.setAccessibleName(t("pairing.code_name", code=spelled(progress.code)))
        self.number.setText(t("pairing.code_for", phone=phone(progress.phone)))
        self.copy.setEnabled(True)
        last = allowance.left == 0
        words = t("pairing.last_of_three") if last else tn("pairing.codes_left", allowance.left)
        self.left.setText(words)
        self.left.show()
        self._countdown.show()
        self.show_time(now)

    def show_time(self, now: datetime) -> None:
        """Move the countdown to `now`."""
        if self._expires_at is None:
            return
        left_s = until(self._expires_at, now)
        self.time_left.setText(t("pairing.code_time", time=minutes_seconds(left_s)))
        self.bar.setValue(round(1000 * min(1.0, left_s / self._lasts_s)))

    def forget(self) -> None:
        """Drop the code."""
        self._expires_at = None
        self.code.clear()
        self.code.setAccessibleName("")
        self.copy.setEnabled(False)
        self._on_copied_seen()

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.code.text())
        self.copy.setText(t("pairing.copied"))
        self._copied.start(_COPIED_MS)

    def _on_copied_seen(self) -> None:
        self.copy.setText(t("pairing.copy"))

    def _build(self) -> None:
        font = QFont(self.font())
        font.setPointSizeF(font.pointSizeF() * _LARGER)
        font.setWeight(QFont.Weight.DemiBold)
        font.setLetterSpacing(QFont.SpacingType.PercentageSpacing, 106)
        self.code.setFont(font)
        self.code.setProperty("role", "code")
        self.code.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.code.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.code.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        for part in (self.number, self.left):
            part.setAlignment(Qt.AlignmentFlag.AlignCenter)
        panel = card()
        inside = QVBoxLayout(panel)
        inside.setContentsMargins(24, 24, 24, 24)
        inside.setSpacing(14)
        inside.addStretch(2)
        inside.addWidget(self.number)
        inside.addWidget(self.code)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self.copy)
        row.addWidget(self.other)
        row.addStretch(1)
        inside.addLayout(row)
        inside.addStretch(2)
        inside.addWidget(self.left)
        column = QVBoxLayout()
        column.setSpacing(14)
        column.addLayout(steps(STEPS))
        column.addWidget(label(t("pairing.code_notice"), role="quiet"))
        column.addStretch(1)
        self._countdown = self._build_countdown()
        column.addWidget(self._countdown)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(32)
        whole.addWidget(panel, 1)
        whole.addLayout(column, 1)

    def _build_countdown(self) -> QWidget:
        made = QWidget()
        column = QVBoxLayout(made)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addWidget(self.time_left)
        column.addWidget(self.bar)
        policy = made.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        made.setSizePolicy(policy)
        return made


def spelled(code: str) -> str:
    """Return a code as it is read aloud: each character for itself, a pause in the middle."""
    return ", ".join(" ".join(half) for half in code.split("-"))
