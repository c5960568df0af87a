"""The one table that moves a session."""

import pytest

from wabot_tray.core import events as ev
from wabot_tray.core.errors import IllegalTransitionError
from wabot_tray.core.reasons import Reason
from wabot_tray.core.states import TRANSITIONS, SessionState, next_state

S = SessionState


def event_types(root: type[ev.Event] = ev.Event) -> set[type[ev.Event]]:
    found: set[type[ev.Event]] = set()
    for name in {cls.__name__ for cls in root.__subclasses__()}:
        cls = getattr(ev, name)  # slots=True leaves a first version of each class behind
        found |= {cls} | event_types(cls)
    return found


def moves() -> dict[S, set[S]]:
    return {state: {to for (of, _), to in TRANSITIONS.items() if of is state} for state in S}


@pytest.mark.parametrize(
    ("state", "event", "to"),
    [
        (S.STOPPED, ev.StartAsked(), S.CONNECTING),
        (S.CONNECTING, ev.LoggedIn(phone="1"), S.CONNECTED),
        (S.CONNECTED, ev.LinkLost(), S.RECONNECTING),
        (S.CONNECTING, ev.LinkLost(), S.CONNECTING),
        (S.RECONNECTING, ev.LoggedIn(phone="1"), S.CONNECTED),
        (S.RECONNECTING, ev.DeadlinePassed(reason=Reason.RECONNECT_TOO_SLOW), S.WAITING),
        (S.WAITING, ev.RetryDue(), S.CONNECTING),
        (S.CONNECTED, ev.KeepAliveMissed(), S.RECONNECTING),
        (S.RECONNECTING, ev.LinkProved(), S.CONNECTED),
        (S.CONNECTED, ev.LoggedOut(), S.LOGGED_OUT),
        (S.CONNECTED, ev.Replaced(), S.REPLACED),
        (S.CONNECTED, ev.Outdated(), S.OUTDATED),
        (S.CONNECTED, ev.WorkerExited(status=-9), S.WAITING),
        (S.PAIRING, ev.PairingFailed(reason=Reason.QR_EXPIRED), S.LOGGED_OUT),
        (S.CONNECTED, ev.CrashLooped(), S.FAILED),
        (S.LOGGED_OUT, ev.PairAsked(), S.CONNECTING),
    ],
)
def test_next_state(state: S, event: ev.Event, to: S) -> None:
    assert next_state(state, event) is to


def test_unknown_pair_raises_and_says_which() -> None:
    with pytest.raises(IllegalTransitionError) as caught:
        next_state(S.STOPPED, ev.LoggedIn(phone="34600111222"))
    assert str(caught.value) == "error.illegal_transition (state=stopped, event=LoggedIn)"


@pytest.mark.parametrize("state", S)
def test_person_can_stop_and_start_every_state(state: S) -> None:
    assert next_state(state, ev.StopAsked()) is S.STOPPED
    if not state.has_worker:
        assert next_state(state, ev.StartAsked()) is S.CONNECTING


@pytest.mark.parametrize("state", S)
def test_every_state_is_reached_and_left(state: S) -> None:
    assert any(state in reached for of, reached in moves().items() if of is not state)
    assert moves()[state] - {state}


@pytest.mark.parametrize("state", [S.LOGGED_OUT, S.REPLACED, S.OUTDATED, S.STOPPED])
def test_nothing_but_a_person_leaves_a_terminal_state(state: S) -> None:
    """A logout, another instance or an old program is never retried by a timer or a worker."""
    by_hand = {ev.StartAsked, ev.StopAsked, ev.PairAsked}
    leaving = {event for (of, event), to in TRANSITIONS.items() if of is state and to is not state}
    assert state.needs_user
    assert leaving - by_hand <= {ev.NotPaired, ev.KeyUnavailable}  # what the start itself finds


def test_worker_moves_only_states_that_have_one() -> None:
    for state, event in TRANSITIONS:
        if issubclass(event, ev.WorkerEvent) and event is not ev.LoggedOut:
            assert state.has_worker, (state, event)


def test_severity_is_a_rank_of_its_own_for_every_state() -> None:
    assert sorted(state.severity for state in S) == list(range(len(S)))
    assert max(S, key=lambda state: state.severity) is S.FAILED
    assert S.CONNECTED.severity < S.PAIRING.severity < S.LOGGED_OUT.severity


@pytest.mark.parametrize(
    "event",
    sorted(event_types(), key=str),
    ids=lambda event: event.__name__,
)
def test_event_that_moves_a_state_has_a_reason(event: type[ev.Event]) -> None:
    if any(event is moving for _, moving in TRANSITIONS):
        annotated = "reason" in getattr(event, "__dataclass_fields__", {})
        assert annotated or isinstance(getattr(event, "REASON", None), Reason)


def test_reason_of_an_event_that_always_has_the_same() -> None:
    assert ev.LinkLost().reason is Reason.LINK_LOST
