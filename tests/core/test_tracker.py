"""What a session says becomes marks."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from wabot_tray.core.history import Mark, Phase, Repair
from wabot_tray.core.reasons import Reason
from wabot_tray.core.snapshot import SessionSnapshot
from wabot_tray.core.states import SessionState as S
from wabot_tray.core.tracker import Tracker

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SHOP = SessionSnapshot(
    id="shop",
    label="",
    phone="34600111222",
    enabled=True,
    paired=True,
    state=S.CONNECTED,
    reason=Reason.LOGGED_IN,
    since=NOW,
)
R = Reason
Step = tuple[S, Reason]
START: Step = (S.CONNECTING, R.PROGRAM_STARTED)
UP: Step = (S.CONNECTED, R.LOGGED_IN)


def told(*steps: Step, base: SessionSnapshot = SHOP) -> list[Mark]:
    tracker = Tracker()
    heard = (tracker.heard(replace(base, state=s, reason=r), NOW) for s, r in steps)
    return [mark for mark in heard if mark is not None]


def phases(*steps: Step, base: SessionSnapshot = SHOP) -> list[Phase]:
    return [mark.phase for mark in told(*steps, base=base)]


def test_start_is_no_outage_until_it_fails() -> None:
    assert phases(START, UP) == [Phase.STARTING, Phase.UP]
    failed = told(START, (S.WAITING, R.DIAL_FAILED), (S.CONNECTING, R.RETRYING), UP)
    assert [(m.phase, m.reason) for m in failed] == [
        (Phase.STARTING, R.PROGRAM_STARTED),
        (Phase.DOWN, R.DIAL_FAILED),
        (Phase.UP, R.LOGGED_IN),
    ]


def test_what_is_said_twice_is_marked_once() -> None:
    assert phases(START, UP, UP, UP) == [Phase.STARTING, Phase.UP]


@pytest.mark.parametrize(
    ("steps", "repair"),
    [
        ([(S.RECONNECTING, R.LINK_LOST), UP], Repair.REDIAL),
        ([(S.RECONNECTING, R.KEEPALIVE_TIMEOUT), (S.CONNECTED, R.LINK_PROVED)], Repair.ANSWERED),
        (
            [
                (S.RECONNECTING, R.LINK_LOST),
                (S.WAITING, R.RECONNECT_TOO_SLOW),
                (S.CONNECTING, R.RETRYING),
                UP,
            ],
            Repair.RESTART,
        ),
        ([(S.WAITING, R.WORKER_CRASHED), (S.CONNECTING, R.RECONNECT_BY_PERSON), UP], Repair.PERSON),
        ([(S.REPLACED, R.REPLACED), (S.CONNECTING, R.STARTED_BY_PERSON), UP], Repair.PERSON),
        (
            [
                (S.LOGGED_OUT, R.PHONE_UNLINKED),
                (S.CONNECTING, R.PAIRING_STARTED),
                (S.PAIRING, R.WAITING_FOR_SCAN),
                (S.CONNECTING, R.SCANNED),
                UP,
            ],
            Repair.PAIRED,
        ),
        (
            # What a person did before does not count where the program had to try again.
            [
                (S.WAITING, R.DIAL_FAILED),
                (S.CONNECTING, R.RECONNECT_BY_PERSON),
                (S.WAITING, R.DIAL_FAILED),
                (S.CONNECTING, R.RETRYING),
                UP,
            ],
            Repair.RESTART,
        ),
    ],
)
def test_repair_is_told_from_the_way_back(steps: list[Step], repair: Repair) -> None:
    *_, down, up = told(START, UP, *steps)
    assert (down.phase, down.reason) == (Phase.DOWN, steps[0][1])
    assert (up.phase, up.repair) == (Phase.UP, repair)


def test_outage_that_only_a_person_can_end_is_marked_again() -> None:
    steps = ((S.RECONNECTING, R.LINK_LOST), (S.LOGGED_OUT, R.PHONE_UNLINKED))
    marks = told(START, UP, *steps, (S.CONNECTING, R.PAIRING_STARTED))
    assert [m.reason for m in marks[2:]] == [R.LINK_LOST, R.PHONE_UNLINKED]


def test_account_that_was_never_linked_is_off() -> None:
    fresh = replace(SHOP, phone=None, paired=False)
    steps: list[Step] = [(S.LOGGED_OUT, R.NOT_PAIRED), (S.PAIRING, R.WAITING_FOR_SCAN)]
    assert phases(*steps, base=fresh) == [Phase.OFF]


def test_account_that_lost_its_phone_is_down() -> None:
    assert phases((S.LOGGED_OUT, R.NOT_PAIRED), base=replace(SHOP, paired=False)) == [Phase.DOWN]


def test_account_that_was_stopped_is_off() -> None:
    tracker = Tracker()
    tracker.heard(SHOP, NOW)
    stopped = replace(SHOP, enabled=False, state=S.STOPPED, reason=R.STOPPED_BY_PERSON)
    assert tracker.heard(stopped, NOW) == Mark(NOW, Phase.OFF, R.STOPPED_BY_PERSON)


def test_new_connection_that_a_person_asked_for_is_an_outage_of_its_own() -> None:
    marks = told(START, UP, (S.CONNECTING, R.RECONNECT_BY_PERSON), UP)
    assert [(m.phase, m.reason) for m in marks[2:]] == [
        (Phase.DOWN, R.RECONNECT_BY_PERSON),
        (Phase.UP, R.LOGGED_IN),
    ]
    assert marks[-1].repair is Repair.PERSON


def test_what_holds_can_be_said_again() -> None:
    tracker = Tracker()
    assert tracker.again(NOW) is None
    tracker.heard(SHOP, NOW)
    assert tracker.again(NOW) == Mark(NOW, Phase.UP, R.LOGGED_IN)
