"""Cells of the table that need more than one line."""

from typing import Final

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem, QTableView

# What the style sheet leaves about the words, and what Qt itself adds to that.
_PADDING_X: Final = 24 + 8
_PADDING_Y: Final = 12 + 4
_ICON_GAP: Final = 8


class WrappingDelegate(QStyledItemDelegate):
    """Asks for the height its words need; Qt's own answer forgets the style sheet's padding."""

    def __init__(self, table: QTableView) -> None:
        super().__init__(table)
        self._table = table

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        """Return the size at the column's present width."""
        hint = super().sizeHint(option, index)
        room = self._table.columnWidth(index.column()) - _PADDING_X
        if index.data(Qt.ItemDataRole.DecorationRole) is not None:
            room -= self._table.iconSize().width() + _ICON_GAP
        area = QRect(0, 0, max(1, room), 10_000)
        words = self._table.fontMetrics().boundingRect(
            area, int(Qt.TextFlag.TextWordWrap), str(index.data() or "")
        )
        return QSize(hint.width(), max(hint.height(), words.height() + _PADDING_Y))
