"""The table of the log: follows its end until somebody scrolls up, marks what is looked for."""

from typing import Final

from PySide6.QtCore import (
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QFocusEvent, QKeySequence, QPainter, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

from wabot_tray.gui.logmodel import Column, LogModel
from wabot_tray.gui.logwords import LEVEL_SIGNS, level_word
from wabot_tray.gui.theme import scheme_in_use
from wabot_tray.system.i18n import t
from wabot_tray.system.logentries import Entry

_ROW_PADDING: Final = 8
_CELL_PADDING: Final = 8  # the style sheet's, on each side
_TEXT_MARGIN: Final = 3  # Qt's own around the words of a cell
_ACCOUNT_LETTERS: Final = 22
_MARK_STRENGTH: Final = 90  # of 255


class LogTable(QTableView):
    """One line each; several can be chosen."""

    copy_wanted = Signal()
    following_changed = Signal(bool)

    def __init__(self, model: LogModel) -> None:
        super().__init__()
        self.setObjectName("log")
        self._model = model
        self._follows = True
        self._marks = _Marks(self)
        self.setModel(model)
        self.setItemDelegateForColumn(Column.WORDS, self._marks)
        self.setAccessibleName(t("logs.title"))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerItem)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)  # Tab leaves the table, arrows move in it
        self.setCornerButtonEnabled(False)
        self._set_sizes()
        bar = self.verticalScrollBar()
        bar.valueChanged.connect(self._on_scrolled)
        bar.rangeChanged.connect(self._on_range)
        model.rowsRemoved.connect(self._on_removed)
        copy = QShortcut(QKeySequence.StandardKey.Copy, self, self.copy_wanted.emit)
        copy.setContext(Qt.ShortcutContext.WidgetShortcut)

    @property
    def follows(self) -> bool:
        """Whether the end stays in view."""
        return self._follows

    @property
    def chosen(self) -> list[Entry]:
        """The lines that are chosen, in their order."""
        # By ranges: an index for each of fifty thousand rows takes a tenth of a second.
        ranges = sorted(
            (r.top(), r.bottom() + 1) for r in self.selectionModel().selection().toList()
        )
        return [entry for top, end in ranges for entry in self._model.shown[top:end]]

    @property
    def current(self) -> Entry | None:
        """The line the keyboard stands on."""
        row = self.currentIndex().row()
        return self._model.shown[row] if 0 <= row < self._model.rowCount() else None

    def follow(self) -> None:
        """Go to the end and stay there."""
        self._set_follows(True)
        self.scrollToBottom()

    def choose(self, row: int) -> None:
        """Choose a line and bring it into view, in the middle where it was not."""
        self.selectRow(row)
        index = self._model.index(row, Column.WHEN)
        if not self.viewport().rect().contains(self.visualRect(index)):
            self.scrollTo(index, QAbstractItemView.ScrollHint.PositionAtCenter)

    def choose_entry(self, entry: Entry | None) -> None:
        """Choose the line of `entry` where it is shown, and go to the end where we follow."""
        row = self._model.row_of(entry) if entry is not None else -1
        if row >= 0:
            self.choose(row)
        elif self._follows:
            self.scrollToBottom()

    def mark(self, text: str) -> None:
        """Mark `text` wherever it stands."""
        self._marks.text = text.casefold()
        self.viewport().update()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Let the keyboard begin where the eye is; Qt would begin at the first line."""
        if not self.currentIndex().isValid() and (rows := self._model.rowCount()):
            last = self.rowAt(self.viewport().height() - 1)
            row = last if last >= 0 else rows - 1
            none = QItemSelectionModel.SelectionFlag.NoUpdate
            self.selectionModel().setCurrentIndex(self._model.index(row, 0), none)
        super().focusInEvent(event)

    def _set_sizes(self) -> None:
        metrics, header = self.fontMetrics(), self.horizontalHeader()
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setDefaultSectionSize(metrics.height() + _ROW_PADDING)
        header.setHighlightSections(False)
        room = 2 * (_CELL_PADDING + _TEXT_MARGIN) + metrics.averageCharWidth()
        levels = [f"{sign} {level_word(level)}" for level, sign in LEVEL_SIGNS.items()]
        widths = {
            Column.WHEN: metrics.horizontalAdvance("2026-00-00 00:00:00"),
            Column.LEVEL: max(map(metrics.horizontalAdvance, levels)),
            Column.ACCOUNT: _ACCOUNT_LETTERS * metrics.averageCharWidth(),
        }
        for column, width in widths.items():
            title = header.sectionSizeFromContents(column).width()
            header.resizeSection(column, max(width + room, title))
        header.setSectionResizeMode(Column.WORDS, QHeaderView.ResizeMode.Stretch)

    def _set_follows(self, follows: bool) -> None:
        if follows is not self._follows:
            self._follows = follows
            self.following_changed.emit(follows)

    def _on_scrolled(self, value: int) -> None:
        self._set_follows(value >= self.verticalScrollBar().maximum())

    def _on_range(self, _least: int, most: int) -> None:
        if self._follows:
            self.verticalScrollBar().setValue(most)

    def _on_removed(self, _parent: QModelIndex, first: int, last: int) -> None:
        if not self._follows:  # the oldest went: what is looked at stays where it is
            bar = self.verticalScrollBar()
            bar.setValue(bar.value() - (last - first + 1))


class _Marks(QStyledItemDelegate):
    """Paints a stroke over what is looked for."""

    text = ""

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """Paint the cell, then the strokes."""
        super().paint(painter, option, index)
        if not self.text:
            return
        words, area = str(index.data()), option.rect
        metrics = option.fontMetrics
        left = area.left() + _CELL_PADDING + _TEXT_MARGIN
        colour = QColor(scheme_in_use().accent)
        colour.setAlpha(_MARK_STRENGTH)
        folded, place = words.casefold(), -1
        while (place := folded.find(self.text, place + 1)) >= 0:
            start = left + metrics.horizontalAdvance(words[:place])
            width = metrics.horizontalAdvance(words[place : place + len(self.text)])
            stroke = QRect(start, area.top() + 1, width, area.height() - 2)
            if start >= area.right():
                break
            painter.fillRect(stroke.intersected(area), colour)
