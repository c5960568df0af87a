"""Quiet hours: within a day, over midnight, and what is refused."""

from datetime import time

import pytest

from wabot_tray.core.errors import SettingsError
from wabot_tray.core.quiet_hours import QuietHours
from wabot_tray.core.settings import Settings


@pytest.mark.parametrize(
    ("hours", "quiet", "loud"),
    [
        ("13:00-15:30", ["13:00", "15:29"], ["12:59", "15:30", "00:00", "23:59"]),
        ("22:00-07:00", ["22:00", "23:59", "00:00", "06:59"], ["07:00", "12:00", "21:59"]),
        (" 9:05 - 00:00 ", ["09:05", "23:59"], ["00:00", "09:04"]),
    ],
)
def test_hours_cover_their_beginning_and_not_their_end(
    hours: str, quiet: list[str], loud: list[str]
) -> None:
    made = QuietHours.parse(hours)
    assert made is not None
    assert all(made.cover(time.fromisoformat(moment)) for moment in quiet)
    assert not any(made.cover(time.fromisoformat(moment)) for moment in loud)


def test_no_hours_are_an_empty_text() -> None:
    assert QuietHours.parse("  ") is None
    assert Settings.from_mapping({"quiet_hours": " "}).quiet_hours == ""


def test_hours_are_kept_in_one_form() -> None:
    assert Settings.from_mapping({"quiet_hours": "9:00 - 17:50"}).quiet_hours == ("09:00-17:50")


@pytest.mark.parametrize(
    "value",
    [
        "22:00",
        "24:00-07:00",
        "22:60-07:00",
        "22:00-22:00",
        "22.00-07.00",
        "\u0662\u0662:00-07:00",
        22,
        None,
    ],
)
def test_what_is_no_pair_of_hours_is_refused(value: object) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_mapping({"quiet_hours": value})
    assert caught.value.message_key == "error.settings_hours"
