"""The files of a bundle to choose from, and exactly what is in the one in view."""

from typing import Final

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QFontDatabase, QTextCursor
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QPlainTextEdit

from wabot_tray.control.bundleparts import Part
from wabot_tray.gui.wording import locale
from wabot_tray.system.i18n import t

_SLICE: Final = 64 * 1024  # characters laid out at a time; some 5 ms
_LETTERS: Final = 34  # as wide as the list likes to be


class PartsList(QListWidget):
    """A file a line, with its size and a box to leave it out."""

    viewed = Signal(object)  # the part in view
    chosen_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._parts: dict[str, Part] = {}
        self.setObjectName("parts")
        self.setAccessibleName(t("bundle.files"))
        self.setMinimumWidth(_LETTERS * self.fontMetrics().averageCharWidth())
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.currentItemChanged.connect(self._on_current)
        self.itemChanged.connect(lambda _: self.chosen_changed.emit())

    @property
    def chosen(self) -> list[Part]:
        """The parts whose box is ticked, in their order."""
        items = (self.item(row) for row in range(self.count()))
        ticked = (item for item in items if item.checkState() is Qt.CheckState.Checked)
        return [self._parts[item.data(Qt.ItemDataRole.UserRole)] for item in ticked]

    def show_parts(self, parts: tuple[Part, ...]) -> None:
        """Offer these, the usual ones ticked, and bring the first into view."""
        self._parts = {part.name: part for part in parts}
        self.blockSignals(True)
        self.clear()
        for part in parts:
            size = locale().formattedDataSize(len(part.content))
            item = QListWidgetItem(t("bundle.file", name=part.name, size=size))
            item.setData(Qt.ItemDataRole.UserRole, part.name)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            ticked = Qt.CheckState.Checked if part.is_usual else Qt.CheckState.Unchecked
            item.setCheckState(ticked)
            item.setToolTip(t(part.key))
            self.addItem(item)
        self.blockSignals(False)
        self.setCurrentRow(0)
        self.chosen_changed.emit()

    def _on_current(self, item: QListWidgetItem | None) -> None:
        if item is not None:
            self.viewed.emit(self._parts[item.data(Qt.ItemDataRole.UserRole)])


class PartView(QPlainTextEdit):
    """A part's content to the last letter; a long one is laid out bit by bit."""

    def __init__(self) -> None:
        super().__init__()
        self._left = ""
        self.setReadOnly(True)
        self.setTabChangesFocus(True)
        self.setUndoRedoEnabled(False)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self._slices = QTimer(self)
        self._slices.setInterval(0)
        self._slices.timeout.connect(self._on_slice)

    @property
    def is_complete(self) -> bool:
        """Whether all of it stands there."""
        return not self._slices.isActive()

    def show_part(self, part: Part) -> None:
        """Show what `part` holds."""
        self.setAccessibleName(t("bundle.content", name=part.name))
        self.clear()
        self._left = part.content.decode("utf-8", "replace")
        self._on_slice()
        if self._left:
            self._slices.start()

    def _on_slice(self) -> None:
        cursor = QTextCursor(self.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.insertText(self._left[:_SLICE])
        self._left = self._left[_SLICE:]
        if not self._left:
            self._slices.stop()
