"""Window tests run on a real X server with a real panel, both started here."""

import asyncio
import gc
import os
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

import pytest
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication, QWidget
from qasync import QEventLoop

from tests.desktop import Desktop, missing_tools, start_desktop
from tests.gui.fake_manager import FakeTime
from wabot_tray.core.settings import Settings
from wabot_tray.gui.theme import Theme
from wabot_tray.system.i18n import set_language

T = TypeVar("T")
Run = Callable[[Coroutine[Any, Any, T]], T]


@pytest.fixture(scope="session")
def desktop(request: pytest.FixtureRequest) -> Desktop:
    """A screen with a tray, and the environment of this process turned to it."""
    assert not missing_tools(), f"install {', '.join(missing_tools())}"
    made = start_desktop()
    before = dict(os.environ)

    def end() -> None:
        # Qt ends the process when its X server goes away, so it goes first.
        if (app := QApplication.instance()) is not None:
            app.shutdown()
        made.stop()
        os.environ.clear()
        os.environ.update(before)

    request.config.add_cleanup(end)
    os.environ.clear()
    os.environ.update(made.env() | {"LANG": "C.UTF-8"})
    return made


@pytest.fixture(scope="session")
def qapp_args(desktop: Desktop) -> list[str]:
    """Hold the application back until there is a screen."""
    assert desktop.server.alive
    return ["wabot-tray"]


@pytest.fixture(scope="session", autouse=True)
def collector() -> Iterator[None]:
    """Python's garbage is collected on this thread alone, as in the program (gui/cleaning.py)."""
    gc.collect()
    gc.freeze()
    gc.disable()
    yield
    gc.enable()
    gc.unfreeze()


@pytest.fixture(autouse=True)
def dressed(qapp: QApplication) -> Iterator[Theme]:
    """Light, English, and no window left from the test before."""
    set_language("en")
    qapp.setQuitOnLastWindowClosed(False)
    theme = Theme(qapp, Settings().theme)
    theme.choose("light")
    yield theme
    theme.setParent(None)
    for widget in QApplication.topLevelWidgets():
        _drop(widget)
    # Outside a running loop nobody else deletes them.
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    gc.collect()
    set_language("en")


@pytest.fixture
def run(qapp: QApplication) -> Iterator[Run[Any]]:
    """Run a coroutine on the loop that the program uses."""
    with QEventLoop(qapp) as loop:
        asyncio.set_event_loop(loop)
        yield loop.run_until_complete
        asyncio.set_event_loop(None)


@pytest.fixture
def time() -> FakeTime:
    """A clock the test moves."""
    return FakeTime()


def _drop(widget: QWidget) -> None:
    widget.hide()
    widget.deleteLater()
