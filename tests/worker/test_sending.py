"""Which failures of a send leave no doubt."""

import importlib.util
from pathlib import Path

import pytest

from wabot_tray.worker.sending import NEVER_SENT, certainly_not_sent


def test_words_are_those_of_the_library() -> None:
    found = importlib.util.find_spec("neonize")  # not loaded: that would start the Go runtime
    assert found is not None
    assert found.origin is not None
    (library,) = Path(found.origin).parent.glob("neonize-*.so")
    content = library.read_bytes()
    assert [words for words in NEVER_SENT if words.encode() not in content] == []


@pytest.mark.parametrize(
    ("error", "certain"),
    [
        ("server returned error 463", True),
        ("websocket not connected", True),
        ("timed out waiting for message send response", False),
        ("websocket disconnected before info query returned response", False),
        ("", False),
    ],
)
def test_only_what_is_certain_is_sent_again_at_once(error: str, certain: bool) -> None:
    assert certainly_not_sent(error) is certain
