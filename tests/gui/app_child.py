"""The whole desktop program over a fake manager: `python -m tests.gui.app_child FOLDER [...]`.

Says on stdout what the program underneath lives through; `--minimized`, `--fail` and
`--broken-slot` make it start hidden, not at all, or with an error in a slot.
"""

import sys
from pathlib import Path

from PySide6.QtCore import QTimer

from tests.gui import scenes
from tests.gui.fake_manager import FakeManager
from tests.gui.fake_program import FakeProgram
from wabot_tray.core.errors import ControlError
from wabot_tray.gui import app
from wabot_tray.system.i18n import set_language


class SayingProgram(FakeProgram):
    """Says aloud when it starts and closes."""

    async def start(self) -> None:
        if "--broken-slot" in sys.argv:
            QTimer.singleShot(0, _break)
        await super().start()
        QTimer.singleShot(0, lambda: print("started", flush=True))

    async def close(self) -> None:
        await super().close()
        print("closed", flush=True)


def _break() -> None:
    raise ValueError("a slot that fails")


def main() -> int:
    set_language("en")
    program = SayingProgram(Path(sys.argv[1]), FakeManager(*scenes.shop()))
    if "--fail" in sys.argv:
        program.problem = ControlError("error.control")
    return app.run(program, minimized="--minimized" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
