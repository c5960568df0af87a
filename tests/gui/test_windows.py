"""Which window opens, and where a sentence is said."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication

from tests.gui import scenes
from tests.gui.fake_manager import FakeManager, FakeTime
from tests.gui.fake_program import FakeProgram
from wabot_tray.core.errors import SettingsError
from wabot_tray.core.states import SessionState
from wabot_tray.gui.actions import Tone
from wabot_tray.gui.app import QuitFilter
from wabot_tray.gui.dialogs import AddAccountDialog, BackgroundDialog
from wabot_tray.gui.windows import Windows
from wabot_tray.system.i18n import sentence, t

Runner = Callable[[Awaitable[Any]], Any]


@pytest.fixture
def manager(time: FakeTime) -> FakeManager:
    return FakeManager(*scenes.shop(), time=time)


@pytest.fixture
def program(tmp_path: Path, manager: FakeManager) -> FakeProgram:
    return FakeProgram(tmp_path, manager)


@pytest.fixture
def quits() -> list[str]:
    return []


@pytest.fixture
def windows(
    program: FakeProgram, quits: list[str], time: FakeTime, run: Runner
) -> Iterator[Windows]:
    made = Windows(program, lambda: quits.append("quit"), clock=time.clock)
    yield made
    run(made.close())
    run(made.close())
    assert program.manager.listeners == []


def in_loop(run: Runner, work: Callable[[], object]) -> None:
    async def live() -> None:
        work()
        await asyncio.sleep(0)

    run(live())


def test_ordinary_start_shows_the_dashboard(windows: Windows) -> None:
    windows.open(minimized=False)
    assert windows.dashboard.isVisible()


def test_minimized_start_shows_nothing_while_there_is_a_tray(windows: Windows) -> None:
    windows.open(minimized=True)
    assert windows._dashboard is None
    assert not windows._grace.isActive()


def test_minimized_start_without_a_tray_waits_for_the_panel_and_then_shows_the_dashboard(
    windows: Windows,
) -> None:
    windows.tray._present = False
    windows.open(minimized=True)
    assert windows._dashboard is None
    assert windows._grace.isActive()
    windows._grace.timeout.emit()
    assert windows.dashboard.isVisible()
    assert t("dashboard.no_tray") in windows.dashboard.banners.texts


def test_missing_tray_is_said_once_and_again_only_after_it_was_there(windows: Windows) -> None:
    windows.tray._present = False
    windows.open(minimized=True)
    windows._grace.timeout.emit()
    windows.dashboard.hide()
    windows._grace.timeout.emit()  # as at the next login
    assert not windows.dashboard.isVisible()
    windows.program.on_show()  # a second start
    windows.show_dashboard()
    windows.dashboard.hide()
    windows._on_presence(True)
    windows._on_presence(False)
    windows._grace.timeout.emit()
    assert windows.dashboard.isVisible()


def test_panel_that_comes_back_takes_the_notice_away(windows: Windows) -> None:
    windows.open(minimized=False)
    windows.tray.presence_changed.emit(False)
    assert windows.dashboard.banners.texts == (t("dashboard.no_tray"),)
    windows.tray.presence_changed.emit(True)
    assert not windows.dashboard.banners.texts


def test_sentence_is_said_in_the_window_or_else_beside_the_tray(
    windows: Windows, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(windows.tray, "tell", lambda text, _tone: said.append(text))
    windows.tell("one", Tone.INFO)
    assert said == ["one"]
    windows.show_dashboard()
    windows.tell("two", Tone.INFO)
    assert said == ["one"]
    assert windows.dashboard.banners.texts == ("two",)
    windows.dashboard.close()
    windows.tell("three", Tone.INFO)
    assert said == ["one", "three"]


def test_sentence_without_a_tray_opens_the_dashboard(windows: Windows) -> None:
    windows.tray._present = False
    windows.tell("one", Tone.INFO)
    assert windows.dashboard.isVisible()
    assert "one" in windows.dashboard.banners.texts


def test_complaints_of_the_start_are_shown(program: FakeProgram, windows: Windows) -> None:
    problem = SettingsError("error.settings_broken", name="settings.toml", line=3)
    program.complaints.append(problem)
    windows.open(minimized=False)
    assert sentence(problem) in windows.dashboard.banners.texts


def test_pairing_window_opens_once_per_account(windows: Windows, run: Runner) -> None:
    in_loop(run, lambda: windows.show_pairing("account-3"))
    first = windows.pairing_window("account-3")
    in_loop(run, lambda: windows.show_pairing("account-3"))
    assert first is not None
    assert windows.pairing_window("account-3") is first
    in_loop(run, first.close)
    assert windows.pairing_window("account-3") is None


def test_pairing_an_account_that_is_gone_does_nothing(windows: Windows, run: Runner) -> None:
    in_loop(run, lambda: windows.show_pairing("nobody"))
    assert windows.pairing_window("nobody") is None


def test_pair_a_phone_takes_the_one_account_without(
    windows: Windows, manager: FakeManager, run: Runner
) -> None:
    manager.change("account-1", state=SessionState.LOGGED_OUT)
    in_loop(run, windows.menu.pair.trigger)
    assert windows.pairing_window("account-1") is not None


def test_pair_a_phone_lets_the_person_choose_among_several(
    windows: Windows, manager: FakeManager, run: Runner
) -> None:
    for account in ("account-1", "account-2"):
        manager.change(account, state=SessionState.LOGGED_OUT)
    in_loop(run, windows.menu.pair.trigger)
    assert windows.dashboard.banners.texts == (t("actions.choose"),)


def test_pair_a_phone_asks_for_an_account_where_all_have_one(windows: Windows, run: Runner) -> None:
    in_loop(run, windows.menu.pair.trigger)
    assert windows.dashboard.findChild(AddAccountDialog) is not None


def test_tray_and_header_open_the_same_window_of_the_log(windows: Windows) -> None:
    windows.menu.openings["logs"].trigger()
    opened = windows.window("logs")
    assert opened is not None
    assert opened.isVisible()
    opened.close()
    windows.dashboard.show()
    windows.dashboard.logs.click()
    assert windows.window("logs") is opened
    assert opened.isVisible()


def test_closing_without_a_tray_asks_and_does_as_told(windows: Windows, quits: list[str]) -> None:
    windows.tray._present = False
    windows.show_dashboard()
    windows.dashboard.close()
    dialog = windows.dashboard.findChild(BackgroundDialog)
    assert isinstance(dialog, BackgroundDialog)
    dialog.accept()
    assert not windows.dashboard.isVisible()
    assert quits == []
    windows.show_dashboard()
    windows.dashboard.close()
    for found in windows.dashboard.findChildren(BackgroundDialog):
        if found.isVisible():
            found.quit_chosen.emit()
    assert quits == ["quit"]


def test_quit_of_the_system_becomes_ours(qapp: QApplication, quits: list[str]) -> None:
    quit_filter = QuitFilter(qapp, lambda: quits.append("quit"))
    assert quit_filter.eventFilter(qapp, QEvent(QEvent.Type.Quit))
    assert not quit_filter.eventFilter(QObject(), QEvent(QEvent.Type.Quit))
    assert quits == ["quit"]
    qapp.removeEventFilter(quit_filter)
