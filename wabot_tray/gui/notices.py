"""What a person should know beside the states: broken rules, a recovered vault, a locked key."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from wabot_tray.core.reasons import Reason
from wabot_tray.core.snapshot import SessionSnapshot
from wabot_tray.gui.actions import Tone, shown_name
from wabot_tray.sessions.worries import Kind, standing_worry
from wabot_tray.system.i18n import t
from wabot_tray.system.texts import advice, moment_words, notice_advice, notice_sentence

PREFIX: Final = "session:"
# One key opens all vaults and one file holds all rules: told once, not per account.
_SHARED: Final = frozenset(
    {
        Reason.KEYRING_LOCKED,
        Reason.KEYRING_ABSENT,
        Reason.KEYRING_SLOW,
        Reason.KEY_MISSING,
        Reason.KEY_WRONG,
        Reason.DISK_FULL,
        Reason.STORAGE_UNWRITABLE,
        Reason.BOT_FILE_BROKEN,
    }
)


@dataclass(frozen=True, slots=True)
class Notice:
    """One line for the top of the dashboard."""

    key: str
    text: str
    tone: Tone


def notices(snapshots: Iterable[SessionSnapshot], now: datetime) -> tuple[Notice, ...]:
    """Return what `snapshots` have to say, each thing once, the errors first."""
    found: dict[str, Notice] = {}
    for snapshot in snapshots:
        for notice in (*_of(snapshot), *_silent_phone(snapshot, now)):
            found.setdefault(notice.key, notice)
    return tuple(sorted(found.values(), key=lambda notice: notice.tone is not Tone.ERROR))


def _of(snapshot: SessionSnapshot) -> Iterable[Notice]:
    if snapshot.state.needs_user and snapshot.reason in _SHARED:
        words = f"{t(f'reason.{snapshot.reason}')} {advice(snapshot)}"
        yield Notice(f"{PREFIX}{snapshot.reason}", words, Tone.ERROR)
    if (notice := snapshot.notice) is not None:
        words = f"{notice_sentence(snapshot)} {notice_advice(snapshot)}"
        if notice in _SHARED:
            yield Notice(f"{PREFIX}{notice}", words, Tone.WARNING)
        else:
            key = f"{PREFIX}{notice}:{snapshot.id}"
            yield Notice(key, f"{shown_name(snapshot)}: {words}", Tone.WARNING)


def _silent_phone(snapshot: SessionSnapshot, now: datetime) -> Iterable[Notice]:
    worry = standing_worry(snapshot, now)
    if worry is not None and worry.kind is Kind.PHONE:
        what = t("alert.phone", name=shown_name(snapshot))
        words = t("alert.phone_words", since=moment_words(worry.since, now))
        yield Notice(f"{PREFIX}phone:{snapshot.id}", f"{what}. {words}", Tone.WARNING)
