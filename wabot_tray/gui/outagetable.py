"""The outages of one account as a table, the newest first."""

from collections.abc import Callable, Sequence
from datetime import datetime
from enum import IntEnum
from typing import Final

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    QTimer,
)
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from wabot_tray.core.history import Outage
from wabot_tray.gui.cells import WrappingDelegate
from wabot_tray.gui.wording import point_in_time
from wabot_tray.system.historytexts import cause, repair
from wabot_tray.system.i18n import t
from wabot_tray.system.texts import duration_words

Index = QModelIndex | QPersistentModelIndex
_ROOT: Final = QModelIndex()
_LENGTH_LETTERS: Final = 19


class Column(IntEnum):
    """What the table says of each outage."""

    BEGIN = 0
    LENGTH = 1
    CAUSE = 2
    REPAIR = 3


_HEADERS: Final = {
    Column.BEGIN: "record.column_begin",
    Column.LENGTH: "record.column_length",
    Column.CAUSE: "record.column_cause",
    Column.REPAIR: "record.column_repair",
}
_TEXTS: Final[dict[Column, Callable[[Outage, datetime], str]]] = {
    Column.BEGIN: lambda outage, _: point_in_time(outage.begin),
    Column.LENGTH: lambda outage, now: duration_words(outage.length(now).total_seconds()),
    Column.CAUSE: lambda outage, _: cause(outage),
    Column.REPAIR: lambda outage, _: repair(outage),
}


class OutagesModel(QAbstractTableModel):
    """Shows what it is given; an outage that lasts grows with every showing."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[Outage, ...] = ()
        self._now = datetime.now().astimezone()

    def show_outages(self, found: Sequence[Outage], now: datetime) -> None:
        """Show these, given the oldest first, as they are now."""
        rows = tuple(reversed(found))
        self._now = now
        if rows != self._rows:
            self.beginResetModel()
            self._rows = rows
            self.endResetModel()
        elif rows and rows[0].end is None:
            where = self.index(0, Column.LENGTH)
            self.dataChanged.emit(where, where)

    @property
    def rows(self) -> tuple[Outage, ...]:
        """What is shown, the newest first."""
        return self._rows

    def rowCount(self, parent: Index = _ROOT) -> int:
        """Return the number of outages."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = _ROOT) -> int:
        """Return the number of columns."""
        return 0 if parent.isValid() else len(Column)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Return what a cell shows, or says to a screen reader."""
        if index.isValid() and role in _SPOKEN:
            return _TEXTS[Column(index.column())](self._rows[index.row()], self._now)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return None

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> object:
        """Return a column's title."""
        if orientation is Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                return t(_HEADERS[Column(section)])
            if role == Qt.ItemDataRole.TextAlignmentRole:
                return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return None


_SPOKEN: Final = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole)


def outage_table(model: OutagesModel) -> QTableView:
    """Return a table of `model` whose sentences take as many lines as they need."""
    table = QTableView()
    table.setModel(model)
    table.setAccessibleName(t("record.outages"))
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setShowGrid(False)
    table.setWordWrap(True)
    table.setTabKeyNavigation(False)  # Tab leaves the table, arrows move in it
    table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    table.verticalHeader().hide()
    table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    header = table.horizontalHeader()
    header.setHighlightSections(False)
    for column in (Column.LENGTH, Column.CAUSE, Column.REPAIR):
        table.setItemDelegateForColumn(column, WrappingDelegate(table))
    header.setSectionResizeMode(Column.BEGIN, QHeaderView.ResizeMode.ResizeToContents)
    header.setSectionResizeMode(Column.LENGTH, QHeaderView.ResizeMode.Interactive)
    header.resizeSection(Column.LENGTH, _LENGTH_LETTERS * table.fontMetrics().averageCharWidth())
    header.setSectionResizeMode(Column.CAUSE, QHeaderView.ResizeMode.Stretch)
    header.setSectionResizeMode(Column.REPAIR, QHeaderView.ResizeMode.Stretch)
    # Words that have less room need more lines; all columns of one change count once.
    settling = QTimer(table)
    settling.setSingleShot(True)
    settling.timeout.connect(table.resizeRowsToContents)
    header.sectionResized.connect(lambda: settling.start(0))
    return table
