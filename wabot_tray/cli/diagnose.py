"""`wabot diagnose`: everything that could keep an account from being connected, in one list."""

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from wabot_tray import __version__
from wabot_tray.cli.checks import bad, folder_checks, good, key_source
from wabot_tray.cli.exits import Exit
from wabot_tray.cli.machine import machine_checks
from wabot_tray.cli.output import can_write, coloured, say, say_json, words, wrapped
from wabot_tray.cli.sessions import sessions_of
from wabot_tray.control.client import connect
from wabot_tray.control.errors import NotRunningError
from wabot_tray.control.protocol import Check, check_from_json
from wabot_tray.core.errors import WabotError
from wabot_tray.core.states import SessionState
from wabot_tray.system.i18n import tn
from wabot_tray.system.paths import Paths

_MARKS: Final = {"ok": ("✔", "+", "green"), "warn": ("▲", "!", "amber"), "fail": ("✖", "x", "red")}


def run(args: argparse.Namespace, paths: Paths) -> Exit:
    """Check everything; good unless something fails. A warning is no failure."""
    checks: list[Check] = []
    for check in _all(paths):
        checks.append(check)
        if not args.json:
            say(_told(check))
    failed = sum(check.level == "fail" for check in checks)
    warned = sum(check.level == "warn" for check in checks)
    if args.json:
        say_json({"version": __version__, "checks": [_as_json(check) for check in checks]})
    else:
        say()
        say(tn("cli.diagnose.failed", failed) + " " + tn("cli.diagnose.warned", warned))
    return Exit.NOT_AS_WANTED if failed else Exit.GOOD


def _all(paths: Paths) -> Iterator[Check]:
    """Yield each finding once; what the running program says of a thing goes before our view."""
    theirs = list(_program_checks(paths))
    yield from theirs
    known = {check.name for check in theirs}
    key, source = key_source(paths)
    local = (*folder_checks(paths, datetime.now(UTC)), key)
    yield from (check for check in local if check.name not in known)
    yield from (check for check in machine_checks(paths, source) if check.name not in known)


def _program_checks(paths: Paths) -> Iterator[Check]:
    """Ask the running program what only it can know."""
    try:
        with connect(paths) as client:
            body = client.call("status")
            version = str(body.get("version"))
            if version == __version__:
                yield good("program", version=version)
            else:
                yield bad("program", "other_version", "warn", version=version, ours=__version__)
            wanted = [snapshot for snapshot in sessions_of(body) if snapshot.enabled]
            up = sum(snapshot.state is SessionState.CONNECTED for snapshot in wanted)
            if up < len(wanted):
                yield bad("sessions", "down", connected=up, wanted=len(wanted))
            else:
                yield good("sessions", connected=up, wanted=len(wanted))
            yield from map(check_from_json, client.call("diagnose").get("checks", ()))
    except NotRunningError:
        yield bad("program", "off")
    except WabotError as err:
        detail = words(err.message_key, err.params)
        yield bad("program", "unclear", detail=detail)


def _told(check: Check) -> str:
    nice, plain, colour = _MARKS[check.level]
    mark = nice if can_write(nice) else plain
    text = wrapped(words(check.key, check.params), "  ").strip()
    lines = [f"{coloured(mark, colour)} {text}"]
    if check.advice_key is not None and check.level != "ok":
        lines.append(wrapped(words(check.advice_key, check.params), "  "))
    return "\n".join(lines)


def _as_json(check: Check) -> dict[str, str | None]:
    advice = None
    if check.advice_key is not None and check.level != "ok":
        advice = words(check.advice_key, check.params)
    return {
        "name": check.name,
        "level": check.level,
        "text": words(check.key, check.params),
        "advice": advice,
    }
