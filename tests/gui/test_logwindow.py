"""The window of the log, used as a person does: live, filtered, looked through, paused, copied."""

import time as real_time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt, QTimer, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QWidget
from pytestqt.qtbot import QtBot

from tests.gui import scenes
from tests.gui.fake_manager import FakeManager, FakeTime
from tests.gui.fake_program import FakeProgram
from tests.gui.test_texts import cut_texts
from wabot_tray.gui.logmodel import Column
from wabot_tray.gui.logwindow import LogWindow
from wabot_tray.gui.windows import Windows
from wabot_tray.system.i18n import set_language, t, tn
from wabot_tray.system.logentries import words_of

Runner = Callable[[Awaitable[Any]], Any]
LEFT = Qt.MouseButton.LeftButton


class Log:
    """The program's log, written by the test."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, text: str) -> None:
        self.path.parent.mkdir(exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(text)

    def say(self, *words: str, level: str = "INFO") -> None:
        for word in words:
            self.write(f"2026-11-20 09:00:00 {level:<5} [Session] {word}\n")


@pytest.fixture
def manager(time: FakeTime) -> FakeManager:
    return FakeManager(*scenes.shop(), time=time)


@pytest.fixture
def program(tmp_path: Path, manager: FakeManager) -> FakeProgram:
    return FakeProgram(tmp_path, manager)


@pytest.fixture
def log(program: FakeProgram) -> Log:
    return Log(program.paths.log_file)


@pytest.fixture
def windows(program: FakeProgram, time: FakeTime, run: Runner) -> Iterator[Windows]:
    made = Windows(program, lambda: None, clock=time.clock)
    yield made
    run(made.close())


@pytest.fixture
def window(windows: Windows, qtbot: QtBot) -> LogWindow:
    """Open, in front, nothing read yet."""
    windows.show_logs()
    made = windows.window("logs")
    assert isinstance(made, LogWindow)
    qtbot.waitActive(made)
    return made


@pytest.fixture
def morning(log: Log, window: LogWindow, qtbot: QtBot) -> LogWindow:
    """With the log of an ordinary morning read."""
    log.write(scenes.log_text())
    qtbot.waitUntil(lambda: window.model.held == 16)
    return window


def words(window: LogWindow) -> list[str]:
    return [words_of(entry) for entry in window.model.shown]


def click(button: QAbstractButton) -> None:
    QTest.mouseClick(button, LEFT)


def pick(field: QComboBox, words_of_it: str) -> None:
    """Choose with the keyboard, as in any list."""
    field.setFocus()
    field.setCurrentIndex(0)
    for _ in range(field.findText(words_of_it)):
        QTest.keyClick(field, Qt.Key.Key_Down)
    assert field.currentText() == words_of_it


def follows(window: LogWindow) -> bool:
    return window.table.follows


def at(window: LogWindow, row: int) -> QPoint:
    return window.table.visualRect(window.model.index(row, 3)).center()


def test_lines_of_before_and_new_ones_are_shown_and_followed(
    log: Log, window: LogWindow, qtbot: QtBot
) -> None:
    assert window.empty.text() == t("logs.empty")
    qtbot.waitUntil(window.empty.isVisible)
    log.say(*(f"line {n}" for n in range(200)))
    qtbot.waitUntil(lambda: window.model.rowCount() == 200)
    qtbot.waitUntil(lambda: window.table.indexAt(at(window, 199)).row() == 199)
    log.say("the newest")
    qtbot.waitUntil(lambda: window.model.rowCount() == 201)
    qtbot.waitUntil(lambda: window.table.rect().contains(at(window, 200)))
    assert window.table.follows
    assert window.bar.status.text() == tn("logs.lines", 201, shown="201")


def test_account_and_level_are_chosen_by_their_names(morning: LogWindow) -> None:
    pick(morning.bar.account, "Ferretería López")
    assert len(words(morning)) == 3
    assert all("account-2" in line for line in words(morning))
    pick(morning.bar.level, t("logs.least_error"))
    assert words(morning) == ["[Jobs] verify account-2 failed"]
    pick(morning.bar.account, t("logs.program"))
    assert morning.empty.isVisible()
    assert morning.empty.text() == t("logs.no_match")
    click(morning.everything)
    assert len(words(morning)) == 16


def test_details_wait_until_they_are_wanted(morning: LogWindow) -> None:
    assert morning.bar.level.currentText() == t("logs.least_info")
    assert len(words(morning)) == 15
    pick(morning.bar.level, t("logs.least_detail"))
    assert len(words(morning)) == 16


def test_renamed_account_is_renamed_here_too(morning: LogWindow, manager: FakeManager) -> None:
    pick(morning.bar.account, "La Tienda de Rosa")
    manager.rename("account-0", "Rosa e Hijas")
    assert morning.bar.account.currentText() == "Rosa e Hijas"
    assert morning.model.index(0, 2).data() == "Rosa e Hijas"


def test_typing_shows_what_contains_it_and_escape_shows_all_again(morning: LogWindow) -> None:
    QTest.keyClick(morning.table, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert morning.bar.text.hasFocus()
    QTest.keyClicks(morning.bar.text, "RESTORING")
    assert words(morning) == ["[Milestones] Restoring session for: account-0"]
    QTest.keyClick(morning.bar.text, Qt.Key.Key_Escape)
    assert len(words(morning)) == 15


def test_text_of_a_traceback_is_found_and_shown_with_its_line(morning: LogWindow) -> None:
    QTest.keyClicks(morning.bar.text, "by peer")
    assert words(morning) == ["[Jobs] verify account-2 failed"]
    QTest.mouseClick(morning.table.viewport(), LEFT, pos=at(morning, 0))
    assert "ConnectionResetError: by peer" in morning.details.toPlainText()


def test_next_and_previous_go_from_find_to_find(morning: LogWindow) -> None:
    click(morning.bar.only)
    QTest.keyClicks(morning.bar.text, "received")
    assert len(words(morning)) == 15
    found = [n for n, line in enumerate(words(morning)) if "received" in line]
    seen = [morning.table.currentIndex().row()]
    for _ in range(2):
        QTest.keyClick(morning.bar.text, Qt.Key.Key_Return)
        seen.append(morning.table.currentIndex().row())
    assert seen == [found[0], found[1], found[0]]
    QTest.keyClick(morning.table, Qt.Key.Key_F3, Qt.KeyboardModifier.ShiftModifier)
    assert morning.table.currentIndex().row() == found[1]
    click(morning.bar.before)
    assert morning.table.currentIndex().row() == found[0]
    QTest.keyClicks(morning.bar.text, " zebra")
    assert morning.bar.status.text() == t("logs.not_found")


def test_chosen_line_stays_chosen_when_its_surroundings_come_back(morning: LogWindow) -> None:
    pick(morning.bar.level, t("logs.least_error"))
    QTest.mouseClick(morning.table.viewport(), LEFT, pos=at(morning, 0))
    pick(morning.bar.level, t("logs.least_detail"))
    (entry,) = morning.table.chosen
    assert words_of(entry) == "[Jobs] verify account-2 failed"
    assert "ConnectionResetError" in morning.details.toPlainText()


def test_words_of_states_are_explained(morning: LogWindow) -> None:
    pick(morning.bar.account, "Ferretería López")
    QTest.mouseClick(morning.table.viewport(), LEFT, pos=at(morning, 1))
    told = morning.meaning.text()
    assert t("state.waiting") in told
    assert t("reason.dial-failed") in told
    assert t("advice.dial-failed") in told
    hint = morning.model.index(1, 3).data(Qt.ItemDataRole.ToolTipRole)
    assert t("reason.dial-failed") in str(hint)


def test_paused_lines_are_counted_and_come_back(morning: LogWindow, log: Log, qtbot: QtBot) -> None:
    click(morning.pause)
    log.say("one", "two")
    qtbot.waitUntil(lambda: morning.pause.text() == tn("logs.go_on", 2))
    log.say("three")
    qtbot.waitUntil(lambda: morning.pause.text() == tn("logs.go_on", 3))
    assert morning.model.held == 16
    click(morning.pause)
    assert [line.rpartition(" ")[2] for line in words(morning)[-3:]] == ["one", "two", "three"]
    assert morning.pause.text() == t("logs.pause")


def test_person_who_scrolled_up_is_left_where_he_reads(
    log: Log, window: LogWindow, qtbot: QtBot
) -> None:
    log.say(*(f"line {n}" for n in range(300)))
    qtbot.waitUntil(lambda: window.model.rowCount() == 300)
    qtbot.waitUntil(lambda: window.table.verticalScrollBar().value() > 0)
    window.table.setFocus()
    QTest.keyClick(window.table, Qt.Key.Key_Home, Qt.KeyboardModifier.ControlModifier)
    assert not follows(window)
    log.say("the newest")
    qtbot.waitUntil(lambda: window.model.rowCount() == 301)
    QApplication.processEvents()
    assert window.table.verticalScrollBar().value() == 0
    click(window.to_end)
    assert follows(window)
    assert window.table.verticalScrollBar().value() == window.table.verticalScrollBar().maximum()
    assert not window.to_end.isEnabled()


def test_lines_are_copied_as_they_were_written(morning: LogWindow, log: Log) -> None:
    clipboard = QGuiApplication.clipboard()
    assert not morning.copy.isEnabled()
    QTest.mouseClick(morning.table.viewport(), LEFT, pos=at(morning, 12))
    below = Qt.KeyboardModifier.ShiftModifier
    QTest.mouseClick(morning.table.viewport(), LEFT, below, at(morning, 13))
    QTest.keyClick(morning.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    copied = clipboard.text()
    assert copied.startswith("2026-11-20 08:12:24 INFO  [SessionManager] verify")
    assert copied.endswith("ConnectionResetError: by peer\n")
    assert morning.banners.texts == (tn("logs.copied", 2),)
    clipboard.clear()
    click(morning.copy)
    assert clipboard.text() == copied
    pick(morning.bar.level, t("logs.least_detail"))
    click(morning.copy_all)
    assert clipboard.text() == log.path.read_text(encoding="utf-8")


def test_rotation_and_cleaning_lose_nothing_and_repeat_nothing(
    morning: LogWindow, log: Log, qtbot: QtBot
) -> None:
    log.say("last of the old")
    log.path.replace(log.path.with_name(log.path.name + ".1"))
    log.say("first of the new")
    qtbot.waitUntil(lambda: morning.model.held == 18)
    log.path.unlink()
    qtbot.wait(300)  # it is looked for, and not there
    log.say("after the cleaning")
    qtbot.waitUntil(lambda: morning.model.held == 19)
    endings = [line.partition("] ")[2] for line in words(morning)[-3:]]
    assert endings == ["last of the old", "first of the new", "after the cleaning"]


def test_log_that_cannot_be_read_is_said_and_tried_again(
    log: Log, window: LogWindow, qtbot: QtBot
) -> None:
    log.path.mkdir(parents=True)
    qtbot.waitUntil(lambda: len(window.banners.texts) == 1)
    log.path.rmdir()
    log.say("there it is")
    qtbot.waitUntil(lambda: window.model.held == 1)
    qtbot.waitUntil(lambda: window.banners.texts == ())


def test_closed_window_reads_nothing_and_catches_up(
    morning: LogWindow, windows: Windows, log: Log, qtbot: QtBot
) -> None:
    QTest.keyClicks(morning.bar.text, "line")
    QTest.keyClick(morning, Qt.Key.Key_W, Qt.KeyboardModifier.ControlModifier)
    assert not morning.isVisible()
    log.say("line while nobody looked")
    qtbot.wait(400)
    assert morning.model.held == 16
    windows.menu.openings["logs"].trigger()
    qtbot.waitUntil(lambda: morning.model.held == 17)
    assert morning.bar.text.text() == "line"  # remembered


def test_another_language_keeps_what_was_chosen(
    morning: LogWindow, windows: Windows, qtbot: QtBot
) -> None:
    pick(morning.bar.account, "Ferretería López")
    QTest.keyClicks(morning.bar.text, "waiting")
    set_language("es")
    windows.speak_anew()
    made = windows.window("logs")
    assert isinstance(made, LogWindow)
    assert made is not morning
    qtbot.waitUntil(lambda: made.model.rowCount() == 1)
    assert made.bar.account.currentText() == "Ferretería López"
    assert made.windowTitle() == t("logs.title") == "Registros"


def test_folder_is_opened_with_the_systems_own_program(
    morning: LogWindow, monkeypatch: pytest.MonkeyPatch, program: FakeProgram
) -> None:
    opened: list[str] = []

    def open_url(url: QUrl) -> bool:
        opened.append(url.toLocalFile())
        return len(opened) == 1

    monkeypatch.setattr(QDesktopServices, "openUrl", open_url)
    click(morning.folder)
    assert opened == [str(program.paths.logs)]
    assert not morning.banners.texts
    click(morning.folder)
    assert morning.banners.texts == (t("logs.folder_unopened", path=program.paths.logs),)


def test_everything_is_reached_with_the_tab_key_and_has_a_name(morning: LogWindow) -> None:
    QTest.keyClicks(morning.bar.text, "a")
    QTest.mouseClick(morning.table.viewport(), LEFT, pos=at(morning, 0))
    morning.bar.text.setFocus()
    reached: list[QWidget] = []
    while (widget := QApplication.focusWidget()) is not None and widget not in reached:
        reached.append(widget)
        QTest.keyClick(widget, Qt.Key.Key_Tab)
    bar = morning.bar
    expected = [bar.text, bar.before, bar.after, bar.only, bar.account, bar.level, morning.table]
    expected += [morning.details, morning.pause, morning.copy, morning.copy_all, morning.folder]
    expected.append(morning.save)
    assert reached == expected
    assert all(
        one.accessibleName() or (isinstance(one, QAbstractButton) and one.text()) for one in reached
    )


@pytest.mark.parametrize("language", ["en", "es"])
def test_window_of_the_log_cuts_nothing(
    language: str, windows: Windows, log: Log, qtbot: QtBot
) -> None:
    set_language(language)
    log.write(scenes.log_text())
    windows.speak_anew()
    windows.show_logs()
    window = windows.window("logs")
    assert isinstance(window, LogWindow)
    window.resize(window.minimumSizeHint().expandedTo(window.minimumSize()))
    qtbot.waitUntil(lambda: window.model.held == 16)
    window.table.choose(11)
    QApplication.processEvents()
    for column in (Column.WHEN, Column.LEVEL):
        assert window.table.sizeHintForColumn(column) <= window.table.columnWidth(column)
    window.table.hide()  # the words of its lines may be cut; they stand below in full
    assert cut_texts(window) == []


def test_buttons_take_two_rows_where_one_is_too_short(window: LogWindow) -> None:
    assert window.pause.y() == window.save.y()
    window.setMinimumSize(0, 0)
    window.resize(620, 500)
    QApplication.processEvents()
    assert window.pause.y() < window.save.y()
    assert window.save.sizeHint().width() <= window.save.width()


# --- many lines ----------------------------------------------------------------------------------


class Ticks:
    """Counts how often the loop's own thread worked on one thing for too long.

    In processor time: how long others held the processor says nothing about this program.
    """

    LONGEST_S = 0.05

    def __init__(self) -> None:
        self.late = 0
        self._last = real_time.thread_time()
        self._timer = QTimer()
        self._timer.timeout.connect(self._on_tick)
        self._timer.start(5)

    def _on_tick(self) -> None:
        now = real_time.thread_time()
        self.late += now - self._last > self.LONGEST_S
        self._last = now

    def stop(self) -> int:
        self._timer.stop()
        return self.late


def test_ticks_find_what_takes_too_long(qtbot: QtBot) -> None:
    """The measure itself can fail."""
    ticks = Ticks()
    qtbot.wait(20)
    end = real_time.thread_time() + 2 * Ticks.LONGEST_S
    while real_time.thread_time() < end:
        pass
    qtbot.wait(20)
    assert ticks.stop() == 1


def test_fifty_thousand_lines_are_read_and_filtered_without_a_late_tick(
    log: Log, windows: Windows, qtbot: QtBot
) -> None:
    text = scenes.log_text()
    log.write(text * (50_000 // text.count("\n")))
    log.path.replace(log.path.with_name(log.path.name + ".1"))
    log.say("the newest")
    windows.show_logs()
    window = windows.window("logs")
    assert isinstance(window, LogWindow)
    qtbot.waitExposed(window)  # loading and dressing a window is not what is measured
    busy = Ticks()
    qtbot.waitUntil(lambda: window.model.held > 35_000, timeout=15_000)
    QTest.keyClicks(window.bar.text, "account-2", delay=10)
    qtbot.waitUntil(lambda: not window.model.is_filtering, timeout=15_000)
    assert 5_000 < window.model.rowCount() < 15_000
    for _ in range(20):
        log.say("session account-2: more")
        qtbot.wait(20)
    assert busy.stop() == 0
