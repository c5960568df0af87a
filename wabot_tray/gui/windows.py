"""All windows and the tray together: who opens whom, and where a sentence is said."""

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, QSettings, QTimer

from wabot_tray.core.clock import SYSTEM_CLOCK, Clock
from wabot_tray.core.errors import WabotError
from wabot_tray.gui.actions import AccountActions, Tone
from wabot_tray.gui.bridge import ManagerBridge
from wabot_tray.gui.openings import ASSISTANT, FIRST, OPENINGS, ImportAhead, Opening, modules
from wabot_tray.gui.ports import LoginItem, Program
from wabot_tray.gui.relabel import Opener, OpenWindows, Place, put_back, question_is_open
from wabot_tray.gui.reminder import BackupReminder
from wabot_tray.gui.tray import Tray
from wabot_tray.gui.traymenu import TrayMenu
from wabot_tray.gui.updatenotice import UpdateNotice
from wabot_tray.gui.window import Window
from wabot_tray.system.i18n import language, sentence, t

if TYPE_CHECKING:  # the tray icon is up before these are loaded
    from wabot_tray.gui.dashboard import Dashboard
    from wabot_tray.gui.historywindow import HistoryWindow
    from wabot_tray.gui.pairing import PairingWindow

log = logging.getLogger(__name__)
# After a login the panel may need a while; only then does a window take the tray's place.
TRAY_GRACE_MS: Final = 10_000
_ABSENCE_TOLD: Final = "tray/absence_told"
_AHEAD_MS: Final = 3000  # after the start, when accounts have connected
_QUESTION_MS: Final = 300  # between looks whether a question was answered


class Windows(QObject):
    """Everything the person sees of one program.

    Args:
        program: What runs behind it.
        quit_program: Ends the program.
        login_item: "Start at login", or None where the system knows no such thing.
        openings: The windows that the menus offer.
    """

    def __init__(
        self,
        program: Program,
        quit_program: Callable[[], None],
        *,
        login_item: LoginItem | None = None,
        clock: Clock = SYSTEM_CLOCK,
        openings: Sequence[Opening] = OPENINGS,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.program = program
        self.login_item = login_item
        self.clock = clock
        ini = str(program.paths.data / "windows.ini")
        self.store = QSettings(ini, QSettings.Format.IniFormat)  # where windows were
        self._openings = {opening.name: opening for opening in openings}
        self._windows: dict[str, Window] = {}
        self._quit = quit_program
        self._closed = self._is_ahead = False
        self.imports = ImportAhead()
        self._dashboard: Dashboard | None = None
        self._pairings: dict[str, PairingWindow] = {}
        self._histories: dict[str, HistoryWindow] = {}
        self.bridge = ManagerBridge(program.manager, self)
        self.actions = AccountActions(program.manager, self)
        self._language = language()
        self._to_put_back: list[tuple[str, Place, Opener]] = []
        self._forget_settings = program.preferences.subscribe(self._on_settings)
        self.menu = self._make_menu()
        self.tray = Tray(self.bridge, self.menu, clock=clock, parent=self)
        self.reminder = BackupReminder(self)
        self.update_notice = UpdateNotice(self)
        self._grace = QTimer(self)
        self._grace.setSingleShot(True)
        self._grace.timeout.connect(self._on_grace_over)
        self._wire()

    def open(self, *, minimized: bool) -> None:
        """Show the first window, or, minimized, none while there is a tray."""
        QTimer.singleShot(_AHEAD_MS, self, self._import_first)
        if not minimized:
            self.show_first()
        elif not self.tray.is_present:
            self._grace.start(TRAY_GRACE_MS)
        for problem in self.program.complaints if minimized else ():
            self.tell(sentence(problem), Tone.WARNING)

    @property
    def dashboard(self) -> "Dashboard":
        """The dashboard, made on first use."""
        if self._dashboard is None:
            self._dashboard = self._make_dashboard()
        return self._dashboard

    def pairing_window(self, account_id: str) -> "PairingWindow | None":
        """Return the open window that links a phone to this account, if there is one."""
        return self._pairings.get(account_id)

    def speak_anew(self) -> None:
        """Make everything that is open anew, in the language of now, where it was."""
        if self._closed or self._language == language():
            return
        if question_is_open():
            QTimer.singleShot(_QUESTION_MS, self, self.speak_anew)
            return
        self._language = language()
        was_open = OpenWindows.of(self._dashboard, self._windows, self._histories, self._pairings)
        self._close_windows()
        old, self.menu = self.menu, self._make_menu()
        self.tray.use_menu(self.menu)
        old.close()
        old.deleteLater()
        front = was_open.dashboard
        opened = [
            (name, place, opener)
            for places, opener in (
                ({"": front} if front else {}, lambda _: self._dashboard_anew(front)),
                (was_open.histories, self._look_back_anew),
                (was_open.pairings, self._pair_anew),
                (was_open.windows, self._open_anew),
            )
            for name, place in places.items()
        ]
        self._to_put_back = sorted(opened, key=lambda one: one[1].is_active)
        self._put_next_back()

    def show_dashboard(self) -> None:
        """Bring the dashboard to the front."""
        self.dashboard.bring_up()
        self.update_notice.look()
        self._import_ahead()

    def show_account(self, account_id: str) -> None:
        """Bring the dashboard to the front with this account chosen."""
        self.show_dashboard()
        self.dashboard.select(account_id)

    def show_pairing(self, account_id: str) -> None:
        """Open the window that links a phone, or bring it to the front."""
        from wabot_tray.gui.pairing import PairingWindow  # noqa: PLC0415 - on first use

        window = self._pairings.get(account_id)
        if window is None:
            try:
                window = PairingWindow(self.bridge, account_id, self.actions.jobs, clock=self.clock)
            except WabotError:  # removed a moment ago
                return
            self._pairings[account_id] = window
            window.closed.connect(self._on_pairing_closed)
        window.show()
        window.raise_()
        window.activateWindow()

    def history_window(self, account_id: str) -> "HistoryWindow | None":
        """Return the open window with this account's history, if there is one."""
        return self._histories.get(account_id)

    def show_history(self, account_id: str) -> None:
        """Open an account's history, or bring it to the front."""
        from wabot_tray.gui.historywindow import HistoryWindow  # noqa: PLC0415 - on first use

        window = self._histories.get(account_id)
        if window is None:
            try:
                window = HistoryWindow(
                    self.bridge, account_id, self.actions.jobs, self.store, clock=self.clock
                )
            except WabotError:  # removed a moment ago
                return
            self._histories[account_id] = window
            window.closed.connect(self._on_history_closed)
        window.bring_up()

    def show_window(self, name: str) -> None:
        """Open one of the windows that exist once, or bring it to the front.

        Raises:
            KeyError: There is none of that name.
        """
        if (window := self._windows.get(name)) is None:
            window = self._windows[name] = self._openings[name].make(self)
        window.bring_up()

    def offers(self, name: str) -> bool:
        """Whether there is a window of that name to open."""
        return name in self._openings

    def show_restore(self) -> None:
        """Open the window of backups where one is restored."""
        from wabot_tray.gui.backupwindow import NAME, BackupWindow  # noqa: PLC0415 - on first use

        self.show_window(NAME)
        window = self._windows[NAME]
        if isinstance(window, BackupWindow):
            window.show_restore()

    def window(self, name: str) -> Window | None:
        """Return the window of that name if it was opened before."""
        return self._windows.get(name)

    def show_logs(self) -> None:
        """Bring the window of the log to the front."""
        self.show_window("logs")

    def tell(self, text: str, tone: Tone) -> None:
        """Say `text` where the person looks: in the dashboard, else beside the tray."""
        shown = self._dashboard
        if shown is not None and shown.isVisible() and not shown.isMinimized():
            shown.tell(text, tone)
        elif self.tray.is_present:
            self.tray.tell(text, tone)
        else:
            self.show_dashboard()
            self.dashboard.tell(text, tone)

    async def close(self) -> None:
        """Close everything and stop listening. A second call changes nothing."""
        if self._closed:
            return
        self._closed = True
        self._grace.stop()
        self._forget_settings()
        self._close_windows(for_good=True)
        self.tray.close()
        self.menu.deleteLater()
        self.bridge.close()
        await self.actions.jobs.close()
        await self.imports.close()

    def show_first(self) -> None:
        """Show the assistant to a person without accounts, the dashboard to all others."""
        if self.offers(ASSISTANT) and not self.program.manager.snapshots():
            self.show_window(ASSISTANT)
        else:
            self.show_dashboard()

    # --- inside ----------------------------------------------------------------------------------

    def _close_windows(self, *, for_good: bool = False) -> None:
        for pairing in tuple(self._pairings.values()):
            pairing.is_replaced = not for_good
            pairing.close()
        for history in tuple(self._histories.values()):
            history.close()
        for window in self._windows.values():
            window.end()
            window.deleteLater()
        self._windows.clear()
        if self._dashboard is not None:
            self._dashboard.may_close = True
            self._dashboard.close()
            self._dashboard.deleteLater()
            self._dashboard = None

    def _on_settings(self) -> None:
        self.reminder.look()
        # Not at once: the window that asked for another language is in the middle of its work.
        QTimer.singleShot(0, self, self.speak_anew)

    def _import_first(self) -> None:
        if not self._closed:
            self.imports.take(FIRST)

    def _import_ahead(self) -> None:
        """Have every window at hand from now on: a person is there."""
        if not (self._closed or self._is_ahead):
            self._is_ahead = True
            self.imports.take(modules(self._openings.values()))

    def _pair_anew(self, account_id: str) -> "PairingWindow | None":
        self.show_pairing(account_id)
        return self._pairings.get(account_id)

    def _put_next_back(self) -> None:
        """Make one window, then let everything else have its turn; the active one comes last."""
        if self._to_put_back and not self._closed:
            name, place, opener = self._to_put_back.pop(0)
            put_back(name, place, opener)
            QTimer.singleShot(0, self, self._put_next_back)

    def _dashboard_anew(self, place: Place | None) -> "Dashboard":
        if place is not None:
            self.dashboard.resume(place.carried)
        return self.dashboard

    def _look_back_anew(self, account_id: str) -> Window | None:
        self.show_history(account_id)
        return self._histories.get(account_id)

    def _open_anew(self, name: str) -> Window:
        window = self._windows[name] = self._openings[name].make(self)
        return window

    def _make_menu(self) -> TrayMenu:
        openings = tuple(self._openings.values())
        menu = TrayMenu(self.bridge, self.actions, self.login_item, openings)
        menu.dashboard_wanted.connect(self.show_dashboard)
        menu.window_wanted.connect(self.show_window)
        menu.quit_wanted.connect(self._quit)
        menu.failed.connect(self._on_menu_failed)
        menu.aboutToShow.connect(self._import_ahead)
        return menu

    def _wire(self) -> None:
        self.actions.told.connect(self.tell)
        self.actions.pairing_wanted.connect(self.show_pairing)
        self.actions.choice_wanted.connect(self._on_choice_wanted)
        self.actions.account_wanted.connect(self._on_account_wanted)
        self.tray.dashboard_wanted.connect(self.show_dashboard)
        self.tray.presence_changed.connect(self._on_presence)
        self.tray.message_clicked.connect(self._on_message_clicked)

    def _make_dashboard(self) -> "Dashboard":
        from wabot_tray.gui.dashboard import Dashboard  # noqa: PLC0415 - on first use

        openings = tuple(self._openings.values())
        made = Dashboard(self.bridge, self.actions, self.store, openings, clock=self.clock)
        made.window_wanted.connect(self.show_window)
        made.history_wanted.connect(self.show_history)
        made.logs_wanted.connect(self.show_logs)
        made.restore_wanted.connect(self.show_restore)
        made.closing_without_tray.connect(self._on_closing_without_tray)
        made.show_tray_presence(self.tray.is_present)
        self.reminder.use(made)
        self.update_notice.use(made)
        for number, problem in enumerate(self.program.complaints):
            made.banners.show_notice(f"complaint:{number}", sentence(problem), Tone.WARNING)
        return made

    def _on_presence(self, present: bool) -> None:
        if self._dashboard is not None:
            self._dashboard.show_tray_presence(present)
        if present:
            self._grace.stop()
            self.store.remove(_ABSENCE_TOLD)
        elif self._dashboard is None or not self._dashboard.isVisible():
            self._grace.start(TRAY_GRACE_MS)  # a panel that restarts is back by then

    def _on_grace_over(self) -> None:
        # Said once: at the next logins the program works in the background, and a second start
        # brings its window up.
        is_news = self.store.value(_ABSENCE_TOLD) is None
        log.info("no tray on this desktop%s", "; the dashboard says so" if is_news else "")
        if is_news:
            self.store.setValue(_ABSENCE_TOLD, "yes")
            self.show_dashboard()

    def _on_closing_without_tray(self) -> None:
        from wabot_tray.gui.dialogs import BackgroundDialog  # noqa: PLC0415 - on first use

        dialog = BackgroundDialog(self.dashboard)
        dialog.quit_chosen.connect(self._quit)
        dialog.background_chosen.connect(self.dashboard.hide)
        dialog.open()

    def _on_pairing_closed(self, account_id: str) -> None:
        self._pairings.pop(account_id, None)

    def _on_history_closed(self, account_id: str) -> None:
        if (window := self._histories.pop(account_id, None)) is not None:
            window.deleteLater()

    def _on_choice_wanted(self) -> None:
        self.show_dashboard()
        self.dashboard.tell(t("actions.choose"), Tone.INFO)

    def _on_account_wanted(self) -> None:
        self.show_dashboard()
        self.dashboard.ask_account()

    def _on_message_clicked(self, token: str) -> None:
        if not token:  # the answer to a click; alerts have tokens, and a clicker of their own
            self.show_dashboard()

    def _on_menu_failed(self, text: str) -> None:
        self.tell(text, Tone.ERROR)
