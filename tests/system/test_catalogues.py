"""Both languages say everything the program asks for, and nothing else."""

import pytest

from tests.system.catalogues import asked, catalogue, placeholders, raw_keys
from wabot_tray.core.errors import BotFileError, NotSentError, WabotError
from wabot_tray.core.reasons import Reason
from wabot_tray.core.states import SessionState
from wabot_tray.system import i18n

DOMAINS = i18n.DOMAINS
LANGUAGES = i18n.LANGUAGES


def everything(language: str) -> dict[str, tuple[str, ...]]:
    return {key: text for d in DOMAINS for key, text in catalogue(language, d).items()}


@pytest.mark.parametrize("domain", DOMAINS)
def test_catalogues_have_the_same_keys_in_every_language(domain: str) -> None:
    assert set(catalogue("en", domain)) == set(catalogue("es", domain))


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_catalogue_has_no_empty_and_no_doubled_text(language: str, domain: str) -> None:
    keys = raw_keys(language, domain)
    assert len(keys) == len(set(keys)), sorted({key for key in keys if keys.count(key) > 1})
    for key, texts in catalogue(language, domain).items():
        assert all(text.strip() for text in texts), key


@pytest.mark.parametrize("domain", DOMAINS)
def test_catalogues_have_the_same_placeholders(domain: str) -> None:
    for key, english in catalogue("en", domain).items():
        wanted = set().union(*(placeholders(text) for text in english))
        spanish = catalogue("es", domain).get(key, english)
        found = set().union(*(placeholders(text) for text in spanish))
        assert found == wanted, key


def test_no_key_stands_in_two_catalogues() -> None:
    keys = [key for domain in DOMAINS for key in catalogue("en", domain)]
    assert len(keys) == len(set(keys)), sorted({key for key in keys if keys.count(key) > 1})


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_sentence_and_advice(reason: Reason) -> None:
    texts = everything("en")
    (sentence,) = texts[f"reason.{reason}"]
    assert sentence.endswith(".")
    assert placeholders(sentence) <= {"until"}
    (advice,) = texts[f"advice.{reason}"]
    assert not placeholders(advice)


@pytest.mark.parametrize("state", SessionState)
def test_every_state_has_a_word_and_a_line(state: SessionState) -> None:
    texts = everything("en")
    assert f"state.{state}" in texts
    assert "label" in placeholders(texts[f"line.{state}"][0])


def test_no_sentence_is_left_of_a_reason_that_is_gone() -> None:
    known = {str(reason) for reason in Reason}
    for family in ("reason.", "advice."):
        codes = {key.removeprefix(family) for key in everything("en") if key.startswith(family)}
        assert codes == known


@pytest.mark.parametrize("part", sorted({call.part for call in asked().calls}))
def test_every_key_the_code_names_exists_and_gets_its_values(part: str) -> None:
    texts = everything("en")
    faults = []
    for call in asked().calls:
        if call.part != part:
            continue
        if call.key not in texts:
            faults.append(f"{call.where} asks for {call.key}, which is in no catalogue")
        elif call.given is not None:
            wanted = set().union(*(placeholders(text) for text in texts[call.key]))
            if not wanted <= call.given:
                faults.append(f"{call.where} gives {call.key} no {wanted - call.given}")
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("domain", DOMAINS)
def test_no_key_is_unused(domain: str) -> None:
    unused = [key for key in catalogue("en", domain) if not asked().uses(key)]
    assert not unused


def _error_trees() -> list[type[WabotError]]:
    found: list[type[WabotError]] = []
    pending: list[type[WabotError]] = [WabotError]
    while pending:
        cls = pending.pop()
        found.append(cls)
        pending.extend(cls.__subclasses__())
    return found


@pytest.mark.parametrize("cls", _error_trees(), ids=lambda cls: cls.__name__)
def test_every_error_says_something(cls: type[WabotError]) -> None:
    assert cls.message_key in everything("en")


@pytest.mark.parametrize("language", LANGUAGES)
def test_errors_are_sentences_in_every_language(language: str) -> None:
    i18n.set_language(language)
    try:
        line = i18n.sentence(BotFileError("error.bot_missing", line=7, key="reply"))
        assert "7" in line
        assert "reply" in line
        assert "463" in i18n.sentence(NotSentError("463"))
    finally:
        i18n.set_language("en")
