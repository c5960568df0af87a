"""An update that waits for a restart is said in the dashboard, and a click is enough."""

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton

from tests.gui import scenes
from tests.gui.fake_manager import FakeManager, FakeTime
from tests.gui.fake_program import FakeProgram
from wabot_tray.gui.updatenotice import KEY
from wabot_tray.gui.windows import Windows
from wabot_tray.system.i18n import t

Runner = Callable[[Awaitable[Any]], Any]


@pytest.fixture
def program(tmp_path: Path, time: FakeTime) -> FakeProgram:
    return FakeProgram(tmp_path, FakeManager(*scenes.shop(), time=time))


@pytest.fixture
def windows(program: FakeProgram, time: FakeTime, run: Runner) -> Iterator[Windows]:
    made = Windows(program, lambda: None, clock=time.clock)
    yield made
    run(made.close())


def install(program: FakeProgram) -> None:
    fresh = program.witness.with_name("fresh")
    fresh.write_text("another version", encoding="ascii")
    fresh.replace(program.witness)


def restart_buttons(windows: Windows) -> list[QPushButton]:
    found = windows.dashboard.banners.findChildren(QPushButton)
    return [one for one in found if one.text() == t("update.restart")]


def test_without_an_update_nothing_is_said(windows: Windows) -> None:
    windows.show_dashboard()
    windows.update_notice.look()
    assert t("update.ready") not in windows.dashboard.banners.texts


def test_update_is_said_and_a_click_restarts(windows: Windows, program: FakeProgram) -> None:
    windows.show_dashboard()
    install(program)
    windows.show_dashboard()
    assert windows.dashboard.banners.texts.count(t("update.ready")) == 1
    (button,) = restart_buttons(windows)
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert program.log == ["restart"]


def test_update_before_the_dashboard_is_opened_is_said_in_it(
    windows: Windows, program: FakeProgram
) -> None:
    install(program)
    windows.update_notice.look()
    windows.show_dashboard()
    assert len(restart_buttons(windows)) == 1


def test_dismissed_it_stays_away(windows: Windows, program: FakeProgram) -> None:
    install(program)
    windows.show_dashboard()
    windows.dashboard.banners.dismiss(KEY)
    windows.update_notice.look()
    assert t("update.ready") not in windows.dashboard.banners.texts
