"""Another version on the disk is noticed; what only looks like one is not."""

import sys
from pathlib import Path

import pytest

import wabot_tray
from wabot_tray.system.installed import Installed, start_again_command


@pytest.fixture
def witness(tmp_path: Path) -> Path:
    path = tmp_path / "program"
    path.write_text("old")
    return path


def update(path: Path, text: str) -> None:
    """Put another file in its place, as every installer does."""
    fresh = path.with_name("fresh")
    fresh.write_text(text)
    fresh.replace(path)


def test_same_file_is_no_news(witness: Path) -> None:
    assert not Installed(witness).is_replaced()


@pytest.mark.parametrize("text", ["old", "new!"])
def test_update_is_news_whatever_its_size(witness: Path, text: str) -> None:
    installed = Installed(witness)
    update(witness, text)
    assert installed.is_replaced()
    assert installed.is_replaced()


def test_update_under_way_is_no_news_until_it_is_there(witness: Path) -> None:
    installed = Installed(witness)
    witness.unlink()
    assert not installed.is_replaced()
    update(witness, "new")
    assert installed.is_replaced()


def test_program_that_was_removed_before_it_looked_is_no_news(tmp_path: Path) -> None:
    installed = Installed(tmp_path / "nothing")
    (tmp_path / "nothing").write_text("something")
    assert not installed.is_replaced()


def test_witness_is_the_module_with_the_version_or_the_frozen_program(
    monkeypatch: pytest.MonkeyPatch, witness: Path
) -> None:
    assert Installed()._witness == Path(str(wabot_tray.__file__))
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", str(witness))
    assert Installed()._witness == witness


def test_start_again_is_the_same_command_with_its_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/usr/bin/python3")
    monkeypatch.setattr(
        sys, "orig_argv", ["python3", "-m", "wabot_tray", "--minimized", "--data-dir", "/shop"]
    )
    again = ["/usr/bin/python3", "-m", "wabot_tray", "--data-dir", "/shop"]
    assert start_again_command() == again
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", "/opt/wabot-tray/wabot-tray")
    monkeypatch.setattr(sys, "argv", ["wabot-tray", "--minimized"])
    assert start_again_command() == ["/opt/wabot-tray/wabot-tray"]
