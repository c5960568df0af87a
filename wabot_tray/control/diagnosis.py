"""Everything that could keep an account from being connected, as findings in one list.

Blocks, some 10 s where the network is silent: a window asks in a thread.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from wabot_tray import __version__
from wabot_tray.control.checks import bad, folder_checks, good, key_source
from wabot_tray.control.client import connect
from wabot_tray.control.errors import NotRunningError
from wabot_tray.control.machine import machine_checks
from wabot_tray.control.protocol import Check, check_from_json, from_json
from wabot_tray.core.errors import WabotError
from wabot_tray.core.snapshot import SessionSnapshot
from wabot_tray.core.states import SessionState
from wabot_tray.system.paths import Paths
from wabot_tray.system.texts import clean, safely


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What the running program says of itself; `facts` are for a bundle, see `Program.facts`."""

    version: str
    sessions: tuple[SessionSnapshot, ...] = ()
    checks: tuple[Check, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


def ask(paths: Paths) -> Running | WabotError:
    """Return what the running program says, or why it says nothing."""
    try:
        with connect(paths) as client:
            status, more = client.call("status"), client.call("diagnose")
        facts = more.get("facts")
        return Running(
            version=str(status.get("version")),
            sessions=tuple(from_json(SessionSnapshot, s) for s in status.get("sessions", ())),
            checks=tuple(map(check_from_json, more.get("checks", ()))),
            facts=facts if isinstance(facts, dict) else {},
        )
    except WabotError as err:
        return err


def findings(paths: Paths, running: Running | WabotError) -> Iterator[Check]:
    """Yield each finding once; what the running program says of a thing goes before our view."""
    theirs = list(_program_checks(running))
    yield from theirs
    known = {check.name for check in theirs}
    key, source = key_source(paths)
    local = (*folder_checks(paths, datetime.now(UTC)), key)
    yield from (check for check in local if check.name not in known)
    yield from (check for check in machine_checks(paths, source) if check.name not in known)


def said(check: Check) -> tuple[str, str | None]:
    """Return a finding's sentence and, where there is something to do, the advice."""
    advice = None
    if check.advice_key is not None and check.level != "ok":
        advice = clean(safely(check.advice_key, check.params))
    return clean(safely(check.key, check.params)), advice


def as_json(check: Check) -> dict[str, str | None]:
    """Return a finding as `wabot diagnose --json` shows it."""
    text, advice = said(check)
    return {"name": check.name, "level": check.level, "text": text, "advice": advice}


def _program_checks(running: Running | WabotError) -> Iterator[Check]:
    """Tell what only the running program can know."""
    if isinstance(running, NotRunningError):
        yield bad("program", "off")
        return
    if isinstance(running, WabotError):
        detail = clean(safely(running.message_key, running.params))
        yield bad("program", "unclear", detail=detail)
        return
    if running.version == __version__:
        yield good("program", version=running.version)
    else:
        yield bad("program", "other_version", "warn", version=running.version, ours=__version__)
    wanted = [snapshot for snapshot in running.sessions if snapshot.enabled]
    up = sum(snapshot.state is SessionState.CONNECTED for snapshot in wanted)
    if up < len(wanted):
        yield bad("sessions", "down", connected=up, wanted=len(wanted))
    else:
        yield good("sessions", connected=up, wanted=len(wanted))
    yield from running.checks
