"""Accounts as a shop would have them, in every state, for pictures and for measuring texts."""

import itertools
from datetime import datetime, timedelta

from tests.gui.fake_manager import NOON, snapshot
from wabot_tray.core.history import Mark, Phase, Repair
from wabot_tray.core.reasons import Reason
from wabot_tray.core.snapshot import SessionSnapshot
from wabot_tray.core.states import SessionState
from wabot_tray.system.texts import packed

# As long as WhatsApp's own pairing codes, about 240 characters.
CODE = "2@" + ",".join(("kQ7vX9pL2mN4rT6w" * 7)[:n] for n in (96, 44, 44, 44)) + ",1,none"

S = SessionState
CASES = {
    S.CONNECTED: Reason.LOGGED_IN,
    S.WAITING: Reason.DIAL_FAILED,
    S.RECONNECTING: Reason.LINK_LOST,
    S.CONNECTING: Reason.STARTING,
    S.PAIRING: Reason.WAITING_FOR_SCAN,
    S.LOGGED_OUT: Reason.PHONE_UNLINKED,
    S.REPLACED: Reason.REPLACED,
    S.BANNED: Reason.TEMPORARY_BAN,
    S.OUTDATED: Reason.CLIENT_OUTDATED,
    S.FAILED: Reason.CRASH_LOOP,
    S.STOPPED: Reason.STOPPED_BY_PERSON,
}
NAMES = (
    "La Tienda de Rosa",
    "Panadería El Trigal",
    "Ferretería López",
    "Soporte",
    "Clínica Dental Sonrisas",
    "Pedidos a domicilio",
    "Hotel Miramar",
    "Taller Hermanos Peña",
    "Academia de Inglés",
    "Florería Jazmín",
    "Reservas",
)
ENDINGS = (
    Reason.QR_EXPIRED,
    Reason.QR_REJECTED,
    Reason.CODE_EXPIRED,
    Reason.SERVER_BUSY,
    Reason.PAIRING_CANCELLED,
    Reason.PAIRING_NO_NETWORK,
    Reason.MULTIDEVICE_MISSING,
    Reason.PASSKEY_REQUIRED,
    Reason.PAIRING_ERROR,
    Reason.WRONG_PHONE,
    Reason.CLIENT_OUTDATED,
)


def account(state: SessionState, number: int = 0, **more: object) -> SessionSnapshot:
    """Return one account in `state`, with everything such an account shows."""
    values: dict[str, object] = {
        "reason": CASES[state],
        "label": NAMES[number % len(NAMES)],
        "now": NOON - timedelta(minutes=7 * number + 4),
        "phone": f"5730055501{number:02d}",
    }
    if state is S.WAITING:
        values["next_attempt_at"] = NOON + timedelta(seconds=34)
    if state is S.BANNED:
        values["expires_at"] = NOON + timedelta(hours=26)
        values["next_attempt_at"] = NOON + timedelta(hours=26, minutes=1)
    if state is S.CONNECTED:
        values["answered_today"] = 24 + 61 * number
        values["last_verified_at"] = NOON - timedelta(seconds=95)
    return snapshot(f"account-{number}", state, **(values | more))  # type: ignore[arg-type]


def shop() -> tuple[SessionSnapshot, ...]:
    """Return the accounts of a shop on an ordinary day with one worry."""
    return (
        account(S.CONNECTED, 0),
        account(S.CONNECTED, 1),
        account(S.WAITING, 2),
        account(S.STOPPED, 3),
    )


def every_state() -> tuple[SessionSnapshot, ...]:
    """Return one account in each state."""
    return tuple(account(state, number) for number, state in enumerate(CASES))


def with_notices() -> tuple[SessionSnapshot, ...]:
    """Return accounts with something to know beside their states."""
    broken = packed("error.bot_missing", line=12, key="reply")
    return (
        account(S.CONNECTED, 0, notice=Reason.BOT_FILE_BROKEN, notice_detail=broken),
        account(S.CONNECTED, 1, notice=Reason.VAULT_RECOVERED),
        account(S.FAILED, 2, reason=Reason.KEYRING_LOCKED),
        account(S.FAILED, 3, reason=Reason.KEYRING_LOCKED),
    )


def past(number: int = 0) -> tuple[Mark, ...]:
    """Return five ordinary weeks of one account: nights switched off, small and long outages."""
    marks = []
    for day in range(33, -1, -1):
        morning = NOON.replace(hour=0, minute=4 * number) - timedelta(days=day)
        marks += [Mark(morning, Phase.STARTING, Reason.PROGRAM_STARTED)]
        marks += [Mark(morning + timedelta(seconds=2), Phase.UP, Reason.LOGGED_IN)]
        if (day + number) % 5 == 0:
            marks += outage(morning + timedelta(hours=5, minutes=12), 3 + day, Repair.REDIAL)
        if (day + number) % 9 == 2:
            marks += outage(
                morning + timedelta(hours=9), 95, Repair.RESTART, Reason.RECONNECT_TOO_SLOW
            )
        if day == 4:
            marks += [Mark(morning + timedelta(hours=14), Phase.OFF, Reason.STOPPED_BY_PERSON)]
            marks += [Mark(morning + timedelta(hours=16), Phase.UP, Reason.LOGGED_IN)]
        if day:
            marks += [Mark(morning + timedelta(hours=22), Phase.UNKNOWN)]
    unlinked = NOON - timedelta(days=12, hours=6)
    marks = [mark for mark in marks if not unlinked < mark.at < unlinked + timedelta(hours=5)]
    marks += outage(unlinked, 200, Repair.PAIRED, Reason.PHONE_UNLINKED)
    return tuple(sorted(marks, key=lambda mark: mark.at))


def outage(
    begin: datetime, minutes: float, repair: Repair, cause: Reason = Reason.LINK_LOST
) -> list[Mark]:
    """Return the two marks of an outage."""
    end = begin + timedelta(minutes=minutes)
    return [
        Mark(begin, Phase.DOWN, cause),
        Mark(end, Phase.UP, Reason.LOGGED_IN, repair),
    ]


def every_cause() -> tuple[Mark, ...]:
    """Return an outage for each reason there is and each way it can end, all within three days."""
    marks, repairs = [], itertools.cycle(list(Repair))
    begin = NOON - timedelta(days=3)
    for number, cause in enumerate(Reason):
        marks += outage(begin + timedelta(minutes=40 * number), 15 + number, next(repairs), cause)
    return tuple(marks)


def log_text() -> str:
    """Return the log of an ordinary morning with one worry, as the program writes it."""
    lines = (
        "INFO  [Program] wabot-tray 0.1.0, data in /home/rosa/.local/share/wabot-tray",
        "INFO  [SessionManager] Initialising…",
        "INFO  [Milestones] Found 3 active connections",
        "INFO  [Milestones] Restoring session for: account-0",
        "INFO  [Session] session account-0: connecting -> connected (logged-in)",
        "INFO  [Session] session account-1: connecting -> connected (logged-in)",
        "INFO  [SessionManager] Ready",
        "INFO  [Worker(account-0)] Bot: 4 rules in use",
        "INFO  [Keeper] session account-0: 3 received, 3 answered",
        "WARN  [Worker(account-1)] Bot: the rule in line 12 takes too long and is skipped",
        "INFO  [Session] session account-2: connected -> reconnecting (link-lost)",
        "WARN  [Session] session account-2: reconnecting -> waiting (dial-failed)",
        "INFO  [SessionManager] verify: 2 sessions, 2 answered, 41 ms",
        "ERROR [Jobs] verify account-2 failed\nTraceback (most recent call last):\n"
        '  File "jobs.py", line 51, in _run\n    await work()\nConnectionResetError: by peer',
        "DEBUG [Worker(account-0)] Session: sealed, generation 412",
        "INFO  [Keeper] session account-0: 5 received, 5 answered",
    )
    return "".join(f"2026-11-20 08:{n:02}:{7 * n % 60:02} {s}\n" for n, s in enumerate(lines))
