"""Actions and the jobs they start: what is said of them, and that none is doubled or lost."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from tests.gui import scenes
from tests.gui.fake_manager import FakeManager
from wabot_tray.core.errors import ControlError
from wabot_tray.core.reasons import Reason
from wabot_tray.core.snapshot import PairingStage, VerifyResult
from wabot_tray.core.states import SessionState
from wabot_tray.gui.actions import AccountActions, Tone
from wabot_tray.gui.bridge import ManagerBridge
from wabot_tray.gui.jobs import Jobs

Runner = Callable[[Awaitable[Any]], Any]
Said = list[tuple[str, Tone]]


def listening(manager: FakeManager) -> tuple[AccountActions, Said]:
    actions, said = AccountActions(manager), Said()
    actions.told.connect(lambda text, tone: said.append((text, tone)))
    return actions, said


def doing(run: Runner, work: Callable[[], object]) -> None:
    async def live() -> None:
        work()
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})

    run(live())


def test_reconnect_all_without_accounts_says_what_to_do() -> None:
    actions, said = listening(FakeManager())
    actions.reconnect_all()
    assert said == [
        ("There is no account yet. Choose “Pair a phone…” first.", Tone.INFO),
    ]


def test_reconnect_all_with_stopped_accounts_says_so() -> None:
    manager = FakeManager(scenes.account(SessionState.STOPPED))
    actions, said = listening(manager)
    actions.reconnect_all()
    assert "All accounts are stopped" in said[0][0]
    assert manager.calls == []


def test_reconnect_leaves_stopped_accounts_alone(run: Runner) -> None:
    manager = FakeManager(*scenes.shop())
    actions, _ = listening(manager)
    doing(run, actions.reconnect_all)
    assert ("reconnect", "account-3") not in manager.calls
    assert len(manager.calls) == 3


def test_error_of_an_action_is_said_in_its_sentence(run: Runner) -> None:
    manager = FakeManager(*scenes.shop())
    manager.failures["connect", "account-3"] = ControlError("error.needs_pairing", id="account-3")
    actions, said = listening(manager)
    doing(run, lambda: actions.connect_account("account-3"))
    assert said == [("“account-3” has no linked phone yet: pair it first.", Tone.ERROR)]


@pytest.mark.parametrize(
    ("connected", "answered", "words", "tone"),
    [
        (True, True, "WhatsApp answered in 41 ms", Tone.GOOD),
        (True, False, "WhatsApp did not answer", Tone.WARNING),
        (False, False, "is not connected", Tone.WARNING),
    ],
)
def test_verify_says_what_came_back(
    connected: bool, answered: bool, words: str, tone: Tone, run: Runner
) -> None:
    manager = FakeManager(*scenes.shop())
    took_ms = 41.2 if answered else None
    manager.answers = (
        VerifyResult(id="account-0", connected=connected, answered=answered, took_ms=took_ms),
    )
    actions, said = listening(manager)
    doing(run, lambda: actions.verify("account-0"))
    ((text, found),) = said
    assert words in text
    assert found is tone


def test_job_is_not_doubled(run: Runner) -> None:
    async def live() -> None:
        jobs, ran = Jobs(print), list[int]()
        go = asyncio.Event()

        async def work() -> None:
            ran.append(1)
            await go.wait()

        assert jobs.start("one", work)
        assert not jobs.start("one", work)
        go.set()
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})
        assert ran == [1]
        assert jobs.start("one", work)
        await jobs.close()

    run(live())


def test_unexpected_error_is_logged_with_its_trace_and_said_plainly(
    run: Runner, caplog: pytest.LogCaptureFixture
) -> None:
    said: list[str] = []

    async def broken() -> None:
        raise ZeroDivisionError("inside")

    doing(run, lambda: Jobs(said.append).start("sum", _coroutine(broken)))
    assert said == ["Something unexpected happened. The logs say more."]
    assert "ZeroDivisionError: inside" in caplog.text
    assert caplog.records[0].levelno == logging.ERROR


def _coroutine(
    work: Callable[[], Coroutine[Any, Any, None]],
) -> Callable[[], Coroutine[object, object, None]]:
    return work


def test_close_cancels_what_still_runs(run: Runner) -> None:
    async def live() -> None:
        jobs = Jobs(print)
        jobs.start("for ever", asyncio.Event().wait)  # type: ignore[arg-type]  # its answer is lost
        await asyncio.sleep(0)
        await jobs.close()
        await jobs.close()
        assert jobs.names == ()

    run(live())


def test_bridge_repeats_each_kind_of_news(run: Runner) -> None:
    manager = FakeManager(*scenes.shop())
    bridge, heard = ManagerBridge(manager), list[str]()
    bridge.session_changed.connect(lambda snapshot: heard.append(f"changed {snapshot.id}"))
    bridge.session_removed.connect(lambda account: heard.append(f"removed {account}"))
    bridge.pairing_changed.connect(lambda progress: heard.append(f"pairing {progress.stage}"))
    manager.change("account-0", reason=Reason.LINK_PROVED)
    manager.pairing_step("account-0", PairingStage.LINKING)
    run(manager.remove("account-1"))
    assert heard == ["changed account-0", "pairing linking", "removed account-1"]
    bridge.close()
    manager.change("account-0", reason=Reason.LOGGED_IN)
    assert len(heard) == 3
