"""The hint beside a new passphrase, and when a backup is due."""

from datetime import UTC, datetime, timedelta

import pytest

from wabot_tray.core.passphrase import Strength, strength
from wabot_tray.core.reminding import backup_is_due

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def days(count: float) -> datetime:
    return NOW - timedelta(days=count)


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("", Strength.SHORT),
        ("abc1234", Strength.SHORT),
        ("12345678", Strength.WEAK),
        ("aaaaaaaaaaaaaaaaaaaa", Strength.WEAK),
        ("abcdefghijklmnop", Strength.WEAK),
        ("password1", Strength.WEAK),
        ("contraseña123", Strength.WEAK),
        ("whatsapp tienda", Strength.WEAK),
        ("27051984", Strength.WEAK),
        ("panadería roja", Strength.FAIR),
        ("caballo correcto pila grapa", Strength.STRONG),
        ("tK9#vQ2!mZ7$xB4&", Strength.STRONG),
    ],
)
def test_strength_of_what_people_type(words: str, wanted: Strength) -> None:
    assert strength(words) is wanted


@pytest.mark.parametrize(
    ("began", "made", "put_off", "due"),
    [
        ((), None, None, False),  # nothing to keep
        ((6.9,), None, None, False),  # too new
        ((7.0,), None, None, True),
        ((1.0, 40.0), None, None, True),  # the first one counts
        ((90.0,), 29.0, None, False),
        ((90.0,), 30.0, None, True),
        ((90.0,), None, 29.0, False),  # put off a month ago, almost
        ((90.0,), None, 30.0, True),
        ((90.0,), 60.0, 10.0, False),
        ((90.0,), 10.0, 60.0, False),
        ((90.0,), -400.0, None, False),  # the clock was set back
    ],
)
def test_backup_is_due_once_a_month(
    began: tuple[float, ...], made: float | None, put_off: float | None, due: bool
) -> None:
    moments = [days(count) for count in began]
    made_at = None if made is None else days(made)
    put_off_at = None if put_off is None else days(put_off)
    assert backup_is_due(NOW, moments, made_at, put_off_at) is due
