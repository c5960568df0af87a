"""The windows that exist once each: offered by the menus, opened once, remembered."""

import asyncio
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QRect, QSettings, QSize

from tests.gui.fake_manager import FakeManager, FakeTime
from tests.gui.fake_program import FakeProgram
from wabot_tray.gui.openings import ImportAhead, Opening
from wabot_tray.gui.window import Window
from wabot_tray.gui.windows import Windows

Runner = Callable[[Awaitable[Any]], Any]
BEGUN, MAY_END = threading.Event(), threading.Event()  # of a module's import


def make(windows: Windows) -> Window:
    return Window("sample", "A sample", windows.store, QSize(420, 300))


@pytest.fixture
def windows(tmp_path: Path, time: FakeTime, run: Runner) -> Iterator[Windows]:
    program = FakeProgram(tmp_path, FakeManager(time=time))
    openings = (Opening("sample", "dashboard.title", make),)
    made = Windows(program, lambda: None, clock=time.clock, openings=openings)
    yield made
    run(made.close())


def test_menus_open_the_same_window(windows: Windows) -> None:
    assert windows.window("sample") is None
    windows.menu.openings["sample"].trigger()
    opened = windows.window("sample")
    assert opened is not None
    assert opened.isVisible()
    opened.close()
    (entry,) = windows.dashboard.more.menu().actions()
    entry.trigger()
    assert windows.window("sample") is opened
    assert opened.isVisible()


def test_window_returns_to_its_place(windows: Windows, tmp_path: Path) -> None:
    windows.show_window("sample")
    opened = windows.window("sample")
    assert opened is not None
    opened.setGeometry(QRect(80, 60, 610, 370))
    opened.close()
    windows.store.sync()
    store = QSettings(str(tmp_path / "windows.ini"), QSettings.Format.IniFormat)
    again = Window("sample", "A sample", store, QSize(420, 300))
    assert again.size() == QSize(610, 370)


def test_window_is_never_larger_than_the_screen(windows: Windows) -> None:
    huge = Window("huge", "Huge", windows.store, QSize(9000, 9000))
    assert huge.size() == huge.screen().availableSize()


def test_an_import_under_way_is_waited_for_and_no_other_begun(
    tmp_path: Path, run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python must not end in the middle of one."""
    slowly = f"from {__name__} import BEGUN, MAY_END\nBEGUN.set()\nMAY_END.wait(20)\n"
    (tmp_path / "imported_slowly.py").write_text(slowly)
    (tmp_path / "imported_next.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))

    async def live() -> None:
        imports = ImportAhead()
        thread = imports.take(["imported_slowly", "imported_next"])
        await asyncio.to_thread(BEGUN.wait, 20)
        closing = asyncio.ensure_future(imports.close())
        await asyncio.sleep(0)
        assert not closing.done()
        MAY_END.set()
        await closing
        assert not thread.is_alive()
        await imports.close()

    run(live())
    assert "imported_slowly" in sys.modules
    assert "imported_next" not in sys.modules
