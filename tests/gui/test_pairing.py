"""The pairing window: the code a phone reads, the time left, and each way it can end."""

import asyncio
import logging
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zxingcpp
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPushButton, QWidget

from tests.desktop import Desktop
from tests.gui import scenes
from tests.gui.fake_manager import FakeManager, FakeTime
from wabot_tray.core.errors import ControlError
from wabot_tray.core.reasons import Reason
from wabot_tray.core.snapshot import PairingStage
from wabot_tray.core.states import SessionState
from wabot_tray.gui.bridge import ManagerBridge
from wabot_tray.gui.jobs import Jobs
from wabot_tray.gui.pairing import PairingWindow
from wabot_tray.gui.qrview import QUIET_MODULES
from wabot_tray.gui.theme import Theme
from wabot_tray.system.i18n import set_language, t

ID = "account-0"
NEXT_CODE = scenes.CODE[:-6] + "other,"


@pytest.fixture
def manager(time: FakeTime) -> FakeManager:
    return FakeManager(scenes.account(SessionState.LOGGED_OUT, phone=None), time=time)


@pytest.fixture
def open_window(
    manager: FakeManager, time: FakeTime, run: Callable[[Awaitable[Any]], Any]
) -> Iterator[Callable[[], PairingWindow]]:
    """Open the window on a running loop; whatever it started is over at the end."""
    bridge, said = ManagerBridge(manager), list[str]()
    jobs = Jobs(said.append)
    made: list[PairingWindow] = []

    async def opening() -> PairingWindow:
        window = PairingWindow(bridge, ID, jobs, clock=time.clock)
        window.show()
        made.append(window)
        await asyncio.sleep(0)
        return window

    yield lambda: run(opening())
    run(jobs.close())
    bridge.close()
    assert manager.listeners == []
    assert said == []


def read_qr(image: QImage) -> str | None:
    """Return what a phone's camera would read from these pixels."""
    plain = image.convertToFormat(QImage.Format.Format_RGB888)
    size = plain.width(), plain.height()
    pixels = bytes(plain.constBits())
    picture = Image.frombytes("RGB", size, pixels, "raw", "RGB", plain.bytesPerLine(), 1)
    return qr_in(picture)


def qr_in(picture: Image.Image) -> str | None:
    found = zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormat.QRCode)
    return found[0].text if found else None


def close(window: PairingWindow, run: Callable[[Awaitable[Any]], Any]) -> None:
    async def closing() -> None:
        window.close()
        await asyncio.sleep(0)

    run(closing())


def texts(window: QWidget) -> str:
    return "\n".join(x.text() for x in window.findChildren(QLabel) if x.isVisible())


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_code_is_read_from_the_screen(
    theme: str,
    dressed: Theme,
    desktop: Desktop,
    manager: FakeManager,
    open_window: Callable[[], PairingWindow],
    qtbot: Any,
) -> None:
    dressed.choose(theme)
    window = open_window()
    manager.show_code(ID, scenes.CODE)
    qtbot.waitUntil(lambda: qr_in(desktop.screen.shot()) == scenes.CODE, timeout=5000)
    assert window.panel.stage is PairingStage.CODE


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_code_has_whole_pixels_and_a_white_margin(
    theme: str, dressed: Theme, manager: FakeManager, open_window: Callable[[], PairingWindow]
) -> None:
    dressed.choose(theme)
    window = open_window()
    manager.show_code(ID, scenes.CODE)
    picture = window.panel.code.qr.grab().toImage()
    colours = {
        picture.pixelColor(x, y).name()
        for x in range(picture.width())
        for y in range(picture.height())
    }
    assert colours == {"#000000", "#ffffff"}
    assert window.panel.code.qr.module_pixels >= 6
    dark = [
        (x, y)
        for x in range(picture.width())
        for y in range(picture.height())
        if picture.pixelColor(x, y).name() == "#000000"
    ]
    margin = min(min(point) for point in dark)
    assert margin >= QUIET_MODULES * window.panel.code.qr.module_pixels


def test_code_is_sharp_at_twice_the_size(desktop: Desktop, tmp_path: Path) -> None:
    script = """
import sys
from PySide6.QtWidgets import QApplication
from tests.gui.scenes import CODE
from wabot_tray.gui.qrview import QrView
app = QApplication([])
view = QrView()
view.resize(400, 400)
view.show_code(CODE)
view.grab().save(sys.argv[1])
print(view.module_pixels)
"""
    target = tmp_path / "code.png"
    done = subprocess.run(
        [sys.executable, "-c", script, str(target)],
        env=desktop.env({"QT_SCALE_FACTOR": "2"}),
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert int(done.stdout) >= 12
    with Image.open(target) as picture:
        assert picture.width == 800
        assert len(picture.convert("RGB").getcolors() or ()) == 2  # no grey: no blurred edge
        assert qr_in(picture) == scenes.CODE


def test_opening_begins_an_attempt(
    manager: FakeManager, open_window: Callable[[], PairingWindow]
) -> None:
    window = open_window()
    assert manager.calls == [("pair", ID)]
    assert window.panel.stage is PairingStage.STARTING


def test_opening_joins_the_attempt_under_way(
    manager: FakeManager, open_window: Callable[[], PairingWindow]
) -> None:
    manager.show_code(ID, scenes.CODE)
    window = open_window()
    assert manager.calls == []
    assert read_qr(window.panel.code.qr.grab().toImage()) == scenes.CODE


def test_countdown_goes_down_with_the_clock(
    manager: FakeManager, time: FakeTime, open_window: Callable[[], PairingWindow]
) -> None:
    window = open_window()
    manager.show_code(ID, scenes.CODE)
    assert window.panel.code.ring.seconds == 60
    assert window.panel.code.time_left.text() == "Time left to scan: 2:40"
    time.pass_s(41)
    window.panel.tick()
    assert window.panel.code.ring.seconds == 19
    assert window.panel.code.time_left.text() == "Time left to scan: 1:59"
    assert 700 < window.panel.code.bar.value() < 760


def test_next_code_takes_the_place_of_the_first(
    manager: FakeManager, time: FakeTime, open_window: Callable[[], PairingWindow]
) -> None:
    window = open_window()
    manager.show_code(ID, scenes.CODE)
    time.pass_s(61)
    window.panel.tick()
    assert (
        read_qr(window.panel.code.qr.grab().toImage()) is None
    )  # hidden: nobody scans a dead code
    assert "Getting the next code…" in texts(window)
    manager.show_code(ID, NEXT_CODE, number=2)
    assert read_qr(window.panel.code.qr.grab().toImage()) == NEXT_CODE
    assert window.panel.code.ring.seconds == 20


def test_last_code_is_called_so(
    manager: FakeManager, open_window: Callable[[], PairingWindow]
) -> None:
    window = open_window()
    manager.show_code(ID, scenes.CODE, number=5)
    assert "seconds left for the last code" in texts(window)


def test_expiry_offers_a_new_code(
    manager: FakeManager,
    open_window: Callable[[], PairingWindow],
    run: Callable[[Awaitable[Any]], Any],
) -> None:
    window = open_window()
    manager.show_code(ID, scenes.CODE)
    manager.pairing_step(ID, PairingStage.FAILED, reason=Reason.QR_EXPIRED)
    assert t("reason.qr-expired") in texts(window)
    assert t("advice.qr-expired") in texts(window)

    async def press() -> None:
        focused = window.focusWidget()
        assert isinstance(focused, QPushButton)
        assert focused.text() == "New code"
        QTest.keyClick(focused, Qt.Key.Key_Space)
        await asyncio.sleep(0)

    run(press())
    assert manager.calls[-1] == ("pair", ID)
    assert window.panel.stage is PairingStage.STARTING


@pytest.mark.parametrize("reason", scenes.ENDINGS)
@pytest.mark.parametrize("language", ["en", "es"])
def test_each_failure_is_said_with_what_to_do(
    language: str,
    reason: Reason,
    manager: FakeManager,
    open_window: Callable[[], PairingWindow],
) -> None:
    set_language(language)
    window = open_window()
    manager.pairing_step(ID, PairingStage.FAILED, reason=reason)
    shown = texts(window)
    assert t(f"reason.{reason}") in shown
    assert t(f"advice.{reason}") in shown
    assert f"reason.{reason}" not in shown  # a key without a sentence would show itself


def test_refusal_is_said_in_its_sentence(
    manager: FakeManager, open_window: Callable[[], PairingWindow]
) -> None:
    manager.failures["pair", ID] = ControlError("error.already_linked", id=ID)
    window = open_window()
    assert "is already linked to a phone" in texts(window)


def test_success_shows_the_number_and_forgets_the_code(
    manager: FakeManager,
    open_window: Callable[[], PairingWindow],
    run: Callable[[Awaitable[Any]], Any],
) -> None:
    window = open_window()
    manager.show_code(ID, scenes.CODE)
    manager.pairing_step(ID, PairingStage.LINKING)
    assert "linking" in texts(window)
    manager.pairing_step(ID, PairingStage.DONE, phone="573005550100")
    assert "+573005550100" in texts(window)
    assert window.panel.code.qr.module_pixels == 0
    close(window, run)
    assert ("cancel_pairing", ID) not in manager.calls


def test_closing_cancels_the_attempt(
    manager: FakeManager,
    open_window: Callable[[], PairingWindow],
    run: Callable[[Awaitable[Any]], Any],
) -> None:
    window = open_window()
    manager.show_code(ID, scenes.CODE)

    async def press() -> None:
        QTest.keyClick(window, Qt.Key.Key_Escape)
        await asyncio.sleep(0)

    run(press())
    assert manager.calls == [("pair", ID), ("cancel_pairing", ID)]


def test_account_that_is_removed_closes_its_window(
    manager: FakeManager,
    open_window: Callable[[], PairingWindow],
    run: Callable[[Awaitable[Any]], Any],
) -> None:
    window = open_window()
    closed: list[str] = []
    window.closed.connect(closed.append)
    run(manager.remove(ID))
    assert closed == [ID]
    assert ("cancel_pairing", ID) not in manager.calls


def test_code_is_never_logged_nor_spoken(
    manager: FakeManager,
    open_window: Callable[[], PairingWindow],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    window = open_window()
    manager.show_code(ID, scenes.CODE)
    said = [window.accessibleName(), window.windowTitle(), texts(window)]
    for widget in window.findChildren(QWidget):
        said += [widget.accessibleName(), widget.accessibleDescription(), widget.toolTip()]
    assert window.panel.code.qr.accessibleName()
    for piece in (scenes.CODE, scenes.CODE[2:40]):
        assert piece not in caplog.text
        assert piece not in "\n".join(said)
        assert piece not in repr(manager.pairing(ID))
