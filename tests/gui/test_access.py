"""Every window, for people who do not see it, who do not use a mouse, who need large print."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtGui import QFont
from PySide6.QtWidgets import (
    QApplication,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from tests.gui import scenes
from tests.gui.access import unnamed, unreachable
from tests.gui.fake_manager import FakeManager, FakeTime
from tests.gui.fake_program import FakeProgram
from tests.gui.login_item import FakeLoginItem
from tests.gui.test_texts import cut_texts
from tests.waiting import until
from wabot_tray.bot.rulebook_file import install_example
from wabot_tray.core.snapshot import SessionSnapshot
from wabot_tray.gui.assistant import Assistant, Step
from wabot_tray.gui.openings import OPENINGS
from wabot_tray.gui.theme import Theme
from wabot_tray.gui.windows import Windows
from wabot_tray.system.i18n import set_language

Runner = Callable[[Awaitable[Any]], Any]
NAMES = ["dashboard", "pairing", *(opening.name for opening in OPENINGS)]


@pytest.fixture(params=["en", "es"])
def language(request: pytest.FixtureRequest) -> str:
    set_language(request.param)
    return str(request.param)


@pytest.fixture
def twice_as_large(qapp: QApplication, dressed: Theme) -> Iterator[None]:
    """The person's own font at 200 %."""
    before = qapp.font()
    larger = QFont(before)
    larger.setPointSizeF(before.pointSizeF() * 2)
    qapp.setFont(larger)
    theme = Theme(qapp, "light")
    yield
    qapp.setFont(before)
    theme.setParent(None)
    dressed.choose("light")


@pytest.fixture
def accounts() -> tuple[SessionSnapshot, ...]:
    """Whom the program keeps connected."""
    return scenes.shop()


@pytest.fixture
def windows(
    tmp_path: Path, accounts: tuple[SessionSnapshot, ...], time: FakeTime, run: Runner
) -> Iterator[Windows]:
    program = FakeProgram(tmp_path, FakeManager(*accounts, time=time))
    install_example(program.paths.bot_file, "en")
    made = Windows(program, lambda: None, login_item=FakeLoginItem(), clock=time.clock)
    yield made
    run(made.close())


def is_at(made: Assistant, step: Step) -> bool:
    return made.step is step


async def nothing_is_cut(window: QWidget) -> None:
    """Qt lays new words out when it has a turn: what is cut then, and stays so, is an error."""
    with contextlib.suppress(AssertionError):
        await until(lambda: not cut_texts(window), within_s=5)
    assert cut_texts(window) == []


async def shown(windows: Windows, name: str) -> QWidget:
    if name == "dashboard":
        windows.show_dashboard()
        made: QWidget | None = windows.dashboard
    elif name == "pairing":
        windows.show_pairing("account-3")
        made = windows.pairing_window("account-3")
    else:
        windows.show_window(name)
        made = windows.window(name)
    assert made is not None
    await asyncio.sleep(0.2)  # files are read in threads
    return made


def test_lacks_are_found(qapp: QApplication) -> None:
    """The measure itself can fail."""
    window = QWidget()
    trap, nameless, lost = QPlainTextEdit(), QLineEdit(), QPushButton("Go")
    trap.setAccessibleName("a field that keeps Tab for itself")
    column = QVBoxLayout(window)
    for part in (trap, nameless, lost):
        column.addWidget(part)
    window.show()
    qapp.processEvents()
    assert unnamed(window) == ["QLineEdit "]
    trap.setFocus()
    assert unreachable(window) == ["QLineEdit  ", "QPushButton  Go"]
    trap.setTabChangesFocus(True)
    assert unreachable(window) == []


@pytest.mark.parametrize("name", NAMES)
def test_every_place_has_a_name_and_is_reached_by_tab(
    name: str, windows: Windows, run: Runner
) -> None:
    async def live() -> None:
        window = await shown(windows, name)
        assert unnamed(window) == []
        assert unreachable(window) == []

    run(live())


@pytest.mark.usefixtures("language", "twice_as_large")
@pytest.mark.parametrize("name", NAMES)
def test_large_print_cuts_nothing(name: str, windows: Windows, run: Runner) -> None:
    async def live() -> None:
        window = await shown(windows, name)
        await nothing_is_cut(window)

    run(live())


@pytest.mark.usefixtures("language", "twice_as_large")
@pytest.mark.parametrize("accounts", [()], ids=["first start"])
def test_pages_of_the_assistant_are_for_everybody(windows: Windows, run: Runner) -> None:
    async def live() -> None:
        made = await shown(windows, "assistant")
        assert isinstance(made, Assistant)
        for step in Step:
            await until(partial(is_at, made, step))
            assert unnamed(made) == []
            assert unreachable(made) == []
            await nothing_is_cut(made)
            if step is Step.NAME:
                made.name.name.setText("La Tienda de Rosa")
            (made.skip if step is Step.LINK else made.go).click()

    run(live())
