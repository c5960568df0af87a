"""The small things everything stands on: back-off, clock, settings, ids, errors, snapshots."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wabot_tray.core import backoff as bo
from wabot_tray.core.accounts import checked_id, suggested_id
from wabot_tray.core.backoff import Backoff
from wabot_tray.core.clock import SYSTEM_CLOCK
from wabot_tray.core.errors import (
    AccountError,
    BotFileError,
    NotSentError,
    ReasonedError,
    SettingsError,
    VaultError,
    WabotError,
)
from wabot_tray.core.messages import IncomingMessage
from wabot_tray.core.reasons import Reason
from wabot_tray.core.settings import Settings
from wabot_tray.core.snapshot import PairingProgress, PairingStage, SessionSnapshot, worst
from wabot_tray.core.states import SessionState

NOW = datetime(2026, 11, 22, tzinfo=UTC)


# --- back-off ---------------------------------------------------------------------------------


def test_backoff_doubles_up_to_its_limit_and_begins_again() -> None:
    backoff = Backoff(lambda: 0.5)
    assert [backoff.next_delay_s() for _ in range(7)] == [2, 4, 8, 16, 32, 60, 60]
    assert backoff.failures == 7
    backoff.reset()
    backoff.reset()
    assert backoff.failures == 0
    assert backoff.next_delay_s() == 2


@given(st.floats(0, 1, exclude_max=True), st.integers(0, 3000))
def test_backoff_stays_within_its_jitter(chance: float, failures: int) -> None:
    backoff = Backoff(lambda: chance)
    backoff._failures = failures
    plain = min(bo.LONGEST_DELAY_S, bo.FIRST_DELAY_S * 2.0 ** min(failures, 32))
    assert plain * (1 - bo.JITTER) <= backoff.next_delay_s() <= plain * (1 + bo.JITTER)


def test_system_clock_goes_forward_and_knows_its_zone() -> None:
    first = SYSTEM_CLOCK.monotonic()
    assert SYSTEM_CLOCK.monotonic() >= first
    assert SYSTEM_CLOCK.now().tzinfo is UTC


# --- settings ---------------------------------------------------------------------------------


def test_settings_keep_defaults_and_take_what_is_given() -> None:
    assert Settings.from_mapping({}) == Settings()
    changed = Settings.from_mapping({"quiet_s": 1, "language": "es", "log_level": "debug"})
    assert changed == Settings(quiet_s=1.0, language="es", log_level="debug")
    assert isinstance(changed.quiet_s, float)


@pytest.mark.parametrize(
    ("name", "value", "key"),
    [
        ("unknown", 1, "error.settings_unknown"),
        ("quiet_s", 0.49, "error.settings_number"),
        ("quiet_s", 60.1, "error.settings_number"),
        ("quiet_s", "1", "error.settings_number"),
        ("quiet_s", True, "error.settings_number"),
        ("quiet_s", None, "error.settings_number"),
        ("quiet_s", float("nan"), "error.settings_number"),
        ("check_interval_s", 10**400, "error.settings_number"),
        ("language", "fr", "error.settings_choice"),
        ("theme", 1, "error.settings_choice"),
        ("log_level", ["info"], "error.settings_choice"),
    ],
)
def test_wrong_setting_is_refused(name: str, value: object, key: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_mapping({name: value})
    assert caught.value.message_key == key
    assert caught.value.params["name"] == name


# --- ids --------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["a", "0", "tienda-2_b", "a" * 64, "cmhc22zw20000kmhgvx5ubazy"])
def test_good_id_is_returned(text: str) -> None:
    assert checked_id(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-a",
        "_a",
        "A",
        "a" * 65,
        "a b",
        "a/b",
        "..",
        ".",
        "a\n",
        "a\0",
        "ñ",
        "a.b",
        "\u0430",
        "a\u0663",
    ],
)
def test_id_that_could_leave_its_folder_is_refused(text: str) -> None:
    with pytest.raises(AccountError) as caught:
        checked_id(text)
    assert len(str(caught.value.params["id"])) <= 80


@pytest.mark.parametrize("text", ["con", "nul", "aux", "prn", "com1", "lpt9"])
def test_id_that_is_a_device_on_windows_is_refused_and_not_suggested(text: str) -> None:
    with pytest.raises(AccountError):
        checked_id(text)
    assert suggested_id(text.upper()) == f"{text}-2"


# --- errors -----------------------------------------------------------------------------------


def test_error_says_its_key_and_values() -> None:
    assert str(WabotError()) == "error.unexpected"
    assert str(AccountError("error.account_id", id="x")) == "error.account_id (id=x)"


def test_reasoned_error_takes_the_sentence_of_its_reason() -> None:
    error = VaultError(Reason.DISK_FULL, "12 bytes left")
    assert isinstance(error, ReasonedError)
    assert (error.reason, error.detail) == (Reason.DISK_FULL, "12 bytes left")
    assert error.message_key == "reason.disk-full"


def test_bot_file_error_knows_its_line() -> None:
    error = BotFileError("error.bot_missing", line=7, key="reply")
    assert error.line == 7
    assert error.params == {"line": 7, "key": "reply"}


def test_not_sent_error_keeps_the_cause() -> None:
    assert NotSentError("463").params == {"detail": "463"}


# --- what is seen -----------------------------------------------------------------------------


def snapshot(state: SessionState, account_id: str = "a") -> SessionSnapshot:
    return SessionSnapshot(
        id=account_id,
        label="",
        phone=None,
        enabled=True,
        paired=True,
        state=state,
        reason=Reason.STARTING,
        since=NOW,
    )


def test_worst_session_wins_the_icon() -> None:
    assert worst([]) is None
    states = [SessionState.CONNECTED, SessionState.LOGGED_OUT, SessionState.WAITING]
    found = worst(snapshot(state) for state in states)
    assert found is not None
    assert found.state is SessionState.LOGGED_OUT


def test_what_must_not_be_logged_is_in_no_repr() -> None:
    progress = PairingProgress(id="a", stage=PairingStage.CODE, code="2@SECRET", phone="34600111")
    values: dict[str, Any] = {"chat": "34600111@x", "sender_phone": "34600111"}
    message = IncomingMessage(
        message_id="M", sender_name="SECRET", text="SECRET", sent_at=NOW, **values
    )
    for shown in (repr(progress), repr(message)):
        assert "SECRET" not in shown
        assert "34600" not in shown
