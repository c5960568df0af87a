"""The dashboard: follows the accounts, changes them, says what should be known."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtGui import QIcon
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton

from tests.gui import scenes
from tests.gui.fake_manager import FakeManager, FakeTime
from wabot_tray.core.errors import ControlError
from wabot_tray.core.reasons import Reason
from wabot_tray.core.snapshot import VerifyResult
from wabot_tray.core.states import SessionState
from wabot_tray.gui.actions import AccountActions, Tone
from wabot_tray.gui.bridge import ManagerBridge
from wabot_tray.gui.dashboard import Dashboard
from wabot_tray.gui.icons import state_icon
from wabot_tray.gui.models import Column
from wabot_tray.system.i18n import t
from wabot_tray.system.texts import packed

Runner = Callable[[Awaitable[Any]], Any]


@pytest.fixture
def manager(time: FakeTime) -> FakeManager:
    return FakeManager(*scenes.shop(), time=time)


@pytest.fixture
def store(tmp_path: Path) -> QSettings:
    return QSettings(str(tmp_path / "windows.ini"), QSettings.Format.IniFormat)


@pytest.fixture
def actions(manager: FakeManager) -> AccountActions:
    return AccountActions(manager)


@pytest.fixture
def window(
    manager: FakeManager, actions: AccountActions, store: QSettings, time: FakeTime, run: Runner
) -> Iterator[Dashboard]:
    bridge = ManagerBridge(manager)
    made = Dashboard(bridge, actions, store, clock=time.clock)
    actions.told.connect(made.tell)
    made.show()
    yield made
    run(actions.jobs.close())
    made.may_close = True
    made.close()
    bridge.close()
    assert manager.listeners == []


def cell(window: Dashboard, row: int, column: Column) -> str:
    return str(window.model.index(row, column).data())


def said(window: Dashboard) -> tuple[str, ...]:
    return window.banners.texts


def doing(run: Runner, work: Callable[[], object]) -> None:
    """Do something that starts a job, and wait until the job is over."""

    async def live() -> None:
        work()
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})

    run(live())


def test_row_says_all_there_is_to_know(window: Dashboard) -> None:
    row = [cell(window, 2, column) for column in Column]
    assert row == [
        "Ferretería López",
        "+573005550102",
        "Disconnected, trying again",
        "WhatsApp could not be reached.",
        "18 minutes ago",
        "in 34 seconds",
        "–",  # noqa: RUF001
    ]
    assert cell(window, 0, Column.VERIFIED) == "1 minute ago"
    icon = window.model.index(2, Column.STATE).data(Qt.ItemDataRole.DecorationRole)
    assert isinstance(icon, QIcon)
    assert icon.cacheKey() == state_icon(SessionState.WAITING).cacheKey()


def test_changes_are_shown_at_once(window: Dashboard, manager: FakeManager) -> None:
    assert window.summary.text() == "2 of 4 connected"
    manager.change("account-1", state=SessionState.LOGGED_OUT, reason=Reason.PHONE_UNLINKED)
    assert cell(window, 1, Column.STATE) == "Disconnected, not linked"
    assert window.summary.text() == "1 of 4 connected"


def test_countdown_is_live(window: Dashboard, time: FakeTime) -> None:
    window.select("account-2")
    time.pass_s(30)
    window.tick()
    assert cell(window, 2, Column.NEXT) == "in 4 seconds"
    assert "next attempt in 4 seconds" in window.details.sentence.text()


def test_details_follow_the_chosen_row(window: Dashboard) -> None:
    window.select("account-2")
    assert "Ferretería López" in window.details.heading.text()
    assert window.details.hint.text() == t("advice.dial-failed")
    window.select("account-3")
    buttons = {b.text() for b in window.details.findChildren(QPushButton) if b.isVisible()}
    assert "Start" in buttons
    assert "Stop" not in buttons


def test_choice_survives_changes_of_other_accounts(
    window: Dashboard, manager: FakeManager, run: Runner
) -> None:
    window.select("account-2")
    run(manager.remove("account-0"))
    manager.add("new", "New")
    shown = window.details.shown
    assert shown is not None
    assert shown.id == "account-2"


@pytest.mark.parametrize(
    ("account", "command", "call"),
    [
        ("account-2", "reconnect", ("reconnect", "account-2")),
        ("account-0", "verify", ("verify", "account-0")),
        ("account-0", "toggle", ("stop", "account-0")),
        ("account-3", "toggle", ("connect", "account-3")),
    ],
)
def test_commands_reach_the_account(
    account: str,
    command: str,
    call: tuple[str, ...],
    window: Dashboard,
    manager: FakeManager,
    run: Runner,
) -> None:
    window.select(account)
    doing(run, getattr(window.details.commands, command).trigger)
    assert manager.calls == [call]


def test_verify_all_says_what_came_back(
    window: Dashboard, manager: FakeManager, run: Runner
) -> None:
    manager.answers = (
        VerifyResult(id="account-0", connected=True, answered=True, took_ms=41.0),
        VerifyResult(id="account-2", connected=False, answered=False, took_ms=None),
    )
    doing(run, window.verify_all.click)
    assert manager.calls == [("verify",)]
    assert said(window) == ("No answer for: Ferretería López.",)


def test_adding_makes_the_short_name_and_pairs(
    window: Dashboard, manager: FakeManager, actions: AccountActions
) -> None:
    wanted: list[str] = []
    actions.pairing_wanted.connect(wanted.append)
    dialog = window.ask_account()
    dialog.name.setText("Café del Señor Núñez")
    assert dialog.id.text() == "cafe-del-senor-nunez"
    dialog.accept()
    assert manager.calls == [("add", "cafe-del-senor-nunez", "Café del Señor Núñez")]
    assert wanted == ["cafe-del-senor-nunez"]
    shown = window.details.shown
    assert shown is not None
    assert shown.label == "Café del Señor Núñez"


def test_adding_keeps_a_short_name_of_ones_own_and_says_what_is_wrong_with_it(
    window: Dashboard, manager: FakeManager
) -> None:
    dialog = window.ask_account()
    assert not dialog.go.isEnabled()
    dialog.id.selectAll()
    QTest.keyClicks(dialog.id, "account-0")
    QTest.keyClicks(dialog.name, "Shop")
    assert dialog.id.text() == "account-0"
    dialog.accept()
    assert dialog.isVisible()
    assert "There is already an account named account-0" in dialog.problem.text()
    dialog.id.selectAll()
    QTest.keyClicks(dialog.id, "Tienda!")
    dialog.accept()
    assert "cannot name an account" in dialog.problem.text()
    dialog.reject()
    assert len(manager.snapshots()) == 4


def test_renaming_changes_the_row(window: Dashboard, manager: FakeManager) -> None:
    dialog = window.ask_name("account-1")
    dialog.name.setText("Panadería Nueva")
    dialog.accept()
    assert manager.calls == [("rename", "account-1", "Panadería Nueva")]
    assert cell(window, 1, Column.NAME) == "Panadería Nueva"


def test_removing_asks_first(window: Dashboard, manager: FakeManager, run: Runner) -> None:
    refused = window.ask_removal("account-1")
    assert "unlinked" in t("remove.words", name="x")
    assert refused.cancel.isDefault()
    refused.reject()
    assert manager.calls == []
    doing(run, window.ask_removal("account-1").accept)
    assert manager.calls == [("remove", "account-1")]
    assert window.model.row_of("account-1") == -1
    assert said(window) == ("Panadería El Trigal was removed.",)


def test_removing_without_whatsapp_says_what_the_phone_still_shows(
    window: Dashboard, manager: FakeManager, run: Runner
) -> None:
    manager.can_unlink = False
    doing(run, window.ask_removal("account-1").accept)
    assert "WhatsApp could not be told" in said(window)[0]


def test_without_accounts_one_button_leads_on(
    window: Dashboard, manager: FakeManager, run: Runner
) -> None:
    for snapshot in manager.snapshots():
        run(manager.remove(snapshot.id))
    assert window.empty.isVisible()
    assert not window.table.isVisible()
    manager.add("one", "One")
    assert window.table.isVisible()


def test_notices_name_the_line_and_go_when_it_is_mended(
    window: Dashboard, manager: FakeManager
) -> None:
    detail = packed("error.bot_missing", line=12, key="reply")
    for account in ("account-0", "account-1"):
        manager.change(account, notice=Reason.BOT_FILE_BROKEN, notice_detail=detail)
    (only,) = said(window)
    assert "Line 12" in only
    assert t("advice.bot-file-broken") in only
    for account in ("account-0", "account-1"):
        manager.change(account, notice=None, notice_detail="")
    assert said(window) == ()


def test_locked_key_is_told_once_with_what_to_do(window: Dashboard, manager: FakeManager) -> None:
    for account in ("account-0", "account-1"):
        manager.change(account, state=SessionState.FAILED, reason=Reason.KEYRING_LOCKED)
    (only,) = said(window)
    assert t("reason.keyring-locked") in only
    assert t("advice.keyring-locked") in only


def test_recovered_vault_names_its_account(window: Dashboard, manager: FakeManager) -> None:
    manager.change("account-1", notice=Reason.VAULT_RECOVERED)
    assert said(window)[0].startswith("Panadería El Trigal: ")


def test_dismissed_notice_stays_away_until_it_is_news(
    window: Dashboard, manager: FakeManager
) -> None:
    manager.change("account-1", notice=Reason.VAULT_RECOVERED)
    window.banners.dismiss("session:vault-recovered:account-1")
    manager.change("account-0", received=1)
    assert said(window) == ()
    manager.change("account-1", notice=None)
    manager.change("account-1", notice=Reason.VAULT_RECOVERED)
    assert len(said(window)) == 1


def test_missing_tray_is_said_and_closing_asks(window: Dashboard) -> None:
    window.show_tray_presence(False)
    assert said(window) == (t("dashboard.no_tray"),)
    asked: list[int] = []
    window.closing_without_tray.connect(lambda: asked.append(1))
    window.close()
    assert asked == [1]
    assert window.isVisible()
    window.show_tray_presence(True)
    assert said(window) == ()
    window.close()
    assert not window.isVisible()


def test_size_is_remembered(
    window: Dashboard, manager: FakeManager, actions: AccountActions, store: QSettings
) -> None:
    window.resize(1010, 610)
    window.close()
    bridge = ManagerBridge(manager)
    again = Dashboard(bridge, actions, store)
    assert (again.width(), again.height()) == (1010, 610)
    bridge.close()


def test_answer_to_a_click_takes_the_place_of_the_last(window: Dashboard) -> None:
    window.tell("one", Tone.INFO)
    window.tell("two", Tone.GOOD)
    assert said(window) == ("two",)


def test_reconnect_that_cannot_help_says_why_by_name(
    window: Dashboard, manager: FakeManager, actions: AccountActions, run: Runner
) -> None:
    manager.failures["reconnect", "account-2"] = ControlError("error.banned", id="account-2")
    doing(run, actions.reconnect_all)
    assert [call[0] for call in manager.calls] == ["reconnect"] * 3
    (only,) = said(window)
    assert only.startswith("Trying again right now: La Tienda de Rosa, Panadería El Trigal.")
    assert "“Ferretería López”" in only
    assert "account-2" not in only
