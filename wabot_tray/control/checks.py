"""What `wabot diagnose` finds out about the data folder and its files, without the program.

Reads only: a diagnosis must never change what it looks at, so nothing here goes through the
classes that repair files while they load them. No phone number and no secret in any answer.
"""

import json
import os
import shutil
import stat
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from wabot_tray.control.protocol import Check, Scalar
from wabot_tray.core.accounts import checked_id
from wabot_tray.core.errors import BotFileError, WabotError
from wabot_tray.storage.files import StrangeFileError, read_plain
from wabot_tray.system.paths import Paths

_MEGABYTE: Final = 1 << 20
_DISK_LOW_MB: Final = 500
_DISK_OUT_MB: Final = 50
LONGEST_BYTES: Final = 4 << 20
_KEY_SOURCES: Final = ("keyring", "key-file", "passphrase")
_CLOCK_SLACK: Final = timedelta(days=1)  # files may come from another time zone


def good(name: str, **params: Scalar) -> Check:
    """Return a finding that needs nobody."""
    return Check(name=name, level="ok", key=f"check.{name}.ok", params=params)


def bad(name: str, what: str, level: str = "fail", **params: Scalar) -> Check:
    """Return a finding with what to do; its texts are `check.<name>.<what>` and `….advice`."""
    key = f"check.{name}.{what}"
    return Check(name=name, level=level, key=key, params=params, advice_key=f"{key}.advice")


def folder_checks(paths: Paths, now: datetime) -> Iterator[Check]:
    """Look at everything that lies under the data folder."""
    yield data_folder(paths)
    yield disk(paths)
    yield live_folder(paths)
    yield log_folder(paths)
    yield clock(paths, now)
    yield settings(paths)
    yield bot_file(paths)
    yield from vaults(paths)


def data_folder(paths: Paths) -> Check:
    """Look whether the data folder can be used."""
    where = str(paths.data)
    if not paths.data.exists():
        return bad("data_folder", "absent", "warn", path=where)
    if not paths.data.is_dir() or not os.access(paths.data, os.W_OK | os.X_OK):
        return bad("data_folder", "unwritable", path=where)
    return good("data_folder", path=where)


def disk(paths: Paths) -> Check:
    """Look whether there is room for what is kept."""
    there = next((p for p in (paths.data, *paths.data.parents) if p.exists()), None)
    try:
        free = shutil.disk_usage(there or Path.cwd()).free // _MEGABYTE
    except OSError:
        return bad("disk", "unknown", "warn")
    if free < _DISK_LOW_MB:
        return bad("disk", "low", "fail" if free < _DISK_OUT_MB else "warn", free=free)
    return good("disk", free=free)


def live_folder(paths: Paths) -> Check:
    """Look whether the open databases lie in memory."""
    if paths.runtime_in_ram:
        return good("live_folder", path=str(paths.runtime))
    return bad("live_folder", "disk", "warn", path=str(paths.runtime))


def log_folder(paths: Paths) -> Check:
    """Look whether the log can be written."""
    where = str(paths.logs)
    if paths.logs.exists() and not os.access(paths.logs, os.W_OK | os.X_OK):
        return bad("log_folder", "unwritable", "warn", path=where)
    return good("log_folder", path=where)


def clock(paths: Paths, now: datetime) -> Check:
    """Look whether the clock is behind things that have happened already."""
    known = [Path(__file__), paths.log_file, paths.registry_file]
    for path in known:
        try:
            written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        except (OSError, OverflowError, ValueError):
            continue
        if written > now + _CLOCK_SLACK:
            return bad("clock", "behind", now=now.isoformat(timespec="minutes"))
    return good("clock", now=now.isoformat(timespec="minutes"))


def settings(paths: Paths) -> Check:
    """Look whether the settings can be read."""
    from wabot_tray.storage.settings_file import load_settings  # noqa: PLC0415 - loads tomlkit

    try:
        load_settings(paths.settings_file)
    except WabotError as err:
        return _said("settings", err)
    return good("settings")


def bot_file(paths: Paths) -> Check:
    """Look whether the bot's rules can be read."""
    from wabot_tray.bot.rules import parse  # noqa: PLC0415 - loads regex

    try:
        parse(read_plain(paths.bot_file, LONGEST_BYTES).decode("utf-8-sig"))
    except FileNotFoundError:
        return bad("bot_file", "absent", "warn", path=str(paths.bot_file))
    except StrangeFileError:
        name = paths.bot_file.name
        return _said("bot_file", BotFileError("error.file_strange", name=name))
    except OSError as err:
        detail = os.strerror(err.errno or 0)
        return _said("bot_file", BotFileError("error.bot_unreadable", detail=detail))
    except UnicodeDecodeError:
        return _said("bot_file", BotFileError("error.bot_encoding"))
    except BotFileError as err:
        return _said("bot_file", err)
    return good("bot_file", path=str(paths.bot_file))


def vaults(paths: Paths) -> Iterator[Check]:
    """Look whether every linked account has its vault, for our eyes only."""
    try:
        accounts = registered(paths.registry_file)
    except (OSError, ValueError, KeyError, TypeError, RecursionError, AttributeError):
        yield bad("accounts", "broken", path=str(paths.registry_file))
        return
    if not accounts:
        yield bad("accounts", "none", "warn")
        return
    yield good("accounts", count=len(accounts))
    for account_id, is_paired in accounts:
        yield vault(paths.session(account_id), account_id, is_paired=is_paired)


def registered(path: Path) -> list[tuple[str, bool]]:
    """Return each account's id and whether a phone is linked to it.

    Raises:
        ValueError: The file is none of ours (or KeyError, TypeError).
    """
    return [(entry["id"], bool(entry.get("paired"))) for entry in registry_entries(path)]


def registry_entries(path: Path) -> list[dict[str, Any]]:
    """Return the accounts as the list on the disk has them, their ids checked.

    Raises:
        ValueError: The file is none of ours (or KeyError, TypeError, AttributeError).
    """
    if not path.exists():
        return []
    body: Any = json.loads(read_plain(path, LONGEST_BYTES))
    try:
        return [{**entry, "id": checked_id(entry["id"])} for entry in body["accounts"]]
    except WabotError as err:
        raise ValueError(path) from err


def vault(folder: Path, account_id: str, *, is_paired: bool) -> Check:
    """Look at the files of one account."""
    kept = sorted(folder.glob("session.vault*"))
    if is_paired and not kept:
        return bad("vault", "missing", id=account_id, path=str(folder))
    if sys.platform != "win32":
        for path in (folder, *kept) if kept else ():
            if stat.S_IMODE(path.stat().st_mode) & 0o077:
                return bad("vault", "open", "warn", id=account_id, path=str(path))
    if not is_paired:  # an attempt to link leaves files, too
        return bad("vault", "unpaired", "warn", id=account_id)
    return good("vault", id=account_id)


def key_source(paths: Paths) -> tuple[Check, str]:
    """Look where the key of the vaults comes from.

    Returns:
        The finding, and the source's name; "" before the first key, "unknown" if it is not told.
    """
    try:
        body: Any = json.loads(read_plain(paths.sessions / "keys.json", LONGEST_BYTES))
        source = body["source"]
        if source not in _KEY_SOURCES:
            raise ValueError(source)  # noqa: TRY301 - handled like any other damage
    except FileNotFoundError:
        return good("key_none"), ""
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return bad("key_source", "broken", path=str(paths.sessions / "keys.json")), "unknown"
    return good(f"key_{source.replace('-', '_')}"), source


def _said(name: str, error: WabotError) -> Check:
    """Return a finding that is an error's own sentence."""
    params = {key: v if isinstance(v, int) else str(v) for key, v in error.params.items()}
    return Check(
        name=name,
        level="fail",
        key=error.message_key,
        params=params,
        advice_key=f"check.{name}.broken.advice",
    )
