"""The windows that exist once each, as the menus of the tray and of the dashboard offer them.

A window is imported when it is first opened: the tray icon must not wait for what nobody looks at.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wabot_tray.gui.window import Window

if TYPE_CHECKING:
    from wabot_tray.gui.windows import Windows


@dataclass(frozen=True, slots=True)
class Opening:
    """One window.

    Args:
        name: What `Windows.show_window` calls it.
        key: The text of its entry in menus.
        make: Makes it.
    """

    name: str
    key: str
    make: "Callable[[Windows], Window]"


ASSISTANT: Final = "assistant"


def _make_logs(windows: "Windows") -> Window:
    from wabot_tray.gui.logwindow import LogWindow  # noqa: PLC0415 - on first use

    return LogWindow(windows)


def _make_backup(windows: "Windows") -> Window:
    from wabot_tray.gui.backupwindow import BackupWindow  # noqa: PLC0415 - on first use

    return BackupWindow(windows)


def _make_settings(windows: "Windows") -> Window:
    from wabot_tray.gui.settingswindow import SettingsWindow  # noqa: PLC0415 - on first use

    return SettingsWindow(windows)


def _make_assistant(windows: "Windows") -> Window:
    from wabot_tray.gui.assistant import Assistant  # noqa: PLC0415 - on first use

    made = Assistant(windows)
    made.finished.connect(windows.show_dashboard)
    return made


def _make_rules(windows: "Windows") -> Window:
    from wabot_tray.gui.ruleswindow import RulesWindow  # noqa: PLC0415 - on first use

    return RulesWindow(windows)


# In the order of the menus.
OPENINGS: Final[tuple[Opening, ...]] = (
    Opening("rules", "rules.opening", _make_rules),
    Opening("logs", "logs.menu", _make_logs),
    Opening("backup", "saving.menu", _make_backup),
    Opening("settings", "settings.menu", _make_settings),
    Opening(ASSISTANT, "assistant.entry", _make_assistant),
)
