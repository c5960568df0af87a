"""The command line is light: what it loads, and how long it takes."""

import subprocess
import sys

import pytest

from tests.cli.conftest import Cli

HEAVY = ("PySide6", "qasync", "neonize", "cryptography", "keyring", "segno", "asyncio", "regex")
LISTING = """
import sys
from wabot_tray.cli.main import main
code = main(sys.argv[1:])
print("\\n" + " ".join(sorted(sys.modules)), file=sys.stderr)
sys.exit(code)
"""


def loaded_by(cli: Cli, *words: str) -> tuple[int, set[str]]:
    done = subprocess.run(
        [sys.executable, "-c", LISTING, *words],
        env=cli.env,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, {name.split(".")[0] for name in done.stderr.split()}


@pytest.mark.usefixtures("program")
@pytest.mark.parametrize("words", [("status", "shop"), ("status", "shop", "--json"), ("logs",)])
def test_command_loads_nothing_heavy(cli: Cli, words: tuple[str, ...]) -> None:
    cli.paths.logs.mkdir()
    cli.paths.log_file.write_text("a line\n")
    code, modules = loaded_by(cli, *words)
    assert code == 0
    assert "wabot_tray" in modules
    assert modules.isdisjoint(HEAVY)


@pytest.mark.usefixtures("program")
@pytest.mark.parametrize("words", [("verify",), ("reconnect", "bar"), ("diagnose", "--help")])
def test_no_command_loads_qt_or_neonize(cli: Cli, words: tuple[str, ...]) -> None:
    _, modules = loaded_by(cli, *words)
    assert modules.isdisjoint(("PySide6", "qasync", "neonize"))
