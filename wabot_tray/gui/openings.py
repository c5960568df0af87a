"""The windows that exist once each, as the menus of the tray and of the dashboard offer them.

A window is imported on a thread when the tray's menu or the list of accounts is opened, at the
latest when it is opened itself: the tray icon must not wait for what nobody looks at, nor memory
hold it.
"""

import asyncio
import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from threading import Thread
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
        module: What `make` imports.
    """

    name: str
    key: str
    make: "Callable[[Windows], Window]"
    module: str = ""


ASSISTANT: Final = "assistant"
_GUI: Final = "wabot_tray.gui"


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
    Opening("rules", "rules.opening", _make_rules, f"{_GUI}.ruleswindow"),
    Opening("logs", "logs.menu", _make_logs, f"{_GUI}.logwindow"),
    Opening("backup", "saving.menu", _make_backup, f"{_GUI}.backupwindow"),
    Opening("settings", "settings.menu", _make_settings, f"{_GUI}.settingswindow"),
    Opening(ASSISTANT, "assistant.entry", _make_assistant, f"{_GUI}.assistant"),
)
# The list of accounts is one click away from the start; the others are two.
FIRST: Final = (f"{_GUI}.dashboard",)
_OTHERS: Final = (f"{_GUI}.pairing", f"{_GUI}.historywindow")


def modules(openings: Iterable[Opening]) -> list[str]:
    """Return what all windows are made of, these among them."""
    return [*FIRST, *_OTHERS, *(opening.module for opening in openings if opening.module)]


class ImportAhead:
    """Imports modules on threads that hold nothing up.

    A thread in the middle of an import when Python ends brings the process down (SIGABRT or
    SIGSEGV, seen on a busy machine). So Python waits for them; `close` makes the wait short.
    """

    def __init__(self) -> None:
        self._is_over = False
        self._threads: list[Thread] = []

    def take(self, names: Iterable[str]) -> Thread:
        """Import these one after another, and return the thread that does."""
        thread = Thread(target=self._work, args=(tuple(names),), name="windows ahead")
        self._threads = [*(other for other in self._threads if other.is_alive()), thread]
        thread.start()
        return thread

    async def close(self) -> None:
        """Wait for the imports under way, and begin no other. A second call changes nothing."""
        self._is_over = True
        while self._threads:
            await asyncio.to_thread(self._threads.pop().join)

    def _work(self, names: tuple[str, ...]) -> None:
        for name in names:
            if self._is_over:
                return
            importlib.import_module(name)
