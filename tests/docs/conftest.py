"""The program's parsers in one language; what they change of argparse is put back."""

import argparse
from collections.abc import Callable

import pytest

from tests.system.conftest import _compiled, speak

__all__ = ["_compiled", "speak"]  # fixtures: here by being named


@pytest.fixture(autouse=True)
def _words(speak: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    speak("en")
    monkeypatch.setattr(argparse, "_", argparse._)  # type: ignore[attr-defined]
