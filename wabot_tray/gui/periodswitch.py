"""Three buttons of which one is down: how far to look back."""

from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QWidget

from wabot_tray.core.history import Period
from wabot_tray.gui.parts import button, label
from wabot_tray.gui.pasttime import LAST_KEYS, PERIOD_KEYS
from wabot_tray.system.i18n import t


class PeriodSwitch(QWidget):
    """Chooses between the last day, week and month; the arrow keys move within."""

    changed = Signal(object)  # Period

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._period = Period.DAY
        self.buttons: dict[Period, QPushButton] = {}
        group = QButtonGroup(self)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addStretch(1)
        row.addWidget(label(t("period.title"), role="quiet", wrap=False))
        row.addSpacing(6)
        for period in Period:
            made = button(t(PERIOD_KEYS[period]), partial(self.choose, period), role="segment")
            made.setCheckable(True)
            made.setAccessibleName(f"{t('period.title')} {t(LAST_KEYS[period])}")
            group.addButton(made)
            row.addWidget(made)
            self.buttons[period] = made
        self.buttons[self._period].setChecked(True)

    @property
    def period(self) -> Period:
        """The one that is chosen."""
        return self._period

    def choose(self, period: Period) -> None:
        """Look back this far from now on."""
        self.buttons[period].setChecked(True)
        if period is not self._period:
            self._period = period
            self.changed.emit(period)
