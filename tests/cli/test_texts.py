"""Every text the commands use exists in both languages, with the same placeholders."""

import argparse
import inspect
import re
from pathlib import Path

from tests.cli.conftest import ROOT
from wabot_tray.cli import parser

CODE = "\n".join(
    path.read_text(encoding="utf-8")
    for folder in ("cli", "control")
    for path in sorted((ROOT / "wabot_tray" / folder).glob("*.py"))
)


def catalogue(language: str, domain: str = "cli") -> dict[str, list[str]]:
    """Return the texts of a catalogue by key, plural forms apart."""
    path = Path(ROOT, "resources/locale", language, f"LC_MESSAGES/{domain}.po")
    found: dict[str, list[str]] = {}
    key = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if match := re.fullmatch(r'msgid "(.*)"', line):
            key = match[1]
            assert key not in found, f"twice: {key}"
            found[key] = []
        elif match := re.fullmatch(r'msgstr(?:\[\d\])? "(.*)"', line):
            found[key].append(match[1])
    found.pop("")
    return found


def test_both_languages_say_the_same_things() -> None:
    english, spanish = catalogue("en"), catalogue("es")
    assert english.keys() == spanish.keys()
    for key, texts in english.items():
        for ours, theirs in zip(texts, spanish[key], strict=True):
            assert ours
            assert theirs
            pattern = r"\{\w+\}|%\(\w+\)[sr]|%[sr]"
            assert sorted(re.findall(pattern, ours)) == sorted(re.findall(pattern, theirs)), key


def test_every_key_in_the_code_has_a_text() -> None:
    keys = set(re.findall(r'"((?:cli|error)\.[a-z_.]+[a-z])"', CODE))
    assert len(keys) > 50
    assert keys - catalogue("en").keys() - catalogue("en", "core").keys() == set()


def test_every_check_has_its_text_and_advice() -> None:
    texts = catalogue("en")
    ok = {f"check.{name}.ok" for name in re.findall(r'\bgood\("(\w+)"', CODE)}
    bad = {f"check.{n}.{w}" for n, w in re.findall(r'\bbad\(\s*"(\w+)", "(\w+)"', CODE)}
    wanted = ok | bad | {f"{key}.advice" for key in bad}
    assert len(bad) > 15
    assert wanted - texts.keys() == set()


def test_every_text_is_used() -> None:
    """A text nobody shows is a text nobody keeps right."""
    keys = {key for key in catalogue("en") if re.match(r"(cli|error)\.", key)}
    helped = {f"cli.help.{name}" for name in re.findall(r'command\("([a-z-]+)"', CODE)}
    columns = {f"cli.column.{name}" for name in ("id", "state", "phone", "since")}
    unused = {key for key in keys if not re.search(rf"""["']{re.escape(key)}["']""", CODE)}
    assert unused - {key.replace("-", "_") for key in helped} - columns == set()


def test_words_of_argparse_are_its_own() -> None:
    """A text that this Python's argparse no longer has would silently stay English."""
    source = inspect.getsource(argparse)
    assert [text for text in parser._ARGPARSE if text not in source] == []
