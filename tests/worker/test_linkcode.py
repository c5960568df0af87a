"""What we call ourselves, and what the library's refusals mean."""

import importlib.util
from pathlib import Path

import pytest

from wabot_tray.core.reasons import Reason
from wabot_tray.worker.linkcode import refusal, system_name


@pytest.mark.parametrize(
    ("platform", "name"),
    [("linux", "Linux"), ("win32", "Windows"), ("darwin", "Mac OS"), ("freebsd14", "Linux")],
)
def test_system_has_a_name_that_whatsapp_knows(platform: str, name: str) -> None:
    assert system_name(platform).name == name


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("info query returned status 429: rate-overlimit", Reason.CODE_LIMIT),
        ("info query returned status 400: bad-request", Reason.NUMBER_REFUSED),
        ("info query returned status 404: item-not-found", Reason.NUMBER_REFUSED),
        ("info query returned status 503: service-unavailable", Reason.SERVER_BUSY),
        ("info query returned status 599: what", Reason.PAIRING_ERROR),
        ("phone number too short", Reason.NUMBER_REFUSED),
        (
            "international phone number required (must not start with 0)",
            Reason.NUMBER_REFUSED,
        ),
        ("info query timed out", Reason.PAIRING_NO_NETWORK),
        ("websocket not connected", Reason.PAIRING_NO_NETWORK),
    ],
)
def test_refusal_has_a_reason(said: str, reason: Reason) -> None:
    assert refusal(said) is reason


def test_words_are_those_of_the_library() -> None:
    found = importlib.util.find_spec("neonize")  # not loaded: that would start the Go runtime
    assert found is not None
    assert found.origin is not None
    (library,) = Path(found.origin).parent.glob("neonize-*.so")
    content = library.read_bytes()
    for words in (b"phone number too short", b"international phone number required", b"status %d"):
        assert words in content
