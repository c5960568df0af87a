"""The first-run assistant, page by page, for the photographer."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from PySide6.QtWidgets import QWidget

from tests.gui import scenes
from tests.gui.fake_manager import FakeManager
from tests.gui.fake_program import FakeProgram
from tests.gui.login_item import FakeLoginItem
from wabot_tray.core.snapshot import PairingStage
from wabot_tray.core.states import SessionState
from wabot_tray.gui.assistant import Assistant, Step
from wabot_tray.gui.windows import Windows

Save = Callable[[QWidget, str], Awaitable[None]]


async def assistant(save: Save) -> None:
    """Take all pages, as a person comes by them."""
    with tempfile.TemporaryDirectory() as folder:
        manager = FakeManager()
        program = FakeProgram(Path(folder), manager)
        windows = Windows(
            program, lambda: None, login_item=FakeLoginItem(), clock=manager.time.clock
        )
        windows.open(minimized=False)
        made = windows.window("assistant")
        assert isinstance(made, Assistant)
        await save(made, "assistant-1-welcome")
        made.go.click()
        await save(made, "assistant-2-honest")
        made.go.click()
        made.name.name.setText("Panadería El Trigal")
        await save(made, "assistant-3-name")
        made.go.click()
        await asyncio.sleep(0)
        manager.show_code(made.account_id, scenes.CODE)
        await save(made, "assistant-4-link")
        manager.pairing_step(made.account_id, PairingStage.DONE, phone="573005550100")
        manager.change(made.account_id, state=SessionState.CONNECTED, paired=True)
        await save(made, "assistant-5-linked")
        made.go.click()
        await save(made, "assistant-6-reply")
        made.go.click()
        while made.step is not Step.LAST:  # noqa: ASYNC110 - a picture, not a program
            await asyncio.sleep(0.01)
        await save(made, "assistant-7-try")
        manager.change(made.account_id, replied=1)
        await save(made, "assistant-8-answered")
        await windows.close()
