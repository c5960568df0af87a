"""`wabot logs`: the end of the log file, and what is added to it."""

import argparse
import contextlib
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from wabot_tray.cli.exits import Exit
from wabot_tray.cli.output import clean, complain, say
from wabot_tray.system.i18n import t
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
    """Reads a log file and what is added to it, through its rotations.

    Holds no file open between two looks: on Windows that would keep the program from rotating it.
    """

    def __init__(self, log_file: Path, pause: Callable[[float], None] = time.sleep) -> None:
        self._log_file = log_file
        self._before = log_file.with_name(log_file.name + ".1")
        self._pause = pause
        self._identity: tuple[int, int] | None = None
        self._position = 0
        self._held = b""

    def last(self, count: int) -> list[str]:
        """Return the last `count` lines, from the file before the newest one too if it must be."""
        found = deque(self._new(), maxlen=count)
        if len(found) < count:
            with contextlib.suppress(FileNotFoundError):
                older = deque(self._before.read_bytes().splitlines(), maxlen=count - len(found))
                found.extendleft(_text(line) for line in reversed(older))
        return list(found)

    def lines(self) -> Iterator[str]:
        """Yield each complete line as it comes, without end."""
        while True:
            yield from self._new()
            self._pause(_PAUSE_S)

    def _new(self) -> list[str]:
        """Return the complete lines since the last look."""
        try:
            with self._log_file.open("rb") as file:
                found: list[str] = []
                identity = _identity(file)
                if self._identity not in (None, identity):
                    found = self._rest_of_old()
                    self._position = 0
                elif os.fstat(file.fileno()).st_size < self._position:
                    self._position = 0  # emptied
                self._identity = identity
                return found + self._read(file)
        except FileNotFoundError:
            return []  # not there yet, or between two names

    def _rest_of_old(self) -> list[str]:
        with contextlib.suppress(FileNotFoundError), self._before.open("rb") as file:
            if _identity(file) == self._identity:
                return self._read(file)
        return []

    def _read(self, file: BinaryIO) -> list[str]:
        file.seek(self._position)
        *whole, self._held = (self._held + file.read()).split(b"\n")
        self._position = file.tell()
        return [_text(line) for line in whole]


def _identity(file: BinaryIO) -> tuple[int, int]:
    status = os.fstat(file.fileno())
    return status.st_dev, status.st_ino


def _text(line: bytes) -> str:
    return clean(line.decode("utf-8", "replace").rstrip("\r"))
