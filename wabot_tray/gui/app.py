"""The composition root of the desktop program: Qt, one event loop, the program, its windows."""

import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Final

from PySide6.QtCore import QEvent, QLibraryInfo, QLocale, QObject, Qt, QTimer, QTranslator, qVersion
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QMessageBox

# isort: split
from qasync import QEventLoop  # takes the Qt binding that was imported before it

from wabot_tray import __version__
from wabot_tray.control.protocol import Check
from wabot_tray.core.errors import WabotError
from wabot_tray.core.settings import Settings
from wabot_tray.core.states import SessionState
from wabot_tray.gui.cleaning import Cleaner
from wabot_tray.gui.icons import app_icon, picture, state_icon
from wabot_tray.gui.notifier import Notifier
from wabot_tray.gui.ports import LoginItem, Program
from wabot_tray.gui.theme import Theme
from wabot_tray.gui.watches import NetworkWatch, Watches
from wabot_tray.gui.windows import Windows
from wabot_tray.gui.wording import locale
from wabot_tray.system.autostart import Autostart, start_command
from wabot_tray.system.i18n import language, sentence, t
from wabot_tray.system.paths import APP

log = logging.getLogger(__name__)
# asyncio's own pool has two threads more than four per core, qasync's ten: too few where many
# accounts wait for disks and keyrings at once.
POOL_THREADS: Final = 64
# Threads beside the windows hand Python back after so long, not after the usual 5 ms: each of the
# many small calls of one repaint may have to wait for it.
_SWITCH_S: Final = 0.0005
_ERROR_SIGN: Final = 40
_WINDOWS_TICK_MS: Final = 200


def run(program: Program, *, minimized: bool = False) -> int:
    """Run the program with its windows until the person quits; return the exit status.

    Args:
        program: Not started yet.
        minimized: Show the tray icon alone.
    """
    sys.setswitchinterval(_SWITCH_S)
    app = make_application(program.settings)
    loop = QEventLoop(app)
    asyncio.set_event_loop(loop)
    loop.set_default_executor(ThreadPoolExecutor(POOL_THREADS, thread_name_prefix="pool"))
    loop.set_exception_handler(_on_loop_error)
    previous_hook, sys.excepthook = sys.excepthook, _on_slot_error
    try:
        with loop:
            problem = loop.run_until_complete(_live(program, minimized=minimized))
    finally:
        asyncio.set_event_loop(None)
        sys.excepthook = previous_hook
    if problem:
        show_error(problem)
    return 1 if problem else 0


def show_error(text: str) -> None:
    """Say why the program cannot start, and wait until it was read."""
    app = QApplication.instance() or make_application(Settings())
    error_box(text).exec()
    del app  # lived for the box


def error_box(text: str) -> QMessageBox:
    """Return the message of a start that failed. Needs an application."""
    box = QMessageBox(QMessageBox.Icon.NoIcon, t("app.name"), text)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setObjectName("window")
    box.setIconPixmap(picture(state_icon(SessionState.FAILED), _ERROR_SIGN, box))
    box.setWindowIcon(app_icon())
    box.addButton(t("gui.close"), QMessageBox.ButtonRole.AcceptRole)
    return box


def make_application(settings: Settings) -> QApplication:
    """Return the one QApplication, named, dressed and in the person's language."""
    QApplication.setApplicationName(APP)
    QApplication.setApplicationDisplayName(t("app.name"))
    QApplication.setApplicationVersion(__version__)
    QApplication.setDesktopFileName(APP)
    app = QApplication([APP])
    app.setQuitOnLastWindowClosed(False)
    app.setWindowIcon(app_icon())
    speak(app)
    Theme(app, settings.theme)
    return app


def speak(app: QApplication) -> None:
    """Have Qt's own texts and numbers in the language of the program; again, when it changed."""
    if (old := app.findChild(QTranslator)) is not None:
        if old.objectName() == language():
            return
        app.removeTranslator(old)
        old.setParent(None)
    QLocale.setDefault(locale())
    translator = QTranslator(app)
    translator.setObjectName(language())
    folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    if language() != "en" and translator.load(f"qtbase_{language()}", folder):
        app.installTranslator(translator)


class QuitFilter(QObject):
    """Turns the system's own way to quit (Cmd+Q, the end of the desktop's session) into ours."""

    def __init__(self, app: QApplication, quit_program: Callable[[], None]) -> None:
        super().__init__(app)
        self._quit = quit_program
        app.installEventFilter(self)
        app.commitDataRequest.connect(self._on_session_end)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep Qt from leaving the loop before the workers are gone."""
        if event.type() is QEvent.Type.Quit and watched is self.parent():
            self._quit()
            return True
        return False

    def _on_session_end(self, _manager: object) -> None:
        self._quit()


async def _live(program: Program, *, minimized: bool) -> str:
    """Run until somebody quits; return why it could not start, or nothing."""
    over = asyncio.Event()
    program.on_quit = over.set
    app = QApplication.instance()
    assert isinstance(app, QApplication)  # noqa: S101 - made by run()
    quit_filter = QuitFilter(app, over.set)
    _hear_signals(over.set)
    windows: Windows | None = None
    watches: Watches | None = None
    cleaner = Cleaner(app)
    forget: Callable[[], None] | None = None
    notifier: Notifier | None = None
    try:
        await program.start()
        windows = Windows(program, over.set, login_item=_login_item(program))
        program.on_show = windows.show_dashboard
        program.extra_checks = lambda: _checks(windows)
        program.extra_facts = lambda: _facts(windows)
        windows.open(minimized=minimized)
        notifier = Notifier(windows, parent=app)
        watches = Watches(program.manager, windows.actions.jobs, program.settings, app)
        forget = program.preferences.subscribe(lambda: use_settings(program.settings, app, watches))
        network = NetworkWatch(program.manager, app)
        log.debug("network watch: %s", network.is_present)
        await over.wait()
    except (WabotError, OSError) as err:
        log.error("cannot start: %s", err)  # noqa: TRY400 - a sentence, not a trace
        return t("gui.start_failed", why=sentence(err) if isinstance(err, WabotError) else err)
    finally:
        app.removeEventFilter(quit_filter)
        if forget is not None:
            forget()
        if watches is not None:
            watches.close()
        if notifier is not None:
            await notifier.close()
        if windows is not None:
            await windows.close()
        await program.close()
        cleaner.close()
    return ""


def use_settings(settings: Settings, app: QApplication, watches: Watches) -> None:
    """Use settings that have just changed; the windows follow in a moment by themselves."""
    speak(app)
    theme = app.findChild(Theme)
    if theme is not None and theme.choice != settings.theme:
        theme.choose(settings.theme)
    watches.use(settings)


def _hear_signals(quit_program: Callable[[], None]) -> None:
    if sys.platform == "win32":
        # Python's handlers run only between two steps of Python; the tick makes one.
        signal.signal(signal.SIGINT, lambda *_: quit_program())
        tick = QTimer(QApplication.instance())
        tick.timeout.connect(lambda: None)
        tick.start(_WINDOWS_TICK_MS)
    else:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, quit_program)


def _login_item(program: Program) -> LoginItem:
    return Autostart(start_command(program.paths.data))


def _checks(windows: Windows) -> Iterable[Check]:
    """What only the desktop program can say in a diagnosis."""
    if windows.tray.is_present:
        yield Check(name="tray-host", level="ok", key="check.tray_ok")
    else:
        advice_key = "check.tray_advice"
        yield Check(name="tray-host", level="warn", key="check.tray_absent", advice_key=advice_key)


def _facts(windows: Windows) -> dict[str, object]:
    """What only the desktop program knows of itself, for a bundle of diagnostics."""
    return {
        "qt": qVersion(),
        "qt_platform": QGuiApplication.platformName(),
        "tray": windows.tray.is_present,
        "screens": [
            {"size": f"{s.size().width()}x{s.size().height()}", "scale": s.devicePixelRatio()}
            for s in QGuiApplication.screens()
        ],
    }


def _on_loop_error(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    error = context.get("exception")
    log.error("%s", context.get("message", "an error nobody handled"), exc_info=error)


def _on_slot_error(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Log what a slot or an asyncSlot let through; the program goes on."""
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    log.critical("an error nobody handled", exc_info=(kind, error, trace))
