"""The catalogues as the program reads them: compiled, in a chosen language, in a known zone."""

import importlib.util
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from wabot_tray.system import i18n


@pytest.fixture(scope="session", autouse=True)
def _compiled() -> None:
    script = Path(__file__).parents[2] / "packaging" / "build_catalogues.py"
    spec = importlib.util.spec_from_file_location("build_catalogues", script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.compile_catalogues()


@pytest.fixture
def speak() -> Iterator[Callable[[str], str]]:
    """Choose a language for one test."""
    before = i18n.language()
    yield i18n.set_language
    i18n.set_language(before)


@pytest.fixture
def madrid(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Local time is UTC+1 in winter, as in Madrid."""
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()
