"""The model of the log: bounded, filtered in slices, and never losing a line that belongs."""

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from wabot_tray.gui import logmodel
from wabot_tray.gui.logmodel import PROGRAM, Column, LogFilter, LogModel
from wabot_tray.system.logentries import Entry, Fed, Level, LogParser

NAMES = {"shop": "La Tienda"}


@pytest.fixture
def model(qapp: QApplication, qtmodeltester: ModelTester) -> Iterator[LogModel]:
    assert qapp is not None
    made = LogModel(lambda account: NAMES.get(account, account))
    # It watches every signal from now on.
    qtmodeltester.check(made)  # type: ignore[no-untyped-call]  # pytest-qt is untyped there
    yield made
    made.deleteLater()


def lines(count: int, start: int = 0) -> list[Entry]:
    text = [
        f"2026-11-20 08:00:00 INFO  [Session] session shop: {n}"
        for n in range(start, start + count)
    ]
    return LogParser().feed(text).entries


def shown(model: LogModel) -> list[str]:
    return [entry.rpartition(" ")[2] for entry in model.shown]


def test_new_filter_goes_through_slice_by_slice_and_the_old_lines_stay_meanwhile(
    model: LogModel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logmodel, "SLICE", 10)
    model.begin(lines(35))
    qtbot.waitUntil(lambda: model.rowCount() == 35)
    model.use(LogFilter(text=" 3"))
    assert model.is_filtering
    assert model.rowCount() == 35
    model.add(Fed(lines(2, 300)))  # comes while it goes through
    qtbot.waitUntil(lambda: not model.is_filtering)
    assert shown(model) == ["3", "30", "31", "32", "33", "34", "300", "301"]


def test_oldest_lines_go_and_the_rest_is_what_it_was(
    model: LogModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logmodel, "MOST_ENTRIES", 20)
    monkeypatch.setattr(logmodel, "_DROPPED_AT_ONCE", 5)
    model.begin(lines(20))
    model.use(LogFilter(text=": 5"))
    for number in range(20, 60):
        model.add(Fed(lines(1, number)))
        assert model.held <= 25
    kept = [str(n) for n in range(60 - model.held, 60)]
    assert shown(model) == [n for n in kept if n.startswith("5")]
    model.use(LogFilter())
    assert shown(model) == kept


def test_line_that_grows_into_the_filter_is_shown(model: LogModel) -> None:
    parser = LogParser()
    model.begin(parser.feed(["2026-11-20 08:00:00 ERROR [Jobs] verify shop failed"]).entries)
    model.use(LogFilter(text="reset by peer"))
    assert model.rowCount() == 0
    model.add(parser.feed(["ConnectionResetError: Reset by Peer"]))
    assert model.rowCount() == 1
    model.add(parser.feed(["and more"]))
    assert str(model.index(0, Column.WORDS).data()).endswith("(+2)")


@pytest.mark.parametrize(
    ("wanted", "rows"),
    [
        (LogFilter(), 4),
        (LogFilter(least=Level.INFO), 3),
        (LogFilter(least=Level.ERROR), 1),
        (LogFilter(account="shop", known=frozenset({"shop"})), 2),
        (LogFilter(account=PROGRAM, known=frozenset({"shop"})), 2),  # a removed account's too
        (LogFilter(text="SEALED"), 1),
        (LogFilter(account="shop", least=Level.ERROR, text="nothing"), 0),
    ],
)
def test_filters_let_pass_what_they_say(model: LogModel, wanted: LogFilter, rows: int) -> None:
    text = (
        "2026-11-20 08:00:00 DEBUG [Worker(shop)] Session: sealed",
        "2026-11-20 08:00:01 ERROR [Session] session shop: failed",
        "2026-11-20 08:00:02 WARN  [Session] session gone: stopped",
        "2026-11-20 08:00:03 INFO  [SessionManager] Ready",
    )
    model.begin(LogParser().feed(text).entries)
    model.use(wanted)
    assert model.rowCount() == rows


def test_cells_say_the_account_by_its_name_and_the_level_by_sign_and_word(
    model: LogModel,
) -> None:
    text = ("2026-11-20 08:00:01 ERROR [Session] session shop: a -> b (x) <b>",)
    model.begin(LogParser().feed(text).entries)
    row = [str(model.index(0, column).data()) for column in Column]
    assert row[:3] == ["2026-11-20 08:00:01", "✖ Error", "La Tienda"]
    assert row[3] == "[Session] session shop: a -> b (x) <b>"
    spoken = model.index(0, Column.LEVEL).data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken == "Error"


def test_finding_goes_round_in_both_directions(model: LogModel) -> None:
    model.begin(lines(30))
    assert model.find(" 7", 0, 1) == 7
    assert model.find(" 7", 8, 1) == 7
    assert model.find("shop: 2", 1, -1) == 29
    assert model.find("zebra", 5, 1) == -1
    empty = LogModel(str)
    assert empty.find("a", 0, 1) == -1
    empty.deleteLater()
