"""Rules to start from: they answer what they are for, and land where they should."""

import stat
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from tests.bot.test_rules import MONDAY_NOON, message, never
from wabot_tray.bot.rule_file import RuleFile, RulesChangedError, good_copy_path
from wabot_tray.bot.rulebook_file import install_example
from wabot_tray.bot.ruledraft import RuleDraft
from wabot_tray.bot.rules import parse
from wabot_tray.bot.templates import Template, install_template, suggested_reply
from wabot_tray.core.errors import BotFileError
from wabot_tray.system.i18n import set_language

SUNDAY = datetime(2026, 11, 22, 12, 0).astimezone()
ASKED = {
    Template.GREETING: {"en": "Hello!", "es": "Buenos dias"},
    Template.PRICES: {"en": "how much is it?", "es": "CUANTO CUESTA el café"},
    Template.OPENING: {"en": "when are you open?", "es": "¿a que hora cierran?"},
    Template.THANKS: {"en": "Thank you", "es": "muchas gracias!!"},
    Template.AWAY: {"en": "anybody?", "es": "¿hay alguien?"},
    Template.ANYTHING: {"en": "red", "es": "rojo"},
}


@pytest.fixture(params=["en", "es"])
def tongue(request: pytest.FixtureRequest) -> Iterator[str]:
    yield set_language(request.param)
    set_language("en")


def said(path: Path, text: str, now: datetime) -> str | None:
    return parse(path.read_text("utf-8")).choose(message(text), now, never).words


@pytest.mark.parametrize("template", Template)
def test_template_answers_what_it_is_for(template: Template, tongue: str, tmp_path: Path) -> None:
    path = tmp_path / "bot.toml"
    install_template(path, template)
    now = SUNDAY if template is Template.AWAY else MONDAY_NOON
    wanted = suggested_reply(template).replace("{name}", "Ana")
    assert said(path, ASKED[template][tongue], now) == wanted
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("template", Template)
def test_template_joins_the_example(template: Template, tongue: str, tmp_path: Path) -> None:
    path = tmp_path / "bot.toml"
    install_example(path, tongue)
    before = path.read_text("utf-8")
    install_template(path, template, reply="So it is, {name}.")
    install_template(path, template.value, reply="So it is, {name}.")
    now = SUNDAY if template is Template.AWAY else MONDAY_NOON
    assert said(path, ASKED[template][tongue], now) == "So it is, Ana."
    after = path.read_text("utf-8")
    assert [
        line for line in before.split("\n") if line.startswith("# ") and line not in after
    ] == []
    names = [rule.name for rule in RuleFile(path).document().rules]
    assert len(names) == (4 if template is Template.THANKS else 3)


def test_greeting_names_the_shop_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "bot.toml"
    install_template(path, "greeting", shop=" Rosa {& Co} ")
    answer = said(path, "hello", MONDAY_NOON)
    assert answer is not None
    assert "writing to Rosa {& Co}." in answer


def test_away_has_hours(tmp_path: Path) -> None:
    path = tmp_path / "bot.toml"
    install_template(path, "away", opens="10:00", closes="13:00", days=(6,), reply="zzz")
    assert said(path, "?", SUNDAY) is None
    assert said(path, "?", MONDAY_NOON) == "zzz"


def test_template_leaves_a_broken_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "bot.toml"
    path.write_text("[[rule]\n")
    with pytest.raises(BotFileError):
        install_template(path, "greeting")
    assert path.read_text() == "[[rule]\n"
    path.unlink()
    with pytest.raises(BotFileError) as caught:
        install_template(path, "greeting", reply="{nobody}")
    assert caught.value.message_key == "error.bot_placeholder"
    assert not path.exists()


def test_file_changed_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    file = RuleFile(tmp_path / "bot.toml")
    seen = file.signature()
    document = file.document().with_new(0, RuleDraft(words=("a",), reply="b"))
    file.path.write_text("# by hand\n")
    with pytest.raises(RulesChangedError):
        file.save(document, seen, MONDAY_NOON)
    assert file.path.read_text() == "# by hand\n"
    file.save(document, file.signature(), MONDAY_NOON)
    assert file.document().rules == document.rules


def test_broken_file_gives_way_to_the_last_good_rules_and_is_kept(tmp_path: Path) -> None:
    file = RuleFile(tmp_path / "bot.toml")
    with pytest.raises(BotFileError):
        file.restore(MONDAY_NOON)
    install_template(file.path, "thanks")
    good = file.path.read_text("utf-8")
    file.path.write_text("[[rule]\n")
    assert file.good_copy() == RuleFile(good_copy_path(file.path)).document()
    file.restore(MONDAY_NOON)
    assert file.path.read_text("utf-8") == good
    (aside,) = tmp_path.glob("bot.toml.broken-*")
    assert aside.read_text() == "[[rule]\n"
