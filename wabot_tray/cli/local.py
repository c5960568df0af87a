"""`wabot autostart` and `wabot key-file`: what needs no running program."""

import argparse
import os

from wabot_tray.cli.exits import Exit
from wabot_tray.cli.output import complain, say
from wabot_tray.system.i18n import t
from wabot_tray.system.paths import Paths


def autostart(args: argparse.Namespace, paths: Paths) -> Exit:
    """Start the program at login with this data folder, or do not, or say which."""
    from wabot_tray.system.autostart import Autostart, start_command  # noqa: PLC0415 - plistlib

    switch = Autostart(start_command(paths.data))
    deed = {"on": switch.enable, "off": switch.disable, "status": switch.is_enabled}[args.what]
    try:
        is_on = deed()
    except OSError as err:
        complain(t("cli.autostart.failed", detail=os.strerror(err.errno or 0)))
        return Exit.NOT_AS_WANTED
    say(t("cli.autostart.on" if is_on else "cli.autostart.off"))
    as_wanted = args.what == "status" or is_on == (args.what == "on")
    return Exit.GOOD if as_wanted else Exit.NOT_AS_WANTED


def key_file(args: argparse.Namespace, paths: Paths) -> Exit:
    """Make a file with a new key, for a computer without a keyring."""
    from wabot_tray.storage.key_file import create_key_file  # noqa: PLC0415 - loads cryptography

    del paths
    create_key_file(args.path)
    say(t("cli.key_file.created", path=args.path))
    return Exit.GOOD
