"""How hard the fuzzers try, and what they try with.

In CI each run is the same, small one: the examples follow from the test's own name. With
WABOT_FUZZ=long they are new each time and fifty times as many; what such a run finds becomes an
example of its own in the test.
"""

import os
from pathlib import Path
from typing import Any, Final

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from wabot_tray.core.errors import WabotError
from wabot_tray.system.i18n import sentence, set_language

IS_LONG: Final = os.environ.get("WABOT_FUZZ") == "long"
_LONGER: Final = 50


def tries(examples: int, **more: Any) -> settings:
    """Return settings for so many examples in CI and fifty times as many in a long run."""
    return settings(
        max_examples=examples * (_LONGER if IS_LONG else 1),
        derandomize=not IS_LONG,
        database=None,
        deadline=None,  # what may take how long is asserted where it matters
        suppress_health_check=list(HealthCheck),
        **more,
    )


def corpus(name: str) -> list[str]:
    """Return the lines of one of our lists of things that were hard once."""
    file = Path(__file__).with_name("corpus") / f"{name}.txt"
    return file.read_text(encoding="utf-8").splitlines()


def said(error: WabotError) -> list[str]:
    """Return the error's sentence in both languages, which must not be the bare key."""
    sentences = []
    for language in ("en", "es"):
        set_language(language)
        sentences.append(sentence(error))
    set_language("en")
    for text in sentences:
        assert text != error.message_key
        assert len(text) < 600
    return sentences


# What screens, terminals, logs and files stumble over.
AWKWARD: Final = (
    "",
    " ",
    "\0",
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "\x9b2J",
    "\r\n\v\f\x85\u2028\u2029",
    "\u202ecod.exe\u202c",  # right to left override
    "\u2066\u2067\u2068\u2069",
    "\u200b\u200c\u200d\u2060\ufeff",  # zero width
    "👩‍👩‍👧‍👦🇪🇸",
    "مرحبا שלום",
    "Z̸̡̛͓͕͎͇͛̓͒̓a̶l̷g̵o̸",
    "\ud800",  # half a surrogate pair
    "\udcff",
    "<img src='file:///etc/passwd'><b>",
    "&amp;<a href=x>",
    "{text}{{name}}{0}{",
    "%s%n%(a)s",
    "'; DROP TABLE m; --",
    "../../etc/passwd",
    "..\\..\\con",
    "C:\\nul",
    "-rf",
    "a" * 5000,
    "é" * 70000,
)

# By number: Hypothesis would print all of a list that it chooses from.
TEXTS: Final = st.integers(0, len(AWKWARD) - 1).map(AWKWARD.__getitem__) | st.text(
    st.characters(), max_size=60
)
NUMBERS: Final = (
    st.integers()
    | st.floats()
    | st.sampled_from([10**400, -(10**400), 2**63, -(2**63) - 1, 1e308, 5e-324])
)
JSON: Final = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS | st.text(max_size=8), inner),
    max_leaves=6,
)
