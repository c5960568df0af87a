"""`wabot quit`: ends the program and waits until it is gone."""

import argparse
import os
import sys
import time
from pathlib import Path

from wabot_tray.cli.exits import Exit
from wabot_tray.cli.output import complain, say
from wabot_tray.control.client import connect, is_running
from wabot_tray.system.i18n import t
from wabot_tray.system.paths import Paths

_LONGEST_S = 30.0  # every worker seals its vault first
_LAST_MOMENT_S = 3.0
_PAUSE_S = 0.05


def leave(args: argparse.Namespace, paths: Paths) -> Exit:
    """End the program; it closes its door last, so no answer means that it is gone."""
    del args
    with connect(paths) as client:
        pid = client.call("quit").get("pid")
    end = time.monotonic() + _LONGEST_S
    while is_running(paths):
        if time.monotonic() > end:
            complain(t("cli.quit_slow"))
            return Exit.TIMED_OUT
        time.sleep(_PAUSE_S)
    # Its door is shut and all is sealed; the process itself needs a moment more, and who starts
    # the program next should not meet it.
    end = time.monotonic() + _LAST_MOMENT_S
    while isinstance(pid, int) and _is_alive(pid) and time.monotonic() < end:
        time.sleep(_PAUSE_S)
    say(t("cli.quit_done"))
    return Exit.GOOD


def _is_alive(pid: int) -> bool:
    """Whether the process still runs; one whose parent has not noticed its end does not."""
    if sys.platform == "win32":
        return False  # os.kill would end it there; the door is all there is to ask
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:  # macOS has none
        return True
    return status.rpartition(")")[2].split()[:1] != ["Z"]  # proc(5): pid (name) state
