"""A silent phone is said at the top of the dashboard, from the twelfth day on."""

from datetime import timedelta

from tests.gui import scenes
from tests.gui.fake_manager import NOON
from wabot_tray.core.states import SessionState
from wabot_tray.gui.notices import notices


def test_silent_phone_is_named_from_the_twelfth_day_on() -> None:
    since = NOON - timedelta(days=11, hours=23)
    silent = scenes.account(SessionState.CONNECTED, 0, phone_silent_since=since)
    assert notices((silent,), NOON) == ()
    (notice,) = notices((silent,), NOON + timedelta(hours=1))
    assert notice.text.startswith("Please look at the phone of La Tienda de Rosa. It has given")
    assert "14 days" in notice.text
