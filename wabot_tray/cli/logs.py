"""`wabot logs`: the end of the log file, and what is added to it."""

import argparse
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from wabot_tray.cli.exits import Exit
from wabot_tray.cli.output import complain, say
from wabot_tray.system.i18n import t
from wabot_tray.system.logtail import LogTail
from wabot_tray.system.paths import Paths

_PAUSE_S = 0.25


def run(args: argparse.Namespace, paths: Paths) -> Exit:
    """Show the last lines, and with `--follow` every new one until Ctrl+C."""
    follower = Follower(paths.log_file)
    try:
        for line in follower.last(args.lines):
            say(line)
        if args.follow:
            if not paths.log_file.exists():
                complain(t("cli.waiting_for_log", path=paths.log_file))
            for line in follower.lines():
                say(line)
        if not paths.log_file.exists():
            complain(t("cli.no_log", path=paths.log_file))
            return Exit.NOT_AS_WANTED
    except BrokenPipeError:
        raise
    except OSError as err:
        detail = os.strerror(err.errno or 0)
        complain(t("cli.log_unreadable", path=paths.log_file, detail=detail))
        return Exit.NOT_AS_WANTED
    return Exit.GOOD


class Follower:
    """Reads the log and what is added to it, until somebody has seen enough."""

    def __init__(self, log_file: Path, pause: Callable[[float], None] = time.sleep) -> None:
        self._tail = LogTail(log_file)
        self._pause = pause

    def last(self, count: int) -> list[str]:
        """Return the last `count` lines, from the files before the newest too if it must be."""
        newest = self._tail.new()
        found = newest[-count:] if count else []
        return self._tail.past(count - len(found)) + found

    def lines(self) -> Iterator[str]:
        """Yield each complete line as it comes, without end."""
        while True:
            yield from self._tail.new()
            self._pause(_PAUSE_S)
