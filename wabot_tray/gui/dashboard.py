"""The window with all accounts: how each stands, why, and what can be done."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from PySide6.QtCore import QByteArray, QModelIndex, QPoint, QSettings, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QHideEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QMenu,
    QStackedWidget,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from wabot_tray.core.clock import SYSTEM_CLOCK, Clock
from wabot_tray.core.states import SessionState
from wabot_tray.gui.actions import AccountActions, Tone
from wabot_tray.gui.banner import Banners
from wabot_tray.gui.bridge import ManagerBridge
from wabot_tray.gui.cells import WrappingDelegate
from wabot_tray.gui.details import Details
from wabot_tray.gui.dialogs import AddAccountDialog, RemoveDialog, RenameDialog
from wabot_tray.gui.emptypage import EmptyPage
from wabot_tray.gui.icons import app_icon
from wabot_tray.gui.models import AccountsModel, Column
from wabot_tray.gui.notices import PREFIX, notices
from wabot_tray.gui.openings import Opening
from wabot_tray.gui.parts import button, label
from wabot_tray.system.i18n import t, tn

TICK_MS: Final = 1000
NO_TRAY: Final = "no-tray"
ANSWER: Final = "answer"
_GEOMETRY: Final = "dashboard/geometry"
_SIZE: Final = QSize(1120, 660)
_STATE_LETTERS: Final = 33  # the longer words of states take two lines


class Dashboard(QWidget):
    """Closing it hides it while a tray shows the program; `closing_without_tray` asks otherwise."""

    logs_wanted = Signal()
    window_wanted = Signal(str)  # the name of an opening
    closing_without_tray = Signal()

    def __init__(
        self,
        bridge: ManagerBridge,
        actions: AccountActions,
        settings: QSettings,
        openings: Sequence[Opening] = (),
        *,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        super().__init__()
        self._manager = bridge.manager
        self._actions = actions
        self._settings = settings
        self._openings = openings
        self.has_tray = True
        self.may_close = False  # set by whoever ends the program
        self.setObjectName("window")
        self.setWindowTitle(t("app.name"))
        self.setWindowIcon(app_icon())
        self.setMinimumSize(QSize(960, 480).boundedTo(self.screen().availableSize()))
        self.resize(_SIZE.boundedTo(self.screen().availableSize()))
        self.model = AccountsModel(bridge, clock=clock, parent=self)
        self.banners = Banners()
        self.details = Details(actions, clock)
        self._build()
        self._listen(bridge)
        self._ticking = QTimer(self)
        self._ticking.timeout.connect(self.tick)
        if isinstance(saved := settings.value(_GEOMETRY), QByteArray):
            self.restoreGeometry(saved)
        self.refresh()

    def tick(self) -> None:
        """Show the times as they are now."""
        self.model.tick()
        self.details.tick()

    def refresh(self, _changed: object = None) -> None:
        """Follow the accounts: the summary, the notices, the chosen row."""
        snapshots = self._manager.snapshots()
        self._pages.setCurrentWidget(self.filled if snapshots else self.empty)
        connected = sum(s.state is SessionState.CONNECTED for s in snapshots)
        summary = tn("dashboard.summary", len(snapshots), connected=connected)
        self.summary.setText(summary if snapshots else t("dashboard.summary_empty"))
        self.verify_all.setEnabled(connected > 0)
        current = notices(snapshots)
        self.banners.keep_only(PREFIX, {notice.key for notice in current})
        for notice in current:
            offer = (t("action.reconnect"), self._actions.reconnect_all)
            wanted = offer if notice.tone is Tone.ERROR else None
            self.banners.show_notice(notice.key, notice.text, notice.tone, wanted)
        if not self.table.currentIndex().isValid() and snapshots:
            self.table.selectRow(0)
        self.details.show_for(self.model.at(self.table.currentIndex().row()))

    def select(self, account_id: str) -> None:
        """Choose an account's row."""
        if (row := self.model.row_of(account_id)) >= 0:
            self.table.selectRow(row)

    def carry(self) -> object:
        """Return the chosen account, for the dashboard that takes this one's place."""
        return None if self.details.shown is None else self.details.shown.id

    def resume(self, carried: object) -> None:
        """Choose what was chosen."""
        if isinstance(carried, str):
            self.select(carried)

    def show_tray_presence(self, present: bool) -> None:
        """Say so where no panel shows the tray icon."""
        self.has_tray = present
        if present:
            self.banners.drop(NO_TRAY)
        else:
            self.banners.show_notice(NO_TRAY, t("dashboard.no_tray"), Tone.WARNING)

    def tell(self, text: str, tone: Tone) -> None:
        """Show the answer to a click for a while."""
        self.banners.show_passing(ANSWER, text, tone)

    def bring_up(self) -> None:
        """Show the window in front of the others."""
        if self.isMinimized():
            self.showNormal()
        self.show()
        self.raise_()
        self.activateWindow()
        if self._pages.currentWidget() is self.empty:
            self.empty.go.setFocus()  # Return does the one thing there is to do

    def ask_account(self) -> AddAccountDialog:
        """Ask for a new account; with a name given, its pairing begins."""
        dialog = AddAccountDialog(self._manager, self)
        dialog.added.connect(self._on_added)
        dialog.open()
        return dialog

    def ask_name(self, account_id: str) -> RenameDialog:
        """Ask for another name."""
        dialog = RenameDialog(self._manager.snapshot(account_id), self)
        dialog.renamed.connect(self._actions.rename)
        dialog.open()
        return dialog

    def ask_removal(self, account_id: str) -> RemoveDialog:
        """Ask whether the account may go."""
        dialog = RemoveDialog(self._manager.snapshot(account_id), self)
        dialog.confirmed.connect(self._actions.remove)
        dialog.open()
        return dialog

    def showEvent(self, event: QShowEvent) -> None:
        """Begin to count."""
        super().showEvent(event)
        self.tick()
        self._ticking.start(TICK_MS)

    def hideEvent(self, event: QHideEvent) -> None:
        """Stop counting while nobody looks."""
        super().hideEvent(event)
        self._ticking.stop()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Remember place and size; without a tray, ask first."""
        self._settings.setValue(_GEOMETRY, self.saveGeometry())
        if self.may_close or self.has_tray:
            event.accept()
            return
        event.ignore()
        self.closing_without_tray.emit()

    # --- construction ----------------------------------------------------------------------------

    def _listen(self, bridge: ManagerBridge) -> None:
        bridge.session_changed.connect(self.refresh)
        bridge.session_removed.connect(self.refresh)
        self.table.selectionModel().currentRowChanged.connect(self._on_chosen)
        self.table.customContextMenuRequested.connect(self._on_context_menu)
        self.table.doubleClicked.connect(self._on_double_click)
        self.details.rename_wanted.connect(self.ask_name)
        self.details.remove_wanted.connect(self.ask_removal)
        QShortcut(QKeySequence.StandardKey.New, self, self.ask_account)
        QShortcut(QKeySequence.StandardKey.Close, self, self.close)
        QShortcut(QKeySequence(Qt.Key.Key_F2), self.table, self.details.rename.trigger)
        QShortcut(QKeySequence(Qt.Key.Key_Delete), self.table, self.details.remove.trigger)

    def _build(self) -> None:
        self.table = self._build_table()
        self.filled = QWidget()
        inner = QVBoxLayout(self.filled)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(14)
        inner.addWidget(self.table, 1)
        inner.addWidget(self.details)
        self.empty = EmptyPage(self.ask_account)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.filled)
        self._pages.addWidget(self.empty)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 20, 24, 22)
        column.setSpacing(14)
        column.addLayout(self._build_header())
        column.addWidget(self.banners)
        column.addWidget(self._pages, 1)

    def _build_header(self) -> QHBoxLayout:
        self.summary = label("", role="quiet")
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(label(t("dashboard.title"), role="title"))
        words.addWidget(self.summary)
        self.logs = button(t("dashboard.logs"), self.logs_wanted.emit, role="flat")
        self.more = button(t("dashboard.more"), _nothing, role="flat")
        self.more.setMenu(self._more_menu())
        self.more.setVisible(bool(self._openings))
        self.verify_all = button(t("dashboard.verify_all"), self._actions.verify)
        self.verify_all.setToolTip(t("dashboard.verify_hint"))
        self.add = button(t("dashboard.add"), self.ask_account, role="primary")
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addLayout(words, 1)
        for part in (self.logs, self.more, self.verify_all, self.add):
            row.addWidget(part, 0, Qt.AlignmentFlag.AlignVCenter)
        return row

    def _more_menu(self) -> QMenu:
        menu = QMenu(self)
        for one in self._openings:
            menu.addAction(t(one.key), partial(self.window_wanted.emit, one.name))
        return menu

    def _build_table(self) -> QTableView:
        table = QTableView()
        table.setModel(self.model)
        table.setAccessibleName(t("dashboard.title"))
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        table.setShowGrid(False)
        table.setWordWrap(True)
        table.setTabKeyNavigation(False)  # Tab leaves the table, arrows move in it
        for column in (Column.STATE, Column.REASON):
            table.setItemDelegateForColumn(column, WrappingDelegate(table))
        table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        table.setIconSize(QSize(18, 18))
        table.verticalHeader().hide()
        table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        table.verticalHeader().setMinimumSectionSize(48)
        header = table.horizontalHeader()
        header.setHighlightSections(False)
        for column in Column:
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(Column.STATE, QHeaderView.ResizeMode.Interactive)
        header.resizeSection(Column.STATE, _STATE_LETTERS * self.fontMetrics().averageCharWidth())
        header.setSectionResizeMode(Column.REASON, QHeaderView.ResizeMode.Stretch)
        return table

    # --- what the person did ---------------------------------------------------------------------

    def _on_added(self, account_id: str) -> None:
        self.select(account_id)
        self._actions.pair(account_id)

    def _on_chosen(self, current: QModelIndex, _previous: QModelIndex) -> None:
        self.details.show_for(self.model.at(current.row()))

    def _on_context_menu(self, where: QPoint) -> None:
        if self.table.indexAt(where).isValid():
            menu = QMenu(self)
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.addActions(self.details.all_actions)
            menu.popup(self.table.viewport().mapToGlobal(where))

    def _on_double_click(self, index: QModelIndex) -> None:
        if (snapshot := self.model.at(index.row())) is not None:
            self.ask_name(snapshot.id)


def _nothing() -> None:
    """Do nothing by itself: the button opens its menu."""
