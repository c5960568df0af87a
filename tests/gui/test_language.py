"""Another language while the program runs: everything that is open goes on in it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po
from PySide6.QtCore import QCoreApplication, QLocale, QPoint, QSize, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QGroupBox,
    QLabel,
    QLineEdit,
    QListWidget,
    QMenu,
    QTableView,
    QTabWidget,
    QWidget,
)

from tests.gui import scenes
from tests.gui.fake_manager import FakeManager, FakeTime
from tests.gui.fake_program import FakeProgram
from wabot_tray.core.settings import Settings
from wabot_tray.core.states import SessionState
from wabot_tray.gui.app import speak as speak_with_qt
from wabot_tray.gui.app import use_settings
from wabot_tray.gui.jobs import Jobs
from wabot_tray.gui.openings import OPENINGS
from wabot_tray.gui.theme import Theme
from wabot_tray.gui.watches import Watches
from wabot_tray.gui.windows import Windows
from wabot_tray.system.i18n import set_language
from wabot_tray.system.paths import resource

Runner = Callable[[Awaitable[Any]], Any]


@pytest.fixture
def manager(time: FakeTime) -> FakeManager:
    lacking = scenes.account(SessionState.LOGGED_OUT, 4, phone=None)
    return FakeManager(*scenes.shop(), lacking, time=time)


@pytest.fixture
def program(tmp_path: Path, manager: FakeManager) -> FakeProgram:
    return FakeProgram(tmp_path, manager, Settings(language="en"))


@pytest.fixture
def windows(program: FakeProgram, time: FakeTime, run: Runner) -> Iterator[Windows]:
    made = Windows(program, lambda: None, clock=time.clock)
    yield made
    run(made.close())
    assert program.manager.listeners == []


def english_texts() -> dict[str, str]:
    """Return the English texts that Spanish says otherwise, with the key of each."""
    both: list[dict[str, str]] = []
    for language in ("en", "es"):
        found: dict[str, str] = {}
        for domain in ("core", "gui"):
            path = resource("locale", language, "LC_MESSAGES", f"{domain}.po")
            with path.open("rb") as file:
                for message in read_po(file, locale=language):
                    if isinstance(message.id, str) and isinstance(message.string, str):
                        found[message.id] = message.string
        both.append(found)
    english, spanish = both
    return {text: key for key, text in english.items() if text and spanish[key] != text}


def texts_of(widget: QWidget) -> Iterable[str]:
    yield widget.windowTitle()
    yield widget.toolTip()
    yield widget.accessibleName()
    yield widget.accessibleDescription()
    match widget:
        case QLabel() | QAbstractButton():
            yield widget.text()
        case QLineEdit():
            yield widget.placeholderText()
        case QGroupBox():
            yield widget.title()
        case QComboBox() | QListWidget():
            model = widget.model()
            yield from (str(model.index(row, 0).data()) for row in range(model.rowCount()))
        case QTabWidget():
            yield from (widget.tabText(number) for number in range(widget.count()))
        case QMenu():
            yield widget.title()
        case QTableView():
            yield from _table_texts(widget)
        case _:
            pass
    for action in widget.actions():
        yield from _action_texts(action)


def _action_texts(action: QAction) -> Iterable[str]:
    yield action.text()
    yield action.toolTip()


def _table_texts(table: QTableView) -> Iterable[str]:
    model = table.model()
    for column in range(model.columnCount()):
        yield str(model.headerData(column, Qt.Orientation.Horizontal))
        yield from (str(model.index(row, column).data()) for row in range(model.rowCount()))


def stale(windows: Windows) -> set[str]:
    """Return the keys of English texts that some widget of the program still holds."""
    english = english_texts()
    found = {
        english[text]
        for widget in QApplication.allWidgets()
        for text in texts_of(widget)
        if text in english
    }
    for line in windows.tray.icon.toolTip().splitlines():
        found |= {english[line]} if line in english else set()
    return found


async def speak(windows: Windows, language: str) -> None:
    await windows.program.apply(Settings(language=language))
    for turn in range(500):
        await asyncio.sleep(0.01)
        if turn >= 20 and not windows._to_put_back:
            break


async def open_everything(windows: Windows) -> None:
    windows.open(minimized=False)
    windows.show_pairing("account-4")
    for opening in OPENINGS:
        windows.show_window(opening.name)
    await asyncio.sleep(0.05)


def test_nothing_is_left_in_the_other_language(windows: Windows, run: Runner) -> None:
    async def live() -> None:
        await open_everything(windows)
        assert len(stale(windows)) > 20  # the measure itself: it is English now
        await speak(windows, "es")

    run(live())
    assert stale(windows) == set()
    assert windows.dashboard.isVisible()
    assert all((one := windows.window(o.name)) and one.isVisible() for o in OPENINGS)
    assert "desde" in windows.tray.icon.toolTip()


def test_windows_keep_place_and_choice(windows: Windows, run: Runner) -> None:
    async def live() -> None:
        windows.open(minimized=False)
        windows.dashboard.resize(QSize(1040, 600))
        windows.dashboard.move(QPoint(40, 30))
        windows.dashboard.select("account-2")
        await asyncio.sleep(0.05)
        before = windows.dashboard
        await speak(windows, "es")
        assert windows.dashboard is not before

    run(live())
    assert windows.dashboard.size() == QSize(1040, 600)
    assert windows.dashboard.carry() == "account-2"


def test_pairing_goes_on(windows: Windows, manager: FakeManager, run: Runner) -> None:
    async def live() -> None:
        windows.show_pairing("account-4")
        await asyncio.sleep(0.01)
        manager.show_code("account-4", scenes.CODE)
        before = windows.pairing_window("account-4")
        await speak(windows, "es")
        now = windows.pairing_window("account-4")
        assert now is not None
        assert now is not before
        assert now.isVisible()
        assert now.panel.is_active
        assert manager.calls.count(("pair", "account-4")) == 1
        assert ("cancel_pairing", "account-4") not in manager.calls
        now.close()
        await asyncio.sleep(0.01)
        assert ("cancel_pairing", "account-4") in manager.calls

    run(live())


def test_windows_that_are_closed_stay_closed(windows: Windows, run: Runner) -> None:
    windows.open(minimized=True)
    run(speak(windows, "es"))
    assert windows._dashboard is None
    assert windows.menu.quit.text() == "&Salir"


def test_question_is_answered_first(windows: Windows, run: Runner) -> None:
    async def live() -> None:
        windows.open(minimized=False)
        before = windows.dashboard
        asking = before.ask_account()
        asking.name.setText("Panadería")
        await asyncio.sleep(0.05)
        await speak(windows, "es")
        assert windows.dashboard is before
        asking.reject()
        for _ in range(100):
            await asyncio.sleep(0.02)
            if windows.dashboard is not before:
                break
        assert windows.dashboard is not before

    run(live())


def test_other_setting_leaves_the_windows_alone(windows: Windows, run: Runner) -> None:
    async def live() -> None:
        windows.open(minimized=False)
        before = windows.dashboard
        await windows.program.apply(Settings(language="en", quiet_s=2.0))
        await asyncio.sleep(0.02)
        assert windows.dashboard is before

    run(live())


def test_qt_itself_speaks_the_language(qapp: QApplication) -> None:
    try:
        set_language("es")
        speak_with_qt(qapp)
        assert QCoreApplication.translate("QPlatformTheme", "Cancel") == "Cancelar"
        assert QLocale().language() is QLocale.Language.Spanish
    finally:
        set_language("en")
        speak_with_qt(qapp)
    assert QCoreApplication.translate("QPlatformTheme", "Cancel") == "Cancel"
    assert QLocale().language() is QLocale.Language.English


def test_changed_settings_reach_qt_theme_and_watches(
    qapp: QApplication, dressed: Theme, manager: FakeManager
) -> None:
    watches = Watches(manager, Jobs(print), Settings())
    dressed.setParent(None)  # the program has one theme
    dressed.setParent(qapp)
    use_settings(Settings(theme="dark", check_interval_s=30), qapp, watches)
    assert dressed.is_dark
    assert watches.check.interval() == 30_000
    watches.close()
