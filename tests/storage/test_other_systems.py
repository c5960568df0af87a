"""Windows and macOS do not have the library of the Secret Service."""

import subprocess
import sys

import pytest

# None in sys.modules makes an import fail, as where a package is not installed.
CODE = """
import sys
sys.modules["secretstorage"] = sys.modules["jeepney"] = None
from wabot_tray.control import program
from wabot_tray.storage.system_keyring import SystemKeyring
keyring = SystemKeyring({platform!r})
print(keyring.name, keyring.is_open())
"""


@pytest.mark.parametrize(("platform", "name"), [("win32", "Windows"), ("darwin", "macOS")])
def test_program_is_imported_without_what_only_linux_has(platform: str, name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(platform=platform)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, f"{name} False\n"), done.stderr
