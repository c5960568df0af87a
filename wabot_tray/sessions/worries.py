"""What about one account deserves a person's attention, read from its snapshot alone."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from wabot_tray.core.reasons import Reason
from wabot_tray.core.snapshot import SessionSnapshot
from wabot_tray.core.states import SessionState

# WhatsApp unlinks a computer whose phone was offline for 14 days; two are left to look for it.
PHONE_WARNING: Final = timedelta(days=12)
# One key opens all vaults and one disk holds them: one cause, however many accounts it stops.
SHARED_CAUSES: Final = frozenset(
    {
        Reason.KEYRING_LOCKED,
        Reason.KEYRING_ABSENT,
        Reason.KEYRING_SLOW,
        Reason.KEY_MISSING,
        Reason.KEY_WRONG,
        Reason.DISK_FULL,
        Reason.STORAGE_UNWRITABLE,
        Reason.LIVE_FULL,
    }
)
_NOTICES: Final = frozenset(
    {
        Reason.WRONG_PHONE,
        Reason.INBOX_DAMAGED,
        Reason.DISK_FULL,
        Reason.STORAGE_UNWRITABLE,
        Reason.LIVE_FULL,
    }
)
_ENDED: Final = frozenset(
    {
        SessionState.LOGGED_OUT,
        SessionState.BANNED,
        SessionState.REPLACED,
        SessionState.OUTDATED,
        SessionState.FAILED,
    }
)
_UNDERWAY: Final = frozenset(
    {SessionState.CONNECTING, SessionState.RECONNECTING, SessionState.WAITING}
)


class Kind(StrEnum):
    """What a worry, or its end, is about; the texts are `alert.<kind>...` in the catalogues."""

    ENDED = "ended"  # nothing goes on by itself, or not for long
    NOTICE = "notice"  # it is connected, but something is wrong beside
    PHONE = "phone"  # the phone gave no sign of life for so long that it will be unlinked
    LOST = "lost"  # no link for some minutes; it is tried again by itself
    BACK = "back"  # what was told before is over

    @property
    def is_important(self) -> bool:
        """Whether only a person can mend it."""
        return self in {Kind.ENDED, Kind.NOTICE, Kind.PHONE}


@dataclass(frozen=True, slots=True)
class Worry:
    """One thing about one account.

    Args:
        account: Whose it is.
        kind: What it is about.
        mark: The same for as long as it is the same worry; told once.
        cause: What the person would be told, for causes that several accounts share.
        since: When it began, aware UTC.
    """

    account: str
    kind: Kind
    mark: str
    cause: Reason
    since: datetime


def is_underway(snapshot: SessionSnapshot) -> bool:
    """Whether the account should be connected, is not, and goes on trying."""
    return snapshot.enabled and snapshot.paired and snapshot.state in _UNDERWAY


def standing_worry(snapshot: SessionSnapshot, now: datetime) -> Worry | None:
    """Return what is wrong with an account at this moment, but for a link that is lost.

    Args:
        snapshot: The account.
        now: Aware UTC.
    """
    if not snapshot.enabled:
        return None
    state, reason = snapshot.state, snapshot.reason
    if state in _ENDED:
        if state is SessionState.LOGGED_OUT and snapshot.phone is None:
            return None  # never linked: nothing has ended
        # After a restart, or an attempt to link it again that was given up, it is the same worry.
        is_unlinked = state is SessionState.LOGGED_OUT
        mark = str(state) if is_unlinked else f"{state}:{reason}"
        return Worry(snapshot.id, Kind.ENDED, mark, reason, snapshot.since)
    if (notice := snapshot.notice) in _NOTICES and notice is not None:
        return Worry(snapshot.id, Kind.NOTICE, f"notice:{notice}", notice, snapshot.since)
    silent_since = snapshot.phone_silent_since
    if silent_since is not None and now - silent_since >= PHONE_WARNING:
        mark = f"phone:{silent_since:%Y-%m-%d}"
        return Worry(snapshot.id, Kind.PHONE, mark, Reason.PHONE_UNLINKED, silent_since)
    return None
