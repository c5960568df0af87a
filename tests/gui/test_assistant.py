"""The first-run assistant, used as a person uses it: mouse, keyboard, and nothing else."""

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QWidget

from tests.gui import scenes
from tests.gui.fake_manager import FakeManager, FakeTime
from tests.gui.fake_program import FakeProgram
from tests.gui.login_item import FakeLoginItem
from tests.waiting import until
from wabot_tray.bot.rule_document import RuleDocument
from wabot_tray.bot.rulebook_file import install_example
from wabot_tray.bot.templates import Template
from wabot_tray.core.snapshot import PairingStage
from wabot_tray.core.states import SessionState
from wabot_tray.gui.assistant import Assistant, Step
from wabot_tray.gui.windows import Windows
from wabot_tray.system.i18n import language

Runner = Callable[[Awaitable[Any]], Any]
NAME = "La Tienda de Rosa"  # keys of the test library are ASCII
PHONE = "573005550100"


@pytest.fixture
def manager(time: FakeTime) -> FakeManager:
    return FakeManager(time=time)


@pytest.fixture
def program(tmp_path: Path, manager: FakeManager) -> FakeProgram:
    made = FakeProgram(tmp_path, manager)
    install_example(made.paths.bot_file, "en")  # as a real first start does
    return made


@pytest.fixture
def login_item() -> FakeLoginItem:
    return FakeLoginItem()


@pytest.fixture
def windows(
    program: FakeProgram, login_item: FakeLoginItem, time: FakeTime, run: Runner
) -> Iterator[Windows]:
    made = Windows(program, lambda: None, login_item=login_item, clock=time.clock)
    yield made
    run(made.close())


def assistant_of(windows: Windows) -> Assistant:
    found = windows.window("assistant")
    assert isinstance(found, Assistant)
    return found


def step(made: Assistant) -> Step:
    """Return the page in view; a call, so that a type checker expects it to change."""
    return made.step


def click(widget: QWidget) -> None:
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)


def tick(box: QWidget) -> None:
    """Click where the box is: beside its words there is nothing to click."""
    QTest.mouseClick(box, Qt.MouseButton.LeftButton, pos=QPoint(10, box.height() // 2))


def press(*keys: Qt.Key) -> None:
    for key in keys:
        focused = QApplication.focusWidget()
        assert focused is not None, "the keyboard has nowhere to go"
        QTest.keyClick(focused, key)


async def opened(windows: Windows) -> Assistant:
    windows.open(minimized=False)
    made = assistant_of(windows)
    await until(made.isActiveWindow)
    return made


def rules(program: FakeProgram) -> RuleDocument:
    return RuleDocument.of(program.paths.bot_file.read_text())


def spoken(program: FakeProgram) -> dict[str, str]:
    """Return the replies of the rules that are switched on, by name."""
    return {rule.name: rule.reply for rule in rules(program).rules if rule.enabled}


async def come_to_link(made: Assistant, manager: FakeManager, name: str = NAME) -> None:
    click(made.go)
    click(made.go)
    QTest.keyClicks(made.name.name, name)
    click(made.go)
    await until(lambda: ("pair", made.account_id) in manager.calls)


async def come_to_replies(made: Assistant, manager: FakeManager) -> None:
    await come_to_link(made, manager)
    manager.show_code(made.account_id, scenes.CODE)
    manager.pairing_step(made.account_id, PairingStage.DONE, phone=PHONE)
    manager.change(made.account_id, state=SessionState.CONNECTED, paired=True, phone=PHONE)
    click(made.go)
    assert step(made) is Step.REPLY


def test_first_run_leads_to_the_first_answer(
    windows: Windows, program: FakeProgram, manager: FakeManager, login_item: FakeLoginItem,
    run: Runner,
) -> None:  # fmt: skip
    async def live() -> None:
        made = await opened(windows)
        await come_to_replies(made, manager)
        (account,) = manager.snapshots()
        assert (account.id, account.label) == ("la-tienda-de-rosa", NAME)
        assert NAME in made.reply.cards[Template.GREETING].text.toPlainText()
        made.reply.cards[Template.GREETING].text.selectAll()
        QTest.keyClicks(made.reply.cards[Template.GREETING].text, "Hello {name}, we bake until 8.")
        click(made.go)
        await until(lambda: step(made) is Step.LAST)
        assert "Try it" in made.last.state.text()
        manager.change(made.account_id, replied=1)
        assert "answered" in made.last.state.text()
        click(made.go)
        assert not made.isVisible()
        assert windows.dashboard.isVisible()
        assert list(spoken(program).values()) == ["Hello {name}, we bake until 8."]
        assert login_item.enabled

    run(live())


def test_assistant_is_done_with_the_keyboard_alone(
    windows: Windows, program: FakeProgram, manager: FakeManager, login_item: FakeLoginItem,
    run: Runner,
) -> None:  # fmt: skip
    async def live() -> None:
        made = await opened(windows)
        press(Qt.Key.Key_Return)
        press(Qt.Key.Key_Return)
        for letter in "Shop":
            press(Qt.Key(ord(letter.upper())))
        press(Qt.Key.Key_Return)
        assert step(made) is Step.LINK
        await until(lambda: ("pair", "shop") in manager.calls)
        manager.show_code("shop", scenes.CODE)
        manager.pairing_step("shop", PairingStage.DONE, phone=PHONE)
        press(Qt.Key.Key_Return)
        assert step(made) is Step.REPLY
        press(Qt.Key.Key_Return)
        await until(lambda: step(made) is Step.LAST)
        while QApplication.focusWidget() is not made.last.autostart:
            press(Qt.Key.Key_Tab)
        press(Qt.Key.Key_Space)
        while QApplication.focusWidget() is not made.go:
            press(Qt.Key.Key_Tab)
        press(Qt.Key.Key_Return)
        assert not made.isVisible()
        assert not login_item.enabled
        assert len(spoken(program)) == 1

    run(live())


def test_no_reply_wanted_means_none(
    windows: Windows, program: FakeProgram, manager: FakeManager, run: Runner
) -> None:
    async def live() -> None:
        made = await opened(windows)
        await come_to_replies(made, manager)
        click(made.skip)
        await until(lambda: step(made) is Step.LAST)
        assert spoken(program) == {}
        assert "Nothing is answered" in made.last.hint.text()

    run(live())


def test_away_and_prices_are_switched_on_together(
    windows: Windows, program: FakeProgram, manager: FakeManager, run: Runner
) -> None:
    async def live() -> None:
        made = await opened(windows)
        await come_to_replies(made, manager)
        for template in (Template.AWAY, Template.PRICES):
            tick(made.reply.cards[template].wanted)
            assert made.reply.cards[template].text.isVisible()
        click(made.go)
        await until(lambda: step(made) is Step.LAST)
        hours = rules(program).hours
        assert hours is not None
        assert hours.closed == made.reply.cards[Template.AWAY].text.toPlainText()
        assert len(spoken(program)) == 2

    run(live())


def test_reply_with_a_wrong_placeholder_is_refused_with_a_sentence(
    windows: Windows, manager: FakeManager, run: Runner
) -> None:
    async def live() -> None:
        made = await opened(windows)
        await come_to_replies(made, manager)
        made.reply.cards[Template.GREETING].text.selectAll()
        QTest.keyClicks(made.reply.cards[Template.GREETING].text, "Hello {nombre}")
        click(made.go)
        await until(made.reply.problem.isVisible)
        assert "nombre" in made.reply.problem.text()
        assert step(made) is Step.REPLY

    run(live())


def test_another_language_is_spoken_at_once(windows: Windows, run: Runner) -> None:
    async def live() -> None:
        made = await opened(windows)
        ended: list[str] = []
        made.finished.connect(lambda: ended.append("finished"))
        tick(made.welcome.languages["es"])
        await until(lambda: assistant_of(windows) is not made)
        again = assistant_of(windows)
        assert language() == "es"
        assert again.isVisible()
        assert again.go.text() == "Continuar"
        assert again.welcome.languages["es"].isChecked()
        assert ended == []  # nothing took its place meanwhile

    run(live())


def test_back_renames_the_account_instead_of_adding_another(
    windows: Windows, manager: FakeManager, run: Runner
) -> None:
    async def live() -> None:
        made = await opened(windows)
        await come_to_link(made, manager, "Shp")
        click(made.back)
        assert step(made) is Step.NAME
        made.name.name.selectAll()
        QTest.keyClicks(made.name.name, "Shop")
        click(made.go)
        (account,) = manager.snapshots()
        assert account.label == "Shop"

    run(live())


def test_closing_while_a_code_is_shown_ends_the_attempt(
    windows: Windows, manager: FakeManager, run: Runner
) -> None:
    async def live() -> None:
        made = await opened(windows)
        await come_to_link(made, manager, "Shop")
        manager.show_code("shop", scenes.CODE)
        made.close()
        await until(lambda: ("cancel_pairing", "shop") in manager.calls)
        assert windows.dashboard.isVisible()

    run(live())


def test_opened_again_it_goes_on_with_the_account_that_has_no_phone_yet(
    windows: Windows, manager: FakeManager, run: Runner
) -> None:
    async def live() -> None:
        made = await opened(windows)
        await come_to_link(made, manager, "Shop")
        made.close()
        await until(lambda: ("cancel_pairing", "shop") in manager.calls)
        manager.calls.clear()
        windows.show_window("assistant")
        assert step(made) is Step.WELCOME
        click(made.go)
        click(made.go)
        assert made.name.name.text() == "Shop"
        click(made.go)
        await until(lambda: ("pair", "shop") in manager.calls)
        assert [account.id for account in manager.snapshots()] == ["shop"]

    run(live())


def test_account_that_has_a_phone_is_left_alone(
    windows: Windows, manager: FakeManager, run: Runner
) -> None:
    async def live() -> None:
        made = await opened(windows)
        await come_to_replies(made, manager)
        made.close()
        windows.show_window("assistant")
        assert made.name.name.text() == ""
        await come_to_link(made, manager, "Another")
        assert len(manager.snapshots()) == 2

    run(live())


def test_phone_can_be_linked_later(windows: Windows, manager: FakeManager, run: Runner) -> None:
    async def live() -> None:
        made = await opened(windows)
        await come_to_link(made, manager, "Shop")
        assert not made.go.isEnabled()
        click(made.skip)
        assert step(made) is Step.REPLY
        click(made.go)
        await until(lambda: step(made) is Step.LAST)
        assert "No phone" in made.last.state.text()

    run(live())


def test_account_removed_meanwhile_begins_anew(
    windows: Windows, manager: FakeManager, run: Runner
) -> None:
    async def live() -> None:
        made = await opened(windows)
        await come_to_replies(made, manager)
        await manager.remove(made.account_id)
        assert step(made) is Step.WELCOME
        assert made.account_id == ""

    run(live())


def test_another_account_leaves_the_rules_of_the_first_alone(
    windows: Windows, program: FakeProgram, manager: FakeManager, run: Runner
) -> None:
    async def live() -> None:
        manager.add("first", "First")
        manager.change("first", state=SessionState.CONNECTED, paired=True, phone="573005550101")
        before = program.paths.bot_file.read_text()
        windows.show_window("assistant")
        made = assistant_of(windows)
        await until(made.isActiveWindow)
        await come_to_link(made, manager)
        manager.pairing_step(made.account_id, PairingStage.DONE, phone=PHONE)
        manager.change(made.account_id, state=SessionState.CONNECTED, paired=True)
        click(made.go)
        await until(lambda: step(made) is Step.LAST)
        assert "Try it" in made.last.state.text()
        click(made.back)
        assert step(made) is Step.NAME
        assert program.paths.bot_file.read_text() == before

    run(live())


def test_with_accounts_the_dashboard_comes_first(
    tmp_path: Path, time: FakeTime, run: Runner
) -> None:
    program = FakeProgram(tmp_path, FakeManager(*scenes.shop(), time=time))
    made = Windows(program, lambda: None, clock=time.clock)

    async def live() -> None:
        made.open(minimized=False)
        assert made.window("assistant") is None
        assert made.dashboard.isVisible()
        await made.close()

    run(live())


def test_system_that_refuses_the_login_item_is_told(
    windows: Windows, manager: FakeManager, login_item: FakeLoginItem, run: Runner
) -> None:
    async def live() -> None:
        login_item.problem = PermissionError(13, "Permission denied")
        made = await opened(windows)
        await come_to_replies(made, manager)
        click(made.go)
        await until(lambda: step(made) is Step.LAST)
        click(made.go)
        assert not made.isVisible()
        told = windows.dashboard.banners
        await until(lambda: any("Permission denied" in text for text in texts(told)))

    run(live())


def texts(widget: QWidget) -> list[str]:
    return [one.text() for one in widget.findChildren(QLabel)]
