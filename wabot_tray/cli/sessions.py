"""Sessions as the commands show them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from wabot_tray.cli.output import (
    clean,
    colour_of,
    coloured,
    phone_words,
    symbol,
    table,
    wrapped,
)
from wabot_tray.control.protocol import from_json
from wabot_tray.core.snapshot import SessionSnapshot
from wabot_tray.core.states import SessionState
from wabot_tray.system.i18n import t
from wabot_tray.system.texts import (
    advice,
    duration_words,
    notice_advice,
    notice_sentence,
    reason_sentence,
    state_word,
)

_ID_COLUMN: Final = 1
_LONGEST_PHONE: Final = 21  # with its plus
# The advice speaks of the window's buttons; here is the same as a command.
_HINTS: Final[Mapping[SessionState, str]] = {
    SessionState.STOPPED: "wabot start {id}",
    SessionState.LOGGED_OUT: "wabot pair {id}",
    SessionState.REPLACED: "wabot reconnect {id}",
    SessionState.FAILED: "wabot diagnose",
}


def sessions_of(body: Mapping[str, Any]) -> list[SessionSnapshot]:
    """Return the sessions in an answer of the program."""
    return [from_json(SessionSnapshot, item) for item in body.get("sessions", ())]


def is_as_wanted(snapshots: Iterable[SessionSnapshot]) -> bool:
    """Whether every session that should be connected is."""
    return all(s.state is SessionState.CONNECTED for s in snapshots if s.enabled)


def as_json(snapshot: SessionSnapshot, now: datetime) -> dict[str, Any]:
    """Return one session of `status --json`; these names are a promise."""
    return {
        "id": snapshot.id,
        "label": snapshot.label,
        "phone": snapshot.phone,
        "enabled": snapshot.enabled,
        "state": snapshot.state.value,
        "reason": snapshot.reason.value,
        "text": reason_sentence(snapshot, now),
        "since": snapshot.since.isoformat(),
        "next_attempt_at": _moment(snapshot.next_attempt_at),
        "last_verified_at": _moment(snapshot.last_verified_at),
        "restarts": snapshot.restarts,
        "answered_today": snapshot.answered_today,
        "notice": None if snapshot.notice is None else snapshot.notice.value,
        "notice_text": notice_sentence(snapshot),
    }


def as_table(snapshots: Sequence[SessionSnapshot], now: datetime) -> str:
    """Return the sessions for a person: a line each, and an explanation where one is needed."""
    heads = ["", *(t(f"cli.column.{name}") for name in ("id", "state", "phone", "since"))]
    rows = [heads, *(_cells(snapshot, now) for snapshot in snapshots)]
    head, *padded = table(rows, flexible=_ID_COLUMN)
    lines = [coloured("  ".join(head).rstrip(), "bold")]
    for snapshot, cells in zip(snapshots, padded, strict=True):
        colour = colour_of(snapshot.state)
        cells[0], cells[2] = coloured(cells[0], colour), coloured(cells[2], colour)
        lines.append("  ".join(cells).rstrip())
        lines += _remarks(snapshot, now)
    return "\n".join(lines)


def line(snapshot: SessionSnapshot, now: datetime) -> str:
    """Return one session on a line of its own: what it is called, its state and why."""
    mark = coloured(symbol(snapshot.state), colour_of(snapshot.state))
    stop = "" if (word := state_word(snapshot.state)).endswith("…") else "."
    return f"{mark} {clean(f'{snapshot.id}: {word}{stop} {reason_sentence(snapshot, now)}')}"


def _cells(snapshot: SessionSnapshot, now: datetime) -> list[str]:
    since = duration_words(max(0.0, (now - snapshot.since).total_seconds()))
    return [
        symbol(snapshot.state),
        clean(snapshot.id),
        state_word(snapshot.state),
        clean(phone_words(snapshot.phone))[:_LONGEST_PHONE],
        since,
    ]


def _remarks(snapshot: SessionSnapshot, now: datetime) -> list[str]:
    """Return the lines under a session: its label, and what is wrong with it."""
    lines = []
    if snapshot.label and snapshot.label != snapshot.id:
        lines.append(coloured(wrapped(snapshot.label, "   "), "grey"))
    if snapshot.state is not SessionState.CONNECTED:
        said = (reason_sentence(snapshot, now), advice(snapshot))
        lines.append(wrapped(" ".join(part for part in said if part), "   "))
        if (hint := _HINTS.get(snapshot.state)) is not None:
            lines.append(coloured(f"   {hint.format(id=snapshot.id)}", "bold"))
    if snapshot.notice is not None:
        noticed = f"{notice_sentence(snapshot)} {notice_advice(snapshot)}".strip()
        lines.append(coloured(wrapped(noticed, "   ! ", "     "), "amber"))
    return lines


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
