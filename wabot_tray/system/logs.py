"""The log: a rotating file and the console, one line a fact, nothing in it that is secret.

    2026-11-22 23:41:07 INFO  [SessionManager] Ready

Lines are in English and in the computer's own time. Every line, tracebacks included, passes the
redaction (system/redaction.py) on its way out. A log that cannot be written never stops the
program: it says so once on the console and goes on trying.
"""

import contextlib
import logging
import logging.handlers
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TextIO

from wabot_tray.system.paths import Paths
from wabot_tray.system.redaction import redact

LARGEST_BYTES: Final = 2 * 1024 * 1024
KEPT_FILES: Final = 5  # beside the newest
OURS: Final = "wabot_tray"

_COMPONENTS: Final[Mapping[str, str]] = {
    "wabot_tray": "Program",
    "wabot_tray.__main__": "Program",
    "wabot_tray.sessions": "Sessions",
    "wabot_tray.sessions.manager": "SessionManager",
    "wabot_tray.bot": "Bot",
    "wabot_tray.cli": "Command",
    "wabot_tray.control": "Control",
    "wabot_tray.gui": "Window",
    "wabot_tray.gui.app": "Program",
    "wabot_tray.gui.tray": "Tray",
    "wabot_tray.gui.pairing": "Pairing",
    "wabot_tray.gui.dashboard": "Dashboard",
    "wabot_tray.worker": "Worker",
    "wabot_tray.system": "System",
    "wabot_tray.storage": "Storage",
    "wabot_tray.core": "Core",
}
# Where a folder's files speak for themselves: [Vault], [Supervisor], [Autostart].
_NAMED_BY_FILE: Final = ("wabot_tray.storage.", "wabot_tray.sessions.", "wabot_tray.system.")
_LEVELS: Final[Mapping[int, str]] = {logging.WARNING: "WARN", logging.CRITICAL: "FATAL"}
_WORKER_LINE: Final = re.compile(r"(DEBUG|INFO|WARNING|ERROR|CRITICAL)\t([\w.]+)\t(.*)", re.DOTALL)
_NEVER_WAIT: Final = getattr(os, "O_NONBLOCK", 0)  # should a pipe lie in its place
_LOOKS_LIKE_OURS: Final = re.compile(r"\n(?=\d{4}-\d\d-\d\d \d\d:)")
_LONGEST_LINE: Final = 8000  # characters of a worker's line
_ESCAPED: Final = re.compile(r"\\([n\\])")
# What the library prints at each start (measured with neonize 0.5.2); it tells nobody anything.
_NOISE: Final = ("Press Ctrl+C to exit",)


def setup(paths: Paths, level: str = "info", *, console: bool = True) -> None:
    """Write the log of this process to `paths.log_file` and, if there is one, to the console.

    A second call replaces the first, so that a changed level or folder takes effect.

    Args:
        paths: Where the file goes; its folder is made when the first line is written.
        level: "debug", "info" or "warning", for our own lines; other libraries speak from
            warnings up.
        console: Whether lines go to standard error too.
    """
    teardown()
    handlers: list[logging.Handler] = [_LogFile(paths.log_file, console=console)]
    if console and sys.stderr is not None:  # pythonw.exe has none
        handlers.append(_Console(sys.stderr))
    _install(handlers, LineFormatter(), level)


def setup_worker(level: str = "info") -> None:
    """Send the log of a worker process to its standard error, for `log_worker_line` to read.

    Call it before neonize is imported, which else configures the root logger for itself.
    """
    teardown()
    _install([_Console(sys.stderr)], _WorkerFormatter(), level)


def teardown() -> None:
    """Close what `setup` opened. A second call, or one without a setup, is harmless."""
    root = logging.getLogger()
    for handler in [h for h in root.handlers if isinstance(h, _LogFile | _Console)]:
        root.removeHandler(handler)
        handler.close()


def set_level(level: str) -> None:
    """Change how much of our own is logged: "debug", "info" or "warning"."""
    logging.getLogger(OURS).setLevel(level.upper())


def log_worker_line(account_id: str, line: str) -> None:
    """Log one line of a worker's standard error as `[Worker(ID)]`, at the level it carries.

    What comes from the native library has no level: it is logged for the day it explains a crash.
    """
    line = line.rstrip()[:_LONGEST_LINE]
    if not line or line.startswith(_NOISE):
        return
    level, name, text = logging.INFO, "", line
    if found := _WORKER_LINE.fullmatch(line):
        level, text = logging.getLevelNamesMapping()[found[1]], found[3]
        name = component(found[2])
    extra = {"component": f"Worker({account_id})"}
    text = _ESCAPED.sub(lambda m: "\n" if m[1] == "n" else m[1], text) if found else text
    text = f"{name}: {text}" if name not in ("", "Worker") else text
    logging.getLogger("wabot_tray.worker").log(level, "%s", text, extra=extra)


def component(logger_name: str) -> str:
    """Return the name people know a part of the program by: `SessionManager`, `Vault`, `Tray`."""
    if known := _COMPONENTS.get(logger_name):
        return known
    if logger_name.startswith(_NAMED_BY_FILE):
        return logger_name.rpartition(".")[2].title().replace("_", "")
    parent = logger_name
    while parent := parent.rpartition(".")[0]:
        if known := _COMPONENTS.get(parent):
            return known
    return logger_name.partition(".")[0]


class LineFormatter(logging.Formatter):
    """One record as one redacted line; a traceback follows on lines of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its newline."""
        name = getattr(record, "component", None) or component(record.name)
        level = _LEVELS.get(record.levelno, record.levelname)
        when = self.formatTime(record, "%Y-%m-%d %H:%M:%S")
        return _tamed(f"{when} {level:<5} [{redact(name)}] {redact(_body(self, record))}")


class _WorkerFormatter(logging.Formatter):
    """One record as exactly one line with its level and logger, for the main process."""

    def format(self, record: logging.LogRecord) -> str:
        body = redact(_body(self, record)).replace("\\", "\\\\").replace("\n", "\\n")
        return f"{record.levelname}\t{record.name}\t{body}"


def _tamed(text: str) -> str:
    """Return a line without what a terminal would obey, and without lines that only look like ours.

    What customers call themselves, and what the library prints of it, ends up in here.
    """
    if not text.isprintable():
        text = "".join(c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in text)
    return _LOOKS_LIKE_OURS.sub("\n ", text)


def _body(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    try:
        text = record.getMessage()
    except (TypeError, ValueError, KeyError):
        text = str(record.msg)  # a wrong format string costs its values, never the program
    if record.exc_info and record.exc_info[0] is not None:
        text += "\n" + formatter.formatException(record.exc_info)
    if record.stack_info:
        text += "\n" + formatter.formatStack(record.stack_info)
    return text


def _install(handlers: list[logging.Handler], formatter: logging.Formatter, level: str) -> None:
    root = logging.getLogger()
    root.setLevel(logging.WARNING)
    # Left unset, the native side formats every stanza for a debug level nobody reads (measured).
    logging.getLogger("neonize").setLevel(logging.WARNING)
    for handler in handlers:
        handler.setFormatter(formatter)
        root.addHandler(handler)
    set_level(level)


class _Console(logging.StreamHandler[TextIO]):
    """Standard error; a terminal that went away is nobody's fault."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        del record

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            super().flush()


class _LogFile(logging.handlers.RotatingFileHandler):
    """The log file, this user's alone. Trouble with it is told once on the console."""

    def __init__(self, path: Path, *, console: bool) -> None:
        self._console = console
        self._broken = False
        self._failures = 0
        # Characters that cannot be encoded (a file name's stray bytes) must not cost the line.
        super().__init__(
            path,
            maxBytes=LARGEST_BYTES,
            backupCount=KEPT_FILES,
            encoding="utf-8",
            errors="backslashreplace",
            delay=True,
        )

    def _open(self) -> TextIO:  # type: ignore[override]  # logging says TextIOWrapper
        Path(self.baseFilename).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return open(self.baseFilename, "a", encoding="utf-8", errors=self.errors, opener=_private)

    def doRollover(self) -> None:  # noqa: N802 - logging's name
        # On Windows nothing can be renamed that somebody looks at; then the file grows a little.
        with contextlib.suppress(OSError):
            super().doRollover()

    def emit(self, record: logging.LogRecord) -> None:
        failures = self._failures
        if self.stream is not None and not self._is_in_place(self.stream):
            self._drop_stream()  # somebody cleaned up; the next line begins a new file
        super().emit(record)
        if self._broken and self._failures == failures:
            self._broken = False
            self._say("the log file is written again")

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        self._failures += 1
        # A half-written buffer would fail again with every later line: start over.
        self._drop_stream()
        if not self._broken:
            self._broken = True
            error = sys.exc_info()[1]
            self._say(f"the log file cannot be written ({type(error).__name__}: {error})")
        if not self._console:
            self._say(self.format(record), bare=True)

    def close(self) -> None:
        self._drop_stream()
        with contextlib.suppress(OSError):
            super().close()

    def _is_in_place(self, stream: TextIO) -> bool:
        """Whether what is written can still be found under the file's name."""
        try:
            there, ours = Path(self.baseFilename).stat(), os.fstat(stream.fileno())
        except (OSError, ValueError):
            return False
        return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)

    def _drop_stream(self) -> None:
        stream, self.stream = self.stream, None
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):
                stream.close()

    def _say(self, text: str, *, bare: bool = False) -> None:
        if sys.stderr is None:
            return
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write((text if bare else f"wabot-tray: {redact(text)}") + "\n")
            sys.stderr.flush()


def _private(path: str, flags: int) -> int:
    handle = os.open(path, flags | _NEVER_WAIT, 0o600)
    if sys.platform != "win32":
        with contextlib.suppress(OSError):  # a file of an older day may have been open to others
            os.fchmod(handle, 0o600)
    return handle
