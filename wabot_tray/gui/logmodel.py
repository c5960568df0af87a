"""The log as a table: a bounded number of lines, filtered in slices that hold nothing up."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QColor

from wabot_tray.gui.logwords import LEVEL_SIGNS, level_word, meaning
from wabot_tray.gui.theme import scheme_in_use
from wabot_tray.gui.wording import no_markup
from wabot_tray.system.i18n import t
from wabot_tray.system.logentries import (
    Entry,
    Fed,
    Level,
    account_of,
    level_of,
    more_lines,
    when_of,
    words_of,
)

Index = QModelIndex | QPersistentModelIndex
_ROOT: Final = QModelIndex()
MOST_ENTRIES: Final = 50_000
_DROPPED_AT_ONCE: Final = 5_000
SLICE: Final = 1_500  # entries filtered at a time; some 3 ms
PROGRAM: Final = ""  # the "account" of lines that speak of no account we have


class Column(IntEnum):
    """What the table says of each line."""

    WHEN = 0
    LEVEL = 1
    ACCOUNT = 2
    WORDS = 3


_HEADERS: Final = {
    Column.WHEN: "logs.column_when",
    Column.LEVEL: "logs.column_level",
    Column.ACCOUNT: "logs.column_account",
    Column.WORDS: "logs.column_words",
}


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which lines are shown.

    Args:
        account: An account's id as the log writes it, `PROGRAM` for lines of none, None for all.
        least: How grave a line must be.
        text: What it must contain; capitals do not matter.
        known: The ids of all accounts, by which lines of none are told.
    """

    account: str | None = None
    least: Level = Level.DETAIL
    text: str = ""
    known: frozenset[str] = frozenset()

    def lets_pass(self, entry: Entry) -> bool:
        """Whether `entry` is shown."""
        if self.least > Level.DETAIL and level_of(entry) < self.least:
            return False
        if self.account is not None and not self._is_about(entry, self.account):
            return False
        return not self.text or contains(entry, self.text.casefold())

    def _is_about(self, entry: Entry, account: str) -> bool:
        if account != PROGRAM:  # most lines do not even have the word
            return account in entry and account_of(entry) == account
        return account_of(entry) not in self.known


def contains(entry: Entry, folded: str) -> bool:
    """Whether an entry has a text in it that is case-folded already."""
    return folded in entry.casefold()


class LogModel(QAbstractTableModel):
    """Holds the newest entries and shows those that the filter lets pass.

    Args:
        name_of: Returns what a person calls an account, by its id in the log.
    """

    filtered = Signal()  # a new filter is through

    def __init__(self, name_of: Callable[[str], str], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._name_of = name_of
        self._entries: list[Entry] = []
        self._shown: list[Entry] = []
        self._shown_at: list[int] = []  # the number of each, counted since the beginning
        self._dropped = 0
        self._filter = LogFilter()
        self._found: list[Entry] = []  # while a new filter goes through
        self._found_at: list[int] = []
        self._through = 0
        self._slices = QTimer(self)
        self._slices.setInterval(0)
        self._slices.timeout.connect(self._on_slice)

    @property
    def held(self) -> int:
        """How many entries there are, shown or not."""
        return len(self._entries)

    @property
    def shown(self) -> Sequence[Entry]:
        """The entries that are shown."""
        return self._shown

    @property
    def is_filtering(self) -> bool:
        """Whether a new filter is going through; the old lines stay until then."""
        return self._slices.isActive()

    def row_of(self, entry: Entry) -> int:
        """Return where an entry that was shown before is now, -1 where it is not."""
        return next((n for n, one in enumerate(self._shown) if one is entry), -1)

    # --- what comes ------------------------------------------------------------------------------

    def begin(self, entries: list[Entry]) -> None:
        """Hold these entries alone."""
        self._entries = entries[-MOST_ENTRIES:]
        self._dropped = 0
        self.use(self._filter)

    def add(self, fed: Fed) -> None:
        """Take in what has come, and let the oldest go where there is too much."""
        if fed.extended is not None and self._entries:
            self._on_extended(fed.extended)
        if not fed.entries:
            return
        first = self._dropped + len(self._entries)
        self._entries += fed.entries
        if not self.is_filtering:
            passing = [
                (number, entry)
                for number, entry in enumerate(fed.entries, first)
                if self._filter.lets_pass(entry)
            ]
            self._append(passing)
        if len(self._entries) > MOST_ENTRIES + _DROPPED_AT_ONCE:
            self._drop(len(self._entries) - MOST_ENTRIES)

    def use(self, wanted: LogFilter) -> None:
        """Show what `wanted` lets pass: at once where there is little, else slice by slice."""
        self._filter = wanted
        self._found, self._found_at, self._through = [], [], 0
        self._on_slice()
        if self._through < len(self._entries):
            self._slices.start()

    def _on_slice(self) -> None:
        end = min(self._through + SLICE, len(self._entries))
        for place in range(self._through, end):
            if self._filter.lets_pass(self._entries[place]):
                self._found.append(self._entries[place])
                self._found_at.append(self._dropped + place)
        self._through = end
        if end < len(self._entries):
            return
        self._slices.stop()
        self.beginResetModel()
        self._shown, self._shown_at = self._found, self._found_at
        self._found, self._found_at = [], []
        self.endResetModel()
        self.filtered.emit()

    def _append(self, passing: list[tuple[int, Entry]]) -> None:
        if not passing:
            return
        first = len(self._shown)
        self.beginInsertRows(_ROOT, first, first + len(passing) - 1)
        self._shown += [entry for _, entry in passing]
        self._shown_at += [number for number, _ in passing]
        self.endInsertRows()

    def _drop(self, count: int) -> None:
        del self._entries[:count]
        self._dropped += count
        if self.is_filtering:
            self.use(self._filter)
        gone = bisect_left(self._shown_at, self._dropped)
        if gone:
            self.beginRemoveRows(_ROOT, 0, gone - 1)
            del self._shown[:gone]
            del self._shown_at[:gone]
            self.endRemoveRows()

    def _on_extended(self, entry: Entry) -> None:
        """Take in the last entry, which has got more lines."""
        before, self._entries[-1] = self._entries[-1], entry
        if self.is_filtering:
            if self._found and self._found[-1] is before:
                self._found[-1] = entry
        elif self._shown and self._shown[-1] is before:
            self._shown[-1] = entry
            row = len(self._shown) - 1
            self.dataChanged.emit(self.index(row, 0), self.index(row, Column.WORDS))
        elif self._filter.lets_pass(entry):
            self._append([(self._dropped + len(self._entries) - 1, entry)])

    # --- what the table asks ---------------------------------------------------------------------

    def rowCount(self, parent: Index = _ROOT) -> int:
        """Return the number of lines shown."""
        return 0 if parent.isValid() else len(self._shown)

    def columnCount(self, parent: Index = _ROOT) -> int:
        """Return the number of columns."""
        return 0 if parent.isValid() else len(Column)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Return what a cell shows, says to a screen reader, or hints at."""
        if not index.isValid():
            return None
        entry, column = self._shown[index.row()], Column(index.column())
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self._text(entry, column)
            case Qt.ItemDataRole.AccessibleTextRole:
                return level_word(level_of(entry)) if column is Column.LEVEL else self._text(
                    entry, column
                )  # fmt: skip
            case Qt.ItemDataRole.ForegroundRole:
                return _colour(level_of(entry), column)
            case Qt.ItemDataRole.ToolTipRole if column is Column.WORDS:
                return no_markup(meaning(entry)) or None
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

    def rename(self) -> None:
        """Show the accounts by the names they have now."""
        if self._shown:
            first = self.index(0, Column.ACCOUNT)
            self.dataChanged.emit(first, self.index(len(self._shown) - 1, Column.ACCOUNT))

    def find(self, text: str, start: int, step: int) -> int:
        """Return the row of the next line with `text`, from `start` on and around, -1 without."""
        folded, count = text.casefold(), len(self._shown)
        for distance in range(count):
            row = (start + step * distance) % count
            if contains(self._shown[row], folded):
                return row
        return -1

    def _text(self, entry: Entry, column: Column) -> str:
        match column:
            case Column.WHEN:
                return when_of(entry)
            case Column.LEVEL:
                return f"{LEVEL_SIGNS[level_of(entry)]} {level_word(level_of(entry))}"
            case Column.ACCOUNT:
                account = account_of(entry)
                return self._name_of(account) if account else ""
            case Column.WORDS:
                lines = more_lines(entry)
                return f"{words_of(entry)}  (+{lines})" if lines else words_of(entry)


def _colour(level: Level, column: Column) -> QColor | None:
    scheme = scheme_in_use()
    if level >= Level.ERROR:
        return QColor(scheme.danger)
    if level is Level.WARNING:
        return QColor(scheme.caution)
    if level is Level.DETAIL or column is not Column.WORDS:
        return QColor(scheme.quiet)
    return None
