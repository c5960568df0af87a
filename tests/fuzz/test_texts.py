"""Names and codes on their way to terminals, logs, menus and folders."""

import logging
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.control.fake_manager import NOW, session
from tests.fuzz.profile import AWKWARD, TEXTS, said, tries
from wabot_tray.cli.output import say_json
from wabot_tray.cli.qr import drawn
from wabot_tray.cli.sessions import as_json, as_table, line
from wabot_tray.core.accounts import LONGEST_LABEL, checked_id, checked_label, suggested_id
from wabot_tray.core.errors import WabotError
from wabot_tray.core.reasons import Reason
from wabot_tray.core.states import SessionState
from wabot_tray.core.wire import LONGEST_CODE
from wabot_tray.system import logs
from wabot_tray.system.paths import Paths

# C0 and C1 controls but for the line's end, marks of direction, and what ends a line for others.
OBEYED = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
ESCAPES = ["\x1b[31m", "\x9b31m", "\x1b]0;x\x07", "\r", "\x08", "\u202e", "\n2026-01-01 00:00:00"]


@tries(200)
@given(TEXTS)
def test_any_label_is_one_harmless_line_or_refused_with_a_sentence(text: str) -> None:
    try:
        label = checked_label(text)
    except WabotError as err:
        said(err)
        return
    assert len(label) <= LONGEST_LABEL
    assert OBEYED.search(label) is None
    assert "\n" not in label


def test_labels_of_shops_are_taken() -> None:
    for label in ("Peluquería Ñandú & Co.", "مرحبا", "👩‍🍳 Cocina", "  Tienda  ", "", "<3 flores"):
        assert checked_label(label) == label.strip()


@tries(300)
@given(TEXTS | st.text("./\\~:con", max_size=8))
def test_any_id_is_a_folder_beside_the_others_or_refused(text: str) -> None:
    paths = Paths(data=Path("/data"), runtime=Path("/run/x"), runtime_in_ram=True)
    try:
        account_id = checked_id(text)
    except WabotError as err:
        said(err)
        return
    for folder in (paths.session(account_id), paths.live(account_id)):
        assert folder.resolve().parent == folder.parent
    assert account_id.isascii()


@tries(200)
@given(TEXTS, st.lists(st.sampled_from(["con", "account", "shop"])))
def test_any_label_suggests_an_id_that_is_taken(label: str, taken: list[str]) -> None:
    assert checked_id(suggested_id(label, taken)) not in taken


# What a program of another version, or a file somebody wrote by hand, may hold all the same.
@pytest.mark.parametrize("text", [*AWKWARD, *ESCAPES])
def test_no_text_of_a_session_moves_the_terminals_cursor(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    odd: dict[str, Any] = {"label": text, "phone": text, "notice": Reason.BOT_FILE_BROKEN}
    odd |= {"notice_detail": text, "state": SessionState.FAILED, "reason": Reason.CRASH_LOOP}
    snapshot = session(text, **odd)
    shown = as_table([snapshot], NOW) + line(snapshot, NOW)
    assert OBEYED.search(shown) is None
    say_json(as_json(snapshot, NOW))
    said_there = capsys.readouterr().out
    assert OBEYED.search(said_there) is None
    assert said_there.count("\n") == 1


@tries(100)
@given(TEXTS, TEXTS)
def test_no_log_line_moves_a_cursor_or_looks_like_another(text: str, name: str) -> None:
    record = logging.LogRecord(name, logging.ERROR, "", 0, "%s said %s", (name, text), None)
    shown = logs.LineFormatter().format(record)
    assert OBEYED.search(shown.replace("\t", "")) is None
    lines = shown.split("\n")
    assert not any(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ", later) for later in lines[1:])


def test_forged_line_of_a_worker_stays_part_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    forged = r"INFO	wabot_tray.bot	hi\n2026-11-23 00:00:00 ERROR [SessionManager] all is lost"
    with caplog.at_level(logging.INFO, "wabot_tray"):
        logs.log_worker_line("shop", forged)
        logs.log_worker_line("shop", "x" * 1_000_000)
    first, second = (logs.LineFormatter().format(record) for record in caplog.records)
    assert "\n 2026-11-23 00:00:00 ERROR" in first
    assert len(second) < 9000


@tries(60)
@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1))
def test_any_code_the_border_lets_pass_is_drawn(code: str) -> None:
    assert drawn(code)


def test_longest_code_is_drawn() -> None:
    assert drawn("~" * LONGEST_CODE)
