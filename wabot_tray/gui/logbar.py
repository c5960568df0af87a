"""What is shown of the log: a text to look for, an account, and how grave a line must be."""

from collections.abc import Iterable
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QSizePolicy,
    QWidget,
)

from wabot_tray.core.snapshot import SessionSnapshot
from wabot_tray.gui.actions import shown_name
from wabot_tray.gui.logmodel import PROGRAM, LogFilter
from wabot_tray.gui.parts import button, label
from wabot_tray.system.i18n import t
from wabot_tray.system.logentries import Level
from wabot_tray.system.redaction import redact

_ALL: Final = "*"  # no account's id
_LONGEST_TEXT: Final = 200
_WIDEST: Final = 36  # letters of a name
_ARROW: Final = 8  # letters of room for the arrow of a choice, and around it
_LEAST: Final = {
    Level.DETAIL: "logs.least_detail",
    Level.INFO: "logs.least_info",
    Level.WARNING: "logs.least_warning",
    Level.ERROR: "logs.least_error",
}


class LogBar(QWidget):
    """The fields; `changed` after each change of what they let pass."""

    changed = Signal()
    text_changed = Signal(str)
    find_wanted = Signal(int)  # 1 for the next line with the text, -1 for the one before

    def __init__(self) -> None:
        super().__init__()
        self._names: dict[str, str] = {}
        self.text = _SearchField()
        self.text.setMaxLength(_LONGEST_TEXT)
        self.text.setPlaceholderText(t("logs.find"))
        self.text.setAccessibleName(t("logs.find"))
        self.text.setToolTip(t("logs.find_hint"))
        self.text.setClearButtonEnabled(True)
        self.before = button(t("logs.before"), lambda: self.find_wanted.emit(-1))
        self.after = button(t("logs.after"), lambda: self.find_wanted.emit(1))
        self.before.setToolTip(t("logs.before_hint"))
        self.after.setToolTip(t("logs.after_hint"))
        self.only = QCheckBox(t("logs.only"))
        self.only.setToolTip(t("logs.only_hint"))
        self.only.setChecked(True)
        self.account = _choice(t("logs.account"))
        self.level = _choice(t("logs.level"))
        for level, key in _LEAST.items():
            self.level.addItem(t(key), int(level))
        self.level.setCurrentIndex(list(_LEAST).index(Level.INFO))
        _widen(self.level)
        self.status = label("", role="quiet", wrap=False)
        self._build()
        self.text.textChanged.connect(self._on_text)
        self.text.stepped.connect(self.find_wanted)
        self.only.toggled.connect(self.changed)
        self.account.currentIndexChanged.connect(self.changed)
        self.level.currentIndexChanged.connect(self.changed)
        self._on_text("")

    @property
    def filter(self) -> LogFilter:
        """What the fields let pass."""
        chosen = self.account.currentData()
        return LogFilter(
            account=None if chosen in (None, _ALL) else str(chosen),
            least=Level(self.level.currentData()),
            text=self.text.text() if self.only.isChecked() else "",
            known=frozenset(self._names),
        )

    def name_of(self, account: str) -> str:
        """Return what a person calls an account, by its id in the log."""
        return self._names.get(account, account)

    def show_accounts(self, snapshots: Iterable[SessionSnapshot]) -> bool:
        """Offer these accounts, the chosen one kept; return whether that changed anything."""
        names = {redact(snapshot.id): shown_name(snapshot) for snapshot in snapshots}
        if names == self._names and self.account.count():
            return False
        self._names = names
        chosen = self.account.currentData()
        self.account.blockSignals(True)
        self.account.clear()
        self.account.addItem(t("logs.all_accounts"), _ALL)
        for account, name in names.items():
            self.account.addItem(name, account)
        self.account.addItem(t("logs.program"), PROGRAM)
        self.account.setCurrentIndex(max(0, self.account.findData(chosen)))
        self.account.blockSignals(False)
        _widen(self.account)
        self.changed.emit()
        return True

    def show_everything(self) -> None:
        """Let every line pass."""
        self.text.clear()
        self.account.setCurrentIndex(0)
        self.level.setCurrentIndex(0)

    @property
    def choices(self) -> tuple[str, int, str, bool]:
        """What is chosen, for a window that takes this one's place."""
        return (
            str(self.account.currentData()),
            self.level.currentIndex(),
            self.text.text(),
            self.only.isChecked(),
        )

    def choose(self, account: str, level: int, text: str, only: bool) -> None:
        """Choose what another window had chosen."""
        self.account.setCurrentIndex(max(0, self.account.findData(account)))
        self.level.setCurrentIndex(level)
        self.only.setChecked(only)
        self.text.setText(text)

    def _on_text(self, text: str) -> None:
        for part in (self.before, self.after):
            part.setEnabled(bool(text))
        self.text_changed.emit(text)
        if self.only.isChecked():
            self.changed.emit()

    def _build(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(8)
        search = QHBoxLayout()
        search.setSpacing(8)
        search.addWidget(self.text, 1)
        for part in (self.before, self.after, self.only):
            search.addWidget(part)
        grid.addLayout(search, 0, 0)
        row = QHBoxLayout()
        row.setSpacing(8)
        for words, field in ((t("logs.account"), self.account), (t("logs.level"), self.level)):
            name = label(words, wrap=False)
            name.setBuddy(field)
            row.addWidget(name)
            row.addWidget(field)
            row.addSpacing(10)
        row.addStretch(1)
        row.addWidget(self.status, 0, Qt.AlignmentFlag.AlignRight)
        grid.addLayout(row, 1, 0)


class _SearchField(QLineEdit):
    """Return goes to the next line, with Shift to the one before, Escape empties it."""

    stepped = Signal(int)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Take the keys of a search."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            back = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
            if self.text():
                self.stepped.emit(-1 if back else 1)
        elif event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
        else:
            super().keyPressEvent(event)


def _choice(name: str) -> QComboBox:
    made = QComboBox()
    made.setAccessibleName(name)
    made.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
    made.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
    return made


def _widen(field: QComboBox) -> None:
    """Make room for the longest choice; Qt's own guess forgets the style sheet's padding."""
    letter = field.fontMetrics().averageCharWidth()
    longest = max(
        field.fontMetrics().horizontalAdvance(field.itemText(n)) for n in range(field.count())
    )
    field.setMinimumWidth(min(longest, _WIDEST * letter) + _ARROW * letter)
