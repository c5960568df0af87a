"""The window with all accounts: how each stands, why, and what can be done."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from PySide6.QtCore import QByteArray, QSettings, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QHideEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QStackedWidget, QVBoxLayout, QWidget

from wabot_tray.core.clock import SYSTEM_CLOCK, Clock
from wabot_tray.core.history import Period
from wabot_tray.core.snapshot import SessionSnapshot
from wabot_tray.core.states import SessionState
from wabot_tray.gui.actions import AccountActions, Tone
from wabot_tray.gui.banner import Banners
from wabot_tray.gui.bridge import ManagerBridge
from wabot_tray.gui.cardlist import CardList
from wabot_tray.gui.dialogs import AddAccountDialog, RemoveDialog, RenameDialog
from wabot_tray.gui.emptypage import EmptyPage
from wabot_tray.gui.icons import app_icon
from wabot_tray.gui.notices import PREFIX, notices
from wabot_tray.gui.openings import Opening
from wabot_tray.gui.parts import button, label
from wabot_tray.gui.periodswitch import PeriodSwitch
from wabot_tray.system.i18n import t, tn

TICK_MS: Final = 1000
NO_TRAY: Final = "no-tray"
ANSWER: Final = "answer"
_GEOMETRY: Final = "dashboard/geometry"
_PERIOD: Final = "dashboard/period"
_SIZE: Final = QSize(1000, 680)
_LETTERS: Final = 84  # the least that a line of buttons needs
_FRESH_TICKS: Final = 30  # after so many, the day of the messages may be another


class Dashboard(QWidget):
    """Closing it hides it while a tray shows the program; `closing_without_tray` asks otherwise."""

    logs_wanted = Signal()
    window_wanted = Signal(str)  # the name of an opening
    history_wanted = Signal(str)  # an account's id
    restore_wanted = Signal()
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
        self._clock = clock
        self.has_tray = True
        self.may_close = False  # set by whoever ends the program
        self.setObjectName("window")
        self.setWindowTitle(t("app.name"))
        self.setWindowIcon(app_icon())
        least = QSize(_LETTERS * self.fontMetrics().averageCharWidth(), 420)
        self.setMinimumSize(least.boundedTo(self.screen().availableSize()))
        self.resize(_SIZE.boundedTo(self.screen().availableSize()))
        self.banners = Banners()
        self.cards = CardList(actions, bridge.manager.history, clock)
        self.periods = PeriodSwitch()
        self._ticks = 0
        self._build()
        self._listen(bridge)
        self._ticking = QTimer(self)
        self._ticking.timeout.connect(self.tick)
        if isinstance(saved := settings.value(_GEOMETRY), QByteArray):
            self.restoreGeometry(saved)
        if (period := settings.value(_PERIOD)) in set(Period):
            self.periods.choose(Period(period))
        self.cards.show_accounts(self._manager.snapshots())
        self.refresh()

    def tick(self) -> None:
        """Show the times as they are now."""
        self._ticks += 1
        if self._ticks % _FRESH_TICKS == 0:
            self.cards.show_accounts(self._manager.snapshots())
        self.cards.tick()

    def refresh(self) -> None:
        """Follow the accounts: the summary and the notices."""
        snapshots = self._manager.snapshots()
        self._pages.setCurrentWidget(self.filled if snapshots else self.empty)
        connected = sum(s.state is SessionState.CONNECTED for s in snapshots)
        summary = tn("dashboard.summary", len(snapshots), connected=connected)
        self.summary.setText(summary if snapshots else t("dashboard.summary_empty"))
        self.verify_all.setEnabled(connected > 0)
        current = notices(snapshots, self._clock.now())
        self.banners.keep_only(PREFIX, {notice.key for notice in current})
        for notice in current:
            offer = (t("action.reconnect"), self._actions.reconnect_all)
            wanted = offer if notice.tone is Tone.ERROR else None
            self.banners.show_notice(notice.key, notice.text, notice.tone, wanted)
        self.periods.setEnabled(bool(snapshots))

    def select(self, account_id: str) -> None:
        """Choose an account's card."""
        self.cards.select(account_id)

    def carry(self) -> object:
        """Return the chosen account, for the dashboard that takes this one's place."""
        card = self.cards.current
        return None if card is None else card.shown.id

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
        elif (card := self.cards.current) is not None and self.focusWidget() is None:
            card.setFocus()

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
        bridge.session_changed.connect(self._on_changed)
        bridge.session_removed.connect(self._on_removed)
        self.periods.changed.connect(self._on_period)
        self.cards.history_wanted.connect(self.history_wanted)
        self.cards.rename_wanted.connect(self.ask_name)
        self.cards.remove_wanted.connect(self.ask_removal)
        QShortcut(QKeySequence.StandardKey.New, self, self.ask_account)
        QShortcut(QKeySequence.StandardKey.Close, self, self.close)

    def _build(self) -> None:
        self.filled = QWidget()
        inner = QVBoxLayout(self.filled)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(10)
        inner.addWidget(self.periods)
        inner.addWidget(self.cards, 1)
        self.empty = EmptyPage(self.ask_account, self.restore_wanted.emit)
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

    # --- what the person did ---------------------------------------------------------------------

    def _on_added(self, account_id: str) -> None:
        self.select(account_id)
        self._actions.pair(account_id)

    def _on_period(self, period: Period) -> None:
        self._settings.setValue(_PERIOD, period.value)
        self.cards.show_period(period)

    def _on_changed(self, snapshot: SessionSnapshot) -> None:
        self.cards.follow(snapshot)
        self.refresh()

    def _on_removed(self, account_id: str) -> None:
        self.cards.drop(account_id)
        self.refresh()


def _nothing() -> None:
    """Do nothing by itself: the button opens its menu."""
