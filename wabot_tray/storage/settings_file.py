"""settings.toml: what the person set, comments and all."""

import re
import tomllib
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import tomlkit

from wabot_tray.core.errors import SettingsError
from wabot_tray.core.settings import Settings
from wabot_tray.storage.files import storage_errors, write_atomic

_LINE: Final = re.compile(r"line (\d+)")


def load_settings(path: Path) -> Settings:
    """Return the settings in `path`; a missing file gives the defaults.

    Raises:
        SettingsError: The file is no TOML, or a name or value in it is refused.
        VaultError: The file cannot be opened.
    """
    return Settings.from_mapping(_parsed(path, _text(path)))


def save_settings(path: Path, settings: Settings) -> None:
    """Write `settings`, keeping the person's comments and order.

    A default is written only where the file already names the setting.

    Raises:
        SettingsError: The file that is there is no TOML; it is left as it is.
        VaultError: The disk is full or cannot be written.
    """
    text = _text(path)
    written = _parsed(path, text)
    document = tomlkit.parse(text)
    defaults = asdict(Settings())
    for name, value in asdict(settings).items():
        if written.get(name, defaults[name]) != value:
            document[name] = _plain(value)
    write_atomic(path, tomlkit.dumps(document).encode())


def _text(path: Path) -> str:
    """Return the file's text; tomlkit and tomllib both want plain line ends."""
    with storage_errors():
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return ""
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SettingsError("error.settings_broken", name=path.name, line=line) from error


def _parsed(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # Python 3.14 has error.lineno; before, the line is only in the text of the error.
        found = _LINE.search(str(error))
        line = found[1] if found else text.count("\n") + 1
        raise SettingsError("error.settings_broken", name=path.name, line=line) from error


def _plain(value: object) -> object:
    """Write 90 rather than 90.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
