"""settings.toml: what the person set, comments and all."""

import os
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from wabot_tray.core.errors import SettingsError
from wabot_tray.core.settings import Settings
from wabot_tray.core.toml_text import TomlFaultError, parse_toml
from wabot_tray.storage.files import (
    StrangeFileError,
    read_plain,
    set_aside,
    storage_errors,
    write_atomic,
)

LONGEST_BYTES: Final = 256 * 1024


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
    import tomlkit  # noqa: PLC0415 - reading, which every start does, needs none of it

    text = _text(path)
    written = _parsed(path, text)
    try:
        document = tomlkit.parse(text)
    except (ValueError, RecursionError) as error:  # it is stricter here and there
        raise SettingsError("error.settings_broken", name=path.name, line=1) from error
    defaults = asdict(Settings())
    for name, value in asdict(settings).items():
        if written.get(name, defaults[name]) != value:
            document[name] = _plain(value)
    write_atomic(path, tomlkit.dumps(document).encode())


def set_settings_aside(path: Path, now: datetime) -> Path | None:
    """Rename a file that cannot be read, so that a new one may begin; return its new name.

    Returns None where there is no file.

    Raises:
        VaultError: The folder cannot be written.
    """
    return set_aside(path, "broken", now) if os.path.lexists(path) else None


def _text(path: Path) -> str:
    """Return the file's text; tomlkit and tomllib both want plain line ends."""
    with storage_errors():
        try:
            content = read_plain(path, LONGEST_BYTES)
        except FileNotFoundError:
            return ""
        except StrangeFileError as error:
            raise SettingsError("error.file_strange", name=path.name) from error
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SettingsError("error.settings_broken", name=path.name, line=line) from error


def _parsed(path: Path, text: str) -> dict[str, Any]:
    try:
        return parse_toml(text)
    except TomlFaultError as error:
        raise SettingsError("error.settings_broken", name=path.name, line=error.line) from error


def _plain(value: object) -> object:
    """Write 90 rather than 90.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
