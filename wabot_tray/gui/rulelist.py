"""The list of rules: a switch in each row, moved by dragging or by keys, the first match on top."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QDropEvent,
    QFont,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPalette,
    QPen,
    QRegion,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionButton,
    QStyleOptionViewItem,
    QWidget,
)

Index = QModelIndex | QPersistentModelIndex
_SECOND: Final = Qt.ItemDataRole.UserRole  # the second line
_KEY: Final = Qt.ItemDataRole.UserRole + 1  # what the row stands for: a number or a name
_ALERT: Final = Qt.ItemDataRole.UserRole + 2  # what is wrong with it
_MARGIN: Final = 12
_GAP: Final = 10


@dataclass(frozen=True, slots=True)
class Row:
    """One row.

    Args:
        key: The number of a rule, or the name of another part.
        title: Its first line.
        words: Its second line.
        is_on: Whether its switch is on; None without a switch.
        fault: What is wrong with it; empty if nothing is.
    """

    key: int | str
    title: str
    words: str
    is_on: bool | None = None
    fault: str = ""


class RuleList(QListWidget):
    """Rows of rules, and under them those of the other parts."""

    chosen = Signal(object)  # the key
    switched = Signal(object, bool)  # the key, on
    moved = Signal(int, int)  # a rule's number before and after

    def __init__(self, name: str, description: str) -> None:
        super().__init__()
        self.setObjectName("rules")
        self.setAccessibleName(name)
        self.setAccessibleDescription(description)
        self.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.setDefaultDropAction(Qt.DropAction.MoveAction)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setResizeMode(QListWidget.ResizeMode.Adjust)
        self.setItemDelegate(_Painter(self))
        self.model_box = QCheckBox(self)  # never shown; switches in rows look like it
        self.model_box.hide()
        self._shown: list[Row] = []
        self.currentItemChanged.connect(self._on_current)
        self.itemChanged.connect(self._on_item)

    @property
    def key(self) -> int | str | None:
        """What the chosen row stands for."""
        if (row := self.currentRow()) < 0:
            return None
        key: int | str = self.item(row).data(_KEY)
        return key

    def show_rows(self, rows: Sequence[Row], chosen: int | str | None) -> None:
        """Show these rows, the rules first, and choose one."""
        self.blockSignals(True)
        self._update(rows)
        places = [place for place, row in enumerate(rows) if row.key == chosen]
        self.setCurrentRow(places[0] if places else 0)
        self.blockSignals(False)

    def update_rows(self, rows: Sequence[Row]) -> None:
        """Show these rows, of which few are other than before; the chosen one stays."""
        self.blockSignals(True)
        self._update(rows)
        self.blockSignals(False)

    def _update(self, rows: Sequence[Row]) -> None:
        while self.count() > len(rows):
            self.takeItem(self.count() - 1)
        del self._shown[len(rows) :]
        for place, row in enumerate(rows):
            if place >= self.count():
                self.addItem(QListWidgetItem())
            if place >= len(self._shown) or self._shown[place] != row:
                self._fill(self.item(place), row)
        self._shown = list(rows)
        self.setDirtyRegion(QRegion(self.rect()))  # `viewport()` costs: see scroll.py

    def texts(self) -> list[str]:
        """Return the first lines, in order."""
        return [self.item(place).text() for place in range(self.count())]

    @property
    def _rules(self) -> int:
        """How many rows are rules."""
        return sum(isinstance(row.key, int) for row in self._shown)

    def switch_rect(self, row: int) -> QRect:
        """Return where a row's switch is, in the viewport."""
        rect = self.visualItemRect(self.item(row))
        return _switch(rect, self)

    def move_chosen(self, steps: int) -> None:
        """Move the chosen rule up (-1) or down (1), if it can go there."""
        key = self.key
        if isinstance(key, int) and 0 <= key + steps < self._rules:
            self.moved.emit(key, key + steps)

    def dropEvent(self, event: QDropEvent) -> None:
        """Move the rule that was dragged; the rows themselves follow the rules."""
        key = self.key
        event.setDropAction(Qt.DropAction.IgnoreAction)
        event.accept()
        if not isinstance(key, int):
            return
        point = event.position().toPoint()
        item = self.itemAt(point)
        to = self._rules if item is None else self.row(item)
        if item is not None and point.y() > self.visualItemRect(item).center().y():
            to += 1
        to = min(to, self._rules)
        to -= to > key
        if to != key:
            self.moved.emit(key, to)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move rules with Alt and the arrows."""
        steps = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()))
        if steps is not None and event.modifiers() & Qt.KeyboardModifier.AltModifier:
            self.move_chosen(steps)
            return
        super().keyPressEvent(event)

    def _fill(self, item: QListWidgetItem, row: Row) -> None:
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        if isinstance(row.key, int):
            flags |= Qt.ItemFlag.ItemIsDragEnabled
        if row.is_on is not None:
            flags |= Qt.ItemFlag.ItemIsUserCheckable
            item.setCheckState(Qt.CheckState.Checked if row.is_on else Qt.CheckState.Unchecked)
        else:
            item.setData(Qt.ItemDataRole.CheckStateRole, None)
        item.setFlags(flags)
        item.setText(row.title)
        item.setData(_SECOND, row.words)
        item.setData(_KEY, row.key)
        item.setData(_ALERT, row.fault)
        item.setToolTip(row.fault or row.words)
        item.setData(Qt.ItemDataRole.AccessibleDescriptionRole, row.fault or row.words)

    def _on_current(self, item: QListWidgetItem | None) -> None:
        if item is not None:
            self.chosen.emit(item.data(_KEY))

    def _on_item(self, item: QListWidgetItem) -> None:
        if item.data(Qt.ItemDataRole.CheckStateRole) is not None:
            self._shown[self.row(item)] = Row("", "", "")  # it says something else than it shows
            self.switched.emit(item.data(_KEY), item.checkState() is Qt.CheckState.Checked)


class _Painter(QStyledItemDelegate):
    """Paints a row: the switch and two lines."""

    def sizeHint(self, option: QStyleOptionViewItem, _index: Index) -> QSize:
        """Return the height of two lines; the width is the list's."""
        lines = 2 * option.fontMetrics.lineSpacing()
        return QSize(10 * option.fontMetrics.averageCharWidth(), lines + 2 * _GAP + 2)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Paint the ground, the switch and the words."""
        view = option.widget
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        palette, rect = option.palette, option.rect
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        frame = rect.adjusted(3, 2, -3, -2)
        if selected or option.state & QStyle.StateFlag.State_MouseOver:
            shade = palette.color(QPalette.ColorRole.Accent if selected else QPalette.ColorRole.Mid)
            shade.setAlpha(44)
            painter.setBrush(shade)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.drawRoundedRect(frame, 8, 8)
        if selected and option.state & QStyle.StateFlag.State_HasFocus:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(palette.color(QPalette.ColorRole.Accent), 2))
            painter.drawRoundedRect(frame, 8, 8)
        is_on = index.data(Qt.ItemDataRole.CheckStateRole)
        if is_on is not None and isinstance(view, RuleList):
            box = QStyleOptionButton()
            box.initFrom(view.model_box)
            box.rect = _switch(rect, view)
            box.state = QStyle.StateFlag.State_Enabled | (
                QStyle.StateFlag.State_On
                if Qt.CheckState(is_on) is Qt.CheckState.Checked
                else QStyle.StateFlag.State_Off
            )
            view.style().drawPrimitive(
                QStyle.PrimitiveElement.PE_IndicatorCheckBox, box, painter, view.model_box
            )
        self._paint_text(painter, option, index)
        painter.restore()

    def _paint_text(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        palette, rect = option.palette, option.rect
        left = rect.left() + _MARGIN + (_side(option.widget) + _GAP)
        room = QRect(left, rect.top() + _GAP, rect.right() - _MARGIN - left, rect.height())
        metrics = option.fontMetrics
        key, fault = index.data(_KEY), str(index.data(_ALERT) or "")
        state = index.data(Qt.ItemDataRole.CheckStateRole)
        is_off = state is not None and Qt.CheckState(state) is Qt.CheckState.Unchecked
        bold = QFont(option.font)
        bold.setWeight(QFont.Weight.DemiBold)
        painter.setFont(bold)
        quiet = palette.color(QPalette.ColorRole.PlaceholderText)
        painter.setPen(quiet if is_off else palette.color(QPalette.ColorRole.Text))
        title = f"{key + 1}. {index.data()}" if isinstance(key, int) else str(index.data())
        elide = Qt.TextElideMode.ElideRight
        title = painter.fontMetrics().elidedText(title, elide, room.width())
        painter.drawText(room, int(Qt.AlignmentFlag.AlignTop), title)
        painter.setFont(option.font)
        painter.setPen(palette.color(QPalette.ColorRole.BrightText) if fault else quiet)
        words = metrics.elidedText(fault or str(index.data(_SECOND)), elide, room.width())
        second = room.adjusted(0, metrics.lineSpacing() + 2, 0, 0)
        painter.drawText(second, int(Qt.AlignmentFlag.AlignTop), words)

    def editorEvent(
        self, event: QEvent, _model: object, option: QStyleOptionViewItem, index: Index
    ) -> bool:
        """Turn the switch where it is painted, or with the space bar."""
        view = option.widget
        state = index.data(Qt.ItemDataRole.CheckStateRole)
        if state is None or not isinstance(view, RuleList):
            return False
        if isinstance(event, QMouseEvent):
            inside = _switch(option.rect, view).adjusted(-6, -6, 6, 6)
            if not inside.contains(event.position().toPoint()):
                return False
            if event.type() is not QEvent.Type.MouseButtonRelease:
                return True
        elif isinstance(event, QKeyEvent):
            if Qt.Key(event.key()) not in {Qt.Key.Key_Space, Qt.Key.Key_Select}:
                return False
        else:
            return False
        is_on = Qt.CheckState(state) is Qt.CheckState.Checked
        turned = Qt.CheckState.Unchecked if is_on else Qt.CheckState.Checked
        view.item(index.row()).setCheckState(turned)
        return True


def _side(view: QWidget | None) -> int:
    if not isinstance(view, RuleList):
        return 16
    box = view.model_box
    return box.style().pixelMetric(QStyle.PixelMetric.PM_IndicatorWidth, None, box)


def _switch(rect: QRect, view: QWidget) -> QRect:
    side = _side(view)
    return QRect(rect.left() + _MARGIN, rect.center().y() - side // 2, side, side)
