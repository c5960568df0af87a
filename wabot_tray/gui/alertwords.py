"""What a notification says, in plain words: what is the matter, and what to do about it."""

import dataclasses
from collections.abc import Callable
from datetime import datetime
from typing import Final

from wabot_tray.core.snapshot import SessionSnapshot
from wabot_tray.core.states import SessionState
from wabot_tray.gui.actions import shown_name
from wabot_tray.sessions.alerts import Act, Tell
from wabot_tray.sessions.worries import Kind, Worry
from wabot_tray.system.i18n import t, tn
from wabot_tray.system.texts import advice, duration_words, moment_words, reason_sentence

NAMES: Final = 5  # more do not fit into a notification
Snapshot = Callable[[str], SessionSnapshot | None]
_SEVERAL: Final = {
    Kind.ENDED: "alert.several_ended",
    Kind.LOST: "alert.several_lost",
    Kind.BACK: "alert.several_back",
}
_ACTS: Final = {
    Act.PAIR: "alert.act_pair",
    Act.TAKE_OVER: "alert.act_take_over",
    Act.RETRY: "alert.act_retry",
    Act.DETAILS: "alert.act_details",
}


def act_words(act: Act) -> str:
    """Return the words on the button."""
    return t(_ACTS[act])


def words_of(tell: Tell, snapshot: Snapshot, now: datetime) -> tuple[str, str]:
    """Return title and text of a notification.

    Args:
        tell: What is told.
        snapshot: Returns an account as it is now, None for one that was removed.
        now: Aware UTC.
    """
    if len(tell.worries) > 1:
        return _several(tell, snapshot, now)
    worry = tell.worries[0]
    account = snapshot(worry.account)
    key, body = _single(tell, worry, account, now)
    return t(key, name=worry.account if account is None else shown_name(account)), body


def _single(
    tell: Tell, worry: Worry, account: SessionSnapshot | None, now: datetime
) -> tuple[str, str]:
    """Return the key of the title, and the text."""
    match tell.kind:
        case Kind.LOST:
            away = duration_words((now - worry.since).total_seconds())
            return "alert.lost", t("alert.lost_words", duration=away)
        case Kind.BACK:
            return "alert.back", t("alert.back_words", duration=duration_words(tell.away_s))
        case Kind.PHONE:
            since = moment_words(worry.since, now)
            return "alert.phone", t("alert.phone_words", since=since)
        case Kind.ENDED if worry.mark == SessionState.LOGGED_OUT:
            return "alert.unlinked", t("alert.unlinked_words")
        case Kind.ENDED | Kind.NOTICE:
            key = "alert.ended" if tell.kind is Kind.ENDED else "alert.notice"
            return key, _because(worry, account, now)


def _several(tell: Tell, snapshot: Snapshot, now: datetime) -> tuple[str, str]:
    count = len(tell.worries)
    kinds = {tell.kind} if tell.kind is Kind.BACK else {worry.kind for worry in tell.worries}
    key = _SEVERAL.get(tell.kind, "alert.several") if len(kinds) == 1 else "alert.several"
    names = _names(tell, snapshot)
    if tell.shares_cause and kinds == {Kind.ENDED}:
        worry = tell.worries[0]
        return tn(key, count), f"{_because(worry, snapshot(worry.account), now)} {names}"
    return tn(key, count), names


def _names(tell: Tell, snapshot: Snapshot) -> str:
    found = [snapshot(account) for account in tell.accounts]
    names = [shown_name(account) for account in found if account is not None]
    listed = ", ".join(names[:NAMES])
    if (more := len(names) - NAMES) > 0:
        return tn("alert.names_more", more, names=listed)
    return t("alert.names", names=listed)


def _because(worry: Worry, account: SessionSnapshot | None, now: datetime) -> str:
    """Return the reason and the advice, as the dashboard says them."""
    if account is None:
        return ""
    told = dataclasses.replace(account, reason=worry.cause)
    return f"{reason_sentence(told, now)} {advice(told)}"
