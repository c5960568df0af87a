"""What a crash writes to the disk: nothing."""

import subprocess
import sys

import pytest

from wabot_tray.system.dumps import refuse_core_dumps

posix = pytest.mark.skipif(sys.platform == "win32", reason="Unix limits")
CRASH = """
import os, resource, sys
hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
if "refuse" in sys.argv:
    from wabot_tray.system.dumps import refuse_core_dumps
    assert refuse_core_dumps()
if (child := os.fork()) == 0:  # a worker inherits it
    os.abort()
print(os.WCOREDUMP(os.waitpid(child, 0)[1]))
"""
READ = """
import resource
from wabot_tray.system.dumps import refuse_core_dumps
print(refuse_core_dumps({platform!r}), resource.getrlimit(resource.RLIMIT_CORE)[0])
"""


def run(script: str, *words: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", script, *words], check=True, capture_output=True, text=True
    ).stdout.strip()


@posix
def test_crash_of_the_program_or_a_child_of_it_dumps_nothing() -> None:
    assert run(CRASH, "refuse") == "False"


@posix
@pytest.mark.parametrize(("platform", "limit"), [("linux", "1"), ("darwin", "0")])
def test_limit_is_the_one_the_system_understands(platform: str, limit: str) -> None:
    import resource  # noqa: PLC0415 - Unix only

    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    assert run(READ.format(platform=platform)) == f"True {limit if hard else '0'}"


def test_windows_knows_no_such_limit() -> None:
    assert refuse_core_dumps("win32") is False
