"""The settings as a person changes them: with the mouse, with the keys alone, and back again."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QPushButton, QWidget

from tests.gui import scenes
from tests.gui.fake_manager import FakeManager, FakeTime
from tests.gui.fake_program import FakeProgram
from tests.gui.test_texts import cut_texts, language, print_size
from tests.waiting import until
from wabot_tray.core.reasons import Reason
from wabot_tray.core.settings import Settings
from wabot_tray.gui.settingpages import ConnectionPage, DataPage, GeneralPage
from wabot_tray.gui.settingrows import Choice, Span, Switch
from wabot_tray.gui.settingswindow import SettingsWindow
from wabot_tray.gui.theme import Theme
from wabot_tray.gui.windows import Windows
from wabot_tray.storage.settings_file import load_settings
from wabot_tray.system.i18n import t

__all__ = ["language", "print_size"]  # fixtures

Runner = Callable[[Awaitable[Any]], Any]
K = Qt.Key
LEFT = Qt.MouseButton.LeftButton


class FakeLogin:
    """Starts at login, or not; refuses when told to."""

    def __init__(self) -> None:
        self.on = False
        self.refusal: OSError | None = None

    def is_enabled(self) -> bool:
        return self.on

    def enable(self) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.on = True

    def disable(self) -> None:
        self.on = False


@pytest.fixture
def login() -> FakeLogin:
    return FakeLogin()


@pytest.fixture
def program(tmp_path: Path, time: FakeTime) -> FakeProgram:
    return FakeProgram(tmp_path, FakeManager(*scenes.shop(), time=time), Settings(language="en"))


@pytest.fixture
def windows(
    program: FakeProgram, login: FakeLogin, time: FakeTime, run: Runner
) -> Iterator[Windows]:
    made = Windows(program, lambda: None, login_item=login, clock=time.clock)
    yield made
    run(made.close())


def shown(windows: Windows) -> SettingsWindow:
    window = windows.window("settings")
    assert isinstance(window, SettingsWindow)
    return window


async def opened(windows: Windows) -> SettingsWindow:
    windows.show_window("settings")
    window = shown(windows)
    await until(window.isActiveWindow)
    return window


async def settled(window: QWidget) -> None:
    """Wait until the layouts leave the texts where they are."""
    for _ in range(100):
        await asyncio.sleep(0.03)
        if not cut_texts(window):
            return


def program_has(program: FakeProgram, settings: Settings) -> bool:
    return program.settings == settings


def control(window: SettingsWindow, name: str) -> Any:
    return window.page.row(name).control


def press(key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    focused = QApplication.focusWidget()
    assert focused is not None
    QTest.keyClick(focused, key, modifier)


def write(text: str) -> None:
    focused = QApplication.focusWidget()
    assert focused is not None
    QTest.keyClicks(focused, text)


async def pick(combo: QComboBox, words: str) -> None:
    """Open a list with the mouse and click one of its lines.

    A screen takes its time. A list closes when the screen then says that another window has the
    focus: a person clicks again. It takes a click for the line that the pointer was last said to be
    over, and that is said of moves only, not of a pointer put where it is.
    """
    view = combo.view()
    index = combo.model().index(combo.findText(words), 0)
    sideways = itertools.cycle((0, 1))

    def where() -> QPoint:
        return view.visualRect(index).center() + QPoint(next(sideways), 0)

    def is_pointed_at() -> bool:
        if not view.isVisible():
            QTest.mouseClick(combo, LEFT)
            view.scrollTo(index)
        QTest.mouseMove(view.viewport(), where())
        return view.isVisible() and view.currentIndex() == index

    await until(is_pointed_at)
    QTest.mouseClick(view.viewport(), LEFT, pos=where())


def test_language_is_changed_with_the_mouse(
    windows: Windows, program: FakeProgram, run: Runner
) -> None:
    async def live() -> None:
        window = await opened(windows)
        await pick(control(window, "language"), "Español")
        await until(lambda: shown(windows) is not window)
        window = shown(windows)
        assert window.isVisible()
        assert window.windowTitle() == "Configuración"
        assert control(window, "language").value == "es"
        # One click takes it back, from the window in the other language.
        QTest.mouseClick(window.undo, LEFT)
        await until(lambda: shown(windows).windowTitle() == "Settings")
        assert program.settings == Settings(language="en")

    run(live())


def test_appearance_is_changed_with_the_keys_alone(
    windows: Windows, program: FakeProgram, dressed: Theme, run: Runner
) -> None:
    program.preferences.subscribe(lambda: dressed.choose(program.settings.theme))

    async def live() -> None:
        window = await opened(windows)
        press(K.Key_Tab)
        assert QApplication.focusWidget() is control(window, "language")
        press(K.Key_Tab)
        assert QApplication.focusWidget() is control(window, "theme")
        press(K.Key_End)
        await until(lambda: program.settings.theme == "dark")
        assert dressed.is_dark
        press(K.Key_Z, Qt.KeyboardModifier.ControlModifier)
        await until(lambda: program.settings.theme == "system")
        assert control(window, "theme").value == "system"

    run(live())


def test_interval_is_typed_and_kept(windows: Windows, program: FakeProgram, run: Runner) -> None:
    async def live() -> None:
        window = await opened(windows)
        press(K.Key_Down)
        span = control(window, "check_interval_s")
        assert isinstance(span, Span)
        assert (span.number.value(), span.unit.currentText()) == (2, t("settings.minutes"))
        span.number.setFocus()
        span.number.selectAll()
        write("15")
        press(K.Key_Tab)
        await until(lambda: program.settings.check_interval_s == 900)
        press(K.Key_Home)  # the unit: the same time otherwise
        assert (span.number.value(), span.seconds) == (900, 900)
        assert load_settings(program.paths.settings_file).check_interval_s == 900

    run(live())


def test_refused_number_is_explained_beside_it_and_not_used(
    windows: Windows, program: FakeProgram, run: Runner
) -> None:
    async def live() -> None:
        window = await opened(windows)
        window.show_page(1)
        row = window.page.row("verify_interval_s")
        span = control(window, "verify_interval_s")
        span.number.setFocus()
        span.number.selectAll()
        write("500")
        press(K.Key_Return)
        assert row.problem.isVisible()
        assert row.problem.text() == t("settings.between", low="15 seconds", high="1 hour")
        span.number.selectAll()
        write("10")
        press(K.Key_Return)
        await until(lambda: program.settings.verify_interval_s == 600)
        assert not row.problem.isVisible()

    run(live())


def test_quick_changes_are_all_kept_and_undone_one_by_one(
    windows: Windows, program: FakeProgram, run: Runner
) -> None:
    async def live() -> None:
        window = await opened(windows)
        window.editor.set(theme="dark")
        window.editor.set(quiet_s=2.0)
        window.editor.set(theme="light")
        await until(lambda: program.settings == Settings(language="en", theme="light", quiet_s=2))
        await until(lambda: len(window.editor.undoable) == 3)
        for theme, quiet_s in (("dark", 2.0), ("dark", 0.6), ("system", 0.6)):
            QTest.mouseClick(window.undo, LEFT)
            wanted = Settings(language="en", theme=theme, quiet_s=quiet_s)
            await until(partial(program_has, program, wanted))
        await until(lambda: not window.undo.isEnabled())

    run(live())


def test_defaults_of_a_page_come_back_and_can_be_undone(
    windows: Windows, program: FakeProgram, run: Runner
) -> None:
    changed = Settings(language="en", quiet_s=5.0, answer_max_age_h=48.0, theme="dark")

    async def live() -> None:
        await program.apply(changed)
        window = await opened(windows)
        window.show_page(2)
        assert control(window, "answer_max_age_h").seconds == 48 * 3600
        QTest.mouseClick(window.defaults, LEFT)
        await until(lambda: program.settings == Settings(language="en", theme="dark"))
        QTest.mouseClick(window.undo, LEFT)
        await until(lambda: program.settings == changed)

    run(live())


def test_file_that_cannot_be_read_is_said_and_never_written_over(
    windows: Windows, program: FakeProgram, run: Runner
) -> None:
    path = program.paths.settings_file

    async def live() -> None:
        window = await opened(windows)
        path.write_text('theme = "dark\n')
        await program.preferences.look()
        (words,) = window.banners.texts
        assert "line 1" in words
        assert not control(window, "language").isEnabled()
        assert not window.defaults.isEnabled()
        assert path.read_text() == 'theme = "dark\n'
        (button,) = [
            one
            for one in window.banners.findChildren(QPushButton)
            if one.text() == t("settings.afresh")
        ]
        QTest.mouseClick(button, LEFT)
        await until(lambda: not window.banners.texts)
        assert control(window, "language").isEnabled()
        (aside,) = path.parent.glob("settings.toml.broken-*")
        assert aside.read_text() == 'theme = "dark\n'
        assert load_settings(path) == Settings(language="en")

    run(live())


def test_change_by_hand_is_shown(windows: Windows, program: FakeProgram, run: Runner) -> None:
    async def live() -> None:
        window = await opened(windows)
        program.paths.settings_file.write_text('language = "en"\nquiet_s = 3.5\n')
        await program.preferences.look()
        window.show_page(2)
        assert control(window, "quiet_s").seconds == 3.5

    run(live())


def test_disk_that_refuses_is_said_beside_the_setting(
    windows: Windows, program: FakeProgram, run: Runner
) -> None:
    program.preferences.path = program.paths.data / "gone" / "settings.toml"

    async def live() -> None:
        window = await opened(windows)
        await pick(control(window, "theme"), t("settings.theme_dark"))
        row = window.page.row("theme")
        await until(row.problem.isVisible)
        assert control(window, "theme").value == "system"
        assert not window.undo.isEnabled()

    run(live())


def test_start_at_login_is_switched_and_a_refusal_said(
    windows: Windows, login: FakeLogin, run: Runner
) -> None:
    async def live() -> None:
        window = await opened(windows)
        page = window.page
        assert isinstance(page, GeneralPage)
        switch = page.login_row.control
        assert isinstance(switch, Switch)
        QTest.mouseClick(switch, LEFT, pos=QPoint(8, switch.height() // 2))
        assert login.is_enabled()
        assert switch.text() == t("settings.on")
        switch.setFocus()
        press(K.Key_Space)
        assert not login.is_enabled()
        login.refusal = OSError(13, "Permission denied")
        press(K.Key_Space)
        assert not switch.isChecked()
        assert "Permission denied" in page.login_row.problem.text()

    run(live())


def test_data_page_says_where_things_are_and_opens_them(
    windows: Windows, program: FakeProgram, monkeypatch: pytest.MonkeyPatch, run: Runner
) -> None:
    asked: list[str] = []
    answers = iter((True, False))

    def open_url(url: QUrl) -> bool:
        asked.append(url.toLocalFile())
        return next(answers)

    monkeypatch.setattr(QDesktopServices, "openUrl", open_url)

    async def live() -> None:
        window = await opened(windows)
        window.show_page(len(window.pages) - 1)
        page = window.page
        assert isinstance(page, DataPage)
        await until(lambda: page.key.words.text() == t("settings.key_keyring"))
        assert page.live.words.text() == t("settings.live_disk")
        QTest.mouseClick(page.folder.open, LEFT)
        assert page.folder.problem.isHidden()
        QTest.mouseClick(page.file.open, LEFT)
        assert asked == [str(program.paths.data), str(program.paths.settings_file)]
        assert page.file.problem.isVisible()
        program.keys.is_open = False
        window.show_page(0)
        window.show_page(len(window.pages) - 1)
        await until(lambda: page.key.words.text() == t("settings.key_keyring_locked"))

    run(live())


def test_every_control_is_reached_by_tab_and_named(windows: Windows, run: Runner) -> None:
    async def live() -> None:
        window = await opened(windows)
        for number in range(len(window.pages)):
            window.show_page(number)
            window.groups.setFocus()
            await asyncio.sleep(0.01)
            reached: list[QWidget] = []
            for _ in range(60):
                press(K.Key_Tab)
                focused = QApplication.focusWidget()
                assert focused is not None
                if focused is window.groups:
                    break
                reached.append(focused)
            wanted = {
                one
                for kind in (Choice, Switch, QPushButton)
                for one in window.findChildren(kind)
                if one.isVisible() and one.isEnabled()
            } | {one.number for one in window.findChildren(Span) if one.isVisible()}
            assert wanted <= set(reached), window.page.title
            assert all(one.accessibleName() or getattr(one, "text", str)() for one in reached)

    run(live())


def connection(window: SettingsWindow) -> ConnectionPage:
    window.show_page(1)
    page = window.page
    assert isinstance(page, ConnectionPage)
    return page


def test_proxy_is_tried_and_used_with_the_keys_alone(
    windows: Windows, program: FakeProgram, run: Runner
) -> None:
    async def live() -> None:
        window = await opened(windows)
        way = connection(window).way
        press(K.Key_Tab)
        assert QApplication.focusWidget() is way.choice
        press(K.Key_End)
        assert QApplication.focusWidget() is way.address
        write("proxy.example:3128")
        press(K.Key_Tab)
        write("ana")
        press(K.Key_Tab)
        write("geheim")
        program.proxies.why = Reason.PROXY_REFUSED
        QTest.mouseClick(way.test, LEFT)
        await until(lambda: way.told.text() == t("reason.proxy-refused"))
        assert program.proxies.tried == [("http://ana@proxy.example:3128", "geheim")]
        assert program.settings.proxy == "system"  # tried, not taken
        program.proxies.why = None
        way.test.setFocus()
        press(K.Key_Space)
        await until(lambda: way.told.text() == t("settings.way_open"))
        way.password.setFocus()
        press(K.Key_Return)
        await until(lambda: program.settings.proxy == "http://ana@proxy.example:3128")
        await until(lambda: way.password.placeholderText() == t("settings.way_kept"))
        assert way.password.text() == ""
        await until(window.undo.isEnabled)
        QTest.mouseClick(window.undo, LEFT)  # in a field, Ctrl+Z is the field's own
        await until(lambda: program.settings.proxy == "system")
        assert way.choice.value == "system"
        assert not way.form.isVisible()

    run(live())


def test_refused_address_is_explained_and_nothing_taken(
    windows: Windows, program: FakeProgram, run: Runner
) -> None:
    async def live() -> None:
        window = await opened(windows)
        way = connection(window).way
        await pick(way.choice, t("settings.way_proxy"))
        for address, password, key in (
            ("not a proxy", "", "error.proxy_address"),
            ("http://proxy:3128", "alone", "error.proxy_user"),
        ):
            way.address.setText(address)
            way.password.setText(password)
            QTest.mouseClick(way.use, LEFT)
            assert way.told.text() == t(key)
        assert program.settings.proxy == "system"
        await pick(way.choice, t("settings.way_none"))
        await until(lambda: program.settings.proxy == "none")
        assert not way.told.isVisible()

    run(live())


def test_account_gets_a_way_of_its_own(windows: Windows, program: FakeProgram, run: Runner) -> None:
    async def live() -> None:
        window = await opened(windows)
        page = connection(window)
        assert [page.account.itemData(row) for row in range(4)] == [
            f"account-{number}" for number in range(4)
        ]
        page.ensureWidgetVisible(page.account_way.told)
        await pick(page.account, scenes.NAMES[2])
        assert page.account_way.choice.value == ""
        await pick(page.account_way.choice, t("settings.way_none"))
        await until(lambda: program.proxies.own == {"account-2": "none"})
        assert program.settings.proxy == "system"
        await until(lambda: t("settings.way_none") in page.account.currentText())
        page.account.setFocus()
        press(K.Key_Home)
        assert page.account.value == "account-0"
        assert page.account_way.choice.value == ""
        program.manager.add("new", "New one")
        window.show_page(0)
        window.show_page(1)
        assert page.account.findData("new") == 4
        assert page.account.value == "account-0"

    run(live())


@pytest.mark.usefixtures("language", "print_size")
def test_proxy_fields_cut_nothing(windows: Windows, program: FakeProgram, run: Runner) -> None:
    async def live() -> None:
        program.proxies.own["account-0"] = "socks5://ana@proxy.example:1080"
        window = await opened(windows)
        page = connection(window)
        page.account_way.say(t("reason.proxy-closed"), is_wrong=True)
        await asyncio.sleep(0.05)
        assert cut_texts(window) == []

    run(live())


@pytest.mark.usefixtures("language", "print_size")
def test_settings_cut_nothing(windows: Windows, run: Runner) -> None:
    async def live() -> None:
        window = await opened(windows)
        for number, page in enumerate(window.pages):
            window.show_page(number)
            for name in page.names:
                page.row(name).show_problem(t("settings.between", low="6 h", high="14 d"))
            await settled(window)
            assert cut_texts(window) == []
            body = page.widget()
            assert body is not None
            assert body.width() <= page.viewport().width()

    run(live())
