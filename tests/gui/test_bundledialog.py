"""Saving diagnostics, as a person does it: look inside, leave something out, save, find it."""

import errno
import os
import zipfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QStandardPaths, Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QFileDialog, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from tests.gui import scenes
from tests.gui.fake_manager import FakeManager, FakeTime
from tests.gui.fake_program import FakeProgram
from tests.gui.test_texts import cut_texts
from wabot_tray.control import diagnosis
from wabot_tray.control.bundle import suggested_name
from wabot_tray.control.bundleparts import Part
from wabot_tray.control.checks import good
from wabot_tray.gui import bundledialog
from wabot_tray.gui.background import Step
from wabot_tray.gui.bundledialog import BundleDialog
from wabot_tray.gui.dialogs import ReplaceDialog
from wabot_tray.gui.logwindow import LogWindow
from wabot_tray.gui.windows import Windows
from wabot_tray.system.i18n import set_language, t

Runner = Callable[[Awaitable[Any]], Any]
LEFT = Qt.MouseButton.LeftButton
PHONE = "573005550100"  # of the first account of the scene


@pytest.fixture
def documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "documents"
    folder.mkdir()
    monkeypatch.setattr(QStandardPaths, "writableLocation", lambda _: str(folder))
    return folder


@pytest.fixture
def windows(
    tmp_path: Path, time: FakeTime, run: Runner, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Windows]:
    checks = [good("versions", python="3", qt="6", neonize="0")]
    monkeypatch.setattr(diagnosis, "machine_checks", lambda *_: iter(checks))
    program = FakeProgram(tmp_path / "data", FakeManager(*scenes.shop(), time=time))
    program.paths.logs.mkdir(parents=True)
    program.paths.log_file.write_text(scenes.log_text() + f"call {PHONE}\n", encoding="utf-8")
    program.paths.bot_file.write_text('[[rule]]\nmatch = "bread"\nreply = "from six"\n')
    made = Windows(program, lambda: None, clock=time.clock)
    yield made
    run(made.close())


@pytest.fixture
def dialog(windows: Windows, documents: Path, qtbot: QtBot) -> BundleDialog:
    """Opened by the button of the log's window, everything collected."""
    assert documents.is_dir()
    windows.show_logs()
    window = windows.window("logs")
    assert isinstance(window, LogWindow)
    qtbot.waitActive(window)
    click(window.save)
    made = window.findChild(BundleDialog)
    assert isinstance(made, BundleDialog)
    qtbot.waitUntil(lambda: made.files.count() > 0)
    return made


def click(button: QAbstractButton) -> None:
    QTest.mouseClick(button, LEFT)


def view(dialog: BundleDialog, name: str, qtbot: QtBot) -> str:
    """Click a file, and return what is shown of it."""
    files = dialog.files
    (item,) = (
        one for one in map(files.item, range(files.count())) if one.text().startswith(name + " ")
    )
    area = files.visualItemRect(item)
    QTest.mouseClick(files.viewport(), LEFT, pos=area.center())
    qtbot.waitUntil(lambda: dialog.view.is_complete)
    return dialog.view.toPlainText()


def tick(dialog: BundleDialog, name: str, qtbot: QtBot) -> None:
    """Turn the box of a file with the keyboard."""
    view(dialog, name, qtbot)
    QTest.keyClick(dialog.files, Qt.Key.Key_Space)


def choose_place(dialog: BundleDialog, name: str | None, qtbot: QtBot) -> None:
    """Press "Save…" and answer where, with the name that is offered or another."""
    click(dialog.go)
    place = dialog.findChild(QFileDialog)
    assert isinstance(place, QFileDialog)
    qtbot.waitExposed(place)
    field = place.findChild(QLineEdit)
    assert isinstance(field, QLineEdit)
    if name is not None:
        field.selectAll()
        QTest.keyClicks(field, name)
    QTest.keyClick(field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: not place.isVisible())


def content(path: Path) -> dict[str, str]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_what_was_looked_at_and_ticked_is_what_is_saved(
    dialog: BundleDialog, documents: Path, time: FakeTime, qtbot: QtBot
) -> None:
    seen = {part.name: view(dialog, part.name, qtbot) for part in dialog.files.chosen}
    assert "call …100" in seen["logs/wabot-tray.log"]
    assert dialog.what.text() == t("bundle.part.log")
    assert "bot.toml" not in seen
    tick(dialog, "settings.json", qtbot)
    choose_place(dialog, None, qtbot)
    target = documents / suggested_name(time.now())
    told = t("bundle.saved", name=target.name, folder="documents")
    qtbot.waitUntil(lambda: dialog.banners.texts == (told,))
    saved = content(target)
    assert saved.keys() == seen.keys() - {"settings.json"}
    assert all(text == seen[name] for name, text in saved.items())
    assert PHONE not in "".join(saved.values())
    assert list(documents.iterdir()) == [target]


def test_texts_of_the_rules_go_in_only_when_ticked(
    dialog: BundleDialog, documents: Path, qtbot: QtBot
) -> None:
    assert "from six" in view(dialog, "bot.toml", qtbot)
    assert "from six" not in "".join(part.content.decode() for part in dialog.files.chosen)
    tick(dialog, "bot.toml", qtbot)
    choose_place(dialog, "with rules", qtbot)  # the ending is added
    qtbot.waitUntil((documents / "with rules.zip").exists)
    assert "from six" in content(documents / "with rules.zip")["bot.toml"]


def test_nothing_ticked_is_nothing_to_save(dialog: BundleDialog, qtbot: QtBot) -> None:
    for part in list(dialog.files.chosen):
        tick(dialog, part.name, qtbot)
    assert dialog.files.chosen == []
    assert not dialog.go.isEnabled()


@pytest.mark.parametrize("replaced", [True, False])
def test_file_that_is_there_is_asked_about(
    dialog: BundleDialog, documents: Path, qtbot: QtBot, replaced: bool
) -> None:
    (documents / "mine.zip").write_text("mine")
    choose_place(dialog, "mine.zip", qtbot)
    qtbot.waitUntil(lambda: dialog.findChild(ReplaceDialog) is not None)
    question = dialog.findChild(ReplaceDialog)
    assert isinstance(question, ReplaceDialog)
    click(question.go if replaced else question.cancel)
    qtbot.waitUntil(lambda: not dialog.saving.is_busy)
    assert zipfile.is_zipfile(documents / "mine.zip") is replaced
    assert list(documents.iterdir()) == [documents / "mine.zip"]


def test_full_disk_is_said_and_nothing_is_left(
    dialog: BundleDialog, documents: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    def refuse(_: int) -> None:
        raise OSError(errno.ENOSPC, "no")

    monkeypatch.setattr(os, "fsync", refuse)
    choose_place(dialog, "a.zip", qtbot)
    told = t("error.bundle_full", path=documents / "a.zip")
    qtbot.waitUntil(lambda: dialog.banners.texts == (told,))
    assert list(documents.iterdir()) == []
    monkeypatch.undo()
    dialog.save_to(documents / "a.zip")
    qtbot.waitUntil((documents / "a.zip").exists)


def test_cancelled_while_saving_leaves_nothing_and_stays_open(
    dialog: BundleDialog, documents: Path, qtbot: QtBot
) -> None:
    big = Part("big", "bundle.part.log", os.urandom(24 << 20))
    dialog.files.show_parts((big,))
    dialog.save_to(documents / "a.zip")
    assert dialog.bar.isVisible()
    qtbot.waitUntil(lambda: dialog.bar.value() > 0)
    assert dialog.state.text() == t("bundle.saving")
    click(dialog.cancel)
    assert dialog.isVisible()
    assert dialog.banners.texts == (t("bundle.cancelled"),)
    qtbot.waitUntil(lambda: list(documents.iterdir()) == [])
    assert dialog.go.isEnabled()


def test_closed_while_collecting_the_work_ends(
    windows: Windows, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    ended: list[str] = []

    def endless(*_: object, step: Step, **__: object) -> None:
        try:
            while True:
                step(1, 2)
        finally:
            ended.append("ended")

    monkeypatch.setattr(bundledialog, "collect", endless)
    windows.show_logs()
    window = windows.window("logs")
    assert isinstance(window, LogWindow)
    dialog = window.ask_bundle()
    qtbot.waitUntil(lambda: dialog.bar.value() == 500)
    assert dialog.state.text() == t("bundle.collecting")
    assert not dialog.go.isEnabled()
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()
    qtbot.waitUntil(lambda: ended == ["ended"])


def test_saved_bundle_is_shown_in_its_folder(
    dialog: BundleDialog, documents: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    opened: list[str] = []

    def open_url(url: QUrl) -> bool:
        opened.append(url.toLocalFile())
        return True

    monkeypatch.setattr(QDesktopServices, "openUrl", open_url)
    choose_place(dialog, "a.zip", qtbot)
    qtbot.waitUntil(lambda: len(dialog.banners.texts) == 1)
    buttons = dialog.banners.findChildren(QAbstractButton)
    (show,) = (one for one in buttons if one.text() == t("bundle.show"))
    click(show)
    assert opened == [str(documents)]


def test_every_part_of_the_dialog_is_reached_by_tab_and_named(dialog: BundleDialog) -> None:
    dialog.files.setFocus()
    reached: list[QWidget] = []
    while (widget := QApplication.focusWidget()) is not None and widget not in reached:
        reached.append(widget)
        QTest.keyClick(widget, Qt.Key.Key_Tab)
    assert reached == [dialog.files, dialog.view, dialog.cancel, dialog.go]
    assert dialog.files.accessibleName()
    assert dialog.view.accessibleName()


@pytest.mark.parametrize("language", ["en", "es"])
def test_dialog_cuts_nothing(
    language: str, windows: Windows, documents: Path, qtbot: QtBot
) -> None:
    set_language(language)
    windows.speak_anew()
    windows.show_logs()
    window = windows.window("logs")
    assert isinstance(window, LogWindow)
    dialog = window.ask_bundle()
    dialog.resize(dialog.minimumSizeHint())
    QApplication.processEvents()
    assert cut_texts(dialog) == []
    qtbot.waitUntil(lambda: dialog.files.count() > 0)
    dialog.save_to(documents / "a.zip")
    qtbot.waitUntil(lambda: len(dialog.banners.texts) == 1)
    QApplication.processEvents()
    assert cut_texts(dialog) == []
