"""The history of one account: figures, outages, and a table of them for a spreadsheet."""

import csv
import io
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialogButtonBox, QFileDialog, QLineEdit

from tests.gui import scenes
from tests.gui.fake_manager import FakeManager, FakeTime
from tests.gui.fake_program import FakeProgram
from tests.waiting import until
from wabot_tray.core.history import Mark, Period, Phase, Repair
from wabot_tray.core.reasons import Reason
from wabot_tray.core.settings import Settings
from wabot_tray.gui.historywindow import LONGEST, HistoryWindow
from wabot_tray.gui.outagetable import Column
from wabot_tray.gui.windows import Windows
from wabot_tray.system.i18n import set_language, t

Runner = Callable[[Awaitable[Any]], Any]


@pytest.fixture
def manager(time: FakeTime) -> FakeManager:
    return FakeManager(*scenes.shop(), time=time)


@pytest.fixture
def windows(manager: FakeManager, tmp_path: Path, time: FakeTime, run: Runner) -> Iterator[Windows]:
    made = Windows(FakeProgram(tmp_path, manager), lambda: None, clock=time.clock)
    yield made
    run(made.close())
    assert manager.listeners == []


@pytest.fixture
def window(windows: Windows, manager: FakeManager, time: FakeTime) -> HistoryWindow:
    begin = time.now() - timedelta(days=3)
    manager.history.add(
        "account-0",
        Mark(begin, Phase.UP, Reason.LOGGED_IN),
        *scenes.outage(begin + timedelta(hours=2), 90, Repair.PAIRED, Reason.PHONE_UNLINKED),
        *scenes.outage(time.now() - timedelta(hours=6), 6, Repair.REDIAL),
    )
    return opened(windows, "account-0")


def opened(windows: Windows, account: str) -> HistoryWindow:
    windows.show_history(account)
    found = windows.history_window(account)
    assert found is not None
    return found


def rows(window: HistoryWindow) -> list[list[str]]:
    model = window.model
    return [
        [str(model.index(row, column).data()) for column in Column]
        for row in range(model.rowCount())
    ]


def test_window_says_how_each_period_was(window: HistoryWindow) -> None:
    day, week = window.figures[Period.DAY], window.figures[Period.WEEK]
    assert (day.percent.text(), day.outages.text()) == ("99.5 %", "1 outage of 6 minutes")
    assert week.percent.text() == "97.7 %"
    assert week.outages.text() == "2 outages, the longest 1 hour 30 minutes"


def test_outages_stand_the_newest_first_with_cause_and_repair(window: HistoryWindow) -> None:
    newest, oldest = rows(window)
    assert newest[1:] == [
        "6 minutes",
        "The connection to WhatsApp was lost.",
        "The connection came back by itself",
    ]
    assert oldest[1:] == [
        "1 hour 30 minutes",
        t("reason.phone-unlinked"),
        "The phone was linked again",
    ]
    assert window.table.accessibleName() == "Outages"
    spoken = QAccessible.queryAccessibleInterface(window.strip)
    assert "99.5 %" in spoken.text(QAccessible.Text.Name)


def test_outage_that_lasts_grows(
    window: HistoryWindow, manager: FakeManager, time: FakeTime
) -> None:
    manager.history.add("account-0", Mark(time.now(), Phase.DOWN, Reason.DIAL_FAILED))
    time.pass_s(60)
    window.tick()
    assert rows(window)[0][1:] == ["1 minute", t("reason.dial-failed"), "Still going on"]
    time.pass_s(4)
    window.tick()
    assert rows(window)[0][1] == "1 minute 4 seconds"


def test_account_without_outages_is_congratulated_and_a_new_one_told_what_comes(
    windows: Windows, manager: FakeManager, time: FakeTime
) -> None:
    fresh = opened(windows, "account-1")
    assert fresh.nothing.isVisible()
    assert fresh.nothing.text() == t("record.nothing_yet")
    assert not fresh.save.isEnabled()
    up = Mark(time.now() - timedelta(hours=1), Phase.UP, Reason.LOGGED_IN)
    manager.history.add("account-1", up)
    fresh.tick()
    assert fresh.nothing.text() == t("record.no_outages")


def test_many_outages_are_cut_and_the_window_says_so(
    windows: Windows, manager: FakeManager, time: FakeTime
) -> None:
    for number in range(LONGEST + 5, 0, -1):
        begin = time.now() - timedelta(minutes=10 * number)
        manager.history.add("account-0", *scenes.outage(begin, 2, Repair.REDIAL))
    window = opened(windows, "account-0")
    assert window.model.rowCount() == LONGEST
    assert str(LONGEST) in window.answer.text()


def test_window_follows_the_name_and_goes_with_the_account(
    window: HistoryWindow, windows: Windows, manager: FakeManager, run: Runner
) -> None:
    manager.rename("account-0", "Rosa & Co")
    assert window.name.text() == "Rosa & Co"
    assert "Rosa & Co" in window.windowTitle()
    run(manager.remove("account-0"))
    assert windows.history_window("account-0") is None
    windows.show_history("account-0")  # nobody is there any more: nothing opens
    assert windows.history_window("account-0") is None


def test_second_asking_brings_up_the_same_window(window: HistoryWindow, windows: Windows) -> None:
    assert opened(windows, "account-0") is window
    QTest.keyClick(window, Qt.Key.Key_W, Qt.KeyboardModifier.ControlModifier)
    assert windows.history_window("account-0") is None


def test_another_language_leaves_it_open_and_looking_back_as_far(
    window: HistoryWindow, windows: Windows, run: Runner
) -> None:
    QTest.mouseClick(window.periods.buttons[Period.MONTH], Qt.MouseButton.LeftButton)

    async def speak() -> None:
        await windows.program.apply(Settings(language="es"))
        await until(lambda: windows.history_window("account-0") not in (window, None))

    run(speak())
    again = windows.history_window("account-0")
    assert again is not None
    assert again.isVisible()
    assert rows(again)[0][3] == "La conexión volvió sola"
    assert again.periods.period is Period.MONTH
    set_language("en")


# --- the table for spreadsheets ------------------------------------------------------------------


def saved(window: HistoryWindow, run: Runner, name: str) -> None:
    """Click the button, type a name, click "Save", and wait for the answer."""

    async def live() -> None:
        QTest.mouseClick(window.save, Qt.MouseButton.LeftButton)
        (dialog,) = window.findChildren(QFileDialog)
        await until(dialog.isActiveWindow)
        field = dialog.findChild(QLineEdit, "fileNameEdit")
        assert isinstance(field, QLineEdit)
        field.selectAll()
        QTest.keyClicks(field, name)
        box = dialog.findChild(QDialogButtonBox)
        assert isinstance(box, QDialogButtonBox)
        save = box.button(QDialogButtonBox.StandardButton.Save)
        QTest.mouseClick(save, Qt.MouseButton.LeftButton)
        await until(lambda: bool(window.answer.text()))

    run(live())


def test_table_is_saved_where_the_person_says(
    window: HistoryWindow, manager: FakeManager, run: Runner, tmp_path: Path
) -> None:
    manager.rename("account-0", "=HYPERLINK(1)")
    target = tmp_path / "mine"
    saved(window, run, str(target))
    written = target.with_suffix(".csv")
    assert str(written) in window.answer.text()
    content = written.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    table = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    head, newest, oldest = table
    assert head[0] == "Account"
    assert newest[0] == "'=HYPERLINK(1)"
    assert newest[3:5] == ["360", "6 minutes"]
    assert oldest[6] == "The phone was linked again"


def test_table_that_cannot_be_saved_is_said(
    window: HistoryWindow, run: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "full"
    folder.mkdir()
    monkeypatch.setattr("pathlib.Path.replace", _refuse)
    saved(window, run, str(folder / "mine.csv"))
    assert "could not be saved" in window.answer.text()
    assert list(folder.iterdir()) == []


def _refuse(*_: object) -> None:
    raise OSError(28, "no space")
