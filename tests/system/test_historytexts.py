"""Figures and tables of a history, as people and spreadsheets read them."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest

from wabot_tray.core.history import Outage, Repair
from wabot_tray.core.reasons import Reason
from wabot_tray.system.historytexts import cause, csv_text, percent, reason_words, repair
from wabot_tray.system.i18n import set_language, t

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
OUTAGE = Outage(NOW - timedelta(hours=3), NOW - timedelta(hours=2), Reason.LINK_LOST)


@pytest.fixture(autouse=True, params=["en", "es"])
def language(request: pytest.FixtureRequest) -> str:
    return set_language(request.param)


@pytest.mark.parametrize(
    ("share", "said"),
    [(None, "–"), (1.0, "100 %"), (0.99999, "99.9 %"), (0.5, "50.0 %"), (0.0, "0.0 %")],  # noqa: RUF001
)
def test_share_is_never_rounded_up_to_all_of_it(share: float | None, said: str) -> None:
    assert percent(share) == said


def test_share_is_written_with_the_decimals_of_the_country() -> None:
    assert percent(0.998, ",") == "99,8 %"


@pytest.mark.parametrize("reason", [*Reason, None])
def test_every_cause_is_a_whole_sentence(reason: Reason | None) -> None:
    words = reason_words(reason)
    assert words.endswith(".")
    assert "{" not in words
    assert "?" not in words


@pytest.mark.parametrize("how", [*Repair, None])
def test_every_repair_has_words(how: Repair | None) -> None:
    words = repair(Outage(NOW, NOW, None, None, how))
    assert " " in words
    assert "." not in words


def test_cause_says_what_an_outage_turned_into() -> None:
    worse = Outage(NOW, None, Reason.LINK_LOST, Reason.PHONE_UNLINKED)
    assert cause(worse) == f"{t('reason.link-lost')} {t('reason.phone-unlinked')}"


@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize("name", ["Rosa", 'a"b', "a;b,c", "two\nlines", "=1+1", "+1", "-1", "@x"])
def test_table_survives_any_name_and_no_cell_is_a_formula(name: str, separator: str) -> None:
    text = csv_text([(name, OUTAGE)], NOW, separator=separator)
    assert text.startswith("\ufeff")
    rows = list(csv.reader(io.StringIO(text[1:], newline=""), delimiter=separator))
    assert [len(row) for row in rows] == [7, 7]
    assert rows[1][0] in (name, f"'{name}")
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)
    assert rows[1][3] == "3600"


def test_outage_that_lasts_has_no_end_in_the_table() -> None:
    text = csv_text([("Rosa", Outage(NOW - timedelta(minutes=1), None, None))], NOW)
    row = list(csv.reader(io.StringIO(text[1:], newline="")))[1]
    assert row[2] == ""
    assert row[3] == "60"
    assert row[6] == t("history.repair_none")
