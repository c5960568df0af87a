"""Notices that another version was installed over the one that runs.

A running program goes on as it was: its code is in memory. Whoever has updated it must be told that
a restart is left to do, above all where WhatsApp refuses the old version.
"""

import sys
from pathlib import Path

import wabot_tray


class Installed:
    """The files that this program was started from.

    Args:
        witness: The one that every update replaces: by default the frozen program itself, else the
            module that holds the version.
    """

    def __init__(self, witness: Path | None = None) -> None:
        self._witness = witness or _own_witness()
        self._seen = self._print()

    def is_replaced(self) -> bool:
        """Whether another version lies there now. Cheap; not while an update is under way."""
        now = self._print()
        return None not in {now, self._seen} and now != self._seen

    def _print(self) -> tuple[int, int, int] | None:
        try:
            status = self._witness.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino


def _own_witness() -> Path:
    return Path(sys.executable if getattr(sys, "frozen", False) else wabot_tray.__file__)


def start_again_command() -> list[str]:
    """Return the command that this process was started with, its windows shown."""
    words = sys.argv[1:] if getattr(sys, "frozen", False) else sys.orig_argv[1:]
    return [sys.executable, *(word for word in words if word != "--minimized")]
