"""From an account's trouble to the notification, and from a click on it to the right window."""

import gc
from collections.abc import Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from tests.desktop import Desktop
from tests.gui import scenes
from tests.gui.fake_manager import FakeManager, FakeTime
from tests.gui.fake_program import FakeProgram
from tests.notification_server import NotificationServer
from tests.waiting import until
from wabot_tray.core.reasons import Reason
from wabot_tray.core.settings import Settings
from wabot_tray.core.states import SessionState
from wabot_tray.gui.notifier import BUTTON, Notifier
from wabot_tray.gui.windows import Windows
from wabot_tray.sessions.alerts import LOST_AFTER_S, STEADY_S
from wabot_tray.system.i18n import set_language
from wabot_tray.system.notifications import DEFAULT

Runner = Callable[[Awaitable[Any]], Any]
S, R = SessionState, Reason


@pytest.fixture(autouse=True)
def swept() -> Iterator[None]:
    """Collect each test's loop on this thread: its timers may end on no other one."""
    yield
    gc.collect()


class Place:
    """A program with its windows, a desktop with a notification service, and a clock."""

    def __init__(
        self, folder: Path, time: FakeTime, settings: Settings, server: NotificationServer | None
    ) -> None:
        accounts = (scenes.account(S.CONNECTED, n) for n in range(3))
        self.time = time
        self.manager = FakeManager(*accounts, time=time)
        self.program = FakeProgram(folder, self.manager, settings)
        self.windows = Windows(self.program, lambda: None, clock=time.clock)
        self.notifier = Notifier(self.windows, clock=time.clock)
        self._server = server

    @property
    def server(self) -> NotificationServer:
        assert self._server is not None
        return self._server

    async def looked(self, seconds: float = 0.0) -> None:
        """Let time pass for the policy, and let what it says go out."""
        steps = [10.0] * int(seconds // 10)
        for step in (*steps, 1.0, 1.0, 1.0):  # what is gathered is told a little later
            self.time.pass_s(step)
            self.notifier.look()
            await until(lambda: "notify" not in self.windows.actions.jobs.names)

    async def close(self) -> None:
        await self.notifier.close()
        await self.windows.close()
        if self._server is not None and self._server.bus.connected:
            await self._server.stop()


@pytest.fixture
def place(tmp_path: Path, time: FakeTime, desktop: Desktop) -> Callable[..., Any]:
    @asynccontextmanager
    async def made(settings: Settings | None = None, *, served: bool = True) -> Any:
        server = await NotificationServer.start(desktop.bus.address) if served else None
        found = Place(tmp_path, time, settings or Settings(), server)
        try:
            yield found
        finally:
            await found.close()

    return made


def test_unlinked_account_is_told_once_and_a_click_opens_its_pairing(
    place: Callable[..., Any], run: Runner
) -> None:
    async def live() -> None:
        async with place() as here:
            here.manager.change("account-0", state=S.LOGGED_OUT, reason=R.PHONE_UNLINKED)
            await here.looked(600)
            (note,) = here.server.history
            assert note.title == "La Tienda de Rosa is no longer linked"
            assert "One scan links it again" in note.body
            assert note.actions == {DEFAULT: "Open", BUTTON: "Pair again…"}
            assert note.hints["urgency"] == 2
            await here.server.click(note.id, BUTTON)
            window = await until(lambda: here.windows.pairing_window("account-0"))
            assert window.isVisible()
            here.manager.change("account-0", state=S.PAIRING, reason=R.WAITING_FOR_SCAN)
            await here.looked()
            assert here.server.closed == [note.id]

    run(live())


@pytest.mark.parametrize(
    ("state", "words", "calls"),
    [
        (S.REPLACED, "Take over here", [("reconnect", "account-1")]),
        (S.FAILED, "Reconnect now", [("reconnect", "account-1")]),
        (S.OUTDATED, "Open", []),
    ],
)
def test_button_does_what_it_says_and_a_click_beside_it_only_shows(
    place: Callable[..., Any],
    run: Runner,
    state: SessionState,
    words: str,
    calls: list[tuple[str, str]],
) -> None:
    async def live() -> None:
        async with place() as here:
            here.manager.change("account-1", state=state, reason=scenes.CASES[state])
            await here.looked()
            (note,) = here.server.history
            assert note.title == "Panadería El Trigal needs you"
            assert note.actions[BUTTON] == words
            await here.server.click(note.id, DEFAULT)
            await until(lambda: here.windows._dashboard is not None)
            assert here.windows.dashboard.isVisible()
            assert here.manager.calls == []
            await here.server.click(note.id, BUTTON)
            await until(lambda: here.manager.calls == calls)

    run(live())


def test_lost_link_and_its_return_are_one_notification_that_changes(
    place: Callable[..., Any], run: Runner
) -> None:
    async def live() -> None:
        async with place() as here:
            here.manager.change("account-0", state=S.WAITING, reason=R.DIAL_FAILED)
            await here.looked(LOST_AFTER_S - 10)
            assert here.server.history == []
            await here.looked(600)
            here.manager.change("account-0", state=S.CONNECTED, reason=R.LOGGED_IN)
            await here.looked(STEADY_S + 20)
            lost, back = here.server.history
            assert lost.title == "La Tienda de Rosa has lost its connection"
            assert "for 3 minutes" in lost.body
            assert back.replaces == lost.id
            assert back.title == "La Tienda de Rosa is connected again"
            assert "away for 13 minutes" in back.body
            assert back.hints["transient"]

    run(live())


def test_several_are_one_summary_in_spanish(place: Callable[..., Any], run: Runner) -> None:
    async def live() -> None:
        set_language("es")
        async with place() as here:
            for number in range(3):
                here.manager.change(f"account-{number}", state=S.FAILED, reason=R.KEYRING_LOCKED)
            await here.looked()
            (note,) = here.server.history
            assert note.title == "3 cuentas te necesitan"
            assert note.body.startswith("El llavero")
            assert note.body.endswith("La Tienda de Rosa, Panadería El Trigal, Ferretería López.")
            await here.server.click(note.id, DEFAULT)
            await until(lambda: here.windows._dashboard is not None)
            assert here.manager.calls == []
            # One cause stopped them all, so one button may help them all.
            assert note.actions[BUTTON] == "Reconectar ahora"
            await here.server.click(note.id, BUTTON)
            wanted = [("reconnect", f"account-{number}") for number in range(3)]
            await until(lambda: here.manager.calls == wanted)

    run(live())


def test_what_was_told_is_not_told_again_after_a_restart(
    place: Callable[..., Any], run: Runner
) -> None:
    async def live() -> None:
        for told in (1, 0):
            async with place() as here:
                here.manager.change("account-0", state=S.LOGGED_OUT, reason=R.PHONE_UNLINKED)
                await here.looked()
                assert len(here.server.history) == told
                if told:
                    await here.notifier.close()  # nothing stays on the screen of a program gone
                    assert here.server.closed == [here.server.history[0].id]

    run(live())


def test_settings_are_read_at_the_time(place: Callable[..., Any], run: Runner) -> None:
    async def live() -> None:
        async with place(Settings(notifications="off")) as here:
            here.manager.change("account-0", state=S.LOGGED_OUT, reason=R.PHONE_UNLINKED)
            await here.looked(60)
            assert here.server.history == []
            await here.program.apply(Settings(notifications="important"))
            await here.looked(10)
            assert len(here.server.history) == 1

    run(live())


def balloon() -> QWidget | None:
    """Qt's own message beside an XEmbed tray icon."""
    for widget in QApplication.topLevelWidgets():
        if widget.metaObject().className() == "QBalloonTip" and widget.isVisible():
            return widget
    return None


def test_without_a_service_the_tray_speaks_and_its_words_are_clicked(
    place: Callable[..., Any], run: Runner
) -> None:
    async def live() -> None:
        async with place(served=False) as here:
            here.manager.change("account-0", state=S.LOGGED_OUT, reason=R.PHONE_UNLINKED)
            await here.looked()
            words = await until(balloon)
            assert words is not None
            QTest.mouseClick(words, Qt.MouseButton.LeftButton)
            assert await until(lambda: here.windows.pairing_window("account-0"))

    run(live())


def test_window_that_links_a_phone_says_it_all_itself(
    place: Callable[..., Any], run: Runner
) -> None:
    async def live() -> None:
        async with place() as here:
            here.manager.change("account-0", state=S.LOGGED_OUT, reason=R.PHONE_UNLINKED)
            here.windows.show_pairing("account-0")
            await here.looked(60)
            assert here.server.history == []

    run(live())
