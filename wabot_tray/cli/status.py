"""`wabot status`: how every session stands, once or until Ctrl+C."""

import argparse
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from wabot_tray.cli.exits import Exit
from wabot_tray.cli.output import coloured, is_terminal, say, say_json
from wabot_tray.cli.sessions import as_json, as_table, is_as_wanted, line, sessions_of
from wabot_tray.control.client import ControlClient, connect
from wabot_tray.control.protocol import from_json
from wabot_tray.core.snapshot import SessionSnapshot
from wabot_tray.system.i18n import t
from wabot_tray.system.paths import Paths

_REDRAW_S = 10.0  # so that "since" and "next attempt" stay true
_CLEAR = "\033[H\033[2J\033[3J"


def run(args: argparse.Namespace, paths: Paths) -> Exit:
    """Show the sessions; good if all that should be connected are."""
    with connect(paths) as client:
        if args.watch:
            return _watch(client, args)
        body = client.call("status", id=args.id)
    snapshots = sessions_of(body)
    _show(str(body.get("version", "")), snapshots, as_json_line=args.json)
    return Exit.GOOD if is_as_wanted(snapshots) else Exit.NOT_AS_WANTED


def _show(version: str, snapshots: list[SessionSnapshot], *, as_json_line: bool) -> None:
    now = datetime.now(UTC)
    if as_json_line:
        say_json({"version": version, "sessions": [as_json(item, now) for item in snapshots]})
    elif snapshots:
        say(as_table(snapshots, now))
    else:
        say(t("cli.no_accounts"))


def _watch(client: ControlClient, args: argparse.Namespace) -> Exit:
    """Show every change: a new table on a terminal, else a line per change."""
    version = ""
    known: dict[str, SessionSnapshot] = {}
    for reply in client.stream("watch", id=args.id, tick_s=_REDRAW_S):
        event: Mapping[str, Any] = (reply.event if reply is not None else None) or {}
        changed = _apply(event, known)
        version = str(event.get("version", version))
        if args.json:
            if event:
                _show(version, list(known.values()), as_json_line=True)
        elif is_terminal():
            now = datetime.now(UTC).astimezone()
            say(_CLEAR + coloured(t("cli.watching", time=f"{now:%H:%M:%S}"), "grey"))
            _show(version, list(known.values()), as_json_line=False)
        else:
            now = datetime.now(UTC)
            for snapshot in changed:
                say(f"{now.astimezone():%Y-%m-%d %H:%M:%S}  {line(snapshot, now)}")
    return Exit.GOOD


def _apply(event: Mapping[str, Any], known: dict[str, SessionSnapshot]) -> list[SessionSnapshot]:
    """Bring `known` up to date and return what changed."""
    changed = sessions_of(event)
    if "session" in event:
        changed.append(from_json(SessionSnapshot, event["session"]))
    known.update({snapshot.id: snapshot for snapshot in changed})
    known.pop(str(event.get("removed")), None)
    return changed
