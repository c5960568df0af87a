"""Times and numbers as people read them, in the language of the program."""

from datetime import datetime

from PySide6.QtCore import QDateTime, QLocale

from wabot_tray.system.i18n import language, t
from wabot_tray.system.texts import duration_words, phone_words

NOTHING = "–"  # noqa: RUF001 - the dash of an empty cell


def locale() -> QLocale:
    """Return how the chosen language writes times."""
    system = QLocale.system()
    if system.name().startswith(language()):
        return system  # the person's own country and clock
    return QLocale(language())


def phone(digits: str | None) -> str:
    """Return a number in its international form."""
    return phone_words(digits) or NOTHING


def no_markup(text: str) -> str:
    """Return `text` for a place that may read it as markup: tooltips, panels, notifications.

    Escaping would be shown as it is where no markup is read, and Qt says nowhere which it is.
    """
    return text.translate({ord("<"): "\u2039", ord(">"): "\u203a"})


def ago(moment: datetime | None, now: datetime) -> str:
    """Return how long ago `moment` was, in its largest unit: a table is read at a glance."""
    if moment is None:
        return NOTHING
    seconds = (now - moment).total_seconds()
    if seconds < 1:
        return t("gui.just_now")
    unit = next((size for size in (86_400, 3_600, 60) if seconds >= size), 1)
    return t("gui.ago", duration=duration_words(seconds // unit * unit))


def ahead(moment: datetime | None, now: datetime) -> str:
    """Return how long it is until `moment`."""
    if moment is None:
        return NOTHING
    seconds = (moment - now).total_seconds()
    if seconds < 1:
        return t("gui.now")
    return t("gui.ahead", duration=duration_words(seconds))


def point_in_time(moment: datetime | None) -> str:
    """Return the day and the hour, for a tooltip."""
    if moment is None:
        return ""
    local = QDateTime.fromSecsSinceEpoch(int(moment.timestamp()))
    return locale().toString(local, QLocale.FormatType.ShortFormat)


def day_and_span(begin: datetime, end: datetime) -> str:
    """Return a stretch of some hours: the day, and the hours from and to."""
    first, last = (QDateTime.fromSecsSinceEpoch(round(m.timestamp())) for m in (begin, end))
    spoken, short = locale(), QLocale.FormatType.ShortFormat
    return t(
        "gui.day_span",
        day=spoken.toString(first.date(), "ddd d MMM"),
        begin=spoken.toString(first.time(), short),
        end=spoken.toString(last.time(), short),
    )


def minutes_seconds(seconds: float) -> str:
    """Return a countdown like 1:05; never below 0:00."""
    whole = max(0, round(seconds))
    return f"{whole // 60}:{whole % 60:02d}"
