"""Above the code for an account that was linked before: why it may have been unlinked."""

from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from wabot_tray.core.reasons import Reason
from wabot_tray.core.snapshot import PairingStage, SessionSnapshot
from wabot_tray.gui.icons import picture, warning_icon
from wabot_tray.gui.parts import card, label
from wabot_tray.gui.wording import phone
from wabot_tray.system.i18n import t

_CAUSES: Final = (
    ("unlinked.offline", "unlinked.offline_words"),
    ("unlinked.removed", "unlinked.removed_words"),
    ("unlinked.elsewhere", "unlinked.elsewhere_words"),
)
_SIGN: Final = 20


class WhyUnlinked(QWidget):
    """The three usual causes and the phone to scan with; a warning where it was another one."""

    def __init__(self) -> None:
        super().__init__()
        self.keeps = label("", role="quiet")
        self.warning = label("")
        self._causes = self._build_causes()
        self._warned = self._build_warning()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._causes)
        column.addWidget(self._warned)
        self.hide()

    def show_for(self, snapshot: SessionSnapshot, stage: PairingStage) -> None:
        """Say what fits the account and how far linking it has come."""
        if snapshot.phone is not None:
            self.keeps.setText(t("unlinked.keeps", phone=phone(snapshot.phone)))
        is_waiting = stage in {PairingStage.STARTING, PairingStage.CODE}
        has_causes = is_waiting and snapshot.phone is not None and not snapshot.paired
        is_other = stage is PairingStage.DONE and snapshot.notice is Reason.WRONG_PHONE
        if is_other:
            self.warning.setText(f"{t('reason.wrong-phone')} {t('advice.wrong-phone')}")
        self._causes.setVisible(has_causes)
        self._warned.setVisible(is_other)
        self.setVisible(has_causes or is_other)

    def _build_causes(self) -> QWidget:
        made = card()
        column = QVBoxLayout(made)
        column.setContentsMargins(18, 12, 18, 12)
        column.setSpacing(8)
        column.addWidget(label(t("unlinked.heading"), role="heading"))
        grid = QGridLayout()
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(2)
        for number, (cause, words) in enumerate(_CAUSES):
            grid.addWidget(label(t(cause)), 0, number, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(label(t(words), role="quiet"), 1, number, Qt.AlignmentFlag.AlignTop)
            grid.setColumnStretch(number, 1)
        column.addLayout(grid)
        column.addWidget(self.keeps)
        return made

    def _build_warning(self) -> QWidget:
        made = card("banner")
        made.setProperty("tone", "warning")
        row = QHBoxLayout(made)
        row.setContentsMargins(14, 10, 14, 10)
        row.setSpacing(12)
        sign = QLabel()
        sign.setPixmap(picture(warning_icon(), _SIGN, self))
        row.addWidget(sign)
        row.addWidget(self.warning, 1)
        return made
