"""Brings the news of the accounts to the person, and what was clicked back to the program."""

import asyncio
import logging
from collections import deque
from typing import Final, Protocol

from PySide6.QtCore import QObject, QTimer, QUrl

from wabot_tray.core.clock import SYSTEM_CLOCK, Clock
from wabot_tray.core.errors import WabotError
from wabot_tray.core.snapshot import SessionSnapshot
from wabot_tray.gui.actions import Tone
from wabot_tray.gui.alertwords import act_words, words_of
from wabot_tray.gui.windows import Windows
from wabot_tray.sessions.alertlog import write_down
from wabot_tray.sessions.alerts import Act, Alerts, Change, Tell, Withdraw
from wabot_tray.sessions.worries import Kind
from wabot_tray.storage.told_file import Told, ToldFile
from wabot_tray.system.i18n import t
from wabot_tray.system.notifications import DEFAULT, Note, NotificationService
from wabot_tray.system.paths import APP, resource

log = logging.getLogger(__name__)

LOOK_MS: Final = 10_000
SOON_MS: Final = 1_000  # while something is about to be told
CHANGE_MS: Final = 200  # what changes together is looked at once
BUTTON: Final = "act"
_TONES: Final = {Kind.LOST: Tone.WARNING, Kind.PHONE: Tone.WARNING, Kind.BACK: Tone.GOOD}


class Service(Protocol):
    """What shows notifications with buttons. See `system.notifications.NotificationService`."""

    async def show(self, key: str, note: Note) -> bool:
        """Show a notification; return False where no service answers."""
        ...

    async def withdraw(self, key: str) -> None:
        """Take one back."""
        ...

    async def close(self) -> None:
        """Take all back and let go."""
        ...


class Notifier(QObject):
    """Looks at the accounts, and says what is to be said once, where the person sees it.

    The desktop's notification service shows it, with a button; where there is none, the tray icon
    does, and a click on its words does what the button would. Needs a running loop.

    Args:
        windows: Where clicks lead.
        service: Stands in for the desktop's own.
    """

    def __init__(
        self,
        windows: Windows,
        *,
        service: Service | None = None,
        clock: Clock = SYSTEM_CLOCK,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._windows = windows
        self._program = windows.program
        self._clock = clock
        icon = QUrl.fromLocalFile(str(resource("icons", "wabot-tray.svg"))).toString()
        self._service = service or NotificationService(APP, t("app.name"), icon, self.clicked)
        self._file = ToldFile(self._program.paths.told_file, clock=clock)
        self._kept: Told = self._file.load()
        self._alerts = Alerts(clock, memory=dict(self._kept))
        self._told: dict[str, Tell] = {}  # what each key on the screen says
        self._due: deque[Change] = deque()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.look)
        self._timer.start(CHANGE_MS)
        windows.bridge.session_changed.connect(self._on_change)
        windows.bridge.session_removed.connect(self._on_change)
        windows.tray.message_clicked.connect(self._on_tray_click)

    def look(self) -> None:
        """Compare what is true with what was told, and begin to say the difference."""
        changes = self._alerts.look(
            self._program.manager.snapshots(), self._program.settings, self._is_attended
        )
        self._timer.start(SOON_MS if self._alerts.is_pending else LOOK_MS)
        for change in changes:
            write_down(change)
        self._due += changes
        if self._due or self._alerts.memory != self._kept:
            self._windows.actions.jobs.start("notify", self._say, tell_error=_only_logged)

    def clicked(self, key: str, action: str) -> None:
        """Do what a click on a notification asks for.

        Args:
            key: Which one.
            action: `BUTTON`, or `DEFAULT` for a click beside it.
        """
        if (tell := self._told.get(key)) is None:
            return
        account = tell.worries[0].account
        if action == BUTTON and tell.act in {Act.TAKE_OVER, Act.RETRY}:
            for one in tell.accounts:
                self._windows.actions.reconnect(one)
        elif action not in {BUTTON, DEFAULT} or len(tell.worries) > 1:
            self._windows.show_dashboard()
        elif tell.act is Act.PAIR:
            self._windows.actions.pair(account)
        else:
            self._windows.show_account(account)

    async def close(self) -> None:
        """Take everything back: nobody would answer a click. A second call changes nothing."""
        self._timer.stop()
        await self._service.close()

    # --- inside ----------------------------------------------------------------------------------

    def _on_change(self, _changed: object) -> None:
        if self._timer.remainingTime() > CHANGE_MS:
            self._timer.start(CHANGE_MS)

    def _is_attended(self, account_id: str) -> bool:
        return self._windows.pairing_window(account_id) is not None

    async def _say(self) -> None:
        while self._due:
            change = self._due.popleft()
            if isinstance(change, Withdraw):
                self._told.pop(change.key, None)
                await self._service.withdraw(change.key)
            else:
                await self._show(change)
        if (memory := dict(self._alerts.memory)) != self._kept:
            self._kept = memory
            await asyncio.to_thread(self._file.save, memory)

    async def _show(self, tell: Tell) -> None:
        self._told[tell.key] = tell
        title, body = words_of(tell, self._snapshot, self._clock.now())
        note = Note(
            title=title,
            body=body,
            actions=((DEFAULT, act_words(Act.DETAILS)), (BUTTON, act_words(tell.act))),
            urgency=_urgency(tell),
            is_transient=tell.kind is Kind.BACK,
            is_silent=tell.is_silent,
        )
        if not await self._service.show(tell.key, note) and not tell.is_silent:
            tone = _TONES.get(tell.kind, Tone.ERROR)
            self._windows.tray.tell(body, tone, title=title, token=tell.key)

    def _snapshot(self, account_id: str) -> SessionSnapshot | None:
        try:
            return self._program.manager.snapshot(account_id)
        except WabotError:
            return None

    def _on_tray_click(self, token: str) -> None:
        self.clicked(token, DEFAULT)


def _urgency(tell: Tell) -> int:
    if tell.is_silent or tell.kind is Kind.BACK:
        return 0
    return 2 if tell.kind is Kind.ENDED else 1


def _only_logged(_text: str) -> None:
    """A notification that failed is in the log; the tray and the dashboard say the same."""
