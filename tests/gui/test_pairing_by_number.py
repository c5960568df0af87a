"""Linking by number in the pairing window, as a person does it: typed, corrected, waited for."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton, QWidget

from tests.gui import scenes
from tests.gui.fake_manager import FakeManager, FakeTime
from tests.gui.test_pairing import read_qr, texts
from tests.waiting import until
from wabot_tray.core.errors import ControlError
from wabot_tray.core.reasons import Reason
from wabot_tray.core.snapshot import PairingStage, PairingWay
from wabot_tray.core.states import SessionState
from wabot_tray.gui.bridge import ManagerBridge
from wabot_tray.gui.jobs import Jobs
from wabot_tray.gui.pairing import PairingWindow
from wabot_tray.system.i18n import set_language, t

ID = "account-0"
NUMBER = "573001234567"
CODE = "K7RM-4XTP"
Run = Callable[[Awaitable[Any]], Any]


class Person:
    """Somebody in front of the window, with a mouse and a keyboard."""

    def __init__(self, window: PairingWindow, run: Run) -> None:
        self.window = window
        self.panel = window.panel
        self._run = run

    def click(self, widget: QPushButton) -> None:
        """Click, and let what that starts come to its end."""
        assert widget.isVisible(), widget.text()
        self._do(lambda: QTest.mouseClick(widget, Qt.MouseButton.LeftButton))

    def close(self) -> None:
        async def closing() -> None:
            self.window.close()
            await asyncio.sleep(0)

        self._run(closing())

    def type(self, text: str, *, over: bool = True) -> None:
        field = self.panel.number.number
        assert field.isVisible()
        field.setFocus()
        if over:
            field.selectAll()
            QTest.keyClick(field, Qt.Key.Key_Delete)
        QTest.keyClicks(field, text)

    def press(self, key: Qt.Key) -> None:
        self._do(lambda: QTest.keyClick(self.focused, key))

    @property
    def focused(self) -> QWidget:
        found: QWidget | None = self.window.focusWidget()
        return self.window if found is None else found

    def choose(self, region: str) -> None:
        country = self.panel.number.country
        country.setFocus()
        country.setCurrentIndex(country.findData(region))

    def go_to_number(self) -> None:
        self.click(self.panel.by_number)

    def ask(self, text: str = "300 123 4567", region: str = "CO") -> None:
        self.choose(region)
        self.type(text)
        self.click(self.panel.number.go)

    def _do(self, deed: Callable[[], object]) -> None:
        async def doing() -> None:
            deed()
            await asyncio.sleep(0)
            await until(lambda: self.panel.number.is_filled or not self.panel.by_number.isChecked())

        self._run(doing())


@pytest.fixture
def manager(time: FakeTime) -> FakeManager:
    return FakeManager(scenes.account(SessionState.LOGGED_OUT, phone=None), time=time)


@pytest.fixture
def person(manager: FakeManager, time: FakeTime, run: Run) -> Iterator[Person]:
    """In front of the window that shows its first QR code."""
    bridge, said = ManagerBridge(manager), list[str]()
    jobs = Jobs(said.append)

    async def opening() -> PairingWindow:
        window = PairingWindow(bridge, ID, jobs, clock=time.clock)
        window.show()
        await asyncio.sleep(0)
        return window

    person = Person(run(opening()), run)
    manager.show_code(ID, scenes.CODE)
    manager.calls.clear()
    yield person
    run(jobs.close())
    bridge.close()
    assert said == []


def test_code_is_asked_for_shown_copied_and_links(person: Person, manager: FakeManager) -> None:
    person.go_to_number()
    assert manager.calls == []  # the QR code's attempt goes on until a code is asked for
    person.ask()
    assert manager.calls == [("pair", ID, NUMBER)]
    assert person.panel.stage is PairingStage.STARTING
    manager.show_link_code(ID, CODE)
    shown = texts(person.window)
    assert CODE in shown
    assert "Code for +573001234567" in shown
    assert "Link with phone number instead" in shown
    assert "Time left to type it: 2:40" in shown
    person.click(person.panel.link.copy)
    assert QGuiApplication.clipboard().text() == CODE
    assert person.panel.link.copy.text() == "Copied"
    manager.pairing_step(ID, PairingStage.LINKING, way=PairingWay.PHONE)
    manager.pairing_step(ID, PairingStage.DONE, way=PairingWay.PHONE, phone=NUMBER)
    assert "+573001234567" in texts(person.window)
    assert person.panel.link.code.text() == ""
    assert not person.panel.by_number.isVisible()


def test_going_back_and_forth_loses_nothing(person: Person, manager: FakeManager) -> None:
    person.go_to_number()
    person.type("30012")
    person.click(person.panel.by_qr)
    assert manager.calls == []
    assert read_qr(person.panel.code.qr.grab().toImage()) == scenes.CODE
    person.go_to_number()
    assert person.panel.number.number.text().replace(" ", "").endswith("30012")
    person.ask()
    manager.show_link_code(ID, CODE)
    person.click(person.panel.by_qr)
    assert manager.calls[-1] == ("pair", ID)
    manager.show_code(ID, scenes.CODE)  # the manager has it still
    assert read_qr(person.panel.code.qr.grab().toImage()) == scenes.CODE
    manager.pairing_step(ID, PairingStage.CODE, way=PairingWay.QR, code=scenes.CODE)
    assert person.panel.by_qr.isChecked()


def test_qr_codes_that_come_meanwhile_do_not_disturb_who_types(
    person: Person, manager: FakeManager
) -> None:
    person.go_to_number()
    person.type("3001")
    manager.show_code(ID, scenes.CODE[:-6] + "other,", number=2)
    manager.pairing_step(ID, PairingStage.FAILED, reason=Reason.QR_EXPIRED)
    assert person.panel.number.isVisible()
    assert person.panel.by_number.isChecked()
    person.click(person.panel.by_qr)
    assert manager.calls == [("pair", ID)]  # that one is over


def test_phone_that_scans_meanwhile_is_shown(person: Person, manager: FakeManager) -> None:
    person.go_to_number()
    manager.pairing_step(ID, PairingStage.LINKING)
    assert not person.panel.number.isVisible()
    assert "linking" in texts(person.window)


@pytest.mark.parametrize(
    ("region", "typed", "said"),
    [
        ("CO", "300 12", "error.number_short"),
        ("CO", "300 123 4567 89 12", "error.number_long"),
        ("CO", "", "error.number_empty"),
        ("", "3001234567", "error.number_no_country"),
        ("CO", "+999 1234567", "error.number_country"),
    ],
)
@pytest.mark.parametrize("language", ["en", "es"])
def test_wrong_number_is_said_and_nobody_is_asked(
    person: Person, manager: FakeManager, language: str, region: str, typed: str, said: str
) -> None:
    set_language(language)
    person.go_to_number()
    person.ask(typed, region)
    assert person.panel.number.problem.text() == t(said)
    assert manager.calls == []
    person.type("3")
    assert not person.panel.number.problem.isVisible()


def test_number_is_spaced_and_the_cursor_stays(person: Person) -> None:
    person.go_to_number()
    person.choose("ES")
    person.type("600111222")
    field = person.panel.number.number
    assert field.text() == "600 11 12 22"
    field.setCursorPosition(2)
    QTest.keyClick(field, Qt.Key.Key_Backspace)
    assert field.text() == "601 11 22 2"
    assert field.cursorPosition() == 1
    QTest.keyClicks(field, "5")
    assert field.text() == "650 11 12 22"
    assert field.cursorPosition() == 2


def test_international_number_chooses_its_country(person: Person) -> None:
    person.go_to_number()
    person.choose("ES")
    person.type("+573001234567")
    assert person.panel.number.region == "CO"
    assert person.panel.number.number.text() == "+57 300 1234567"


def test_landline_is_only_remarked(person: Person, manager: FakeManager) -> None:
    person.go_to_number()
    person.choose("CO")
    person.type("601 234 5678")
    assert person.panel.number.remark.text() == t("number.not_mobile")
    person.press(Qt.Key.Key_Return)
    assert manager.calls == [("pair", ID, "576012345678")]


@pytest.mark.parametrize("reason", [Reason.NUMBER_REFUSED, Reason.CODE_LIMIT])
def test_refused_number_can_be_corrected_where_it_stands(
    person: Person, manager: FakeManager, reason: Reason
) -> None:
    person.go_to_number()
    person.ask()
    manager.pairing_step(ID, PairingStage.FAILED, way=PairingWay.PHONE, reason=reason)
    assert t(f"reason.{reason}") in person.panel.number.problem.text()
    assert t(f"advice.{reason}") in person.panel.number.problem.text()
    assert "300" in person.panel.number.number.text()


def test_expired_code_is_renewed_with_one_press(person: Person, manager: FakeManager) -> None:
    person.go_to_number()
    person.ask()
    manager.show_link_code(ID, CODE)
    manager.pairing_step(ID, PairingStage.FAILED, way=PairingWay.PHONE, reason=Reason.CODE_EXPIRED)
    assert t("reason.code-expired") in texts(person.window)
    person.press(Qt.Key.Key_Space)  # the button has the focus
    assert manager.calls == [("pair", ID, NUMBER)] * 2


def test_third_code_is_called_so_and_the_pause_counts_down(
    person: Person, manager: FakeManager, time: FakeTime
) -> None:
    person.go_to_number()
    for number in range(3):
        person.ask()
        manager.show_link_code(ID, f"AAAA-000{number}")
        if number < 2:
            person.click(person.panel.link.other)
    assert t("pairing.last_of_three") in texts(person.window)
    time.pass_s(165)
    manager.pairing_step(ID, PairingStage.FAILED, way=PairingWay.PHONE, reason=Reason.CODE_EXPIRED)
    person.press(Qt.Key.Key_Space)
    page = person.panel.number
    assert page.pause.text() == "Next code in 12:15"
    assert not page.go.isEnabled()
    asked = list(manager.calls)
    person.press(Qt.Key.Key_Return)
    assert manager.calls == asked
    time.pass_s(735)
    person.panel.tick()
    assert page.go.isEnabled()
    assert not page.pause.isVisible()


def test_pause_is_there_when_the_window_is_opened_anew(
    person: Person, manager: FakeManager, time: FakeTime
) -> None:
    manager.codes = (time.now(),) * 3
    person.go_to_number()
    assert person.panel.number.pause.text() == "Next code in 15:00"
    manager.failures["pair", ID, NUMBER] = ControlError("error.codes_paused", id=ID, minutes=15)


def test_refusal_of_the_program_is_said_where_the_number_stands(
    person: Person, manager: FakeManager
) -> None:
    manager.failures["pair", ID, NUMBER] = ControlError("error.codes_paused", id=ID, minutes=9)
    person.go_to_number()
    person.ask()
    assert "in 9 min" in person.panel.number.problem.text()


def test_attempt_begun_elsewhere_is_followed(person: Person, manager: FakeManager) -> None:
    manager.pairing_step(ID, PairingStage.STARTING, way=PairingWay.PHONE, phone=NUMBER)
    manager.show_link_code(ID, CODE)
    assert person.panel.by_number.isChecked()
    assert CODE in texts(person.window)


def test_whole_way_by_keyboard(person: Person, manager: FakeManager) -> None:
    person.panel.by_number.setFocus()
    person.press(Qt.Key.Key_Space)
    assert person.window.focusWidget() is person.panel.number.number
    person.type("+57 300 123 4567")
    person.press(Qt.Key.Key_Return)
    assert manager.calls == [("pair", ID, NUMBER)]
    manager.show_link_code(ID, CODE)
    reached = set()
    for _ in range(12):
        QTest.keyClick(person.focused, Qt.Key.Key_Tab)
        reached.add(person.window.focusWidget())
    page = person.panel.link
    assert {page.code, page.copy, page.other, person.panel.by_qr} <= reached


def test_code_and_fields_are_read_aloud_sensibly(person: Person, manager: FakeManager) -> None:
    person.go_to_number()
    page = person.panel.number
    for widget, name in ((page.country, "Country"), (page.number, "Phone number")):
        interface = QAccessible.queryAccessibleInterface(widget)
        assert interface.text(QAccessible.Text.Name) == name
    person.ask()
    manager.show_link_code(ID, CODE)
    said = QAccessible.queryAccessibleInterface(person.panel.link.code)
    assert said.text(QAccessible.Text.Name) == "Code to type on the phone: K 7 R M, 4 X T P"


def test_neither_number_nor_code_is_logged(
    person: Person, manager: FakeManager, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    person.go_to_number()
    person.ask()
    manager.show_link_code(ID, CODE)
    person.click(person.panel.by_qr)
    person.close()
    for secret in (CODE, NUMBER, "1234567", "123 4567"):
        assert secret not in caplog.text


@pytest.mark.parametrize("language", ["en", "es"])
def test_no_text_is_cut(person: Person, language: str) -> None:
    set_language(language)
    person.go_to_number()
    for way in (person.panel.by_qr, person.panel.by_number, person.panel.number.go):
        metrics = way.fontMetrics()
        assert metrics.horizontalAdvance(way.text()) <= way.width() - 16, way.text()
