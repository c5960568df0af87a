"""What people read, in both languages."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from wabot_tray.core.errors import BotFileError
from wabot_tray.core.reasons import Reason
from wabot_tray.core.snapshot import SessionSnapshot
from wabot_tray.core.states import SessionState
from wabot_tray.system import texts

pytestmark = pytest.mark.usefixtures("madrid")
NOW = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
SINCE = datetime(2026, 11, 22, 9, 32, tzinfo=UTC)


def snapshot(state: SessionState, reason: Reason, **more: Any) -> SessionSnapshot:
    values: dict[str, Any] = {
        "id": "tienda",
        "label": "Tienda",
        "phone": "34600111222",
        "enabled": True,
        "paired": True,
        "since": SINCE,
    }
    return SessionSnapshot(state=state, reason=reason, **(values | more))


@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("en", "Tienda: connected since 10:32"),
        ("es", "Tienda: conectada desde las 10:32"),
    ],
)
def test_account_line_of_a_connected_session(
    speak: Callable[[str], str], language: str, line: str
) -> None:
    speak(language)
    session = snapshot(SessionState.CONNECTED, Reason.LOGGED_IN)
    assert texts.account_line(session, NOW) == line


def test_account_line_without_a_label_shows_the_id(speak: Callable[[str], str]) -> None:
    speak("en")
    session = snapshot(SessionState.STOPPED, Reason.STOPPED_BY_PERSON, label="")
    assert texts.account_line(session, NOW) == "tienda: stopped"


def test_account_line_of_a_waiting_session_counts_down(speak: Callable[[str], str]) -> None:
    speak("es")
    due = NOW + timedelta(seconds=12)
    session = snapshot(SessionState.WAITING, Reason.DIAL_FAILED, next_attempt_at=due)
    assert (
        texts.account_line(session, NOW) == "Tienda: desconectada, próximo intento en 12 segundos"
    )
    session = snapshot(SessionState.WAITING, Reason.DIAL_FAILED)
    assert texts.account_line(session, NOW) == "Tienda: desconectada, pronto se intenta de nuevo"


def test_account_line_of_a_banned_session_shows_the_end(speak: Callable[[str], str]) -> None:
    speak("es")
    end = datetime(2026, 11, 24, 0, 5, tzinfo=UTC)
    session = snapshot(SessionState.BANNED, Reason.TEMPORARY_BAN, expires_at=end)
    assert texts.account_line(session, NOW) == (
        "Tienda: en pausa por WhatsApp hasta el 24 de noviembre a la 01:05"
    )
    session = snapshot(SessionState.BANNED, Reason.TEMPORARY_BAN)
    assert texts.account_line(session, NOW) == "Tienda: en pausa por WhatsApp"


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("state", SessionState)
def test_account_line_is_complete_in_every_state(
    speak: Callable[[str], str], state: SessionState, language: str
) -> None:
    speak(language)
    session = snapshot(state, Reason.STARTING, next_attempt_at=NOW, expires_at=NOW)
    line = texts.account_line(session, NOW)
    assert line.startswith("Tienda: ")
    assert "{" not in line
    assert texts.state_word(state) != f"state.{state}"


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("reason", Reason)
def test_reason_and_advice_are_complete_sentences(
    speak: Callable[[str], str], reason: Reason, language: str
) -> None:
    speak(language)
    session = snapshot(SessionState.FAILED, reason, expires_at=NOW)
    for sentence in (texts.reason_sentence(session, NOW), texts.advice(session)):
        assert sentence[0].isupper()
        assert sentence.endswith(".")
        assert "{" not in sentence
        assert ".." not in sentence


def test_reason_sentence_with_a_next_attempt_names_it(speak: Callable[[str], str]) -> None:
    speak("en")
    due = NOW + timedelta(seconds=90)
    session = snapshot(SessionState.WAITING, Reason.DIAL_FAILED, next_attempt_at=due)
    assert texts.reason_sentence(session, NOW) == (
        "WhatsApp could not be reached; next attempt in 1 minute 30 seconds."
    )


def test_reason_sentence_of_a_ban_names_its_end_once(speak: Callable[[str], str]) -> None:
    speak("en")
    session = snapshot(
        SessionState.BANNED,
        Reason.TEMPORARY_BAN,
        expires_at=NOW + timedelta(hours=3),
        next_attempt_at=NOW + timedelta(hours=3, seconds=60),
    )
    assert texts.reason_sentence(session, NOW) == "WhatsApp has paused this account until 18:00."


def test_notice_of_a_broken_rule_file_is_said_in_the_readers_language(
    speak: Callable[[str], str],
) -> None:
    detail = texts.packed_error(BotFileError("error.bot_missing", line=4, key="reply"))
    session = snapshot(
        SessionState.CONNECTED,
        Reason.LOGGED_IN,
        notice=Reason.BOT_FILE_BROKEN,
        notice_detail=detail,
    )
    speak("es")
    assert texts.notice_sentence(session).endswith("Línea 4: aquí falta «reply».")
    assert texts.notice_advice(session) == "Corrige bot.toml y guárdalo; se lee de nuevo solo."
    speak("en")
    assert texts.notice_sentence(session).endswith("Line 4: “reply” is missing here.")


@pytest.mark.parametrize(
    "detail", ["", "OSError 28", "[1]", '{"key": 1}', '{"key": "x", "params": 3}', "{"]
)
def test_notice_with_another_detail_is_the_sentence_alone(
    speak: Callable[[str], str], detail: str
) -> None:
    speak("en")
    session = snapshot(
        SessionState.CONNECTED, Reason.LOGGED_IN, notice=Reason.DISK_FULL, notice_detail=detail
    )
    assert texts.notice_sentence(session) == "The disk is full."


def test_notice_where_there_is_none_is_empty() -> None:
    session = snapshot(SessionState.CONNECTED, Reason.LOGGED_IN)
    assert texts.notice_sentence(session) == ""
    assert texts.notice_advice(session) == ""


@pytest.mark.parametrize(
    ("seconds", "english", "spanish"),
    [
        (-3, "a moment", "un momento"),
        (0.4, "a moment", "un momento"),
        (1, "1 second", "1 segundo"),
        (45.2, "45 seconds", "45 segundos"),
        (60, "1 minute", "1 minuto"),
        (61, "1 minute 1 second", "1 minuto y 1 segundo"),
        (725, "12 minutes", "12 minutos"),
        (3600, "1 hour", "1 hora"),
        (3600 + 59, "1 hour", "1 hora"),
        (2 * 3600 + 300, "2 hours 5 minutes", "2 horas y 5 minutos"),
        (86400 * 3, "3 days", "3 días"),
        (86400 + 3600, "1 day 1 hour", "1 día y 1 hora"),
        (86400 * 40, "40 days", "40 días"),
    ],
)
def test_duration_words(
    speak: Callable[[str], str], seconds: float, english: str, spanish: str
) -> None:
    speak("en")
    assert texts.duration_words(seconds) == english
    speak("es")
    assert texts.duration_words(seconds) == spanish


@pytest.mark.parametrize(
    ("moment", "english", "spanish"),
    [
        (datetime(2026, 11, 22, 9, 32, tzinfo=UTC), "10:32", "las 10:32"),
        (datetime(2026, 11, 22, 0, 5, tzinfo=UTC), "01:05", "la 01:05"),
        (datetime(2026, 5, 3, 8, 0, tzinfo=UTC), "3 May, 10:00", "el 3 de mayo a las 10:00"),
        (
            datetime(2025, 12, 31, 23, 30, tzinfo=UTC),
            "1 January, 00:30",
            "el 1 de enero a las 00:30",
        ),
        (
            datetime(2025, 12, 31, 10, 0, tzinfo=UTC),
            "31 December 2025, 11:00",
            "el 31 de diciembre de 2025 a las 11:00",
        ),
    ],
)
def test_moment_words_are_local(
    speak: Callable[[str], str], moment: datetime, english: str, spanish: str
) -> None:
    speak("en")
    assert texts.moment_words(moment, NOW) == english
    speak("es")
    assert texts.moment_words(moment, NOW) == spanish


def test_phone_words() -> None:
    assert texts.phone_words("34600111222") == "+34600111222"
    assert texts.phone_words(None) == ""
