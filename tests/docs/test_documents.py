"""What the documents say is there: links, pictures, commands, and the words of the program."""

import importlib.util
from pathlib import Path

import pytest

from tests.docs import reading
from wabot_tray import __main__ as program
from wabot_tray.cli import parser as cli

LANGUAGES = ("en", "es")


def name(path: Path) -> str:
    return str(path.relative_to(reading.ROOT))


@pytest.mark.parametrize("path", reading.documents(), ids=name)
def test_every_link_of_a_document_leads_somewhere(path: Path) -> None:
    lost = []
    for link in reading.links(path):
        if "://" in link:
            continue
        target, _, anchor = link.partition("#")
        found = (path.parent / target).resolve() if target else path
        if not found.exists() or (anchor and anchor not in reading.anchors(found)):
            lost.append(link)
    assert not lost


def test_every_picture_is_shown_by_some_document() -> None:
    assert {path.name for path in reading.IMAGES.iterdir()} == reading.pictures()


@pytest.mark.parametrize("language", LANGUAGES)
def test_documents_show_the_pictures_of_their_language(language: str) -> None:
    other = "es" if language == "en" else "en"
    wrong = [
        link
        for path in reading.for_people(language)
        for link in reading.links(path)
        if link.endswith(f"-{other}.png")
    ]
    assert not wrong


@pytest.mark.parametrize("language", LANGUAGES)
def test_bold_words_are_words_that_the_program_shows(language: str) -> None:
    shown = reading.shown(language)
    unknown = {
        f"{path.name}: {words}"
        for path in reading.for_people(language)
        for words in reading.bold(path)
        if words not in shown
    }
    assert not unknown


def test_both_languages_have_the_same_pages() -> None:
    pages = [{path.name for path in folder.glob("*.md")} for folder in reading.GUIDES.values()]
    assert pages[0] == pages[1]


def test_both_languages_of_a_page_have_the_same_shape() -> None:
    """As many headings, pictures, quoted words and commands: what one says the other says too."""
    for english, spanish in zip(*map(reading.for_people, LANGUAGES), strict=True):
        shapes = [
            {
                "headings": path.read_text(encoding="utf-8").count("\n#"),
                "pictures": len([link for link in reading.links(path) if link.endswith(".png")]),
                "commands": len(list(reading.commands(path))),
            }
            for path in (english, spanish)
        ]
        assert shapes[0] == shapes[1], english.name


@pytest.mark.parametrize("path", reading.documents(), ids=name)
def test_every_command_in_a_document_is_understood(path: Path) -> None:
    refused = []
    for which, usage in reading.commands(path):
        for words in reading.spelled_out(usage):
            try:
                _understand(which, words)
            except SystemExit as err:
                if err.code:
                    refused.append([which, *words])
    assert not refused


def test_a_command_that_does_not_exist_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("Type `wabot status ID --loud`, or\n```\nwabot dance\n```\n", encoding="utf-8")
    found = list(reading.commands(page))
    assert found == [("wabot", "dance"), ("wabot", "status ID --loud")]
    for which, usage in found:
        with pytest.raises(SystemExit):
            _understand(which, reading.spelled_out(usage)[0])


def test_a_usage_stands_for_itself_and_each_of_its_pieces() -> None:
    assert reading.spelled_out("autostart on|off") == [["autostart", "on"], ["autostart", "off"]]
    assert reading.spelled_out("reconnect [ID | --all]") == [
        ["reconnect"],
        ["reconnect", "shop"],
        ["reconnect", "--all"],
    ]


def _understand(which: str, words: list[str]) -> None:
    if which == "wabot":
        if words:  # `wabot` alone is the name of the program
            cli.build_parser().parse_args(words)
    elif which == "wabot-tray":
        program.build_parser().parse_args([] if words == ["worker"] else words)
    elif words and words[0] not in _development_commands():
        raise SystemExit(f"dev.py has no {words[0]}")


def _development_commands() -> dict[str, object]:
    spec = importlib.util.spec_from_file_location("dev", reading.ROOT / "dev.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: dict[str, object] = module.COMMANDS
    return found
