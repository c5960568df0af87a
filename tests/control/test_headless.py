"""The watches of the program without windows."""

import asyncio

import pytest

from wabot_tray.control.headless import every


async def test_watch_takes_a_changed_interval_at_once(caplog: pytest.LogCaptureFixture) -> None:
    now, interval_s = 0.0, 300.0
    worked: list[float] = []

    async def pause(seconds: float) -> None:
        nonlocal now, interval_s
        await asyncio.sleep(0)
        now += seconds
        if worked:
            interval_s = 40.0

    async def work() -> None:
        worked.append(now)
        if len(worked) == 2:
            raise ValueError("no")
        if len(worked) == 3:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await every(lambda: interval_s, work, pause)
    assert worked == [300.0, 340.0, 380.0]
    assert "a watch failed" in caplog.text
