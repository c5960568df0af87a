"""A program that restarts becomes what is installed, or says why it could not."""

import argparse
import os
import sys
from collections.abc import Sequence

import pytest

from wabot_tray import __main__ as entry
from wabot_tray.system.i18n import set_language

HEADLESS = argparse.Namespace(headless=True)


def test_it_becomes_the_command_it_was_started_with(monkeypatch: pytest.MonkeyPatch) -> None:
    became: list[tuple[str, Sequence[str], str | None]] = []

    def become(path: str, command: Sequence[str]) -> None:
        became.append((path, command, os.environ.get("PYINSTALLER_RESET_ENVIRONMENT")))

    monkeypatch.setattr(os, "execv", become)
    monkeypatch.setattr(sys, "orig_argv", ["python3", "-m", "wabot_tray", "--minimized"])
    monkeypatch.delenv("PYINSTALLER_RESET_ENVIRONMENT", raising=False)
    entry._start_again(HEADLESS)
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "argv", ["wabot-tray", "--data-dir", "/shop"])
    monkeypatch.setenv("PYINSTALLER_RESET_ENVIRONMENT", "")  # so that it is set back
    entry._start_again(HEADLESS)
    program = sys.executable
    assert became == [
        (program, [program, "-m", "wabot_tray"], None),
        (program, [program, "--data-dir", "/shop"], "1"),
    ]


def test_program_that_is_gone_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    set_language("en")
    monkeypatch.setattr(sys, "executable", "/nowhere/wabot-tray")
    assert entry._start_again(HEADLESS) == 1
    assert "could not be started again" in capsys.readouterr().err
