"""The program of the demo: unchanged, but with a hand that clicks and an eye that sees the code.

`python -m tests.demo.hand PORT ROOTKEYHEX [arguments of wabot-tray ...]`

The hand uses the real widgets, from inside, so that it works on every window system. What the eye
reads from the pairing window's pixels goes to standard output as `QR <text>`.
"""

import io
import sys
from collections.abc import Iterator
from typing import Final, TypeVar

import zxingcpp
from PIL import Image
from PySide6.QtCore import QBuffer, QIODevice, QObject, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton, QWidget

from tests.simulator import program_entry
from wabot_tray.core.snapshot import PairingProgress, PairingStage, Update
from wabot_tray.gui import windows
from wabot_tray.gui.assistant import Assistant, Step

TICK_MS: Final = 500
NAME: Final = "La Tienda de Rosa"
Widget = TypeVar("Widget", bound=QWidget)


class Hand(QObject):
    """Links a phone as a person would: one small step at every tick."""

    def __init__(self, everything: windows.Windows) -> None:
        super().__init__(everything)
        self._linked = False
        everything.bridge.pairing_changed.connect(self._on_pairing)
        self._steps = self._link_a_phone()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._step)
        self._timer.start(TICK_MS)

    def _on_pairing(self, progress: Update) -> None:
        if isinstance(progress, PairingProgress):
            self._linked = progress.stage is PairingStage.DONE

    def _step(self) -> None:
        if next(self._steps, "over") == "over":
            self._timer.stop()

    def _link_a_phone(self) -> Iterator[None]:
        yield
        if (made := window_of(Assistant)) is None:
            return  # linked in an earlier run
        yield from (None, None)  # time to read what it says
        click(made.go)
        yield from (None, None, None, None)
        click(made.go)
        for letter in NAME:
            QTest.keyClicks(made.name.name, letter)
        yield
        click(made.go)
        while not (code := read_code(made)):
            yield
        sys.stdout.write(f"QR {code}\n")
        sys.stdout.flush()
        while not self._linked:
            yield
        yield from (None, None, None, None)  # time to read that it worked
        click(made.go)
        yield
        click(made.skip)  # the demo has rules of its own
        while made.step is not Step.LAST:
            yield
        made.last.autostart.setChecked(False)  # whose computer this is, is not ours to say
        yield from (None, None)
        click(made.go)


def window_of(kind: type[Widget]) -> Widget | None:
    """Return the open window of this kind, if there is one."""
    found = (w for w in QApplication.topLevelWidgets() if isinstance(w, kind) and w.isVisible())
    return next(found, None)


def click(target: QPushButton) -> None:
    """Click a button with the mouse."""
    QTest.mouseClick(target, Qt.MouseButton.LeftButton)


def read_code(window: QWidget) -> str:
    """Return the QR text a camera sees in `window`, or nothing."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    window.grab().save(buffer, "PNG")
    picture = Image.open(io.BytesIO(buffer.data().data()))
    found = zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormat.QRCode)
    return found[0].text if found else ""


def main() -> int:
    """Run the program with a hand in it."""
    original = windows.Windows.open

    def opened(self: windows.Windows, *, minimized: bool) -> None:
        original(self, minimized=minimized)
        Hand(self)

    windows.Windows.open = opened  # type: ignore[method-assign]
    return program_entry.main()


if __name__ == "__main__":
    sys.exit(main())
