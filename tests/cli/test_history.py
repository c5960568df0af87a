"""`wabot history`: the figures of the windows, with the program and without it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.conftest import Cli, Program
from tests.control.fake_manager import FakeManager
from wabot_tray.core.history import Mark, Phase, Repair
from wabot_tray.core.reasons import Reason
from wabot_tray.storage.history_file import Count, HistoryFolder, Pulse
from wabot_tray.system.paths import Paths

NOW = datetime.now(UTC)


def ago(hours: float) -> datetime:
    return NOW - timedelta(hours=hours)


def marks() -> list[Mark]:
    """Return ten hours, one of them without a link."""
    return [
        Mark(ago(10), Phase.UP, Reason.LOGGED_IN),
        Mark(ago(5), Phase.DOWN, Reason.LINK_LOST),
        Mark(ago(4), Phase.UP, Reason.LOGGED_IN, Repair.REDIAL),
    ]


@pytest.fixture
def known(manager: FakeManager) -> FakeManager:
    manager.history.kept["shop"] = marks()
    return manager


@pytest.mark.usefixtures("known", "program")
def test_history_is_told_for_every_account(cli: Cli) -> None:
    result = cli("history")
    assert (result.code, result.err) == (0, "")
    shop, _, bar = result.out.partition("bar")
    assert "shop  Main shop" in shop
    assert "last 24 hours     90.0 %  1 outage\n" in shop
    assert "1 hour: The connection to WhatsApp was lost. → The" in shop
    assert "–" in bar  # noqa: RUF001 - of which nothing is known


@pytest.mark.usefixtures("known", "program")
def test_history_as_json_keeps_its_promise(cli: Cli) -> None:
    (shop,) = json.loads(cli("history", "shop", "--json").out)["accounts"]
    assert shop.keys() == {"id", "label", "answered_today", "uptime", "outages"}
    assert shop["uptime"].keys() == {"day", "week", "month"}
    day = shop["uptime"]["day"]
    assert day["share"] == pytest.approx(0.9, abs=0.001)
    assert day["disconnected_s"] == 3600
    (outage,) = shop["outages"]
    assert (outage["cause"], outage["repair"], outage["seconds"]) == ("link-lost", "redial", 3600)
    assert datetime.fromisoformat(outage["begin"]).utcoffset() == timedelta()


@pytest.mark.usefixtures("program")
def test_history_of_nobody_says_so(cli: Cli) -> None:
    result = cli("history", "nobody")
    assert result.code == 1
    assert "nobody" in result.err


@pytest.mark.usefixtures("known", "program")
def test_csv_is_a_table_that_replaces_nothing_unasked(cli: Cli, tmp_path: Path) -> None:
    target = tmp_path / "outages.csv"
    saved = cli("history", "--csv", str(target))
    assert (saved.code, saved.err) == (0, "")
    content = target.read_bytes().decode("utf-8-sig").splitlines()
    assert content[0] == "Account,From,To,Seconds,How long,Why,What ended it"
    assert content[1].startswith("Main shop,")
    assert ",3600,1 hour,The connection to WhatsApp was lost.," in content[1]
    target.write_text("precious")
    refused = cli("history", "--csv", str(target))
    assert refused.code == 1
    assert "left as it is" in refused.err
    assert target.read_text() == "precious"
    assert cli("history", "--csv", str(target), "--force").code == 0
    assert cli("history", "--csv", str(tmp_path / "no" / "x.csv")).code == 1
    assert cli("history", "--force").code == 2


def test_history_is_read_from_the_files_without_the_program(cli: Cli, paths: Paths) -> None:
    folder = HistoryFolder(paths.history)
    folder.append("shop", marks())
    today = NOW.astimezone().date()
    folder.save_pulse(Pulse(ago(2), {"shop": {today: Count(9, 7)}}))
    before = {one.name: one.read_bytes() for one in paths.history.iterdir()}
    result = cli("history", "shop", "--json")
    assert result.code == 0
    assert "not running" in result.err
    (shop,) = json.loads(result.out)["accounts"]
    # It was killed: what came after its last sign of life is not known.
    assert shop["uptime"]["day"]["connected_s"] == pytest.approx(7 * 3600)
    assert shop["answered_today"] == 7
    assert {one.name: one.read_bytes() for one in paths.history.iterdir()} == before
    assert cli("history", "bar").code == 1


def test_history_without_anything_says_so(cli: Cli, program: Program, manager: FakeManager) -> None:
    assert program.manager is manager
    manager.sessions.clear()
    assert "account" in cli("history").out
