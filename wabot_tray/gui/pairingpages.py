"""The two pages of the pairing window: the code to scan, and what came of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QIcon, QResizeEvent
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from wabot_tray.core.snapshot import PairingProgress
from wabot_tray.gui.countdown import CountdownRing
from wabot_tray.gui.icons import picture
from wabot_tray.gui.parts import card, label
from wabot_tray.gui.qrview import QrView
from wabot_tray.gui.wording import minutes_seconds
from wabot_tray.system.i18n import t

STEPS: Final = ("pairing.step_1", "pairing.step_2", "pairing.step_3", "pairing.step_4")
WINDOW_S: Final = 160.0  # WhatsApp gives six codes: 60 s the first, 20 s each of the others
_PICTURE: Final = 72
_PAPER_EDGE: Final = 6
_WORDS_WIDTH: Final = 330


class CodePage(QWidget):
    """The code on the left; the steps and the time left on the right."""

    def __init__(self) -> None:
        super().__init__()
        self.qr = QrView()
        self.ring = CountdownRing()
        self.next_code = label("")
        self.time_left = label("", role="quiet")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 1000)
        self.bar.setAccessibleName(t("pairing.time_left_name"))
        self._code_expires_at: datetime | None = None
        self._window_ends_at: datetime | None = None
        self._code_lasts_s = 1.0
        self._build()
        self.show_starting()

    def show_starting(self) -> None:
        """Wait for the first code of an attempt."""
        self._code_expires_at = self._window_ends_at = None
        self.qr.forget()
        self.qr.veil(t("pairing.starting"))
        self._countdown.hide()

    def show_code(self, progress: PairingProgress, now: datetime) -> None:
        """Show a code and count its time."""
        if progress.code_expires_at != self._code_expires_at:
            self._code_lasts_s = until(progress.code_expires_at, now)
        self._code_expires_at = progress.code_expires_at
        self._window_ends_at = progress.window_ends_at
        self.qr.show_code(progress.code)
        self._countdown.show()
        self.show_time(now)

    def show_time(self, now: datetime) -> None:
        """Move the countdowns to `now`; a code past its time is hidden until the next comes."""
        if self._code_expires_at is None:
            return
        code_s, window_s = until(self._code_expires_at, now), until(self._window_ends_at, now)
        self.ring.show_left(code_s, self._code_lasts_s)
        self.next_code.setText(t(_words_for(code_s, window_s)))
        self.time_left.setText(t("pairing.time_left", time=minutes_seconds(window_s)))
        self.bar.setValue(round(1000 * min(1.0, window_s / WINDOW_S)))
        self.qr.veil("" if code_s > 0 else t("pairing.renewing"))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the paper square and leave the words their room."""
        super().resizeEvent(event)
        side = min(self.height(), self.width() - _WORDS_WIDTH)
        self._paper.setFixedWidth(max(side, self.qr.minimumWidth() + 2 * _PAPER_EDGE))

    def _build(self) -> None:
        self._paper = card("paper")
        inside = QVBoxLayout(self._paper)
        inside.setContentsMargins(_PAPER_EDGE, _PAPER_EDGE, _PAPER_EDGE, _PAPER_EDGE)
        inside.addWidget(self.qr)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(32)
        row.addWidget(self._paper)
        column = QVBoxLayout()
        column.setSpacing(14)
        column.addLayout(steps(STEPS))
        column.addStretch(1)
        self._countdown = self._build_countdown()
        column.addWidget(self._countdown)
        row.addLayout(column, 1)

    def _build_countdown(self) -> QWidget:
        made = QWidget()
        grid = QGridLayout(made)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(14)
        grid.setVerticalSpacing(10)
        grid.addWidget(self.ring, 0, 0)
        grid.addWidget(self.next_code, 0, 1)
        grid.addWidget(self.bar, 1, 0, 1, 2)
        grid.addWidget(self.time_left, 2, 0, 1, 2)
        grid.setColumnStretch(1, 1)
        policy = made.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        made.setSizePolicy(policy)
        return made


class OutcomePage(QWidget):
    """One picture and a few sentences: linking, done, or what went wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.picture = QLabel()
        self.heading = label("", role="title")
        self.detail = label("", role="heading")
        self.hint = label("")
        self.busy = QProgressBar()
        self.busy.setTextVisible(False)
        self.busy.setRange(0, 0)
        self.busy.setFixedWidth(260)
        self.busy.setAccessibleName(t("pairing.linking"))
        column = QVBoxLayout(self)
        column.setSpacing(16)
        column.addStretch(1)
        for part in (self.picture, self.heading, self.detail, self.hint, self.busy):
            if isinstance(part, QLabel):
                part.setAlignment(Qt.AlignmentFlag.AlignCenter)
                part.setMaximumWidth(620)
                part.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
            row = QHBoxLayout()
            row.addStretch(1)
            row.addWidget(part, 6)
            row.addStretch(1)
            column.addLayout(row)
        column.addStretch(2)

    def show_linking(self) -> None:
        """Say that the phone was found and the rest is under way."""
        self._set(None, t("pairing.linking"), "", t("pairing.linking_hint"))
        self.busy.show()

    def show_end(self, icon: QIcon, heading: str, detail: str, hint: str) -> None:
        """Say how the attempt ended."""
        self._set(icon, heading, detail, hint)
        self.busy.hide()

    def _set(self, icon: QIcon | None, heading: str, detail: str, hint: str) -> None:
        if icon is None:
            self.picture.clear()
        else:
            self.picture.setPixmap(picture(icon, _PICTURE, self))
        for part, text in ((self.heading, heading), (self.detail, detail), (self.hint, hint)):
            part.setText(text)
            part.setVisible(bool(text))


def _words_for(code_s: float, window_s: float) -> str:
    """Return the key of what is said beside the seconds."""
    if code_s <= 0:
        return "pairing.renewing"
    return "pairing.last_code" if code_s >= window_s else "pairing.next_code"


def steps(keys: Sequence[str]) -> QGridLayout:
    """Return numbered sentences, one below the other."""
    grid = QGridLayout()
    grid.setHorizontalSpacing(12)
    grid.setVerticalSpacing(14)
    grid.setColumnStretch(1, 1)
    for row, key in enumerate(keys):
        number = label(str(row + 1), role="step", wrap=False)
        number.setAlignment(Qt.AlignmentFlag.AlignCenter)
        grid.addWidget(number, row, 0, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(label(t(key)), row, 1)
    return grid


def until(moment: datetime | None, now: datetime) -> float:
    """Return the seconds from `now` to `moment`; 0 without one, and afterwards."""
    return max(0.0, (moment - now).total_seconds()) if moment else 0.0
