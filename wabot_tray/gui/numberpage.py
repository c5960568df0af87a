"""Where the number of the phone is typed, to ask for a code; and where the pause is waited out."""

import asyncio
from datetime import datetime
from typing import Final

from PySide6.QtCore import QLocale, Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from wabot_tray.core.codes import CODES, CodeAllowance
from wabot_tray.core.errors import NumberError
from wabot_tray.core.states import SessionState
from wabot_tray.gui.icons import picture, state_icon
from wabot_tray.gui.jobs import Jobs
from wabot_tray.gui.parts import button, card, label
from wabot_tray.gui.wording import minutes_seconds
from wabot_tray.system import numbers
from wabot_tray.system.i18n import sentence, t, tn

_WIDEST: Final = 640
_LONGEST: Final = 32
_SIGN: Final = 24


class NumberPage(QWidget):
    """Asks for the number. What is typed stays until the page goes.

    Args:
        jobs: Loads the list of countries beside the loop.
        known: Digits of the number the account had, or "".
    """

    asked = Signal(str)  # digits, international form

    def __init__(self, jobs: Jobs, known: str) -> None:
        super().__init__()
        self._jobs = jobs
        self._known = known
        self._home = ""
        self._again_at: datetime | None = None
        self.country = QComboBox()
        self.number = QLineEdit()
        self.problem = label("", role="error")
        self.remark = label("", role="quiet")
        self.left = label("", role="quiet")
        self.pause = label("", role="heading")
        self.go = button(t("pairing.get_code"), self.ask, role="primary")
        self._build()
        self.country.currentIndexChanged.connect(self._on_country)
        self.number.textEdited.connect(self._on_edited)
        self.number.returnPressed.connect(self.ask)

    @property
    def region(self) -> str:
        """The country that is chosen, two letters, or ""."""
        return str(self.country.currentData() or "")

    @property
    def is_filled(self) -> bool:
        """Whether the countries are there to choose from."""
        return self.country.count() > 0

    def open(self) -> None:
        """Make ready to type: load the countries the first time, and put the cursor there."""
        if not self.is_filled:
            self._jobs.start(f"countries {id(self)}", self._fill)
        self.number.setFocus()

    def show_allowance(self, allowance: CodeAllowance, now: datetime) -> None:
        """Say how many codes are left, or how long the pause lasts."""
        self._again_at = allowance.again_at
        is_paused = allowance.left == 0
        self.go.setEnabled(not is_paused)
        self._paused.setVisible(is_paused)
        few = 0 < allowance.left < CODES
        self.left.setText(tn("pairing.codes_left", allowance.left) if few else "")
        self.left.setVisible(few)
        self.show_time(now)

    def show_time(self, now: datetime) -> bool:
        """Move the countdown to `now`; return whether the pause is over just now."""
        if self._again_at is None:
            return False
        left_s = (self._again_at - now).total_seconds()
        self.pause.setText(t("pairing.pause", time=minutes_seconds(left_s)))
        return left_s <= 0

    def show_problem(self, text: str) -> None:
        """Say what is wrong, until something else is typed."""
        self.problem.setText(text)
        self.problem.setVisible(bool(text))
        self.remark.hide()

    def ask(self) -> None:
        """Hand the number over, or say what is wrong with it."""
        if not self.go.isEnabled():
            return
        try:
            number = numbers.checked(self.number.text(), self.region)
        except NumberError as err:
            self.show_problem(sentence(err))
            self.number.setFocus()
            return
        self.show_problem("")
        self.asked.emit(number.digits)

    # --- inside ----------------------------------------------------------------------------------

    async def _fill(self) -> None:
        """Offer the countries, the person's own first chosen, and the number that is known."""
        countries = await asyncio.to_thread(numbers.countries)
        if not isValid(self):  # closed meanwhile
            return
        known = f"+{self._known}" if self._known else ""
        region = numbers.region_in(known) or _own_region()
        self.country.blockSignals(True)
        for country in countries:
            self.country.addItem(f"{country.name} (+{country.code})", country.region)
        self.country.setCurrentIndex(self.country.findData(region))
        self.country.blockSignals(False)
        self.country.setEnabled(True)
        if known and not self.number.text():
            self.number.setText(numbers.as_typed(known, region))
        self._on_country()

    def _on_country(self) -> None:
        if not self.number.text().startswith("+"):
            self.number.setText(numbers.as_typed(self.number.text(), self.region))
        example = numbers.example(self.region)
        self.number.setPlaceholderText(t("pairing.example", number=example) if example else "")
        self.show_problem("")
        self._remark()

    def _on_edited(self, text: str) -> None:
        """Space the number as its country does; the cursor stays behind the same digit."""
        if self.is_filled:
            before = sum(_counts(char) for char in text[: self.number.cursorPosition()])
            shown = numbers.as_typed(text, self.region)
            self.number.setText(shown)
            self.number.setCursorPosition(_place_behind(shown, before))
            self._follow(shown)
        self.show_problem("")
        self._remark()

    def _follow(self, shown: str) -> None:
        """Choose the country that an international number names."""
        region = numbers.region_in(shown) if shown.startswith("+") else ""
        if region and region != self.region:
            self.country.blockSignals(True)
            self.country.setCurrentIndex(self.country.findData(region))
            self.country.blockSignals(False)

    def _remark(self) -> None:
        """Say what is odd about a number that could be one; what is wrong is said when asked."""
        warning = ""
        if self.is_filled and self.number.text():
            try:
                warning = numbers.checked(self.number.text(), self.region).warning
            except NumberError:
                warning = ""
        self.remark.setText(t(warning) if warning else "")
        self.remark.setVisible(bool(warning))

    def _build(self) -> None:
        self._paused = self._build_pause()
        asking = QHBoxLayout()
        asking.setSpacing(14)
        asking.addWidget(self.go)
        asking.addWidget(self.left, 10)
        asking.addStretch(1)
        inside = QWidget()
        inside.setMaximumWidth(_WIDEST)
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(14)
        column.addStretch(1)
        column.addWidget(label(t("pairing.number_heading"), role="heading"))
        column.addWidget(label(t("pairing.number_words"), role="quiet"))
        column.addLayout(self._build_fields())
        for part in (self.problem, self.remark, self._paused):
            column.addWidget(part)
        column.addLayout(asking)
        column.addStretch(2)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addStretch(1)
        whole.addWidget(inside, 20)
        whole.addStretch(1)
        for hidden in (self.problem, self.remark, self.left, self._paused):
            hidden.hide()

    def _build_fields(self) -> QGridLayout:
        """Return country and number side by side, each below its name."""
        self.country.setEnabled(False)
        self.country.setMaxVisibleItems(14)
        self.country.setPlaceholderText(t("pairing.choose_country"))
        width = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        self.country.setSizeAdjustPolicy(width)
        self.country.setMinimumContentsLength(14)
        self.number.setMaxLength(_LONGEST)
        self.number.setInputMethodHints(Qt.InputMethodHint.ImhDialableCharactersOnly)
        self.number.setAccessibleDescription(t("pairing.number_words"))
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(5)
        fields = (("pairing.country", self.country, 2), ("pairing.number", self.number, 3))
        for place, (key, field, stretch) in enumerate(fields):
            name = label(t(key), wrap=False)
            name.setBuddy(field)
            field.setAccessibleName(t(key))
            policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
            field.setSizePolicy(policy)
            grid.addWidget(name, 0, place)
            grid.addWidget(field, 1, place)
            grid.setColumnStretch(place, stretch)
        return grid

    def _build_pause(self) -> QWidget:
        made = card()
        row = QHBoxLayout(made)
        row.setContentsMargins(16, 12, 16, 12)
        row.setSpacing(14)
        sign = QLabel()
        sign.setPixmap(picture(state_icon(SessionState.WAITING), _SIGN, self))
        row.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout()
        column.setSpacing(4)
        column.addWidget(self.pause)
        column.addWidget(label(t("pairing.pause_words"), role="quiet"))
        row.addLayout(column, 1)
        return made


def _own_region() -> str:
    """Return the country this computer is set to, or ""."""
    system = QLocale.system()
    if system.language() != QLocale.Language.C and "_" in system.name():
        return QLocale.territoryToCode(system.territory())
    return numbers.home_region()


def _counts(char: str) -> bool:
    return char.isdigit() or char == "+"


def _place_behind(shown: str, count: int) -> int:
    """Return the place behind the `count`-th digit of `shown`."""
    for place, char in enumerate(shown):
        if count <= 0:
            return place
        count -= _counts(char)
    return len(shown)
