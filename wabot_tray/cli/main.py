"""The `wabot` command: says what the program does, and tells it what to do.

Nothing is imported before it is needed: `wabot status` takes less than 0.3 s, and neither Qt nor
the WhatsApp library is ever loaded here.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import cast

from wabot_tray.cli.exits import Exit
from wabot_tray.cli.output import complain, explained, prepare
from wabot_tray.core.errors import WabotError
from wabot_tray.storage.files import read_plain
from wabot_tray.system.i18n import set_language, t
from wabot_tray.system.paths import Paths, find_paths

Command = Callable[[argparse.Namespace, Paths], Exit]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code (`Exit`)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    prepare()
    set_language(_language(arguments))
    from wabot_tray.cli.parser import build_parser  # noqa: PLC0415 - its texts need the language

    try:
        args = build_parser().parse_args(arguments)
        code = _run(args)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read us has seen enough (`| head`). Python's own flush at exit must not complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.GOOD
    except KeyboardInterrupt:
        with suppress(OSError):
            complain("\n" + t("cli.interrupted"))
        return Exit.INTERRUPTED
    return code


def _run(args: argparse.Namespace) -> int:
    from wabot_tray.control.errors import NotRunningError, TimedOutError  # noqa: PLC0415

    module, _, function = str(args.run).partition(":")
    command = getattr(importlib.import_module(f"wabot_tray.cli.{module}"), function)
    try:
        return cast(Command, command)(args, find_paths(getattr(args, "data_dir", None)))
    except NotRunningError as err:
        complain(explained(err))
        complain(t("cli.how_to_start"))
        return Exit.NOT_RUNNING
    except TimedOutError as err:
        complain(explained(err))
        return Exit.TIMED_OUT
    except WabotError as err:
        complain(explained(err))
        return Exit.NOT_AS_WANTED


def _language(arguments: Sequence[str]) -> str:
    """Return the language set in the program, as far as it can be had before anything else."""
    named = None
    for place, word in enumerate(arguments):
        if word == "--data-dir" and place + 1 < len(arguments):
            named = Path(arguments[place + 1])
        elif word.startswith("--data-dir="):
            named = Path(word.partition("=")[2])
    with suppress(OSError, ValueError, RuntimeError):  # the command itself will complain
        text = read_plain(find_paths(named).settings_file, 1 << 18).decode()
        from wabot_tray.core.settings import LANGUAGES  # noqa: PLC0415 - where somebody set it
        from wabot_tray.core.toml_text import parse_toml  # noqa: PLC0415

        chosen = parse_toml(text).get("language")
        if chosen in LANGUAGES:
            return str(chosen)
    return "system"


if __name__ == "__main__":
    sys.exit(main())
