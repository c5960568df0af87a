"""`wabot reconnect`: tries at once and waits for the outcome."""

import argparse
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from wabot_tray.cli.exits import Exit
from wabot_tray.cli.output import coloured, explained, say
from wabot_tray.cli.sessions import line
from wabot_tray.control.client import connect
from wabot_tray.control.protocol import error_from_json, from_json
from wabot_tray.core.snapshot import SessionSnapshot
from wabot_tray.core.states import SessionState
from wabot_tray.system.i18n import t
from wabot_tray.system.paths import Paths

_GRACE_S = 5.0  # the program keeps the time; this only covers a program that hangs


def run(args: argparse.Namespace, paths: Paths) -> Exit:
    """Reconnect one account or all that are switched on."""
    outcomes: list[Mapping[str, Any]] = []
    shown: dict[str, tuple[str, str]] = {}
    with connect(paths) as client:
        limit_s = args.timeout + _GRACE_S
        for reply in client.stream("reconnect", timeout_s=limit_s, id=args.id, wait_s=args.timeout):
            if reply is not None and reply.event is not None:
                _tell(reply.event, shown)
            elif reply is not None and reply.result is not None:
                outcomes = list(reply.result.get("sessions", ()))
    if not outcomes:
        say(t("cli.nothing_on"))
    for outcome in outcomes:
        _conclude(outcome, args.timeout)
    found = {str(outcome.get("outcome")) for outcome in outcomes}
    if "failed" in found:
        return Exit.NOT_AS_WANTED
    return Exit.TIMED_OUT if "timeout" in found else Exit.GOOD


def _tell(event: Mapping[str, Any], shown: dict[str, tuple[str, str]]) -> None:
    """Say a change of state or reason once, except for the last one, which is concluded."""
    snapshot = from_json(SessionSnapshot, event.get("session"))
    now = (snapshot.state.value, snapshot.reason.value)
    if shown.get(snapshot.id) != now and not _is_end(snapshot.state):
        shown[snapshot.id] = now
        say(line(snapshot, datetime.now(UTC)))


def _is_end(state: SessionState) -> bool:
    return state.needs_user or state in {SessionState.CONNECTED, SessionState.BANNED}


def _conclude(outcome: Mapping[str, Any], timeout_s: float) -> None:
    account_id = str(outcome.get("id"))
    if outcome.get("error") is not None:
        say(coloured(f"{account_id}: ", "bold") + explained(error_from_json(outcome["error"])))
    elif outcome.get("outcome") == "timeout":
        say(t("cli.reconnect.timeout", id=account_id, seconds=round(timeout_s)))
    else:
        say(line(from_json(SessionSnapshot, outcome.get("session")), datetime.now(UTC)))
