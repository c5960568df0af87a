"""What the program says about an account's history, in the person's language and local time."""

import csv
import io
import math
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from wabot_tray.core.history import Outage
from wabot_tray.core.reasons import Reason
from wabot_tray.system.i18n import t
from wabot_tray.system.texts import duration_words

NOTHING: Final = "–"  # noqa: RUF001 - the dash of an empty cell
# A spreadsheet takes a cell that begins with one of these for a formula (OWASP, CSV Injection).
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_BOM: Final = "\ufeff"


def percent(share: float | None, point: str = ".") -> str:
    """Return a share of time as people read it, cut and never rounded up: 100 % means all of it."""
    if share is None:
        return NOTHING
    if share >= 1:
        return "100 %"
    tenths = math.floor(share * 1000 + 1e-9)
    return f"{tenths // 10}{point}{tenths % 10} %"


def cause(outage: Outage) -> str:
    """Return why an outage began and, where that changed, what it turned into."""
    first = reason_words(outage.cause)
    return first if outage.became is None else f"{first} {reason_words(outage.became)}"


def reason_words(reason: Reason | None) -> str:
    """Return why a link was gone, in a sentence that is true long afterwards."""
    if reason is None:
        return t("history.cause_unknown")
    if reason is Reason.TEMPORARY_BAN:
        return t("history.cause_ban")
    return t(f"reason.{reason}")


def repair(outage: Outage) -> str:
    """Return what ended an outage."""
    return t("history.repair_none") if outage.repair is None else t(f"repair.{outage.repair}")


def csv_text(found: Iterable[tuple[str, Outage]], now: datetime, *, separator: str = ",") -> str:
    """Return outages as a table that spreadsheets open, the newest first as given.

    Args:
        found: The account's name, and one of its outages.
        now: Aware time; an outage that lasts is as long as it is now.
        separator: A semicolon where decimals are written with a comma.
    """
    made = io.StringIO(newline="")
    writer = csv.writer(made, delimiter=separator, lineterminator="\r\n")
    writer.writerow([t(f"history.csv_{name}") for name in _COLUMNS])
    for name, outage in found:
        writer.writerow([_harmless(cell) for cell in _row(name, outage, now)])
    return _BOM + made.getvalue()


_COLUMNS: Final = ("account", "begin", "end", "seconds", "length", "cause", "repair")


def _row(name: str, outage: Outage, now: datetime) -> Sequence[str]:
    length_s = outage.length(now).total_seconds()
    return (
        name,
        _moment(outage.begin),
        "" if outage.end is None else _moment(outage.end),
        f"{length_s:.0f}",
        duration_words(length_s),
        cause(outage),
        repair(outage),
    )


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
