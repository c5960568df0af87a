"""The dashboard: follows the accounts, changes them, says what should be known."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, QSettings, Qt
from PySide6.QtGui import QAccessible
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu, QPushButton, QWidget

from tests.gui import scenes
from tests.gui.fake_manager import FakeManager, FakeTime
from wabot_tray.core.errors import ControlError
from wabot_tray.core.history import Mark, Period, Phase, Repair
from wabot_tray.core.reasons import Reason
from wabot_tray.core.snapshot import VerifyResult
from wabot_tray.core.states import SessionState
from wabot_tray.gui.accountcard import AccountCard
from wabot_tray.gui.actions import AccountActions, Tone
from wabot_tray.gui.bridge import ManagerBridge
from wabot_tray.gui.dashboard import Dashboard
from wabot_tray.gui.dialogs import RemoveDialog, RenameDialog
from wabot_tray.gui.icons import state_icon
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


def card(window: Dashboard, number: int) -> AccountCard:
    window.cards.finish()
    return window.cards.cards[number]


def press(button: QPushButton) -> None:
    """Click with the mouse, as a person does."""
    assert button.isVisible()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def key(window: Dashboard, code: Qt.Key) -> None:
    """Press a key where the keyboard is."""
    current = window.cards.current
    assert current is not None
    QTest.keyClick(current, code)


def said(window: Dashboard) -> tuple[str, ...]:
    return window.banners.texts


def doing(run: Runner, work: Callable[[], object]) -> None:
    """Do something that starts a job, and wait until the job is over."""

    async def live() -> None:
        work()
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})

    run(live())


def test_card_says_all_there_is_to_know(window: Dashboard) -> None:
    shown = card(window, 2)
    assert shown.name.text() == "Ferretería López"
    assert shown.phone.text() == "+573005550102"
    assert shown.state.text() == "Disconnected, trying again · for 18 minutes"
    assert shown.sentence.text() == "WhatsApp could not be reached; next attempt in 34 seconds."
    assert shown.hint.text() == t("advice.dial-failed")
    assert shown.figures.text() == "nothing answered yet today · not verified yet"
    wanted = state_icon(SessionState.WAITING).pixmap(36, 36).toImage()
    assert shown.picture.pixmap().toImage() == wanted
    well = card(window, 0)
    assert well.figures.text() == "24 messages answered today · verified 1 minute ago"
    assert not well.sentence.isVisible()


def test_card_says_the_same_to_a_screen_reader(window: Dashboard) -> None:
    spoken = QAccessible.queryAccessibleInterface(card(window, 2))
    name = spoken.text(QAccessible.Text.Name)
    assert name == "Ferretería López: Disconnected, trying again · for 18 minutes"
    told = spoken.text(QAccessible.Text.Description)
    for words in ("next attempt in 34 seconds", "Nothing is known", "not verified yet"):
        assert words in told
    for button in card(window, 2).findChildren(QPushButton):
        spoken = QAccessible.queryAccessibleInterface(button)
        assert spoken.text(QAccessible.Text.Name)


def test_changes_are_shown_at_once(window: Dashboard, manager: FakeManager) -> None:
    assert window.summary.text() == "2 of 4 connected"
    manager.change("account-1", state=SessionState.LOGGED_OUT, reason=Reason.PHONE_UNLINKED)
    assert card(window, 1).state.text().startswith("Disconnected, not linked")
    assert window.summary.text() == "1 of 4 connected"


def test_countdown_is_live(window: Dashboard, time: FakeTime) -> None:
    time.pass_s(30)
    window.tick()
    assert "next attempt in 4 seconds" in card(window, 2).sentence.text()


def test_nothing_ticks_while_nobody_looks(window: Dashboard) -> None:
    assert window._ticking.isActive()
    window.hide()
    assert not window._ticking.isActive()


def test_card_offers_what_helps(window: Dashboard) -> None:
    def offered(number: int) -> dict[str, object]:
        found = card(window, number).buttons.values()
        return {b.text(): b.property("role") for b in found if b.isVisible()}

    assert offered(0) == {"Reconnect now": None, "Verify now": None, "Stop": None}
    assert offered(2) == {"Reconnect now": "primary", "Pair again…": None, "Stop": None}
    assert offered(3) == {"Pair again…": None, "Start": "primary"}


def test_choice_survives_changes_of_other_accounts(
    window: Dashboard, manager: FakeManager, run: Runner
) -> None:
    window.select("account-2")
    run(manager.remove("account-0"))
    manager.add("new", "New")
    assert [one.shown.id for one in window.cards.cards] == [
        "account-1",
        "account-2",
        "account-3",
        "new",
    ]
    assert window.cards.current is window.cards.card("account-2")


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
    window.select(account)  # brings it into view
    shown = window.cards.card(account)
    assert shown is not None
    doing(run, lambda: press(shown.buttons[getattr(shown.commands, command)]))
    assert manager.calls == [call]


# --- the keyboard --------------------------------------------------------------------------------


def test_arrows_move_among_the_cards_and_bring_them_into_view(window: Dashboard) -> None:
    window.select("account-0")
    for code, wanted in (
        (Qt.Key.Key_Down, "account-1"),
        (Qt.Key.Key_End, "account-3"),
        (Qt.Key.Key_Down, "account-3"),
        (Qt.Key.Key_Up, "account-2"),
        (Qt.Key.Key_Home, "account-0"),
        (Qt.Key.Key_PageDown, "account-3"),
    ):
        key(window, code)
        current = window.cards.current
        assert current is not None
        assert current.shown.id == wanted
        top = current.mapTo(window.cards.viewport(), QPoint(0, 0)).y()
        assert 0 <= top <= window.cards.viewport().height() - current.height()


def test_tab_visits_the_current_card_alone(window: Dashboard) -> None:
    window.select("account-1")
    others = [one for one in window.cards.cards if one is not window.cards.current]
    for one in others:
        for part in (one, *one.findChildren(QPushButton)):
            assert not part.focusPolicy() & Qt.FocusPolicy.TabFocus
    current = window.cards.current
    assert current is not None
    chain: list[QWidget] = [current]
    while (after := chain[-1].nextInFocusChain()) is not None and after is not current:
        chain.append(after)
    tabbed = {one for one in chain if one.focusPolicy() & Qt.FocusPolicy.TabFocus}
    reached = {one for one in tabbed if current.isAncestorOf(one)}
    assert reached - {current} == set(current.findChildren(QPushButton))


@pytest.mark.parametrize(
    ("code", "dialog"), [(Qt.Key.Key_F2, RenameDialog), (Qt.Key.Key_Delete, RemoveDialog)]
)
def test_keys_ask_for_the_current_account(
    window: Dashboard, code: Qt.Key, dialog: type[QWidget]
) -> None:
    window.select("account-1")
    key(window, code)
    (asked,) = window.findChildren(dialog)
    assert asked.isVisible()


@pytest.mark.parametrize("way", ["Return", "double click", "button"])
def test_history_is_opened(window: Dashboard, way: str) -> None:
    wanted: list[str] = []
    window.history_wanted.connect(wanted.append)
    window.select("account-1")
    shown = card(window, 1)
    if way == "Return":
        key(window, Qt.Key.Key_Return)
    elif way == "button":
        press(shown.details)
    else:
        QTest.mouseDClick(shown.name, Qt.MouseButton.LeftButton)
    assert wanted == ["account-1"]


def test_menu_of_a_card_offers_everything(window: Dashboard) -> None:
    shown = card(window, 0)
    shown.pop_up_menu(QPoint(10, 10))
    (menu,) = (m for m in shown.findChildren(QMenu) if m.isVisible())
    offered = [action.text() for action in menu.actions()]
    assert offered == [action.text() for action in shown.all_actions]
    assert {"History…", "Rename…", "Remove…"} <= set(offered)
    menu.close()


def test_card_that_goes_leaves_the_keyboard_to_its_neighbour(
    window: Dashboard, manager: FakeManager, run: Runner
) -> None:
    window.select("account-3")
    run(manager.remove("account-3"))
    assert window.cards.current is window.cards.card("account-2")
    for snapshot in manager.snapshots():
        run(manager.remove(snapshot.id))
    assert window.cards.current is None


def test_many_accounts_come_one_by_one(
    qapp: QApplication, actions: AccountActions, store: QSettings, time: FakeTime
) -> None:
    many = FakeManager(*(scenes.account(SessionState.CONNECTED, n) for n in range(20)), time=time)
    bridge = ManagerBridge(many)
    made = Dashboard(bridge, actions, store, clock=time.clock)
    assert len(made.cards.cards) < 20
    many.change("account-19", state=SessionState.STOPPED)
    made.show()
    while len(made.cards.cards) < 20:
        qapp.processEvents()
    assert card(made, 19).state.text().startswith("Stopped")
    assert [one.shown.id for one in made.cards.cards] == [f"account-{n}" for n in range(20)]
    made.may_close = True
    made.close()
    bridge.close()


# --- the past ------------------------------------------------------------------------------------


def test_card_says_how_much_it_was_connected(
    window: Dashboard, manager: FakeManager, time: FakeTime
) -> None:
    assert card(window, 0).percent.text() == "–"  # noqa: RUF001
    begin = time.now() - timedelta(hours=10)
    manager.history.add(
        "account-0",
        Mark(begin, Phase.UP, Reason.LOGGED_IN),
        *scenes.outage(begin + timedelta(hours=4), 60, Repair.REDIAL),
    )
    window.tick()
    assert card(window, 0).percent.text() == "90.0 %"
    assert card(window, 0).spell.text() == "connected, last 24 hours"
    press(window.periods.buttons[Period.MONTH])
    assert card(window, 0).spell.text() == "connected, last 30 days"
    assert len(card(window, 0).strip.bars) == 60


def test_period_is_remembered(
    window: Dashboard,
    manager: FakeManager,
    actions: AccountActions,
    store: QSettings,
) -> None:
    press(window.periods.buttons[Period.WEEK])
    bridge = ManagerBridge(manager)
    again = Dashboard(bridge, actions, store)
    assert again.periods.buttons[Period.WEEK].isChecked()
    assert card(again, 0).spell.text() == "nothing known yet, last 7 days"
    bridge.close()


def test_strip_says_what_a_bar_stands_for(
    window: Dashboard, manager: FakeManager, time: FakeTime
) -> None:
    begin = time.now() - timedelta(hours=10)
    manager.history.add("account-0", Mark(begin, Phase.UP, Reason.LOGGED_IN))
    lost = time.now() - timedelta(hours=2, minutes=20)
    manager.history.add("account-0", *scenes.outage(lost, 6, Repair.REDIAL))
    window.tick()
    strip = card(window, 0).strip

    def said(number: int) -> str:
        return strip.words_at(strip.bar_area(number).center().toPoint())

    assert "Not known" in said(0)
    assert said(30).endswith("Connected all the time")
    _, spent, why = said(43).splitlines()
    assert spent == "Connected 24 minutes, without connection 6 minutes"
    assert why == "6 minutes: The connection to WhatsApp was lost."
    assert strip.words_at(QPoint(-1, 0)) == ""


def test_strip_paints_loss_and_ignorance_in_other_shapes(
    window: Dashboard, manager: FakeManager, time: FakeTime
) -> None:
    begin = time.now() - timedelta(hours=10)
    manager.history.add("account-0", Mark(begin, Phase.UP, Reason.LOGGED_IN))
    manager.history.add("account-0", Mark(begin + timedelta(hours=5), Phase.DOWN, Reason.LINK_LOST))
    manager.history.add("account-0", Mark(begin + timedelta(hours=8), Phase.OFF))
    window.tick()
    QApplication.processEvents()
    strip = card(window, 0).strip
    image, ground = strip.grab().toImage(), strip.palette().color(strip.backgroundRole())

    def columns(number: int) -> list[bool]:
        """Return where the middle of a bar is painted, from the top down: shape, not colour."""
        area = strip.bar_area(number)
        whole = range(round(area.left()) + 1, round(area.right()) - 1)
        return [
            all(abs(image.pixelColor(x, y).lightness() - 255) > 40 for x in whole)
            for y in range(image.height())
        ]

    assert ground.isValid()
    up, off, unknown = columns(30), columns(46), columns(2)
    assert sum(up) > 0.8 * len(up)
    assert 0 < sum(off) <= 4
    assert not any(unknown[: len(unknown) // 2])
    assert not off[0]
    lost = [image.pixelColor(round(strip.bar_area(40).center().x()), y) for y in range(4, 20)]
    assert len({colour.rgb() for colour in lost}) > 1  # hatched


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
    current = window.cards.current
    assert current is not None
    assert current.shown.label == "Café del Señor Núñez"


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


def test_renaming_changes_the_card(window: Dashboard, manager: FakeManager) -> None:
    dialog = window.ask_name("account-1")
    dialog.name.setText("Panadería Nueva")
    dialog.accept()
    assert manager.calls == [("rename", "account-1", "Panadería Nueva")]
    assert card(window, 1).name.text() == "Panadería Nueva"


def test_removing_asks_first(window: Dashboard, manager: FakeManager, run: Runner) -> None:
    refused = window.ask_removal("account-1")
    assert "unlinked" in t("remove.words", name="x")
    assert refused.cancel.isDefault()
    refused.reject()
    assert manager.calls == []
    doing(run, window.ask_removal("account-1").accept)
    assert manager.calls == [("remove", "account-1")]
    assert window.cards.card("account-1") is None
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
    assert not window.cards.isVisible()
    manager.add("one", "One")
    assert window.cards.isVisible()


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
