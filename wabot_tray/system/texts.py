"""What the program says about a session, in the person's language and local time."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from wabot_tray.core.errors import WabotError
from wabot_tray.core.snapshot import SessionSnapshot
from wabot_tray.core.states import SessionState
from wabot_tray.system.i18n import t, tn

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_SHOWN_DIGITS: Final = 6  # a shorter number would be told by what is shown of it
_DAY: Final = 24 * _HOUR
_UNITS: Final = (
    (_DAY, "duration.days"),
    (_HOUR, "duration.hours"),
    (_MINUTE, "duration.minutes"),
    (1, "duration.seconds"),
)
# From ten up the smaller unit interests nobody: "12 minutes", but "1 minute 30 seconds".
_SECOND_UNIT_BELOW: Final = 10


def clean(text: str) -> str:
    """Return `text` on one line and without what a terminal would obey."""
    return "".join(char if char.isprintable() else " " for char in text)


def safely(key: str, params: Mapping[str, object]) -> str:
    """Return the sentence for `key`, even where its placeholders and `params` do not agree."""
    try:
        return t(key, **params)
    except (KeyError, IndexError, ValueError, AttributeError):
        return t(key)


def state_word(state: SessionState) -> str:
    """Return the words shown for a state in a table or a menu."""
    return t(f"state.{state}")


def reason_sentence(snapshot: SessionSnapshot, now: datetime) -> str:
    """Return one sentence that says why the session stands where it stands.

    Args:
        snapshot: The session.
        now: Aware time; the next attempt is counted from it.
    """
    reason = f"reason.{snapshot.reason}"
    sentence = t(reason, until=_until(snapshot, now))
    if snapshot.next_attempt_at is None or snapshot.state is SessionState.BANNED:
        return sentence
    wait = duration_words((snapshot.next_attempt_at - now).total_seconds())
    return t("sentence.with_next", sentence=sentence.rstrip("."), wait=wait)


def advice(snapshot: SessionSnapshot) -> str:
    """Return what happens next by itself, or what the person can do."""
    return t(f"advice.{snapshot.reason}")


def notice_sentence(snapshot: SessionSnapshot) -> str:
    """Return what should be known beside the state, or "" if there is nothing."""
    if snapshot.notice is None:
        return ""
    sentence = t(f"reason.{snapshot.notice}", until="")
    detail = unpacked(snapshot.notice_detail)
    return t("sentence.with_detail", sentence=sentence, detail=detail) if detail else sentence


def notice_advice(snapshot: SessionSnapshot) -> str:
    """Return what to do about the notice, or "" if there is none."""
    return "" if snapshot.notice is None else t(f"advice.{snapshot.notice}")


def account_line(snapshot: SessionSnapshot, now: datetime) -> str:
    """Return the account in one line for a tooltip: "Tienda: conectada desde las 10:32"."""
    label = snapshot.label or snapshot.id
    key = f"line.{snapshot.state}"
    if snapshot.state is SessionState.WAITING:
        if snapshot.next_attempt_at is None:
            return t("line.waiting_unknown", label=label)
        wait = duration_words((snapshot.next_attempt_at - now).total_seconds())
        return t(key, label=label, wait=wait)
    if snapshot.state is SessionState.BANNED and snapshot.expires_at is None:
        return t("line.banned_unknown", label=label)
    since = moment_words(snapshot.since, now)
    return t(key, label=label, since=since, until=_until(snapshot, now))


def duration_words(seconds: float) -> str:
    """Return a span in one or two units: "45 seconds", "1 hour 5 minutes", "3 days"."""
    left = round(seconds)
    if left < 1:
        return t("duration.moment")
    for index, (size, key) in enumerate(_UNITS):
        count, rest = divmod(left, size)
        if count == 0:
            continue
        words = tn(key, count)
        if size == 1 or count >= _SECOND_UNIT_BELOW:
            return words
        smaller, smaller_key = _UNITS[index + 1]
        if rest < smaller:
            return words
        return t("duration.two", first=words, second=tn(smaller_key, rest // smaller))
    raise AssertionError("a second is the smallest unit")  # pragma: no cover


def moment_words(moment: datetime, now: datetime) -> str:
    """Return a moment in local time to stand after "since" or "until".

    Today it is the time alone, on another day the day too: "las 10:32", "el 3 de mayo a las 10:32".
    """
    moment, now = moment.astimezone(), now.astimezone()
    # In Spanish one o'clock is singular.
    at_key = "time.at_one" if moment.hour == 1 else "time.at"
    at = t(at_key, time=f"{moment:%H:%M}")
    if moment.date() == now.date():
        return at
    key = "time.day" if moment.year == now.year else "time.day_year"
    month = t(f"month.{moment.month}")
    return t(key, day=moment.day, month=month, year=moment.year, at=at)


def phone_words(phone: str | None) -> str:
    """Return a number as people write it to each other, "+34600111222", or "" without one."""
    return f"+{phone}" if phone else ""


def masked_phone(phone: str | None) -> str:
    """Return a number that its owner knows again and nobody else can dial, or "" without one."""
    if not phone:
        return ""
    return f"+{phone[:2]} ••• ••{phone[-2:]}" if len(phone) > _SHOWN_DIGITS else "•••"


def packed(key: str, /, **params: object) -> str:
    """Return a sentence as the detail of a notice, to be said later in the reader's language."""
    values = {name: v if isinstance(v, int) else str(v) for name, v in params.items()}
    return json.dumps({"key": key, "params": values}, ensure_ascii=False)


def packed_error(error: WabotError) -> str:
    """Return what `error` says as the detail of a notice."""
    return packed(error.message_key, **error.params)


def unpacked(detail: str) -> str:
    """Return the sentence in the detail of a notice; a detail of another kind is not for people."""
    try:
        body = json.loads(detail)
        params = {str(name): value for name, value in body["params"].items()}
        said = t(body["key"], **params)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        return ""
    return "" if said == body["key"] else said


def _until(snapshot: SessionSnapshot, now: datetime) -> str:
    return moment_words(snapshot.expires_at, now) if snapshot.expires_at else "?"
