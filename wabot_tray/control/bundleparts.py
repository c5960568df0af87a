"""What a bundle of diagnostics is made of, one function a file, each masked.

Reads only, and reads what may be damaged: a part that cannot be had says so in its place. Never
read are keys, vaults, inboxes and live databases.
"""

import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from wabot_tray.control.checks import LONGEST_BYTES, registry_entries
from wabot_tray.control.diagnosis import Running, as_json, findings, said
from wabot_tray.control.facts import computer, surroundings, versions
from wabot_tray.control.machine import tray_watcher
from wabot_tray.control.masking import Mask
from wabot_tray.control.protocol import Check, to_json
from wabot_tray.core.errors import BotFileError, WabotError
from wabot_tray.core.snapshot import SessionSnapshot
from wabot_tray.storage.files import read_plain
from wabot_tray.system.i18n import t
from wabot_tray.system.paths import Paths
from wabot_tray.system.redaction import masked_phone, redact
from wabot_tray.system.texts import safely

MARKS: Final = {"ok": "+", "warn": "!", "fail": "x"}
_AT_ONCE: Final = 20  # lines of a log, about a millisecond
_PAUSE_S: Final = 0.001  # between them
_LONGEST_FILE_BYTES: Final = 32 << 20  # a log that could not be rotated
# What an account's entry may tell; its name, and fields of other versions, stay here.
_TOLD: Final = ("id", "enabled", "paired", "created", "last_connected")
_TOLD_LIVE: Final = (
    "state",
    "reason",
    "since",
    "next_attempt_at",
    "last_verified_at",
    "last_connected_at",
    "expires_at",
    "restarts",
    "received",
    "replied",
    "notice",
)
_ABOUT_RULES: Final = "error.bot_"
# A notice about the rules as the log has it (system/texts.py, packed).
_QUOTED: Final = re.compile(r'("key": "error\.bot_[^"]*", "params": )\{.*\}')


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a bundle.

    Args:
        name: Its path inside.
        key: The sentence that says what it is.
        content: Exactly what is saved.
        is_usual: Whether it goes in unless the person says otherwise.
    """

    name: str
    key: str
    content: bytes
    is_usual: bool = True


@dataclass(frozen=True, slots=True)
class Sources:
    """What parts are made from.

    Args:
        paths: Where everything lies.
        running: What the running program says, or why it says nothing.
        mask: Hides what is private.
        now: Aware; the time of the bundle.
    """

    paths: Paths
    running: Running | WabotError
    mask: Mask
    now: datetime


Maker = Callable[[Sources], Iterator[Part]]


def diagnosis(sources: Sources) -> Iterator[Part]:
    """Make the findings of `wabot diagnose`, to read and to work with."""
    found = [_unquoted(check) for check in findings(sources.paths, sources.running)]
    lines = [_line(check) for check in found]
    yield _text("diagnose.txt", "bundle.part.diagnose", "\n".join(lines), sources.mask)
    body = [{"finding": check.key, **as_json(check)} for check in found]
    yield _json("diagnose.json", "bundle.part.diagnose_json", sources.mask.values(body))


def system(sources: Sources) -> Iterator[Part]:
    """Make the versions, the computer, and what the running program says of itself."""
    running = sources.running
    desktop = {**surroundings(), "tray_watcher": tray_watcher()}
    body: dict[str, Any] = {"versions": versions(), "computer": computer(), "desktop": desktop}
    if isinstance(running, Running):
        body["running"] = {"version": running.version} | dict(running.facts)
    else:
        body["running"] = {"problem": safely(running.message_key, running.params)}
    yield _json("system.json", "bundle.part.system", sources.mask.values(body, ours=True))


def settings(sources: Sources) -> Iterator[Part]:
    """Make the settings as the program reads them; passwords hidden."""
    from wabot_tray.storage.settings_file import load_settings  # noqa: PLC0415 - loads tomlkit

    try:
        body: dict[str, Any] = asdict(load_settings(sources.paths.settings_file))
    except WabotError as err:
        body = {"problem": safely(err.message_key, err.params)}
    yield _json("settings.json", "bundle.part.settings", sources.mask.values(body))


def accounts(sources: Sources) -> Iterator[Part]:
    """Make the list of accounts by id, numbers masked, with the sizes of their files."""
    live: dict[str, SessionSnapshot] = {}
    if isinstance(sources.running, Running):
        live = {snapshot.id: snapshot for snapshot in sources.running.sessions}
    try:
        entries = registry_entries(sources.paths.registry_file)
    except (OSError, ValueError, KeyError, TypeError, RecursionError, AttributeError) as err:
        body: Any = {"problem": type(err).__name__}
    else:
        body = [_account(sources, entry, live.get(entry["id"])) for entry in entries]
    yield _json("accounts.json", "bundle.part.accounts", sources.mask.values(body))


def rules(sources: Sources) -> Iterator[Part]:
    """Make the number of rules, and, for whoever wants it in, their file."""
    from wabot_tray.bot.rules import parse  # noqa: PLC0415 - loads regex

    try:
        text = read_plain(sources.paths.bot_file, LONGEST_BYTES).decode("utf-8-sig")
    except (OSError, ValueError) as err:
        body: dict[str, Any] = {"problem": type(err).__name__}
        yield _json("rules.json", "bundle.part.rules", body)
        return
    try:
        book = parse(text)
    except BotFileError as err:
        body = {"problem": err.message_key, "line": err.line}
    else:
        body = {"rules": len(book.rules), "on": sum(rule.enabled for rule in book.rules)}
        body |= {"fallback": book.fallback is not None, "groups": book.groups}
    yield _json("rules.json", "bundle.part.rules", body)
    made = _text("bot.toml", "bundle.part.rules_file", text, sources.mask)
    yield Part(made.name, made.key, made.content, is_usual=False)


def history(sources: Sources) -> Iterator[Part]:
    """Make what is kept of each account's ups and downs; ours to the last word."""
    for path in _files(sources.paths.data / "history"):
        name = f"history/{redact(path.name)}"
        text = _read(path)
        yield Part(name, "bundle.part.history", sources.mask.own(text).encode())


def logs(sources: Sources) -> Iterator[Part]:
    """Make the log and what was rotated of it, redacted once more."""
    for path in _files(sources.paths.logs):
        if path.name.startswith(sources.paths.log_file.name):
            lines = _read(path).splitlines(keepends=True)
            text = "".join(_masked_lines(sources, lines))
            yield Part(f"logs/{path.name}", "bundle.part.log", text.encode())


def _masked_lines(sources: Sources, lines: Sequence[str]) -> Iterator[str]:
    """Return lines of the log, redacted once more, and let others have Python now and then."""
    for number, line in enumerate(lines):
        if number % _AT_ONCE == 0:
            time.sleep(_PAUSE_S)  # a window that is open answers meanwhile
        yield sources.mask(_QUOTED.sub(r"\1{}", line))


# In the order of the preview; another source is one more line.
MAKERS: Final[tuple[Maker, ...]] = (diagnosis, system, settings, accounts, rules, history, logs)


def _unquoted(check: Check) -> Check:
    """Return a finding about the rules without the piece of them that it repeats."""
    if not check.key.startswith(_ABOUT_RULES):
        return check
    params = {name: v if isinstance(v, int) else "…" for name, v in check.params.items()}
    return replace(check, params=params)


def _line(check: Check) -> str:
    text, advice = said(check)
    told = f"{MARKS[check.level]} {text}"
    return told if advice is None else f"{told}\n    {advice}"


def _account(
    sources: Sources, entry: Mapping[str, Any], snapshot: SessionSnapshot | None
) -> dict[str, Any]:
    told = {name: entry.get(name) for name in _TOLD}
    phone = entry.get("phone")
    told["phone"] = masked_phone(phone) if isinstance(phone, str) else None
    told["has_own_proxy"] = bool(entry.get("proxy"))
    if snapshot is not None:
        now = to_json(snapshot)
        told["now"] = {name: now.get(name) for name in _TOLD_LIVE}
    told["file_bytes"] = {
        path.name: path.stat().st_size for path in _files(sources.paths.session(entry["id"]))
    }
    return told


def _files(folder: Path) -> list[Path]:
    """Return the plain files of `folder`, none where it cannot be read."""
    try:
        with os.scandir(folder) as found:
            names = sorted(e.name for e in found if e.is_file(follow_symlinks=False))
    except OSError:
        return []
    return [folder / name for name in names]


def _read(path: Path) -> str:
    try:
        return read_plain(path, _LONGEST_FILE_BYTES).decode("utf-8", "replace")
    except OSError as err:
        return t("bundle.unreadable", detail=os.strerror(err.errno or 0))


def _text(name: str, key: str, text: str, mask: Mask) -> Part:
    masked = "".join(map(mask, text.splitlines(keepends=True)))
    return Part(name, key, (masked.rstrip("\n") + "\n").encode())


def _json(name: str, key: str, body: object) -> Part:
    return Part(name, key, (json.dumps(body, ensure_ascii=False, indent=2) + "\n").encode())
