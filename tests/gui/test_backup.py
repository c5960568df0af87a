"""Backup and restore as a person does them: with the mouse, with the keys, with second thoughts."""

import asyncio
import platform
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QLineEdit, QWidget

from tests.gui.fake_manager import FakeManager, FakeTime
from tests.gui.fake_program import FakeProgram, backup_program
from tests.gui.test_texts import cut_texts, language, print_size
from tests.storage.backup_bench import CHEAP, PASSPHRASE
from tests.waiting import until
from wabot_tray.core.settings import Settings
from wabot_tray.gui.backuppages import BackupPage
from wabot_tray.gui.backupwindow import BackupWindow
from wabot_tray.gui.reminder import KEY
from wabot_tray.gui.windows import Windows
from wabot_tray.storage import backup as storage_backup
from wabot_tray.storage.registry import Registry
from wabot_tray.storage.sealed_stream import new_key
from wabot_tray.storage.settings_file import load_settings
from wabot_tray.system.i18n import t

__all__ = ["language", "print_size"]  # fixtures

Runner = Callable[[Awaitable[Any]], Any]
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage_backup, "new_key", lambda words, _cost: new_key(words, CHEAP))


@pytest.fixture
def program(tmp_path: Path) -> FakeProgram:
    return backup_program(tmp_path)


@pytest.fixture
def windows(program: FakeProgram, run: Runner) -> Iterator[Windows]:
    made = Windows(program, lambda: None, clock=program.manager.time.clock)
    yield made
    run(made.close())


@pytest.fixture
def window(windows: Windows) -> BackupWindow:
    return opened(windows)


@pytest.fixture
def new_computer(tmp_path: Path, run: Runner) -> Iterator[Windows]:
    """A computer that knows no account."""
    (tmp_path / "new" / "auth_sessions").mkdir(parents=True)
    program = FakeProgram(tmp_path / "new", FakeManager(time=FakeTime()))
    made = Windows(program, lambda: None, clock=program.manager.time.clock)
    yield made
    run(made.close())


def opened(windows: Windows) -> BackupWindow:
    windows.show_window("backup")
    window = windows.window("backup")
    assert isinstance(window, BackupWindow)
    assert QTest.qWaitForWindowExposed(window)
    return window


def click(widget: QWidget) -> None:
    assert widget.isVisible()
    assert widget.isEnabled()
    QTest.mouseClick(widget, LEFT)


def tick(box: QWidget) -> None:
    assert box.isVisible()
    QTest.mouseClick(box, LEFT, pos=QPoint(10, box.height() // 2))


def write(field: QLineEdit, text: str) -> None:
    click(field)
    field.selectAll()
    QTest.keyClicks(field, text)


async def shown(window: BackupWindow, page: BackupPage) -> None:
    await until(lambda: window.page is page)


async def make(window: BackupWindow, path: Path) -> None:
    click(window.home.make)
    write(window.make.place.field, str(path))
    write(window.make.passphrase.first, PASSPHRASE)
    write(window.make.passphrase.again, PASSPHRASE)
    click(window.make.go)
    await shown(window, window.ending)


async def open_backup(window: BackupWindow, path: Path) -> None:
    write(window.opening.file.field, str(path))
    write(window.opening.passphrase.first, PASSPHRASE)
    click(window.opening.go)
    await shown(window, window.choosing)


# --- making --------------------------------------------------------------------------------------


def test_person_makes_a_backup(
    window: BackupWindow, program: FakeProgram, run: Runner, tmp_path: Path
) -> None:
    path = tmp_path / "stick.wabot"
    assert t("saving.never") == window.home.last.text()
    run(make(window, path))
    assert path.exists()
    assert window.page.title.text() == t("saving.made")
    assert window.make.passphrase.passphrase == ""  # it is kept nowhere
    click(window.ending.done)
    assert "just now" in window.home.last.text()
    assert program.backups.notes.notes.path == str(path)
    index = run(program.backups.look(path, PASSPHRASE)).index
    assert [account.phone for account in index.accounts][:1] == ["573005550100"]


def test_place_is_proposed_and_chosen_in_a_dialog(
    window: BackupWindow, run: Runner, tmp_path: Path
) -> None:
    click(window.home.make)
    proposed = window.make.place.path
    assert proposed is not None
    assert proposed.name == "wabot-backup-2026-12-23.wabot"
    click(window.make.place.button)
    (dialog,) = window.findChildren(QFileDialog)
    assert QTest.qWaitForWindowExposed(dialog)
    name = dialog.findChild(QLineEdit, "fileNameEdit")
    assert isinstance(name, QLineEdit)
    name.selectAll()
    QTest.keyClicks(name, str(tmp_path / "chosen"))
    QTest.keyClick(name, Qt.Key.Key_Return)
    run(until(lambda: window.make.place.path == tmp_path / "chosen.wabot"))
    assert window.focusWidget() is window.make.passphrase.first


def test_second_backup_of_a_day_gets_a_name_of_its_own(
    window: BackupWindow, run: Runner, tmp_path: Path
) -> None:
    run(make(window, tmp_path / "wabot-backup-2026-12-23.wabot"))
    click(window.ending.done)
    click(window.home.make)
    assert window.make.place.path == tmp_path / "wabot-backup-2026-12-23-2.wabot"


def test_passphrase_is_judged_while_it_is_typed(window: BackupWindow) -> None:
    click(window.home.make)
    fields = window.make.passphrase
    for words, hint in (
        ("corto", t("saving.strength_short", length=8)),
        ("password1", t("saving.strength_weak")),
        ("panaderia roja", t("saving.strength_fair")),
        ("caballo correcto pila grapa", t("saving.strength_strong")),
    ):
        write(fields.first, words)
        assert fields.hint.text() == hint
        assert not window.make.go.isEnabled()
    write(fields.again, "caballo correcta")
    assert fields.hint.text() == t("saving.differ")
    write(fields.again, "caballo correcto pila grapa")
    assert window.make.go.isEnabled()
    assert fields.first.echoMode() is QLineEdit.EchoMode.Password
    tick(fields.shown)
    assert fields.first.echoMode() is QLineEdit.EchoMode.Normal


def test_file_that_is_there_stays_and_is_said(
    window: BackupWindow, run: Runner, tmp_path: Path
) -> None:
    path = tmp_path / "photo.wabot"
    path.write_bytes(b"a holiday")

    async def person() -> None:
        click(window.home.make)
        write(window.make.place.field, str(path))
        write(window.make.passphrase.first, PASSPHRASE)
        write(window.make.passphrase.again, PASSPHRASE)
        click(window.make.go)
        await until(window.make.problem.isVisible)

    run(person())
    assert window.make.problem.text() == t("error.backup_exists", name="photo.wabot")
    assert path.read_bytes() == b"a holiday"
    assert window.make.passphrase.is_ready  # nothing has to be typed again


def test_cancelled_backup_is_no_backup(
    window: BackupWindow, program: FakeProgram, run: Runner, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    under_way = asyncio.Event()

    async def slow(*_args: object, **_more: object) -> None:
        under_way.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(program.backups, "make", slow)

    async def person() -> None:
        click(window.home.make)
        write(window.make.passphrase.first, PASSPHRASE)
        write(window.make.passphrase.again, PASSPHRASE)
        click(window.make.go)
        await under_way.wait()
        assert window.page is window.working
        click(window.working.cancel)
        await shown(window, window.make)

    run(person())
    assert list(tmp_path.glob("*.wabot")) == []
    click(window.make.back)
    assert window.page is window.home


def test_backup_goes_on_where_its_window_is_closed(
    windows: Windows, window: BackupWindow, run: Runner, tmp_path: Path
) -> None:
    windows.show_dashboard()

    async def person() -> None:
        click(window.home.make)
        write(window.make.place.field, str(tmp_path / "b.wabot"))
        write(window.make.passphrase.first, PASSPHRASE)
        write(window.make.passphrase.again, PASSPHRASE)
        click(window.make.go)
        window.close()
        await until(lambda: t("saving.made") in windows.dashboard.banners.texts)

    run(person())
    assert (tmp_path / "b.wabot").exists()


def test_folder_of_the_backup_is_shown(
    window: BackupWindow, run: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[QUrl] = []

    def open_url(url: QUrl) -> bool:
        asked.append(url)
        return True

    monkeypatch.setattr(QDesktopServices, "openUrl", open_url)
    run(make(window, tmp_path / "b.wabot"))
    click(window.ending.other)
    click(window.ending.done)
    click(window.home.folder)
    assert [url.toLocalFile() for url in asked] == [str(tmp_path)] * 2


def test_without_accounts_there_is_nothing_to_keep(new_computer: Windows) -> None:
    window = opened(new_computer)
    assert not window.home.make.isEnabled()
    assert window.home.last.text() == t("saving.nothing_yet")
    assert window.home.restore.isEnabled()


# --- restoring -----------------------------------------------------------------------------------


def test_person_restores_on_a_new_computer(
    windows: Windows, window: BackupWindow, new_computer: Windows, run: Runner, tmp_path: Path
) -> None:
    path = tmp_path / "b.wabot"
    run(make(window, path))
    windows.window("backup").close()  # type: ignore[union-attr]
    dashboard = new_computer.dashboard
    dashboard.bring_up()
    assert QTest.qWaitForWindowExposed(dashboard)
    click(dashboard.empty.restore)
    other = new_computer.window("backup")
    assert isinstance(other, BackupWindow)
    assert QTest.qWaitForWindowExposed(other)
    assert other.page is other.opening

    async def person() -> None:
        await open_backup(other, path)
        page = other.choosing
        assert platform.node() in page.words.text()
        assert [row.choice.currentText() for row in page.rows] == [t("restoring.do_restore")] * 3
        assert page.rules.isChecked()  # there is nobody's rule here yet
        assert not page.go.isEnabled()  # nobody has said that the other one is closed
        tick(page.closed)
        click(page.go)
        await shown(other, other.ending)

    run(person())
    assert "La Tienda de Rosa" in other.ending.text.text()
    assert other.ending.words.text() == t("restoring.connecting")
    registry = Registry(new_computer.program.paths.registry_file)
    assert [one.id for one in registry.load()] == ["account-0", "account-1", "account-2"]
    assert new_computer.program.paths.bot_file.read_text() == "# the shop's own rules\n"
    click(other.ending.other)
    assert new_computer.dashboard.isVisible()


@pytest.mark.parametrize(
    "case",
    [
        (lambda content: content, "error.backup_passphrase"),
        (lambda content: content[:-1], "error.backup_damaged"),
        (lambda _: b"Dear aunt, " * 50, "error.backup_none"),
    ],
)
def test_backup_that_does_not_open_is_said_and_changes_nothing(
    window: BackupWindow,
    program: FakeProgram,
    run: Runner,
    tmp_path: Path,
    case: tuple[Callable[[bytes], bytes], str],
) -> None:
    spoil, key = case
    passphrase = "not the one" if key.endswith("passphrase") else PASSPHRASE
    path = tmp_path / "b.wabot"
    run(program.backups.make(path, PASSPHRASE))
    path.write_bytes(spoil(path.read_bytes()))

    async def person() -> None:
        click(window.home.restore)
        write(window.opening.file.field, str(path))
        write(window.opening.passphrase.first, passphrase)
        QTest.keyClick(window.opening.passphrase.first, Qt.Key.Key_Return)
        await until(window.opening.problem.isVisible)

    run(person())
    assert window.opening.problem.text() == t(key)
    assert window.page is window.opening
    assert not [line for line in program.log if line.startswith("down")]


def test_linked_account_here_stays_unless_it_is_replaced(
    window: BackupWindow, program: FakeProgram, run: Runner, tmp_path: Path
) -> None:
    path = tmp_path / "b.wabot"

    async def person() -> None:
        await program.backups.make(path, PASSPHRASE)
        click(window.home.restore)
        await open_backup(window, path)
        first, _, unlinked = window.choosing.rows
        assert first.choice.currentText() == t("restoring.do_keep")
        assert unlinked.choice.currentText() == t("restoring.do_replace")
        assert not window.choosing.rules.isChecked()
        first.choice.setFocus()
        QTest.keyClick(first.choice, Qt.Key.Key_Down)
        assert first.choice.currentText() == t("restoring.do_replace")
        assert first.hint.text() == t("restoring.hint_replace")
        QTest.keyClick(first.choice, Qt.Key.Key_Down)
        assert first.choice.currentText() == t("restoring.do_beside")
        assert first.hint.text() == t("restoring.hint_double")
        tick(window.choosing.closed)
        click(window.choosing.go)
        await shown(window, window.ending)

    run(person())
    assert program.log == ["down account-0-2 account-2"]
    made = {one.id: one for one in program.backups.accounts()}
    assert not made["account-0-2"].enabled
    assert made["account-0"].enabled
    assert list(program.paths.sessions.glob("account-0.replaced-*")) == []


def test_restore_that_is_refused_is_said_where_it_was_asked(
    window: BackupWindow, program: FakeProgram, run: Runner, tmp_path: Path
) -> None:
    path = tmp_path / "b.wabot"

    async def person() -> None:
        await program.backups.make(path, PASSPHRASE)
        click(window.home.restore)
        await open_backup(window, path)
        tick(window.choosing.closed)
        content = bytearray(path.read_bytes())
        content[-20] ^= 1
        path.write_bytes(content)  # somebody pulls the stick
        click(window.choosing.go)
        await until(window.choosing.problem.isVisible)

    run(person())
    assert window.choosing.problem.text() == t("error.backup_damaged")


def test_keys_alone_make_a_backup(window: BackupWindow, run: Runner, tmp_path: Path) -> None:
    def press(key: Qt.Key) -> None:
        QTest.keyClick(focused(), key)

    async def person() -> None:
        assert focused() is window.home.make
        press(Qt.Key.Key_Space)
        window.make.place.field.setText(str(tmp_path / "b.wabot"))
        assert focused() is window.make.passphrase.first
        QTest.keyClicks(focused(), PASSPHRASE)
        press(Qt.Key.Key_Tab)
        assert focused() is window.make.passphrase.again
        QTest.keyClicks(focused(), PASSPHRASE)
        press(Qt.Key.Key_Return)
        await shown(window, window.ending)
        assert focused() is window.ending.done
        press(Qt.Key.Key_Return)
        assert window.page is window.home

    run(person())


def focused() -> QWidget:
    found = QApplication.focusWidget()
    assert found is not None
    return found


# --- the reminder --------------------------------------------------------------------------------


def test_reminder_comes_after_a_week_and_opens_the_window(
    windows: Windows, program: FakeProgram
) -> None:
    time = program.manager.time
    (began, *_) = [one.created for one in program.backups.accounts()]
    time.moment = began + timedelta(days=6.9)
    windows.show_dashboard()
    banners = windows.dashboard.banners
    assert t("saving.due_never") not in banners.texts
    time.moment = began + timedelta(days=7.1)
    windows.reminder.look()
    assert t("saving.due_never") in banners.texts
    windows.reminder._on_wanted()
    assert windows.window("backup") is not None


def test_reminder_that_was_put_off_comes_back_a_month_later(
    windows: Windows, program: FakeProgram
) -> None:
    windows.show_dashboard()
    banners = windows.dashboard.banners
    assert t("saving.due_never") in banners.texts
    banners.dismiss(KEY)
    windows.reminder.look()
    assert t("saving.due_never") not in banners.texts
    program.manager.time.pass_s(29.9 * 86400)
    windows.reminder.look()
    assert t("saving.due_never") not in banners.texts
    program.manager.time.pass_s(0.2 * 86400)
    windows.reminder.look()
    assert t("saving.due_never") in banners.texts


def test_reminder_goes_with_a_backup_and_comes_a_month_later(
    windows: Windows, window: BackupWindow, program: FakeProgram, run: Runner, tmp_path: Path
) -> None:
    windows.show_dashboard()
    run(make(window, tmp_path / "b.wabot"))
    assert windows.dashboard.banners.texts == ()
    program.manager.time.pass_s(31 * 86400)
    windows.reminder.look()
    assert t("saving.due") in windows.dashboard.banners.texts


def test_reminder_can_be_switched_off(
    windows: Windows, window: BackupWindow, program: FakeProgram, run: Runner
) -> None:
    windows.show_dashboard()
    window.bring_up()
    assert window.home.reminder.isChecked()

    async def person() -> None:
        tick(window.home.reminder)
        await until(lambda: program.settings.backup_reminder == "off")

    run(person())
    assert windows.dashboard.banners.texts == ()
    assert load_settings(program.paths.settings_file).backup_reminder == "off"
    window.refresh()
    assert not window.home.reminder.isChecked()


# --- looks ---------------------------------------------------------------------------------------


@pytest.mark.usefixtures("language", "print_size")
def test_nothing_is_cut_on_any_page(
    window: BackupWindow, program: FakeProgram, run: Runner, tmp_path: Path
) -> None:
    path = tmp_path / "b.wabot"

    async def look() -> list[str]:
        found: list[str] = []
        await program.backups.make(path, PASSPHRASE)
        window.resize(560, 520)
        backup = await program.backups.look(path, PASSPHRASE)
        window.choosing.show_backup(backup, program.backups.accounts())
        window.working.start(t("saving.working"), t("saving.working_words"))
        window._on_made(path, backup.index)
        for page in window.pages:
            window._show(page)
            await asyncio.sleep(0.05)
            found += cut_texts(window)
        return found

    assert run(look()) == []


def test_every_field_has_a_name_for_those_who_cannot_see_it(window: BackupWindow) -> None:
    fields = window.findChildren(QLineEdit)
    assert len(fields) > 3
    assert [field for field in fields if not field.accessibleName()] == []


def test_settings_know_the_reminder() -> None:
    assert Settings.from_mapping({"backup_reminder": "off"}).backup_reminder == "off"
