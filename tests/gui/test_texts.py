"""Every text is there in both languages, and no window cuts one."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po
from PySide6.QtCore import QRect, QSettings, Qt
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QTableView, QWidget

from tests.gui import scenes
from tests.gui.fake_manager import FakeManager, FakeTime
from wabot_tray.core.snapshot import PairingStage
from wabot_tray.core.states import SessionState
from wabot_tray.gui.actions import AccountActions
from wabot_tray.gui.bridge import ManagerBridge
from wabot_tray.gui.dashboard import Dashboard
from wabot_tray.gui.dialogs import BackgroundDialog
from wabot_tray.gui.historywindow import HistoryWindow
from wabot_tray.gui.jobs import Jobs
from wabot_tray.gui.outagetable import Column
from wabot_tray.gui.pairing import PairingWindow
from wabot_tray.gui.theme import Theme
from wabot_tray.system.i18n import set_language, t
from wabot_tray.system.paths import resource

SOURCES = Path(__file__).parents[2] / "wabot_tray" / "gui"
PLACEHOLDER = re.compile(r"\{(\w+)\}")
ASKED = re.compile(r'\btn?\(\s*"([a-z]+\.[a-z0-9_]+)"')


def catalogue(language: str) -> dict[str, tuple[str, ...]]:
    with resource("locale", language, "LC_MESSAGES", "gui.po").open("rb") as file:
        made = read_po(file, locale=language, abort_invalid=True)
    found = {}
    for message in made:
        if message.id:
            key = message.id if isinstance(message.id, str) else message.id[0]
            texts = message.string if isinstance(message.string, tuple) else (message.string,)
            found[key] = tuple(str(text) for text in texts)
    return found


def test_languages_have_the_same_keys_and_placeholders() -> None:
    english, spanish = catalogue("en"), catalogue("es")
    assert english.keys() == spanish.keys()
    for key, texts in english.items():
        wanted = {name for text in texts for name in PLACEHOLDER.findall(text)}
        found = {name for text in spanish[key] for name in PLACEHOLDER.findall(text)}
        assert wanted == found, key
        assert all(text.strip() for text in (*texts, *spanish[key])), key


def test_every_key_in_the_code_has_a_text_and_every_text_is_used() -> None:
    known = catalogue("en").keys()
    families = "|".join(sorted({key.partition(".")[0] for key in known}))
    written = re.compile(rf'"((?:{families})\.[a-z0-9_]+)"')
    code = "".join(path.read_text(encoding="utf-8") for path in SOURCES.glob("*.py"))
    elsewhere = {key for key in ASKED.findall(code) if t(key) != key} - known  # core's own
    assert {*written.findall(code), *ASKED.findall(code)} - elsewhere == known


# --- what is cut ---------------------------------------------------------------------------------


@pytest.fixture(params=["en", "es"])
def language(request: pytest.FixtureRequest) -> str:
    set_language(request.param)
    return str(request.param)


@pytest.fixture(params=[1.0, 1.4], ids=["usual", "large"])
def print_size(
    request: pytest.FixtureRequest, qapp: QApplication, dressed: Theme
) -> Iterator[float]:
    """The person's own font size, usual and for weaker eyes."""
    before = qapp.font()
    larger = QFont(before)
    larger.setPointSizeF(before.pointSizeF() * request.param)
    qapp.setFont(larger)
    theme = Theme(qapp, "light")
    yield request.param
    qapp.setFont(before)
    theme.setParent(None)
    dressed.choose("light")


def cut_texts(window: QWidget) -> list[str]:
    """Return the texts that do not fit where they stand."""
    found = []
    for label in window.findChildren(QLabel):
        if not label.isVisible() or not label.text():
            continue
        if label.wordWrap():
            needs = label.heightForWidth(label.width())
            if needs > label.height() or _longest_word(label) > label.width():
                found.append(label.text())
        elif label.fontMetrics().horizontalAdvance(label.text()) > label.width():
            found.append(label.text())
    found += [
        button.text()
        for button in window.findChildren(QPushButton)
        if button.isVisible() and button.sizeHint().width() > button.width()
    ]
    for table in window.findChildren(QTableView):
        if table.isVisible():
            found += _cut_in_table(table)
    return found


def _longest_word(label: QLabel) -> int:
    metrics = label.fontMetrics()
    words = label.text().replace("\u200b", " ").split()  # lines may break there too
    return max(metrics.horizontalAdvance(word) for word in words)


def _cut_in_table(table: QTableView) -> list[str]:
    found = []
    header, model = table.horizontalHeader(), table.model()
    for column in range(model.columnCount()):
        title = str(model.headerData(column, Qt.Orientation.Horizontal))
        if header.sectionSizeFromContents(column).width() > header.sectionSize(column):
            found.append(title)
        for row in range(model.rowCount()):
            index = model.index(row, column)
            if not _fits(table, row, column, str(index.data())):
                found.append(f"{title}: {index.data()}")
    return found


def _fits(table: QTableView, row: int, column: int, text: str) -> bool:
    """Whether a text has its lines: 12 px are free on each side."""
    metrics = table.fontMetrics()
    room = table.columnWidth(column) - 24
    flags = int(Qt.TextFlag.TextWordWrap) if column != Column.BEGIN else 0
    needs = metrics.boundingRect(QRect(0, 0, room, 10_000), flags, text)
    return needs.height() + 12 <= table.rowHeight(row) and needs.width() <= room


def settle(widget: QWidget, qapp: QApplication) -> None:
    widget.show()
    for _ in range(3):
        qapp.processEvents()


def test_cut_texts_are_found(qapp: QApplication) -> None:
    """The measure itself can fail."""
    box = QWidget()
    label, wrapped, button = QLabel("a text", box), QLabel("words " * 20, box), QPushButton("Go on")
    wrapped.setWordWrap(True)
    button.setParent(box)
    for part in (label, wrapped, button):
        part.setFixedSize(30, 14)
    settle(box, qapp)
    assert cut_texts(box) == ["a text", "words " * 20, "Go on"]


@pytest.mark.usefixtures("language", "print_size")
@pytest.mark.parametrize("accounts", ["every_state", "with_notices", "none"])
def test_dashboard_cuts_nothing(accounts: str, qapp: QApplication, tmp_path: Path) -> None:
    snapshots = () if accounts == "none" else getattr(scenes, accounts)()
    manager = FakeManager(*snapshots)
    bridge = ManagerBridge(manager)
    store = QSettings(str(tmp_path / "windows.ini"), QSettings.Format.IniFormat)
    window = Dashboard(bridge, AccountActions(manager), store, clock=manager.time.clock)
    window.show_tray_presence(False)
    window.resize(window.minimumSize().expandedTo(window.size()))
    settle(window, qapp)
    window.cards.finish()
    settle(window, qapp)
    assert cut_texts(window) == []
    window.may_close = True
    window.close()
    bridge.close()


@pytest.mark.usefixtures("language", "print_size")
@pytest.mark.parametrize("width", [0, 880])
def test_history_cuts_nothing(width: int, qapp: QApplication, tmp_path: Path) -> None:
    manager = FakeManager(*scenes.shop())
    manager.history.add("account-0", *scenes.past())
    manager.history.add("account-0", *scenes.every_cause())
    bridge = ManagerBridge(manager)
    store = QSettings(str(tmp_path / "windows.ini"), QSettings.Format.IniFormat)
    for account in ("account-0", "account-1"):
        window = HistoryWindow(bridge, account, Jobs(print), store, clock=manager.time.clock)
        window.resize(width, 660)
        settle(window, qapp)
        assert cut_texts(window) == []
        window.close()
    bridge.close()


@pytest.mark.usefixtures("language", "print_size")
def test_pairing_window_cuts_nothing(time: FakeTime, run: Callable[[Awaitable[Any]], Any]) -> None:
    manager = FakeManager(scenes.account(SessionState.LOGGED_OUT, phone=None), time=time)
    bridge, jobs = ManagerBridge(manager), Jobs(print)

    async def live() -> None:
        window = PairingWindow(bridge, "account-0", jobs, clock=time.clock)
        window.show()
        await asyncio.sleep(0.05)
        assert cut_texts(window) == []
        for seconds in (0, 61):
            manager.show_code("account-0", scenes.CODE)
            time.pass_s(seconds)
            window.panel.tick()
            await asyncio.sleep(0.01)
            assert cut_texts(window) == []
        steps: list[tuple[PairingStage, dict[str, object]]] = [
            (PairingStage.LINKING, {}),
            (PairingStage.DONE, {"phone": "573005550100"}),
        ]
        steps += [(PairingStage.FAILED, {"reason": reason}) for reason in scenes.ENDINGS]
        for stage, more in steps:
            manager.pairing_step("account-0", stage, **more)  # type: ignore[arg-type]
            await asyncio.sleep(0.01)
            assert cut_texts(window) == []
        window.close()
        await jobs.close()

    run(live())
    bridge.close()


@pytest.mark.usefixtures("language", "print_size")
def test_questions_cut_nothing(qapp: QApplication, tmp_path: Path) -> None:
    manager = FakeManager(*scenes.shop())
    bridge = ManagerBridge(manager)
    store = QSettings(str(tmp_path / "windows.ini"), QSettings.Format.IniFormat)
    window = Dashboard(bridge, AccountActions(manager), store, clock=manager.time.clock)
    window.show()
    taken = window.ask_account()
    taken.name.setText("X")
    taken.id.setText("account-0")
    settle(taken, qapp)
    taken.accept()  # refused, so that the refusal is shown
    for dialog in (
        taken,
        window.ask_name("account-0"),
        window.ask_removal("account-0"),
        BackgroundDialog(window),
    ):
        settle(dialog, qapp)
        assert cut_texts(dialog) == []
        dialog.close()
    window.may_close = True
    window.close()
    bridge.close()
