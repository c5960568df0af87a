"""What the pages of settings are made of: cards of rows, each with its words and its control."""

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from wabot_tray.gui.parts import card, label
from wabot_tray.system.i18n import t
from wabot_tray.system.texts import duration_words

_MOST: Final = 1_000_000.0  # what can be typed at all; the limits are said in words


class Row(QWidget):
    """One setting: what it is, what it means, its control, and what is wrong with it.

    Args:
        title: Its name, which the control has as its accessible name too.
        hint: One or two sentences, or "".
        control: What changes it.
        beside: Whether the control stands beside the words, and not below them.
    """

    def __init__(self, title: str, hint: str, control: QWidget, *, beside: bool = True) -> None:
        super().__init__()
        self.control = control
        name = label(title)
        name.setBuddy(control)
        control.setAccessibleName(title)
        control.setAccessibleDescription(hint)
        self.hint = label(hint, role="quiet")
        self.hint.setVisible(bool(hint))
        self.problem = label("", role="error")
        self.problem.hide()
        words = QVBoxLayout()
        words.setSpacing(2)
        for part in (name, self.hint):
            words.addWidget(part)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        if beside:
            line = QHBoxLayout()
            line.setSpacing(24)
            line.addLayout(words, 1)
            line.addWidget(control, 0, Qt.AlignmentFlag.AlignVCenter)
            column.addLayout(line)
        else:
            column.addLayout(words)
            column.addWidget(control)
        column.addWidget(self.problem)

    def show_problem(self, sentence: str) -> None:
        """Say beside the control what is wrong; "" where nothing is."""
        self.problem.setText(sentence)
        self.problem.setVisible(bool(sentence))


class Page(QScrollArea):
    """One group of settings: its title, its cards one below the other."""

    def __init__(self, title: str, words: str = "") -> None:
        super().__init__()
        self.title = title
        self.setObjectName("page")
        self.setAccessibleName(title)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._body = QWidget()
        self._body.setObjectName("page")
        self._column = QVBoxLayout(self._body)
        self._column.setContentsMargins(4, 0, 10, 8)
        self._column.setSpacing(14)
        self._column.addWidget(label(title, role="title"))
        if words:
            self._column.addWidget(label(words, role="quiet"))
        self._column.addStretch(1)
        self.setWidget(self._body)

    def add_card(self, *parts: QWidget, heading: str = "") -> QFrame:
        """Add a card with these rows, a thin line between them."""
        made = card()
        column = QVBoxLayout(made)
        column.setContentsMargins(18, 14, 18, 14)
        column.setSpacing(12)
        if heading:
            column.addWidget(label(heading, role="heading"))
        for number, part in enumerate(parts):
            if number:
                column.addWidget(_thin_line())
            column.addWidget(part)
        self._column.insertWidget(self._column.count() - 1, made)
        return made


class Choice(QComboBox):
    """One of several values, each with its words.

    Args:
        options: The values and their words, in order.
    """

    chosen = Signal(str)  # by the person

    def __init__(self, options: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        for value, words in options:
            self.addItem(words, value)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        keep_from_wheel(self)
        self.activated.connect(lambda _: self.chosen.emit(self.value))

    @property
    def value(self) -> str:
        """What is shown."""
        return str(self.currentData())

    def show_value(self, value: str) -> None:
        """Show `value`; nothing is emitted."""
        self.setCurrentIndex(self.findData(value))


class Switch(QCheckBox):
    """On or off. Its words are the row's; beside it stands "On" or "Off"."""

    def __init__(self) -> None:
        super().__init__()
        self._say()
        self.toggled.connect(self._say)

    def show_value(self, value: bool) -> None:
        """Show `value`; `clicked` is not emitted."""
        self.setChecked(value)

    def _say(self) -> None:
        self.setText(t("settings.on") if self.isChecked() else t("settings.off"))


class Span(QWidget):
    """A length of time: a number and its unit. Another unit shows the same time otherwise.

    Args:
        units: How long each unit is, in seconds, and its words; the smallest first.
        decimals: Of the number.
    """

    edited = Signal(float)  # seconds, when the person is done with it

    def __init__(self, units: Sequence[tuple[int, str]], *, decimals: int = 0) -> None:
        super().__init__()
        self._seconds = 0.0
        self.number = QDoubleSpinBox()
        self.number.setRange(0, _MOST)
        self.number.setDecimals(decimals)
        self.number.setStepType(QAbstractSpinBox.StepType.AdaptiveDecimalStepType)
        self.number.setGroupSeparatorShown(False)
        self.number.setKeyboardTracking(False)
        self.number.setMinimumWidth(self.fontMetrics().horizontalAdvance("0") * 13)
        self.unit = QComboBox()
        for seconds, words in units:
            self.unit.addItem(words, seconds)
        self.unit.setVisible(len(units) > 1)
        for part in (self.number, self.unit):
            keep_from_wheel(part)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.number)
        row.addWidget(self.unit if len(units) > 1 else label(units[0][1]))
        self.setFocusProxy(self.number)
        self.number.editingFinished.connect(self._on_edited)
        self.number.valueChanged.connect(self._on_edited)
        self.unit.activated.connect(self._on_unit)

    def setAccessibleName(self, name: str) -> None:
        """Name both parts."""
        self.number.setAccessibleName(name)
        self.unit.setAccessibleName(t("settings.unit_of", name=name))

    def setAccessibleDescription(self, description: str) -> None:
        """Describe the number."""
        self.number.setAccessibleDescription(description)

    @property
    def seconds(self) -> float:
        """What is shown."""
        return round(self.number.value() * float(self.unit.currentData()), 3)

    def show_seconds(self, seconds: float) -> None:
        """Show `seconds` in the largest unit that needs no fraction; nothing is emitted."""
        if seconds == self._seconds == self.seconds:
            return
        fitting = [n for n in range(self.unit.count()) if seconds % self.unit.itemData(n) == 0]
        self._put(seconds, fitting[-1] if fitting and seconds else 0)

    def _put(self, seconds: float, unit: int) -> None:
        self._seconds = seconds
        self.unit.setCurrentIndex(unit)
        self.number.blockSignals(True)
        self.number.setValue(seconds / self.unit.itemData(unit))
        self.number.blockSignals(False)

    def _on_edited(self) -> None:
        if self.seconds != self._seconds:
            self._seconds = self.seconds
            self.edited.emit(self.seconds)

    def _on_unit(self, unit: int) -> None:
        exact = self._seconds / self.unit.itemData(unit)
        self._put(self._seconds, unit)
        if round(exact, self.number.decimals()) != exact:
            self._on_edited()  # nearest that the number can say


def limits_words(low_s: float, high_s: float) -> str:
    """Return between which times a setting may be."""
    return t("settings.between", low=span_words(low_s), high=span_words(high_s))


def span_words(seconds: float) -> str:
    """Return a time in words, with its tenths of seconds where it has any."""
    if seconds % 1:
        return t("settings.seconds_exact", count=f"{seconds:g}")
    return duration_words(seconds)


class _WheelGuard(QObject):
    """Has the wheel scroll the page, and not change what the pointer happens to be over."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Wheel and isinstance(watched, QWidget):
            event.ignore()
            return not watched.hasFocus()
        return False


def keep_from_wheel(widget: QWidget) -> None:
    """Have the wheel change `widget` only once it was chosen."""
    widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    widget.installEventFilter(_WheelGuard(widget))


def _thin_line() -> QFrame:
    made = QFrame()
    made.setProperty("role", "line")
    made.setFixedHeight(1)
    return made
