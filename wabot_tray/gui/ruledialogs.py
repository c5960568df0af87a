"""The questions of the rules' window: what is not saved, and whose changes to keep."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from wabot_tray.gui.dialogs import Question
from wabot_tray.gui.parts import button
from wabot_tray.system.i18n import t


class UnsavedDialog(Question):
    """Asks, at closing, about changes that are not saved."""

    saved = Signal()
    discarded = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, t("rules.unsaved_title"), t("rules.unsaved_words"))
        row = self.end_with(t("rules.save"), "primary")
        self.discard = button(t("rules.discard"), self._on_discard, role="danger")
        row.insertWidget(0, self.discard)
        self.go.setFocus()

    def accept(self) -> None:
        """Pass the decision on."""
        super().accept()
        self.saved.emit()

    def _on_discard(self) -> None:
        self.reject()
        self.discarded.emit()


class ChangedDialog(Question):
    """Asks whose changes to keep, where the file was changed while it was edited here."""

    mine = Signal()
    theirs = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, t("rules.changed_title"), t("rules.changed_words"))
        row = self.end_with(t("rules.keep_mine"), "primary")
        self.cancel.hide()
        self.other = button(t("rules.take_theirs"), self._on_theirs)
        row.insertWidget(1, self.other)

    def accept(self) -> None:
        """Keep what was edited here."""
        super().accept()
        self.mine.emit()

    def _on_theirs(self) -> None:
        super().accept()
        self.theirs.emit()
