"""Fields for a passphrase: a new one typed twice with a hint how good it is, or a known one."""

from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QLineEdit, QProgressBar, QVBoxLayout, QWidget

from wabot_tray.core.passphrase import SHORTEST, Strength, strength
from wabot_tray.gui.parts import label
from wabot_tray.system.i18n import t

_LONGEST: Final = 1000
_STEPS: Final = {Strength.SHORT: 0, Strength.WEAK: 1, Strength.FAIR: 2, Strength.STRONG: 3}


class PassphraseFields(QWidget):
    """One field, or two for a new passphrase. Nothing typed here outlives the window.

    Args:
        is_new: Whether a passphrase is chosen, and so typed twice.
    """

    changed = Signal()
    entered = Signal()  # Return was pressed in the last field

    def __init__(self, *, is_new: bool) -> None:
        super().__init__()
        self._is_new = is_new
        self.first = _field(t("saving.passphrase" if is_new else "restoring.passphrase"), self)
        self.again = _field(t("saving.again"), self)
        self.meter = QProgressBar(self)
        self.meter.setRange(0, len(_STEPS) - 1)
        self.meter.setTextVisible(False)
        self.meter.setAccessibleName(t("saving.strength"))
        self.hint = label("", role="quiet")
        self.hint.setParent(self)
        for part in (self.again, self.meter, self.hint):
            part.setVisible(is_new)
        self.shown = QCheckBox(t("saving.show"))
        self.shown.toggled.connect(self._on_shown)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(_name(self.first))
        column.addWidget(self.first)
        if is_new:
            column.addWidget(self.meter)
            column.addWidget(self.hint)
            column.addSpacing(4)
            column.addWidget(_name(self.again))
            column.addWidget(self.again)
        column.addWidget(self.shown)
        for field in (self.first, self.again):
            field.textChanged.connect(self._on_typed)
        self.last.returnPressed.connect(self.entered)
        if is_new:
            self.first.returnPressed.connect(self.again.setFocus)
        self._on_typed()
        self.setFocusProxy(self.first)

    @property
    def last(self) -> QLineEdit:
        """The field that is typed into last."""
        return self.again if self._is_new else self.first

    @property
    def passphrase(self) -> str:
        """What was typed."""
        return self.first.text()

    @property
    def is_ready(self) -> bool:
        """Whether it can be used: long enough and typed twice alike, or simply there."""
        if not self._is_new:
            return bool(self.passphrase)
        return len(self.passphrase) >= SHORTEST and self.passphrase == self.again.text()

    def forget(self) -> None:
        """Empty the fields."""
        for field in (self.first, self.again):
            field.clear()
        self.shown.setChecked(False)

    def _on_typed(self) -> None:
        found = strength(self.passphrase)
        self.meter.setValue(_STEPS[found])
        self.hint.setText(self._words(found))
        self.meter.setAccessibleDescription(self.hint.text())
        self.changed.emit()

    def _words(self, found: Strength) -> str:
        again = self.again.text()
        if again and not self.passphrase.startswith(again):
            return t("saving.differ")
        match found:
            case Strength.SHORT:
                return t("saving.strength_short", length=SHORTEST)
            case Strength.WEAK:
                return t("saving.strength_weak")
            case Strength.FAIR:
                return t("saving.strength_fair")
            case Strength.STRONG:
                return t("saving.strength_strong")

    def _on_shown(self, is_shown: bool) -> None:
        mode = QLineEdit.EchoMode.Normal if is_shown else QLineEdit.EchoMode.Password
        for field in (self.first, self.again):
            field.setEchoMode(mode)


def _field(name: str, parent: QWidget) -> QLineEdit:
    made = QLineEdit(parent)
    made.setEchoMode(QLineEdit.EchoMode.Password)
    made.setMaxLength(_LONGEST)
    made.setAccessibleName(name)
    return made


def _name(field: QLineEdit) -> QWidget:
    made = label(field.accessibleName())
    made.setBuddy(field)
    return made
