"""What a worker leaves out of neonize, and how it loads it; each in a process of its own."""

import subprocess
import sys

import pytest

from tests.e2e.harness import ROOT
from wabot_tray.worker.library import LEFT_OUT, LibraryError, load_go


def run_python(code: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )


def output(code: str) -> str:
    done = run_python(code)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_import_ahead_loads_no_go_and_starts_no_thread() -> None:
    code = """
import os, threading
from wabot_tray.worker import library
library.import_ahead()
library.import_ahead()
assert "neonize.aioze.client" in __import__("sys").modules
assert threading.active_count() == 1 == len(os.listdir("/proc/self/task"))
print("neonize-" in open("/proc/self/maps").read())
"""
    assert output(code) == "False"


def test_forked_process_has_the_whole_library() -> None:
    """The Go half answers, with the types the Python half declared, and logs on its thread."""
    code = """
import os, sys, threading
from wabot_tray.worker import library
library.import_ahead()
if os.fork():
    sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
library.load_go()
library.load_go()
from neonize._binder import gocode
from neonize.download import __GONEONIZE_VERSION__ as version
assert gocode.GetVersion().decode() == version
assert gocode.IsConnected.argtypes, "declared before the Go half was there"
assert gocode.IsConnected(b"nobody") is False
assert [t for t in threading.enumerate() if t is not threading.main_thread()]
assert open("/proc/self/maps").read().count("neonize-")
"""
    output(code)


def test_plain_import_needs_nothing_more() -> None:
    code = """
from wabot_tray.worker import library
library.leave_out()
library.leave_out()
import wabot_tray.worker.session, sys
library.load_go()
from neonize._binder import gocode
assert gocode.GetVersion()
print(len([f for f in sys.meta_path if type(f).__name__ == "_LeaveOut"]))
"""
    assert output(code) == "1"


def test_every_package_left_out_is_one_that_neonize_asks_for() -> None:
    code = """
import sys
from wabot_tray.worker import library
library.leave_out()
import wabot_tray.worker.session
print(*sorted(sys.modules.keys() & library.LEFT_OUT))
"""
    assert output(code).split() == sorted(LEFT_OUT)


@pytest.mark.parametrize(
    "use", ["PIL.Image.open('x')", "requests.get('x')", "httpx.Client().get('x')"]
)
def test_use_of_what_is_left_out_says_so(use: str) -> None:
    package = use.partition(".")[0]
    code = f"""
from wabot_tray.worker import library
library.leave_out()
import {package}
{use}
"""
    done = run_python(code)
    assert "left out of workers" in done.stderr


def test_library_that_loads_otherwise_is_refused() -> None:
    code = """
import sys, types
sys.modules["wabot_tray.worker.session"] = types.ModuleType("changed")
from wabot_tray.worker import library
library.import_ahead()
"""
    assert LibraryError.__name__ in run_python(code).stderr


def test_nothing_is_loaded_where_nothing_was_put_off() -> None:
    load_go()
