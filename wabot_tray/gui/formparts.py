"""Fields of the rules' forms that are more than one widget: how often, days, hours, accounts."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from PySide6.QtCore import QLocale, QTime, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSpinBox,
    QTimeEdit,
    QVBoxLayout,
    QWidget,
)

from wabot_tray.bot.ruledraft import Periods
from wabot_tray.gui.flow import FlowLayout
from wabot_tray.gui.parts import button, label
from wabot_tray.system.i18n import t

_DURATION: Final = re.compile(r"(\d{1,6})\s*([smhd])")
_TIME: Final = re.compile(r"(\d{1,2}):(\d\d)")
UNITS: Final = {
    "s": "rules.unit_seconds",
    "m": "rules.unit_minutes",
    "h": "rules.unit_hours",
    "d": "rules.unit_days",
}
_USUAL: Final = "12h"
_FIRST: Final = ("09:00", "18:00")


class OnceField(QWidget):
    """How often one chat may hear a reply: each time, or once in some hours."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._text = ""
        self.how = QComboBox()
        self.how.setAccessibleName(t("rules.how_often"))
        self.count = QSpinBox()
        self.count.setRange(1, 999_999)
        self.count.setAccessibleName(t("rules.how_long"))
        self.unit = QComboBox()
        self.unit.setAccessibleName(t("rules.unit"))
        for unit, key in UNITS.items():
            self.unit.addItem(t(key), unit)
        row = FlowLayout(8)
        self.setLayout(row)
        for part in (self.how, self.count, self.unit):
            row.addWidget(part)
        self.how.currentIndexChanged.connect(self._on_changed)
        self.count.valueChanged.connect(self._on_changed)
        self.unit.currentIndexChanged.connect(self._on_changed)

    def show_value(self, text: str, default: str = "") -> None:
        """Show a duration of the file; `default` is what the file says for all rules."""
        for part in (self.how, self.count, self.unit):
            part.blockSignals(True)
        self._text = text
        self.how.clear()
        if _seconds(default):
            self.how.addItem(t("rules.once_default", time=spoken(default)), "")
        self.how.addItem(t("rules.once_never"), "0s" if _seconds(default) else "")
        self.how.addItem(t("rules.once_per"), None)
        found = _DURATION.fullmatch(text.strip()) if _seconds(text) else None
        known = found or _DURATION.fullmatch(_USUAL)
        if known is not None:
            self.count.setValue(int(known[1]))
            self.unit.setCurrentIndex(self.unit.findData(known[2]))
        place = self.how.count() - 1 if found else (1 if text and _seconds(default) else 0)
        self.how.setCurrentIndex(place)
        for part in (self.how, self.count, self.unit):
            part.blockSignals(False)
        self._follow()

    def value(self) -> str:
        """Return the duration as the file says it; what means the same keeps its spelling."""
        chosen = self.how.currentData()
        made = f"{self.count.value()}{self.unit.currentData()}" if chosen is None else str(chosen)
        same = bool(made) == bool(self._text) and _seconds(made) == _seconds(self._text)
        return self._text if same else made

    def _follow(self) -> None:
        for part in (self.count, self.unit):
            part.setVisible(self.how.currentData() is None)

    def _on_changed(self) -> None:
        self._follow()
        self.changed.emit()


class DaysField(QWidget):
    """The days of the week, each a button that stays down."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        row = FlowLayout(4)
        self.setLayout(row)
        self.days: list[QPushButton] = []
        locale = QLocale()
        for day in range(7):
            name = locale.standaloneDayName(day + 1, QLocale.FormatType.ShortFormat)
            made = button(name.strip(".").capitalize(), self.changed.emit, role="segment")
            made.setCheckable(True)
            made.setAccessibleName(locale.standaloneDayName(day + 1))
            self.days.append(made)
            row.addWidget(made)

    def show_value(self, days: Iterable[int] | None) -> None:
        """Show these days down; None for all."""
        down = set(range(7)) if days is None else set(days)
        for day, made in enumerate(self.days):
            made.setChecked(day in down)

    def value(self) -> frozenset[int] | None:
        """Return the days that are down; None for all."""
        down = frozenset(day for day, made in enumerate(self.days) if made.isChecked())
        return None if len(down) == len(self.days) else down


class PeriodsField(QWidget):
    """Hours of a day: from and to, several times if there is a break."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._shown: Periods = ()
        self._rows: list[tuple[QWidget, QTimeEdit, QTimeEdit]] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(6)
        self.more = button(t("rules.more_hours"), self._on_more, role="flat")
        row = QHBoxLayout()
        row.addWidget(self.more)
        row.addStretch(1)
        self._column.addLayout(row)

    @property
    def edits(self) -> tuple[tuple[QTimeEdit, QTimeEdit], ...]:
        """From and to of each row."""
        return tuple((start, end) for _, start, end in self._rows)

    def show_value(self, periods: Periods) -> None:
        """Show these periods; what already stands there is left alone."""
        if periods and periods == self.value():
            self._shown = periods
            return
        self._shown = periods
        for row, _, _ in self._rows:
            self._drop(row)
        self._rows.clear()
        for start, end in periods:
            self._add(start, end)

    def value(self) -> Periods:
        """Return the periods; times that mean the same keep their spelling."""
        found = tuple(
            (start.time().toString("HH:mm"), end.time().toString("HH:mm"))
            for _, start, end in self._rows
        )
        same = [tuple(map(_time, pair)) for pair in found] == [
            tuple(map(_time, pair)) for pair in self._shown
        ]
        return self._shown if same else found

    def _add(self, start: str, end: str) -> None:
        widget = QWidget()
        row = QHBoxLayout(widget)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        edits = []
        for name, text in ((t("rules.from"), start), (t("rules.to"), end)):
            edit = QTimeEdit(_time(text))
            edit.setDisplayFormat("HH:mm")
            edit.setAccessibleName(name)
            edit.timeChanged.connect(self.changed)
            row.addWidget(label(name, wrap=False))
            row.addWidget(edit)
            edits.append(edit)
        gone = button("✕", lambda: self._on_gone(widget), role="flat")
        gone.setAccessibleName(t("rules.remove_hours"))
        gone.setToolTip(t("rules.remove_hours"))
        row.addWidget(gone)
        row.addStretch(1)
        self._rows.append((widget, edits[0], edits[1]))
        self._column.insertWidget(len(self._rows) - 1, widget)

    def _drop(self, widget: QWidget) -> None:
        widget.hide()
        self._column.removeWidget(widget)
        widget.deleteLater()

    def _on_more(self) -> None:
        self._add(*(_FIRST if not self._rows else ("16:00", "20:00")))
        self._rows[-1][1].setFocus()
        self.changed.emit()

    def _on_gone(self, widget: QWidget) -> None:
        self._rows = [row for row in self._rows if row[0] is not widget]
        self._drop(widget)
        self.more.setFocus()
        self.changed.emit()


class AccountsField(QWidget):
    """Which accounts a rule speaks for: all, or some."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.every = QCheckBox(t("rules.all_accounts"))
        self.boxes: dict[str, QCheckBox] = {}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(2)
        self._column.addWidget(self.every)
        self.every.toggled.connect(self._on_every)

    def show_value(self, accounts: Sequence[str] | None, known: Sequence[tuple[str, str]]) -> None:
        """Show which are meant; `known` are ids and names of all there are."""
        for box in self.boxes.values():
            self._column.removeWidget(box)
            box.hide()
            box.deleteLater()
        self.boxes.clear()
        names = dict(known)
        strangers = [(one, t("rules.account_gone", id=one)) for one in accounts or ()]
        for one, name in (*known, *(pair for pair in strangers if pair[0] not in names)):
            box = QCheckBox(name.replace("&", "&&"))
            box.setChecked(accounts is None or one in accounts)
            box.toggled.connect(self.changed)
            box.setVisible(accounts is not None)
            self.boxes[one] = box
            self._column.addWidget(box)
        self.every.blockSignals(True)
        self.every.setChecked(accounts is None)
        self.every.blockSignals(False)

    def value(self) -> tuple[str, ...] | None:
        """Return the ids that are meant; None for all."""
        if self.every.isChecked():
            return None
        return tuple(one for one, box in self.boxes.items() if box.isChecked())

    def _on_every(self, checked: bool) -> None:
        for box in self.boxes.values():
            box.setVisible(not checked)
        self.changed.emit()


def narrow(box: QComboBox) -> QComboBox:
    """Let a list of choices become narrower than its longest one, and return it."""
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(12)
    return box


def section(words: str) -> QLabel:
    """Return the heading of some fields."""
    made = label(words, role="heading")
    made.setContentsMargins(0, 8, 0, 0)
    return made


def spoken(duration: str) -> str:
    """Return a duration of the file as a person says it, e.g. "12 hours"."""
    found = _DURATION.fullmatch(duration.strip())
    return duration if found is None else f"{int(found[1])} {t(UNITS[found[2]])}"


def _seconds(duration: str) -> int:
    found = _DURATION.fullmatch(duration.strip())
    factor = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    return int(found[1]) * factor[found[2]] if found else 0


def _time(text: str) -> QTime:
    found = _TIME.fullmatch(text.strip())
    return QTime(int(found[1]) % 24, int(found[2])) if found else QTime(0, 0)
