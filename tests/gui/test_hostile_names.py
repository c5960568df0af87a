"""Names that hold markup, marks of direction or controls: shown as they are, obeyed by nobody."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QWidget

from tests.gui import scenes
from tests.gui.fake_manager import FakeManager, FakeTime
from wabot_tray.core.errors import BotFileError
from wabot_tray.core.reasons import Reason
from wabot_tray.core.states import SessionState
from wabot_tray.core.wire import LONGEST_CODE
from wabot_tray.gui.actions import AccountActions, Tone
from wabot_tray.gui.app import error_box
from wabot_tray.gui.bridge import ManagerBridge
from wabot_tray.gui.dashboard import Dashboard
from wabot_tray.gui.dialogs import RemoveDialog, RenameDialog
from wabot_tray.gui.jobs import Jobs
from wabot_tray.gui.pairing import PairingWindow
from wabot_tray.gui.qrview import QrView
from wabot_tray.gui.tray import tooltip_text
from wabot_tray.gui.wording import no_markup
from wabot_tray.system.texts import packed_error

MARKUP = "<img src='file:///etc/passwd'><b>x</b>"
NAMES = (MARKUP, "&amp;&lt;b&gt;", "\u202egnp.exe", "\x1b[31m\n\t\0", "Ü" * 80, "👩‍👩‍👧‍👦")
HARMFUL = BotFileError("error.bot_toml", line=1, detail=MARKUP)


@pytest.fixture(params=NAMES)
def manager(request: pytest.FixtureRequest, time: FakeTime) -> FakeManager:
    shown = scenes.account(
        SessionState.LOGGED_OUT,
        label=request.param,
        notice=Reason.BOT_FILE_BROKEN,
        notice_detail=packed_error(HARMFUL),
    )
    return FakeManager(shown, time=time)


@pytest.fixture
def bridge(manager: FakeManager) -> Iterator[ManagerBridge]:
    made = ManagerBridge(manager)
    yield made
    made.close()


def _reads_no_markup(window: QWidget) -> None:
    labels = [label for label in window.findChildren(QLabel) if label.text()]
    for label in labels:
        assert label.textFormat() is Qt.TextFormat.PlainText or "<" not in label.text()
    for widget in [*labels, *window.findChildren(QAbstractButton)]:
        assert "<" not in widget.toolTip()


def test_every_window_shows_a_name_as_it_is(
    manager: FakeManager,
    bridge: ManagerBridge,
    time: FakeTime,
    tmp_path: Path,
    run: Callable[[Awaitable[Any]], Any],
) -> None:
    snapshot = manager.snapshots()[0]
    actions = AccountActions(manager)
    store = QSettings(str(tmp_path / "windows.ini"), QSettings.Format.IniFormat)
    dashboard = Dashboard(bridge, actions, store, clock=time.clock)
    dashboard.show()
    dashboard.tell(snapshot.label, Tone.ERROR)
    jobs = Jobs(lambda _text: None)

    async def pair() -> PairingWindow:
        window = PairingWindow(bridge, snapshot.id, jobs, clock=time.clock)
        window.show()
        await asyncio.sleep(0)
        return window

    pairing = run(pair())
    rename, remove = RenameDialog(snapshot), RemoveDialog(snapshot)
    for window in (dashboard, pairing, rename, remove):
        _reads_no_markup(window)
        window.grab()  # paints all of it
    assert any(MARKUP in label.text() for label in dashboard.findChildren(QLabel))
    QApplication.processEvents()
    run(actions.jobs.close())
    dashboard.may_close = True
    dashboard.close()

    async def end() -> None:
        pairing.close()  # gives the attempt up
        await jobs.close()

    run(end())
    rename.deleteLater()
    remove.deleteLater()


def test_panel_and_notification_get_no_markup(manager: FakeManager, time: FakeTime) -> None:
    text = no_markup(tooltip_text(manager.snapshots(), time.now()))
    assert "<" not in text
    assert ">" not in text


def test_message_of_a_failed_start_is_plain(qapp: QApplication) -> None:
    assert qapp is not None
    box = error_box(MARKUP)
    assert box.textFormat() is Qt.TextFormat.PlainText
    box.deleteLater()


@pytest.mark.parametrize("code", ["x", "~" * LONGEST_CODE, "2@" + "aA1,/+=" * 140])
def test_any_code_the_border_lets_pass_can_be_drawn(code: str, qapp: QApplication) -> None:
    assert qapp is not None
    view = QrView()
    view.show_code(code)
    view.grab()
    assert view.module_pixels >= 1
    view.deleteLater()
