"""Starting the program when the person logs in, the way each system wants it.

Linux and the like: a desktop entry in the autostart folder (Desktop Application Autostart and
Desktop Entry specifications). macOS: a LaunchAgent. Windows: a value under the user's Run key.
Each is this user's own; nothing here needs more rights than his.
"""

import contextlib
import hashlib
import importlib
import logging
import os
import plistlib
import re
import secrets
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from xml.parsers import expat

import appdirs

from wabot_tray.system.i18n import t
from wabot_tray.system.paths import APP, find_paths

log = logging.getLogger(__name__)

DATA_DIR_OPTION: Final = "--data-dir"
_RUN_KEY: Final = r"Software\Microsoft\Windows\CurrentVersion\Run"
# Where the Task Manager notes what the person switched off; an odd first byte means off.
_APPROVED_KEY: Final = r"Software\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved\Run"
_RESERVED: Final = re.compile(r"""[\s"'\\><~|&;$*?#()`]""")
_ESCAPES: Final = {"\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_UNESCAPES: Final = {"\\": "\\", "n": "\n", "t": "\t", "r": "\r", "s": " "}


def start_command(data_dir: Path | None = None, *, platform: str = sys.platform) -> list[str]:
    """Return the command that starts the program in the tray.

    Args:
        data_dir: The data folder to start with, by default the one this process would use.
        platform: Injected by tests.
    """
    frozen = getattr(sys, "frozen", False)
    command = [_program()] if frozen else [_windowless(platform), "-m", "wabot_tray"]
    command.append("--minimized")
    data = find_paths(data_dir).data
    if data != Path(appdirs.user_data_dir(APP, appauthor=False)).resolve():
        command += [DATA_DIR_OPTION, str(data)]
    return command


def _program() -> str:
    """Return the frozen program's file; it may be `wabot`, beside it, that asks."""
    own = Path(sys.executable)
    return str(own.with_name(APP + own.suffix))


def _windowless(platform: str) -> str:
    """Return the interpreter; on Windows the one that opens no console."""
    beside = Path(sys.executable).with_name("pythonw.exe")
    return str(beside) if platform == "win32" and beside.exists() else sys.executable


class Autostart:
    """Whether the program starts at login, for one data folder.

    Args:
        command: What login runs, by default `start_command()`.
        platform: Injected by tests.
        environ: Injected by tests.
        home: Injected by tests.
    """

    def __init__(
        self,
        command: Sequence[str] | None = None,
        *,
        platform: str = sys.platform,
        environ: Mapping[str, str] = os.environ,
        home: Path | None = None,
    ) -> None:
        words = list(command) if command is not None else start_command(platform=platform)
        home = Path.home() if home is None else home
        name = _name(words)
        self._item: _LoginItem
        if platform == "win32":
            self._item = _RunValue(name, words)
        elif platform == "darwin":
            self._item = _LaunchAgent(home / "Library" / "LaunchAgents" / f"{name}.plist", words)
        else:
            config = environ.get("XDG_CONFIG_HOME", "")
            folder = Path(config) if Path(config).is_absolute() else home / ".config"
            self._item = _DesktopEntry(folder / "autostart" / f"{name}.desktop", words)

    def is_enabled(self) -> bool:
        """Return whether login runs the command, as the system has it written down now.

        Raises:
            OSError: It cannot be read.
        """
        return self._item.is_enabled()

    def enable(self) -> bool:
        """Have login run the command and return what is read back. Twice is harmless.

        Raises:
            OSError: It could not be written.
        """
        self._item.write()
        log.info("the program starts at login")
        return self.is_enabled()

    def disable(self) -> bool:
        """Have login no longer run the command and return what is read back. Twice is harmless.

        Raises:
            OSError: It could not be removed.
        """
        self._item.remove()
        log.info("the program no longer starts at login")
        return self.is_enabled()


def _name(command: Sequence[str]) -> str:
    """Return a name of its own for every data folder, so that one does not undo the other."""
    if DATA_DIR_OPTION not in command[:-1]:
        return APP
    folder = command[command.index(DATA_DIR_OPTION) + 1]
    return f"{APP}-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:8]}"


class _LoginItem(ABC):
    @abstractmethod
    def is_enabled(self) -> bool: ...

    @abstractmethod
    def write(self) -> None: ...

    @abstractmethod
    def remove(self) -> None: ...


# --- Linux ---------------------------------------------------------------------------------------


class _DesktopEntry(_LoginItem):
    def __init__(self, path: Path, command: list[str]) -> None:
        self._path = path
        self._program = command[0]
        # GLib looks for the program before it turns %% into %, and "=" may not be in its name.
        through_shell = ["/bin/sh", "-c", 'exec "$0" "$@"']
        is_awkward = any(char in self._program for char in "%=")
        self._command = [*through_shell, *command] if is_awkward else command

    def is_enabled(self) -> bool:
        try:
            entry = _read_entry(self._path.read_text(encoding="utf-8", errors="surrogateescape"))
        except FileNotFoundError:
            return False
        # Desktops switch an entry off by one of these and leave the file.
        is_off = entry.get("Hidden") == "true" or entry.get("X-GNOME-Autostart-enabled") == "false"
        return not is_off and exec_words(entry.get("Exec", "")) == self._command

    def write(self) -> None:
        lines = {
            "Type": "Application",
            "Version": "1.0",
            "Name": APP,
            "Comment": t("autostart.comment"),
            "TryExec": self._program,
            "Exec": exec_value(self._command),
            "Terminal": "false",
            "X-GNOME-Autostart-enabled": "true",
        }
        text = "".join(f"{key}={_escaped(value)}\n" for key, value in lines.items())
        _replace(self._path, os.fsencode(f"[Desktop Entry]\n{text}"))

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)


def exec_value(command: Sequence[str]) -> str:
    """Return the command for Exec, before the escaping that every value of a file gets."""
    return " ".join(_exec_word(word) for word in command)


def exec_words(value: str) -> list[str]:
    """Return the command in the value of Exec; the reverse of `exec_value`."""
    words: list[str] = []
    for match in re.finditer(r'"((?:[^"\\]|\\.)*)"|([^\s"]+)', value, re.DOTALL):
        quoted, bare = match[1], match[2]
        word = bare if quoted is None else re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL)
        words.append(word.replace("%%", "%"))
    return words


def _exec_word(word: str) -> str:
    word = word.replace("%", "%%")  # a single one begins a field code
    if word and not _RESERVED.search(word):
        return word
    return '"' + re.sub(r'(["`$\\])', r"\\\1", word) + '"'


def _escaped(value: str) -> str:
    escaped = "".join(_ESCAPES.get(char, char) for char in value)
    return f"\\s{escaped[1:]}" if escaped.startswith(" ") else escaped


def _read_entry(text: str) -> dict[str, str]:
    group, entry = "", {}
    for line in text.split("\n"):
        if line.startswith("["):
            group = line.strip()
        elif group == "[Desktop Entry]" and "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            value = re.sub(r"\\(.)", lambda m: _UNESCAPES.get(m[1], m[0]), value.lstrip())
            entry[key.strip()] = value
    return entry


# --- macOS ---------------------------------------------------------------------------------------


class _LaunchAgent(_LoginItem):
    def __init__(self, path: Path, command: list[str]) -> None:
        self._path = path
        self._command = command

    def is_enabled(self) -> bool:
        try:
            agent = plistlib.loads(self._path.read_bytes())
        except FileNotFoundError:
            return False
        except (plistlib.InvalidFileException, expat.ExpatError, ValueError, AttributeError):
            return False  # half a file; writing it again mends it
        runs = isinstance(agent, dict) and agent.get("RunAtLoad") and not agent.get("Disabled")
        return bool(runs) and agent.get("ProgramArguments") == self._command

    def write(self) -> None:
        agent = {
            "Label": self._path.stem,
            "ProgramArguments": self._command,
            "RunAtLoad": True,
            "ProcessType": "Interactive",
            "LimitLoadToSessionType": "Aqua",
        }
        _replace(self._path, plistlib.dumps(agent))

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)


# --- Windows -------------------------------------------------------------------------------------


class _RunValue(_LoginItem):
    def __init__(self, name: str, command: list[str]) -> None:
        self._name = name
        self._line = subprocess.list2cmdline(command)
        self._winreg: Any = importlib.import_module("winreg")  # exists on Windows only

    def is_enabled(self) -> bool:
        approved = self._read(_APPROVED_KEY)
        is_off = isinstance(approved, bytes) and bool(approved) and approved[0] % 2 == 1
        return not is_off and self._read(_RUN_KEY) == self._line

    def write(self) -> None:
        with self._winreg.CreateKey(self._winreg.HKEY_CURRENT_USER, _RUN_KEY) as key:
            self._winreg.SetValueEx(key, self._name, 0, self._winreg.REG_SZ, self._line)
        self._delete(_APPROVED_KEY)

    def remove(self) -> None:
        self._delete(_RUN_KEY)

    def _read(self, path: str) -> object:
        try:
            with self._winreg.OpenKey(self._winreg.HKEY_CURRENT_USER, path) as key:
                value, _kind = self._winreg.QueryValueEx(key, self._name)
        except FileNotFoundError:
            return None
        return value

    def _delete(self, path: str) -> None:
        access = self._winreg.KEY_SET_VALUE
        with (
            contextlib.suppress(FileNotFoundError),
            self._winreg.OpenKey(self._winreg.HKEY_CURRENT_USER, path, 0, access) as key,
        ):
            self._winreg.DeleteValue(key, self._name)


def _replace(path: Path, content: bytes) -> None:
    """Write `path` so that a login in between finds the old file or the new one, never half."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
