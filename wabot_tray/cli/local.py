"""`wabot autostart` and `wabot key-file`: what needs no running program."""

import argparse
import os

from wabot_tray.cli.exits import Exit
from wabot_tray.cli.output import complain, say
from wabot_tray.system.i18n import t
from wabot_tray.system.paths import Paths


def autostart(args: argparse.Namespace, paths: Paths) -> Exit:
    """Start the program at login, or do not, or say which."""
    from wabot_tray.system.autostart import Autostart  # noqa: PLC0415 - plistlib, winreg

    del paths
    switch = Autostart()
    try:
        if args.what == "on":
            switch.enable()
        elif args.what == "off":
            switch.disable()
    except OSError as err:
        complain(t("cli.autostart.failed", detail=os.strerror(err.errno or 0)))
        return Exit.NOT_AS_WANTED
    say(t("cli.autostart.on" if switch.is_enabled() else "cli.autostart.off"))
    return Exit.GOOD


def key_file(args: argparse.Namespace, paths: Paths) -> Exit:
    """Make a file with a new key, for a computer without a keyring."""
    from wabot_tray.storage.key_file import create_key_file  # noqa: PLC0415 - loads cryptography

    del paths
    create_key_file(args.path)
    say(t("cli.key_file.created", path=args.path))
    return Exit.GOOD
