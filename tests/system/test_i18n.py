"""Which language is spoken."""

from collections.abc import Iterator

import pytest

from wabot_tray.core.errors import AccountError
from wabot_tray.system import i18n


@pytest.fixture(autouse=True)
def _language_afterwards() -> Iterator[None]:
    before = i18n.language()
    yield
    i18n.set_language(before)


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({"LANG": "es_MX.UTF-8"}, "es"),
        ({"LANG": "en_GB.UTF-8"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "en_GB.UTF-8", "LC_MESSAGES": "es_ES.UTF-8"}, "es"),
        ({"LANG": "es_ES.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
    ],
)
def test_language_is_the_systems(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], language: str
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG", "LANGUAGE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert i18n.set_language() == language
    assert i18n.language() == language


def test_chosen_language_goes_before_the_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    assert i18n.set_language("es") == "es"
    assert i18n.t("state.connected") == "Conectada"


def test_error_is_said_in_both_languages() -> None:
    said = set()
    for language in i18n.LANGUAGES:
        i18n.set_language(language)
        sentence = i18n.sentence(AccountError("error.account_unknown", id="shop"))
        assert "shop" in sentence
        said.add(sentence)
    assert len(said) == 2
