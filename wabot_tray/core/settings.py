"""What a person may set, its defaults and its limits."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from wabot_tray.core.errors import SettingsError
from wabot_tray.core.proxies import SYSTEM, checked_proxy
from wabot_tray.core.quiet_hours import QuietHours

LANGUAGES: Final = ("system", "en", "es")
THEMES: Final = ("system", "light", "dark")
LOG_LEVELS: Final = ("debug", "info", "warning")
# "important" is what only a person can mend; "all" adds lost connections and their return.
NOTIFICATIONS: Final = ("all", "important", "off")
REMINDERS: Final = ("monthly", "off")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings file's content; quantities carry their unit."""

    check_interval_s: float = 120.0
    verify_interval_s: float = 300.0
    quiet_s: float = 0.6
    answer_max_age_h: float = 24.0
    language: str = "system"
    theme: str = "system"
    log_level: str = "info"
    notifications: str = "all"
    quiet_hours: str = ""  # no notification then, e.g. "22:00-07:00"; empty for none
    backup_reminder: str = "monthly"
    proxy: str = SYSTEM  # see core/proxies.py

    @classmethod
    def from_mapping(cls, values: Mapping[str, object]) -> "Settings":
        """Return the settings in `values`; what is missing keeps its default.

        Raises:
            SettingsError: A name is unknown, or a value is of the wrong kind or out of its limits.
        """
        checked: dict[str, object] = {}
        for name, value in values.items():
            if name in _LIMITS:
                checked[name] = _number(name, value)
            elif name in _CHOICES:
                checked[name] = _choice(name, value)
            elif name == "quiet_hours":
                checked[name] = _hours(value)
            elif name == "proxy":
                checked[name] = checked_proxy(value)
            else:
                raise SettingsError("error.settings_unknown", name=_shown(name))
        return dataclasses.replace(cls(), **checked)  # type: ignore[arg-type]  # checked just above

    def with_text(self, name: str, text: str) -> "Settings":
        """Return these settings with one of them as a person writes it in a command.

        Raises:
            SettingsError: The name is unknown, or the value is refused.
        """
        value: object = text
        if name in _LIMITS:
            try:
                value = float(text)
            except ValueError:
                value = text  # refused with the limits
        return self.from_mapping({**dataclasses.asdict(self), name: value})

    @staticmethod
    def limits(name: str) -> tuple[float, float]:
        """Return the lowest and the highest value of a number. Raises KeyError for others."""
        return _LIMITS[name]

    def checked(self) -> "Settings":
        """Return these settings, as a file or a form may have made them.

        Raises:
            SettingsError: A value is of the wrong kind or out of its limits.
        """
        return self.from_mapping(dataclasses.asdict(self))


_LIMITS: Final[Mapping[str, tuple[float, float]]] = {
    "check_interval_s": (5.0, 3600.0),
    "verify_interval_s": (15.0, 3600.0),
    # Below 0.5 s replies collide with what the customer still sends (docs/neonize.md).
    "quiet_s": (0.5, 60.0),
    # With less, a message would be too old while its chat is still waited for.
    "answer_max_age_h": (0.25, 24.0 * 14),
}
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "language": LANGUAGES,
    "theme": THEMES,
    "log_level": LOG_LEVELS,
    "notifications": NOTIFICATIONS,
    "backup_reminder": REMINDERS,
}


def _shown(name: str) -> str:
    """Return a name of the file as a sentence may repeat it: short, and nothing but letters."""
    short = name[:40]
    return short if short.isprintable() else ascii(short)


def _number(name: str, value: object) -> float:
    low, high = _LIMITS[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise SettingsError("error.settings_number", name=name, low=f"{low:g}", high=f"{high:g}")
    return float(value)


def _choice(name: str, value: object) -> str:
    if not isinstance(value, str) or value not in _CHOICES[name]:
        raise SettingsError("error.settings_choice", name=name, choices=", ".join(_CHOICES[name]))
    return value


def _hours(value: object) -> str:
    text = value if isinstance(value, str) else "no text"
    try:
        return str(QuietHours.parse(text) or "")
    except ValueError as err:
        raise SettingsError("error.settings_hours") from err
