"""What stands above the code for an account that was linked before."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from tests.gui import scenes
from tests.gui.fake_manager import FakeManager, FakeTime
from tests.gui.test_texts import cut_texts, language, print_size
from wabot_tray.core.reasons import Reason
from wabot_tray.core.snapshot import PairingStage
from wabot_tray.core.states import SessionState
from wabot_tray.gui.bridge import ManagerBridge
from wabot_tray.gui.jobs import Jobs
from wabot_tray.gui.pairing import PairingWindow

__all__ = ["language", "print_size"]  # fixtures

Runner = Callable[[Awaitable[Any]], Any]
NUMBER = "573005550100"


@pytest.fixture
def manager(time: FakeTime) -> FakeManager:
    return FakeManager(
        scenes.account(SessionState.LOGGED_OUT, 0, phone=NUMBER),
        scenes.account(SessionState.LOGGED_OUT, 1, phone=None, reason=Reason.NOT_PAIRED),
        time=time,
    )


@pytest.fixture
def opened(manager: FakeManager, time: FakeTime, run: Runner) -> Iterator[Callable[[str], Any]]:
    bridge, jobs = ManagerBridge(manager), Jobs(print)
    windows: list[PairingWindow] = []

    async def make(account_id: str) -> PairingWindow:
        window = PairingWindow(bridge, account_id, jobs, clock=time.clock)
        windows.append(window)
        window.show()
        await asyncio.sleep(0.02)
        manager.show_code(account_id, scenes.CODE)
        await asyncio.sleep(0.05)
        return window

    async def close() -> None:
        while windows:
            windows.pop().close()
        await asyncio.sleep(0)
        await jobs.close()

    yield make
    run(close())
    bridge.close()


def test_causes_stand_above_the_code_until_it_is_scanned(
    opened: Callable[[str], Any], manager: FakeManager, run: Runner
) -> None:
    async def live() -> None:
        window = await opened("account-0")
        assert window.why.isVisible()
        assert NUMBER in window.why.keeps.text()
        manager.pairing_step("account-0", PairingStage.LINKING)
        assert not window.why.isVisible()
        manager.change("account-0", paired=True, state=SessionState.CONNECTED)
        manager.pairing_step("account-0", PairingStage.DONE, phone=NUMBER)
        assert not window.why.isVisible()

    run(live())


def test_first_link_needs_no_causes(opened: Callable[[str], Any], run: Runner) -> None:
    async def live() -> None:
        assert not (await opened("account-1")).why.isVisible()

    run(live())


def test_another_phone_is_warned_of(
    opened: Callable[[str], Any], manager: FakeManager, run: Runner
) -> None:
    async def live() -> None:
        window = await opened("account-0")
        manager.change("account-0", paired=True, notice=Reason.WRONG_PHONE)
        manager.pairing_step("account-0", PairingStage.DONE, phone="573005550199")
        assert window.why.warning.isVisible()
        assert "not this account's number" in window.why.warning.text()
        assert not window.why.keeps.isVisible()

    run(live())


@pytest.mark.usefixtures("language", "print_size")
def test_causes_cut_nothing_and_leave_the_code_readable(
    opened: Callable[[str], Any], run: Runner
) -> None:
    async def live() -> None:
        window = await opened("account-0")
        assert cut_texts(window) == []
        assert window.panel.code.qr.width() >= 300

    run(live())
