"""The colours of states and of the two themes, in one place."""

from dataclasses import dataclass
from typing import Final

from wabot_tray.core.states import SessionState

# Fills of the state icons. They stand on dark panels by themselves; on light ones their outline,
# a darker shade of the same colour, draws the shape (tests/gui/test_icons.py measures both).
GREEN: Final = "#1fa855"
AMBER: Final = "#f2a20c"
RED: Final = "#e5383b"
BLUE: Final = "#3d8bfd"
GREY: Final = "#98a1ab"

OUTLINES: Final = {
    GREEN: "#0b5c2c",
    AMBER: "#7a4d00",
    RED: "#7f1416",
    BLUE: "#123f80",
    GREY: "#454c54",
}
MARKS: Final = {
    GREEN: "#ffffff",
    AMBER: "#3a2400",
    RED: "#ffffff",
    BLUE: "#ffffff",
    GREY: "#ffffff",
}

STATE_COLOURS: Final = {
    SessionState.STOPPED: GREY,
    SessionState.CONNECTING: AMBER,
    SessionState.PAIRING: BLUE,
    SessionState.CONNECTED: GREEN,
    SessionState.RECONNECTING: AMBER,
    SessionState.WAITING: AMBER,
    SessionState.LOGGED_OUT: RED,
    SessionState.BANNED: RED,
    SessionState.REPLACED: RED,
    SessionState.OUTDATED: RED,
    SessionState.FAILED: RED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """The colours a window is made of."""

    window: str
    card: str
    raised: str  # buttons and hovered rows
    line: str
    text: str
    quiet: str  # text of the second rank
    accent: str
    accent_hover: str
    on_accent: str
    selected: str
    danger: str
    caution: str  # text of a warning
    info_back: str
    warning_back: str
    error_back: str
    good_back: str


LIGHT: Final = Scheme(
    window="#f4f6f8",
    card="#ffffff",
    raised="#eef1f4",
    line="#d9dfe5",
    text="#16202a",
    quiet="#566473",
    accent="#0b7a53",
    accent_hover="#096543",
    on_accent="#ffffff",
    selected="#dff1e8",
    danger="#b3261e",
    caution="#8a5300",
    info_back="#e3effc",
    warning_back="#fdf0d3",
    error_back="#fce4e3",
    good_back="#def3e6",
)
DARK: Final = Scheme(
    window="#14191f",
    card="#1c232b",
    raised="#27303a",
    line="#343f4b",
    text="#e9eef3",
    quiet="#a2afbd",
    accent="#2fbf82",
    accent_hover="#4bd097",
    on_accent="#05251a",
    selected="#1d3b31",
    danger="#ff8a80",
    caution="#f0b64a",
    info_back="#1b2f47",
    warning_back="#3c2f12",
    error_back="#442122",
    good_back="#173626",
)
