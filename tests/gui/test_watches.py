"""The watches: their intervals, no overlap, the network."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from PySide6.QtNetwork import QNetworkInformation

from tests.gui.fake_manager import FakeManager
from wabot_tray.core.settings import Settings
from wabot_tray.core.snapshot import VerifyResult
from wabot_tray.gui.jobs import Jobs
from wabot_tray.gui.watches import NetworkWatch, Watches

Runner = Callable[[Awaitable[Any]], Any]


class SlowManager(FakeManager):
    """Takes its time to verify."""

    def __init__(self) -> None:
        super().__init__()
        self.may_answer = asyncio.Event()

    async def verify(self, account_ids: Sequence[str] | None = None) -> tuple[VerifyResult, ...]:
        answer = await super().verify(account_ids)
        await self.may_answer.wait()
        return answer


def test_timers_have_the_settings_intervals() -> None:
    settings = Settings(check_interval_s=30, verify_interval_s=90)
    watches = Watches(FakeManager(), Jobs(print), settings)
    assert (watches.check.interval(), watches.verify.interval()) == (30_000, 90_000)
    assert watches.check.isActive()
    watches.close()
    assert not watches.check.isActive()
    assert not watches.verify.isActive()


def test_intervals_that_change_are_taken_at_once() -> None:
    watches = Watches(FakeManager(), Jobs(print), Settings())
    check, verify = watches.check.timerId(), watches.verify.timerId()
    watches.use(Settings(check_interval_s=30))
    assert watches.check.interval() == 30_000
    assert watches.check.timerId() != check
    assert watches.verify.timerId() == verify  # not begun anew
    watches.close()


def test_check_and_verify_reach_the_manager(run: Runner) -> None:
    manager, jobs = FakeManager(), Jobs(print)
    watches = Watches(manager, jobs, Settings())

    async def live() -> None:
        watches.check.timeout.emit()
        watches.verify.timeout.emit()
        await asyncio.sleep(0)

    run(live())
    assert manager.calls == [("check",), ("verify",)]
    watches.close()


def test_verify_that_takes_long_is_not_doubled(run: Runner) -> None:
    manager, jobs = SlowManager(), Jobs(print)
    watches = Watches(manager, jobs, Settings())

    async def live() -> None:
        watches.verify.timeout.emit()
        await asyncio.sleep(0)
        watches.verify.timeout.emit()
        await asyncio.sleep(0)
        assert manager.calls == [("verify",)]
        manager.may_answer.set()
        while jobs.names:  # noqa: ASYNC110 - the job's end has no event
            await asyncio.sleep(0)
        watches.verify.timeout.emit()
        await asyncio.sleep(0)

    run(live())
    assert manager.calls == [("verify",)] * 2
    watches.close()


def test_verify_that_fails_does_not_end_the_watch(
    run: Runner, caplog: pytest.LogCaptureFixture
) -> None:
    manager = FakeManager()
    said: list[str] = []
    jobs = Jobs(said.append)
    watches = Watches(manager, jobs, Settings())

    async def broken(_ids: object = None) -> tuple[VerifyResult, ...]:
        raise ValueError("broken")

    manager.verify = broken  # type: ignore[method-assign,assignment]

    async def live() -> None:
        watches.verify.timeout.emit()
        await asyncio.sleep(0)

    run(live())
    assert "watch: verify failed" in caplog.text
    assert said == []  # the states tell the person
    assert watches.verify.isActive()
    watches.close()


def test_network_is_passed_on_only_where_it_is_certain() -> None:
    manager = FakeManager()
    watch = NetworkWatch(manager)
    reach = QNetworkInformation.Reachability
    for found in (reach.Disconnected, reach.Local, reach.Unknown, reach.Online):
        watch.on_reachability(found)
    assert manager.calls == [("network_changed", "False"), ("network_changed", "True")]
