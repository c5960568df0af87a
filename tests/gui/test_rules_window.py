"""The auto-replies' window, used with mouse and keyboard as a person uses it."""

import asyncio
import resource
import stat
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from time import sleep
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QLabel,
    QMenu,
    QPushButton,
    QScrollArea,
    QWidget,
)

from tests.desktop import Desktop
from tests.gui import scenes
from tests.gui.fake_manager import FakeManager, FakeTime
from tests.gui.fake_program import FakeProgram
from tests.gui.test_texts import cut_texts
from tests.waiting import until
from wabot_tray.bot.rule_document import RuleDocument
from wabot_tray.bot.rule_file import good_copy_path, keep_good_copy
from wabot_tray.bot.rules import parse
from wabot_tray.core.states import SessionState
from wabot_tray.gui.ruledialogs import ChangedDialog, UnsavedDialog
from wabot_tray.gui.ruleswindow import RulesWindow
from wabot_tray.gui.windows import Windows
from wabot_tray.system.i18n import set_language

Runner = Callable[[Awaitable[Any]], Any]
SHOP = """\
# Rosa's rules

# what things cost
[[rule]]
name = "prices"
words = ["price", "cost"]
reply = "Coffee 2.00"  # since May

[[rule]]
name = "greeting"
words = ["hello"]
reply = "Hello {name}!"
once_per = "12h"
"""
MONDAY_NIGHT = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


class Stage:
    """The real windows over a real file, with accounts that are only told of."""

    def __init__(self, folder: Path, run: Runner, time: FakeTime) -> None:
        self.run = run
        accounts = (
            scenes.account(SessionState.CONNECTED, 0),
            scenes.account(SessionState.CONNECTED, 1),
        )
        self.manager = FakeManager(*accounts, time=time)
        self.program = FakeProgram(folder, self.manager)
        self.path = self.program.paths.bot_file
        self.windows: Windows | None = None
        self.time = time

    def open(self, text: str | None = SHOP) -> RulesWindow:
        if text is not None:
            self.path.write_text(text)
        self.windows = Windows(self.program, lambda: None, clock=self.time.clock)
        self.windows.menu.openings["rules"].trigger()
        window = self.windows.window("rules")
        assert isinstance(window, RulesWindow)
        self.settle()
        window.finish()
        return window

    def settle(self) -> None:
        self.run(asyncio.sleep(0.02))

    def do(self, work: Callable[[], object]) -> None:
        """Do what starts work on the loop while the loop runs, as it always does for a person."""

        async def inside() -> None:
            work()

        self.run(inside())

    def until(self, condition: Callable[[], object]) -> None:
        self.run(until(condition))

    def saved(self) -> RuleDocument:
        return RuleDocument.of(self.path.read_text("utf-8"))


@pytest.fixture
def stage(tmp_path: Path, run: Runner, time: FakeTime) -> Iterator[Stage]:
    made = Stage(tmp_path, run, time)
    yield made
    if made.windows is not None:
        run(made.windows.close())


def click(widget: QWidget, point: QPoint | None = None) -> None:
    if point is None and isinstance(widget, QCheckBox):
        point = QPoint(8, widget.height() // 2)  # beside its words nothing happens
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton, pos=point or QPoint())


def write(widget: QWidget, text: str) -> None:
    """Replace what stands in a field."""
    widget.setFocus()
    QTest.keyClick(widget, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClicks(widget, text)


def choose(window: RulesWindow, row: int) -> None:
    shown = window.editor.list
    click(shown.viewport(), shown.visualItemRect(shown.item(row)).center())


def save(window: RulesWindow, stage: Stage) -> None:
    press_save(window, stage)
    stage.until(lambda: not window.editor.editing.is_changed)


def press_save(window: RulesWindow, stage: Stage) -> None:
    control = Qt.KeyboardModifier.ControlModifier
    stage.do(lambda: QTest.keyClick(window, Qt.Key.Key_S, control))


def titles(window: RulesWindow) -> list[str]:
    return window.editor.list.texts()[:-3]


def test_reply_edited_and_saved_keeps_everything_else(stage: Stage) -> None:
    window = stage.open()
    choose(window, 0)
    write(window.editor.form.reply.text, "Coffee 2.50")
    assert window.isWindowModified()
    assert stage.path.read_text() == SHOP  # nothing is in use before it is saved
    save(window, stage)
    assert stage.path.read_text() == SHOP.replace("2.00", "2.50")
    assert stat.S_IMODE(stage.path.stat().st_mode) == 0o600
    assert window.banners.texts == ("Saved. 2 accounts use the rules from now on.",)
    assert window.status.text() == "In use by 2 accounts."
    assert not window.save_button.isEnabled()


def test_new_rule_is_written_by_the_form_alone(stage: Stage) -> None:
    window = stage.open()
    form = window.editor.form
    choose(window, 1)
    menu = window.editor.add.menu()
    assert isinstance(menu, QMenu)
    menu.actions()[0].trigger()
    assert titles(window) == ["prices", "New rule", "greeting"]
    assert form.words.hasFocus()
    QTest.keyClicks(form.words, "open, opening hours")
    form.reply.text.setFocus()
    QTest.keyClicks(form.reply.text, "From 9, ")
    click(form.reply.buttons["name"])
    QTest.keyClicks(form.reply.text, ".")
    assert form.reply.preview.words.text() == "From 9, Ana."
    click(form.own_times)
    click(form.days.days[6])
    click(form.accounts.every)
    click(form.accounts.boxes["account-1"])
    save(window, stage)
    rule = stage.saved().rules[1]
    assert (rule.words, rule.reply) == (("open", "opening hours"), "From 9, {name}.")
    assert (rule.days, rule.periods) == (frozenset(range(6)), (("09:00", "18:00"),))
    assert rule.accounts == ("account-0",)
    assert "# since May" in stage.path.read_text()


def test_unfinished_rule_is_not_saved_and_says_what_it_lacks(stage: Stage) -> None:
    window = stage.open()
    choose(window, 1)
    write(window.editor.form.reply.text, "{nobody}")
    choose(window, 0)
    press_save(window, stage)
    assert stage.path.read_text() == SHOP
    assert window.editor.list.currentRow() == 1
    assert "{nobody} is not known" in window.editor.form.problem.text()
    assert not window.editor.form.problem.text().startswith("Line")
    write(window.editor.form.reply.text, "fine")
    assert window.editor.form.problem.isHidden()
    save(window, stage)
    assert stage.saved().rules[1].reply == "fine"


def test_switch_in_the_row_turns_a_rule_off(stage: Stage) -> None:
    window = stage.open()
    shown = window.editor.list
    click(shown.viewport(), shown.switch_rect(0).center())
    assert [rule.enabled for rule in window.editor.editing.document.rules] == [False, True]
    choose(window, 1)
    shown.setFocus()
    QTest.keyClick(shown, Qt.Key.Key_Space)
    save(window, stage)
    assert [rule.enabled for rule in stage.saved().rules] == [False, False]


def test_rules_move_by_keys_and_buttons(stage: Stage) -> None:
    window = stage.open(SHOP + '\n[[rule]]\nname = "last"\nwords = ["z"]\nreply = "z"\n')
    shown = window.editor.list
    choose(window, 2)
    shown.setFocus()
    QTest.keyClick(shown, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert titles(window) == ["prices", "last", "greeting"]
    click(window.editor.up)
    assert titles(window) == ["last", "prices", "greeting"]
    assert not window.editor.up.isEnabled()
    click(window.editor.down)
    assert titles(window) == ["prices", "last", "greeting"]
    save(window, stage)
    assert [rule.name for rule in stage.saved().rules] == ["prices", "last", "greeting"]
    assert '# what things cost\n[[rule]]\nname = "prices"' in stage.path.read_text()


def test_rule_is_dragged_to_its_place(stage: Stage, desktop: Desktop) -> None:
    window = stage.open(SHOP + '\n[[rule]]\nname = "last"\nwords = ["z"]\nreply = "z"\n')
    shown = window.editor.list

    def place(row: int, below: int) -> tuple[str, str]:
        rect = shown.visualItemRect(shown.item(row))
        point = shown.viewport().mapToGlobal(rect.center() + QPoint(0, below))
        return str(point.x()), str(point.y())

    def drag(begin: tuple[str, str], end: tuple[str, str]) -> None:
        steps = [["mousemove", *begin], ["mousedown", "1"]]
        x, y = int(begin[0]), int(begin[1])
        for part in range(1, 11):  # a hand does not jump
            between = y + (int(end[1]) - y) * part // 10
            steps.append(["mousemove", str(x), str(between)])
        for step in [*steps, ["mouseup", "1"]]:
            desktop.screen.xdotool(*step)
            sleep(0.02)

    async def dragging(row: int, over: int) -> None:
        await asyncio.to_thread(drag, place(row, 0), place(over, 12))

    stage.run(asyncio.sleep(0.3))  # the window manager has put the window where it stays
    stage.run(dragging(0, 2))
    stage.until(lambda: titles(window) == ["greeting", "last", "prices"])
    assert shown.currentRow() == 2
    stage.run(dragging(0, 4))  # below the rules is behind the last of them
    stage.until(lambda: titles(window) == ["last", "prices", "greeting"])
    save(window, stage)
    assert [rule.name for rule in stage.saved().rules] == ["last", "prices", "greeting"]


def test_deleted_rule_comes_back_by_undo(stage: Stage) -> None:
    window = stage.open()
    choose(window, 0)
    QTest.keyClick(window.editor.list, Qt.Key.Key_Delete)
    assert titles(window) == ["greeting"]
    assert window.banners.texts == ("“prices” was deleted.",)
    (undo,) = [b for b in window.banners.findChildren(QPushButton) if b.text() == "Undo"]
    click(undo)
    assert titles(window) == ["prices", "greeting"]
    assert not window.editor.editing.is_changed
    click(window.editor.gone)
    save(window, stage)
    assert "prices" not in stage.path.read_text()
    QTest.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    save(window, stage)
    assert stage.path.read_text() == SHOP


def test_typing_is_undone_at_once_and_done_again(stage: Stage) -> None:
    window = stage.open()
    choose(window, 1)
    write(window.editor.form.words, "hola, buenas")
    click(window.undo)
    assert window.editor.form.words.toPlainText() == "hello"
    click(window.redo)
    assert window.editor.editing.document.rules[1].words == ("hola", "buenas")


def test_duplicate_has_a_name_of_its_own(stage: Stage) -> None:
    window = stage.open()
    choose(window, 0)
    click(window.editor.copy)
    click(window.editor.copy)
    assert titles(window) == ["prices", "prices 2", "prices 2 2", "greeting"]
    save(window, stage)


def test_templates_are_added_where_they_belong(stage: Stage) -> None:
    window = stage.open("")
    menu = window.editor.add.menu()
    assert isinstance(menu, QMenu)
    for action in menu.actions()[2:]:
        action.trigger()
    save(window, stage)
    document = stage.saved()
    assert [rule.name for rule in document.rules][-1] == "greeting"
    assert len(document.rules) == 4
    assert document.fallback is not None
    assert document.hours is not None
    parse(stage.path.read_text("utf-8"))


def test_opening_hours_and_last_answer_have_forms(stage: Stage) -> None:
    window = stage.open()
    editor = window.editor
    choose(window, 2)
    click(editor.fallback.enabled)
    write(editor.fallback.reply.text, "Later")
    choose(window, 3)
    click(editor.hours.enabled)
    click(editor.hours.days.days[5])
    write(editor.hours.reply.text, "Closed")
    choose(window, 4)
    click(editor.general.groups)
    save(window, stage)
    document = stage.saved()
    assert document.fallback is not None
    assert document.fallback.reply == "Later"
    assert document.hours is not None
    assert (document.hours.closed, document.hours.days) == ("Closed", frozenset(range(6)))
    assert document.general.groups


# --- try it --------------------------------------------------------------------------------------


def test_tab_goes_from_the_list_through_the_chosen_form_to_trying(stage: Stage) -> None:
    editor = (window := stage.open()).editor
    for row, first, second in (
        (3, editor.hours.enabled, None),  # made before the one above it
        (2, editor.fallback.enabled, None),
        (4, editor.general.groups, editor.general.once.how),
        (0, editor.form.name, editor.form.enabled),
    ):
        choose(window, row)
        editor.list.setFocus()
        way = [_tab()]
        while not editor.try_box.isAncestorOf(way[-1]):
            way.append(_tab())
            assert len(way) < 40, "Tab goes round without the box to try"
        form = [part for part in way if editor.right.isAncestorOf(part)][:-1]
        assert form[: 2 if second else 1] == ([first, second] if second else [first])
        assert way[-1 - len(form) : -1] == form, "Tab leaves the form and comes back"


def _tab() -> QWidget:
    """Press Tab and return where the keyboard is then."""
    QTest.keyClick(_focus(), Qt.Key.Key_Tab)
    return _focus()


def _focus() -> QWidget:
    found = QApplication.focusWidget()
    assert found is not None
    return found


def try_it(window: RulesWindow, stage: Stage, text: str) -> list[str]:
    box = window.editor.try_box
    seen: list[object] = []
    box.tried.connect(seen.append)
    write(box.message, text)
    stage.until(lambda: seen)
    box.tried.disconnect(seen.append)
    items = [box.others.itemAt(number) for number in range(box.others.count())]
    lines = [item.widget() for item in items if item is not None]
    return [line.text() for line in lines if isinstance(line, QLabel)]


def test_trying_tells_who_answers_and_why_the_others_do_not(stage: Stage) -> None:
    window = stage.open(SHOP.replace('"prices"\n', '"prices"\naccounts = ["account-1"]\n'))
    box = window.editor.try_box
    assert try_it(window, stage, "hello, the price?") == [
        "1. prices: only for other accounts",
        "2. greeting: answers",
    ]
    assert box.verdict.text() == "Rule 2, “greeting”, answers:"
    assert box.bubble.words.text() == "Hello Ana!"
    box.account.setFocus()
    QTest.keyClick(box.account, Qt.Key.Key_Down)
    stage.until(lambda: box.bubble.words.text() == "Coffee 2.00")
    QTest.keyClick(box.account, Qt.Key.Key_Up)
    click(box.again)
    stage.until(box.bubble.isHidden)
    assert box.verdict.text().startswith("Nothing is sent")


def test_trying_uses_what_is_not_saved_and_another_hour(stage: Stage) -> None:
    hours = '\n[hours]\nfrom = "09:00"\nto = "18:00"\nclosed = "Closed"\n'
    window = stage.open(SHOP + hours)
    box = window.editor.try_box
    choose(window, 1)
    write(window.editor.form.reply.text, "Good day")
    box.when.setFocus()
    QTest.keyClick(box.when, Qt.Key.Key_Down)
    box.moment.setFocus()
    box.moment.setTime(box.moment.time().fromString("12:00", "HH:mm"))
    try_it(window, stage, "hello")
    assert box.bubble.words.text() == "Good day"
    box.moment.setTime(box.moment.time().fromString("03:00", "HH:mm"))
    stage.until(lambda: box.bubble.words.text() == "Closed")
    assert box.verdict.text() == "The shop is closed, so this is answered:"


def test_runaway_pattern_is_said_and_the_window_goes_on(stage: Stage) -> None:
    runaway = "[[rule]]\nname = 'bad'\nmatch = '(a|aa)+$'\nreply = 'x'\n\n"
    window = stage.open(runaway + SHOP)
    ticks: list[float] = []

    async def tick() -> None:
        loop = asyncio.get_running_loop()
        while True:
            ticks.append(loop.time())
            await asyncio.sleep(0.005)

    ticking = asyncio.get_event_loop().create_task(tick())
    lines = try_it(window, stage, "a" * 60 + "! hello")
    ticking.cancel()
    assert lines[0].startswith("1. bad: takes too long")
    assert lines[2] == "3. greeting: answers"
    assert len(ticks) > 10  # the loop ran on while the thread was busy


def test_unfinished_rules_cannot_be_tried_and_say_why(stage: Stage) -> None:
    window = stage.open()
    choose(window, 0)
    write(window.editor.form.words, " ")
    try_it(window, stage, "hello")
    assert "Write at least one word" in window.editor.try_box.verdict.text()


# --- the file ------------------------------------------------------------------------------------


def test_file_changed_by_hand_is_shown_when_nothing_was_edited(stage: Stage) -> None:
    window = stage.open()
    stage.path.write_text(SHOP.replace('"greeting"', '"welcome"'))
    stage.until(lambda: titles(window) == ["prices", "welcome"])
    assert window.banners.texts[0].startswith("The rules were changed outside")


@pytest.mark.parametrize("keeps_mine", [True, False])
def test_file_changed_by_hand_meanwhile_is_asked_about(stage: Stage, keeps_mine: bool) -> None:
    window = stage.open()
    choose(window, 1)
    write(window.editor.form.reply.text, "Mine")
    theirs = SHOP.replace("Coffee 2.00", "Theirs")
    stage.path.write_text(theirs)
    stage.until(lambda: isinstance(QApplication.activeModalWidget(), ChangedDialog))
    dialog = QApplication.activeModalWidget()
    assert isinstance(dialog, ChangedDialog)
    stage.do(lambda: click(dialog.go if keeps_mine else dialog.other))
    stage.until(lambda: not window.editor.editing.is_changed)
    assert stage.path.read_text() == (
        SHOP.replace("Hello {name}!", "Mine") if keeps_mine else theirs
    )
    assert window.editor.editing.document.text == stage.path.read_text()


def test_broken_file_shows_its_line_and_the_last_good_rules_come_back(stage: Stage) -> None:
    keep_good_copy(stage.path, SHOP)
    broken = "groups = true\n[[rule]]\nwords = hello\n"
    window = stage.open(broken)
    shown = window.broken
    assert shown.isVisible()
    assert (shown.place.text(), shown.text.text()) == ("Line 3, column 9", "words = hello")
    assert not window.save_button.isEnabled()
    click(shown.restore)
    assert titles(window) == ["prices", "greeting"]
    assert stage.path.read_text() == SHOP
    (aside,) = stage.path.parent.glob("bot.toml.broken-*")
    assert aside.read_text() == broken


def test_mistake_of_the_program_s_own_rules_shows_its_line_too(stage: Stage) -> None:
    window = stage.open(SHOP + "colour = 'red'\n")
    assert window.broken.text.text() == "colour = 'red'"
    assert window.broken.restore.isHidden()
    assert window.broken.place.text() == "Line 14"
    stage.path.write_text(SHOP)
    stage.until(window.editor.isVisible)


def test_disk_that_refuses_is_said_and_nothing_is_lost(stage: Stage) -> None:
    window = stage.open()
    choose(window, 1)
    write(window.editor.form.reply.text, "Mine")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, hard))  # as a full disk does
    try:
        press_save(window, stage)
        stage.until(lambda: window.banners.texts)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert window.editor.editing.is_changed
    assert stage.path.read_text() == SHOP
    save(window, stage)
    assert stage.saved().rules[1].reply == "Mine"


# --- closing -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("answer", "text"), [("go", "Mine"), ("discard", "Hello {name}!")])
def test_closing_with_changes_asks(stage: Stage, answer: str, text: str) -> None:
    window = stage.open()
    choose(window, 1)
    write(window.editor.form.reply.text, "Mine")
    QTest.keyClick(window, Qt.Key.Key_W, Qt.KeyboardModifier.ControlModifier)
    assert window.isVisible()
    dialog = QApplication.activeModalWidget()
    assert isinstance(dialog, UnsavedDialog)
    stage.do(lambda: click(getattr(dialog, answer)))
    stage.until(lambda: not window.isVisible())
    assert stage.saved().rules[1].reply == text


def test_closing_can_be_thought_better_of(stage: Stage) -> None:
    window = stage.open()
    choose(window, 1)
    write(window.editor.form.reply.text, "Mine")
    window.close()
    dialog = QApplication.activeModalWidget()
    assert isinstance(dialog, UnsavedDialog)
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    assert window.isVisible()
    assert window.editor.editing.document.rules[1].reply == "Mine"


def test_what_was_not_saved_is_there_after_the_program_ended(stage: Stage) -> None:
    window = stage.open()
    choose(window, 1)
    write(window.editor.form.reply.text, "")
    QTest.keyClick(window.editor.form.reply.text, Qt.Key.Key_Delete)
    assert stage.windows is not None
    stage.run(stage.windows.close())
    assert stage.path.read_text() == SHOP
    again = stage.open(None)
    assert [rule.reply for rule in again.editor.editing.document.rules] == ["Coffee 2.00", ""]
    (discard,) = [b for b in again.banners.findChildren(QPushButton) if b.text()]
    click(discard)
    assert not again.editor.editing.is_changed
    assert not list(stage.path.parent.glob("*unsaved*"))


def test_language_changes_and_the_work_goes_on(stage: Stage) -> None:
    window = stage.open()
    choose(window, 1)
    write(window.editor.form.reply.text, "Mine")
    set_language("es")
    assert stage.windows is not None
    stage.windows.speak_anew()
    again = stage.windows.window("rules")
    assert isinstance(again, RulesWindow)
    assert again is not window
    assert again.save_button.text() == "Guardar"
    assert again.editor.list.currentRow() == 1
    assert again.editor.form.reply.value() == "Mine"
    assert again.banners.texts == ()
    click(again.undo)
    assert again.editor.form.reply.value() == "Hello {name}!"


# --- looks and access ----------------------------------------------------------------------------


def test_every_input_has_a_name(stage: Stage) -> None:
    window = stage.open()
    nameless = []
    for row in range(window.editor.list.count()):
        window.editor.list.setCurrentRow(row)
        for box in (window.editor.fallback.enabled, window.editor.hours.enabled):
            if box.isVisible() and not box.isChecked():
                click(box)
        for widget in window.findChildren(QWidget):
            if not widget.isVisible() or widget.focusPolicy() is Qt.FocusPolicy.NoFocus:
                continue
            if widget.objectName().startswith("qt_") or widget.objectName() == "bare":
                continue
            said = widget.accessibleName() or getattr(widget, "text", str)()
            if not said or said in {"✕", "↑", "↓"}:
                nameless.append(widget)
    assert nameless == []


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("width", [720, 1180])
def test_rules_window_cuts_nothing(stage: Stage, language: str, width: int) -> None:
    set_language(language)
    window = stage.open()
    window.resize(width, 760)
    for row in range(window.editor.list.count()):
        choose(window, row)
        for box in (window.editor.fallback.enabled, window.editor.hours.enabled):
            if box.isVisible() and not box.isChecked():
                click(box)
        stage.settle()
        assert cut_texts(window) == []
        for area in window.findChildren(QScrollArea):
            page = area.widget()
            assert page is None or page.width() <= area.viewport().width() or area.isHidden()


def test_good_copy_lies_beside_the_rules_after_a_save(stage: Stage) -> None:
    window = stage.open()
    choose(window, 0)
    write(window.editor.form.reply.text, "x")
    save(window, stage)
    assert good_copy_path(stage.path).read_text() == stage.path.read_text()
