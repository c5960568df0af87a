"""`wabot add`, `rename`, `remove`, `start` and `stop`: what changes an account."""

import argparse
import sys
from datetime import UTC, datetime

from wabot_tray.cli.exits import Exit
from wabot_tray.cli.output import complain, say
from wabot_tray.cli.sessions import line, sessions_of
from wabot_tray.control.client import connect
from wabot_tray.control.protocol import from_json
from wabot_tray.core.accounts import checked_label
from wabot_tray.core.errors import ControlError
from wabot_tray.core.snapshot import SessionSnapshot
from wabot_tray.system.i18n import sentence, t
from wabot_tray.system.paths import Paths

# Unlinking asks WhatsApp, and stopping may have to wait for a worker that hangs.
_SLOW_S = 130.0


def add(args: argparse.Namespace, paths: Paths) -> Exit:
    """Make an account and say how to go on."""
    if (label := _label(args.label)) is None:
        return Exit.USAGE
    with connect(paths) as client:
        client.call("add", id=args.id, label=label)
    say(t("cli.added", id=args.id))
    return Exit.GOOD


def rename(args: argparse.Namespace, paths: Paths) -> Exit:
    """Give an account another label."""
    if (label := _label(args.label)) is None:
        return Exit.USAGE
    with connect(paths) as client:
        client.call("rename", id=args.id, label=label)
    say(t("cli.renamed", id=args.id, label=label or args.id))
    return Exit.GOOD


def start(args: argparse.Namespace, paths: Paths) -> Exit:
    """Want an account connected from now on."""
    return _switch("start", args, paths)


def stop(args: argparse.Namespace, paths: Paths) -> Exit:
    """Want an account off from now on."""
    return _switch("stop", args, paths)


def remove(args: argparse.Namespace, paths: Paths) -> Exit:
    """Unlink an account and forget it, once the person is sure."""
    with connect(paths) as client:
        (before,) = sessions_of(client.call("status", id=args.id))  # or there is nothing to ask
        if not args.yes:
            if not sys.stdin.isatty():
                complain(t("cli.remove_needs_yes", id=args.id))
                return Exit.USAGE
            if not _is_sure(args.id):
                say(t("cli.remove_kept", id=args.id))
                return Exit.NOT_AS_WANTED
    with connect(paths) as client:  # the first one has waited for a person
        unlinked = client.call("remove", id=args.id, timeout_s=_SLOW_S).get("unlinked")
    say(t("cli.removed", id=args.id))
    if before.paired and not unlinked:
        say(t("cli.removed_not_unlinked"))
    return Exit.GOOD


def _switch(method: str, args: argparse.Namespace, paths: Paths) -> Exit:
    with connect(paths) as client:
        body = client.call(method, id=args.id, timeout_s=_SLOW_S)
    say(line(from_json(SessionSnapshot, body.get("session")), datetime.now(UTC)))
    return Exit.GOOD


def _label(text: str) -> str | None:
    try:
        return checked_label(text)
    except ControlError as err:
        complain(sentence(err))
        return None


def _is_sure(account_id: str) -> bool:
    try:
        answer = input(t("cli.remove_sure", id=account_id) + " ")
    except EOFError:
        say()
        return False
    return answer.strip().lower() in t("cli.yes_words").split()
