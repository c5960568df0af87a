"""What a command's exit code means; `wabot --help` says the same."""

from enum import IntEnum


class Exit(IntEnum):
    """The exit code of a command."""

    GOOD = 0
    NOT_AS_WANTED = 1
    USAGE = 2
    NOT_RUNNING = 3
    TIMED_OUT = 4
    INTERRUPTED = 130
