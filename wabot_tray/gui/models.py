"""The accounts as a table."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from enum import IntEnum
from typing import Final

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from wabot_tray.core.clock import SYSTEM_CLOCK, Clock
from wabot_tray.core.snapshot import SessionSnapshot
from wabot_tray.gui.actions import shown_name
from wabot_tray.gui.bridge import ManagerBridge
from wabot_tray.gui.icons import state_icon
from wabot_tray.gui.wording import ago, ahead, phone, point_in_time
from wabot_tray.system.i18n import t
from wabot_tray.system.texts import advice, reason_sentence, state_word

Index = QModelIndex | QPersistentModelIndex
_ROOT: Final = QModelIndex()


class Column(IntEnum):
    """What the table says of each account."""

    NAME = 0
    PHONE = 1
    STATE = 2
    REASON = 3
    SINCE = 4
    NEXT = 5
    VERIFIED = 6


_HEADERS: Final = {
    Column.NAME: "dashboard.column_name",
    Column.PHONE: "dashboard.column_phone",
    Column.STATE: "dashboard.column_state",
    Column.REASON: "dashboard.column_reason",
    Column.SINCE: "dashboard.column_since",
    Column.NEXT: "dashboard.column_next",
    Column.VERIFIED: "dashboard.column_verified",
}

_TEXTS: Final[dict[Column, Callable[[SessionSnapshot, datetime], str]]] = {
    Column.NAME: lambda snapshot, _: shown_name(snapshot),
    Column.PHONE: lambda snapshot, _: phone(snapshot.phone),
    Column.STATE: lambda snapshot, _: state_word(snapshot.state),
    # The next attempt has a column of its own.
    Column.REASON: lambda snapshot, now: reason_sentence(
        replace(snapshot, next_attempt_at=None), now
    ),
    Column.SINCE: lambda snapshot, now: ago(snapshot.since, now),
    Column.NEXT: lambda snapshot, now: ahead(snapshot.next_attempt_at, now),
    Column.VERIFIED: lambda snapshot, now: ago(snapshot.last_verified_at, now),
}
_HINTS: Final[dict[Column, Callable[[SessionSnapshot], str]]] = {
    Column.NAME: lambda snapshot: t("dashboard.id_hint", id=snapshot.id),
    Column.PHONE: lambda _: "",
    Column.STATE: advice,
    Column.REASON: advice,
    Column.SINCE: lambda snapshot: point_in_time(snapshot.since),
    Column.NEXT: lambda snapshot: point_in_time(snapshot.next_attempt_at),
    Column.VERIFIED: lambda snapshot: point_in_time(snapshot.last_verified_at),
}


class AccountsModel(QAbstractTableModel):
    """Follows the manager; `tick()` moves what depends on the time of day."""

    def __init__(
        self, bridge: ManagerBridge, *, clock: Clock = SYSTEM_CLOCK, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._clock = clock
        self._rows: list[SessionSnapshot] = list(bridge.manager.snapshots())
        bridge.session_changed.connect(self._on_changed)
        bridge.session_removed.connect(self._on_removed)

    def rowCount(self, parent: Index = _ROOT) -> int:
        """Return the number of accounts."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = _ROOT) -> int:
        """Return the number of columns."""
        return 0 if parent.isValid() else len(Column)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Return what a cell shows, says to a screen reader, or hints at."""
        if not index.isValid():
            return None
        snapshot, column = self._rows[index.row()], Column(index.column())
        match role:
            case Qt.ItemDataRole.DisplayRole | Qt.ItemDataRole.AccessibleTextRole:
                return self.text(snapshot, column)
            case Qt.ItemDataRole.DecorationRole if column is Column.STATE:
                return state_icon(snapshot.state)
            case Qt.ItemDataRole.ToolTipRole:
                return _HINTS[column](snapshot) or None
            case _:
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

    def text(self, snapshot: SessionSnapshot, column: Column) -> str:
        """Return what one cell says now."""
        return _TEXTS[column](snapshot, self._clock.now())

    def at(self, row: int) -> SessionSnapshot | None:
        """Return the account in `row`, or None where there is no such row."""
        return self._rows[row] if 0 <= row < len(self._rows) else None

    def row_of(self, account_id: str) -> int:
        """Return the row of an account, -1 where it has none."""
        return next((n for n, s in enumerate(self._rows) if s.id == account_id), -1)

    def tick(self) -> None:
        """Show the times as they are now."""
        if self._rows:
            first = self.index(0, Column.REASON)
            last = self.index(len(self._rows) - 1, Column.VERIFIED)
            self.dataChanged.emit(first, last, [Qt.ItemDataRole.DisplayRole])

    def _on_changed(self, snapshot: SessionSnapshot) -> None:
        row = self.row_of(snapshot.id)
        if row < 0:
            self.beginInsertRows(_ROOT, len(self._rows), len(self._rows))
            self._rows.append(snapshot)
            self.endInsertRows()
            return
        self._rows[row] = snapshot
        self.dataChanged.emit(self.index(row, 0), self.index(row, len(Column) - 1))

    def _on_removed(self, account_id: str) -> None:
        if (row := self.row_of(account_id)) >= 0:
            self.beginRemoveRows(_ROOT, row, row)
            del self._rows[row]
            self.endRemoveRows()
