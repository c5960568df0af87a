"""`wabot history`: how much each account was connected, and every outage with its cause.

The figures are those of the windows. Without the program they come from its files, as far as it
had written.
"""

import argparse
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from wabot_tray.cli.exits import Exit
from wabot_tray.cli.output import can_write, clean, coloured, complain, say, say_json, wrapped
from wabot_tray.cli.sessions import sessions_of
from wabot_tray.control.client import ControlClient, connect
from wabot_tray.control.errors import NotRunningError
from wabot_tray.core.errors import ControlError, VaultError, WireError
from wabot_tray.core.history import (
    Mark,
    Outage,
    Period,
    Uptime,
    closed,
    from_line,
    outages,
    recent,
    timeline,
    within,
)
from wabot_tray.system.historytexts import cause, csv_text, percent, repair
from wabot_tray.system.i18n import t, tn
from wabot_tray.system.paths import Paths
from wabot_tray.system.texts import duration_words

SHOWN: Final = 10  # outages of each account
_NAMES: Final = {
    Period.DAY: "cli.history.day",
    Period.WEEK: "cli.history.week",
    Period.MONTH: "cli.history.month",
}


@dataclass(frozen=True, slots=True)
class _Past:
    """One account's history.

    Args:
        id: The account.
        label: What people call it; its id where only the files are there to ask.
        spent: How each period was spent.
        outages: The oldest first.
        answered_today: Messages.
    """

    id: str
    label: str
    spent: dict[Period, Uptime]
    outages: tuple[Outage, ...]
    answered_today: int


def run(args: argparse.Namespace, paths: Paths) -> Exit:
    """Show the history of one account or of all, or save the outages as a table."""
    if args.force and args.csv is None:
        complain(t("cli.history.only"))
        return Exit.USAGE
    now = datetime.now(UTC)
    try:
        with connect(paths) as client:
            pasts = _asked(client, args.id, now)
    except NotRunningError:
        pasts = _read(paths, args.id, now)
        complain(t("cli.history.from_files"))
    if args.csv is not None:
        return _save(args.csv, pasts, now, replace=args.force)
    if args.json:
        say_json({"accounts": [_as_json(past, now) for past in pasts]})
    elif not pasts:
        say(t("cli.no_accounts"))
    else:
        for past in pasts:
            _show(past, now)
    return Exit.GOOD


def _asked(client: ControlClient, wanted: str | None, now: datetime) -> list[_Past]:
    found = []
    for session in sessions_of(client.call("status", id=wanted)):
        body = client.call("history", id=session.id)
        lines = body.get("marks")
        if not isinstance(lines, list):
            raise WireError(detail="no history")
        try:
            marks = [from_line(str(line)) for line in lines]
        except ValueError as err:
            raise WireError(detail="no mark") from err
        label = session.label or session.id
        found.append(_past(session.id, label, marks, session.answered_today, now))
    return found


def _read(paths: Paths, wanted: str | None, now: datetime) -> list[_Past]:
    from wabot_tray.storage.history_file import Count, HistoryFolder  # noqa: PLC0415 - rarely

    folder = HistoryFolder(paths.history)
    pulse, ids = folder.pulse(), folder.accounts()
    if wanted is not None and wanted not in ids:
        raise ControlError("cli.history.unknown", id=wanted)
    today = now.astimezone().date()
    return [
        _past(
            one,
            one,
            closed(folder.marks(one), pulse.alive),
            pulse.days.get(one, {}).get(today, Count()).answered,
            now,
        )
        for one in ids
        if wanted in (None, one)
    ]


def _past(
    account_id: str, label: str, marks: list[Mark], answered_today: int, now: datetime
) -> _Past:
    spans = timeline(marks, now)
    spent = {period: recent(spans, period, now) for period in Period}
    return _Past(account_id, label, spent, outages(spans), answered_today)


def _show(past: _Past, now: datetime) -> None:
    name = past.id if past.label == past.id else f"{past.id}  {past.label}"
    say(coloured(clean(name), "bold"))
    for period, spent in past.spent.items():
        found = within(past.outages, now - period.length, now, now)
        count = tn("cli.history.outages", len(found)) if spent.share is not None else ""
        say(f"   {t(_NAMES[period]):<16} {percent(spent.share):>7}  {count}".rstrip())
    say("   " + tn("cli.history.answered", past.answered_today))
    arrow = "→" if can_write("→") else "->"
    for outage in past.outages[-SHOWN:][::-1]:
        length = duration_words(outage.length(now).total_seconds())
        begin = f"{outage.begin.astimezone():%Y-%m-%d %H:%M}"
        words = t("cli.history.outage", begin=begin, length=length, cause=cause(outage))
        say(wrapped(f"{words} {arrow} {repair(outage)}", "   - ", "     "))
    if len(past.outages) > SHOWN:
        say("   " + tn("cli.history.more", len(past.outages) - SHOWN))


def _save(target: Path, pasts: list[_Past], now: datetime, *, replace: bool) -> Exit:
    from wabot_tray.storage.files import write_atomic  # noqa: PLC0415 - rarely

    path = target.expanduser().absolute()
    if path.exists() and not (replace and path.is_file()):
        complain(t("cli.history.exists", path=path))
        return Exit.NOT_AS_WANTED
    rows = [(past.label, outage) for past in pasts for outage in reversed(past.outages)]
    try:
        write_atomic(path, csv_text(rows, now).encode())
    except VaultError as err:
        complain(t("cli.history.unwritten", path=path, detail=err.detail))
        return Exit.NOT_AS_WANTED
    say(tn("cli.history.saved", len(rows), path=path))
    return Exit.GOOD


def _as_json(past: _Past, now: datetime) -> dict[str, Any]:
    """Return one account of `history --json`; these names are a promise."""
    return {
        "id": past.id,
        "label": past.label,
        "answered_today": past.answered_today,
        "uptime": {
            period.value: {
                "share": spent.share,
                "connected_s": spent.up_s,
                "disconnected_s": spent.down_s,
                "stopped_s": spent.off_s,
                "unknown_s": spent.unknown_s,
            }
            for period, spent in past.spent.items()
        },
        "outages": [
            {
                "begin": outage.begin.isoformat(),
                "end": None if outage.end is None else outage.end.isoformat(),
                "seconds": outage.length(now).total_seconds(),
                "cause": None if outage.cause is None else outage.cause.value,
                "became": None if outage.became is None else outage.became.value,
                "repair": None if outage.repair is None else outage.repair.value,
                "text": cause(outage),
            }
            for outage in past.outages
        ],
    }
