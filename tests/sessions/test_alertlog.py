"""Without a screen, what would be told is a line of the log, without names and numbers."""

import logging

import pytest

from tests.gui import scenes
from tests.sessions.fakes import FakeTime
from wabot_tray.core.settings import Settings
from wabot_tray.core.states import SessionState
from wabot_tray.sessions.alertlog import AlertLog


async def test_each_trouble_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    time = FakeTime()
    accounts = (scenes.account(SessionState.LOGGED_OUT), scenes.account(SessionState.FAILED, 1))
    desk = AlertLog(lambda: accounts, Settings, clock=time.clock)
    for _ in range(10):
        await desk.look()
        await time.advance(10)
    (record,) = caplog.records
    assert record.getMessage() == (
        "alert, ended: account-0 (phone-unlinked), account-1 (crash-loop)"
    )
    assert record.levelno == logging.WARNING
