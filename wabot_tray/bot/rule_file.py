"""bot.toml on the disk: read, written whole or not at all, and its last good copy beside it."""

import contextlib
import logging
import os
import re
import tomllib
from datetime import datetime
from pathlib import Path
from typing import Final

from wabot_tray.bot.rule_document import RuleDocument
from wabot_tray.bot.rules import LARGEST_KB, parse
from wabot_tray.core.errors import BotFileError, VaultError
from wabot_tray.storage.files import StrangeFileError, read_plain, set_aside, write_atomic

log = logging.getLogger(__name__)

Signature = tuple[int, int, int]
_COLUMN: Final = re.compile(r"column (\d+)\)$")


class RulesChangedError(BotFileError):
    """Somebody else has written the rules meanwhile; nothing was saved."""

    def __init__(self) -> None:
        super().__init__("error.bot_changed")


class RuleFile:
    """The rules' file, for who edits it.

    Args:
        path: bot.toml; it may be missing.
        language: In which days of the week are written.
    """

    def __init__(self, path: Path, language: str = "en") -> None:
        self.path = path
        self._language = language

    def signature(self) -> Signature | None:
        """Return what changes when the file does; None without one. Takes some microseconds."""
        return signature(self.path)

    def text(self) -> str:
        """Return the file's text, empty without one.

        Raises:
            BotFileError: It cannot be read.
        """
        return read_text(self.path) if self.path.exists() else ""

    def document(self) -> RuleDocument:
        """Return the rules for editing.

        Raises:
            BotFileError: The file has a mistake.
        """
        return RuleDocument.of(self.text(), self._language)

    def save(self, document: RuleDocument, seen: Signature | None, now: datetime) -> Signature:
        """Write the rules, for this user alone, and return the file's new signature.

        Args:
            document: What to write.
            seen: The signature of the file that was edited.
            now: For the name of what is put aside: a file that is none of ours.

        Raises:
            RulesChangedError: The file is another one by now; it is left as it is.
            BotFileError: The rules have a mistake; nothing is written.
            VaultError: The disk refuses; the old content is still there.
        """
        text = document.text
        parse(text)
        if self.signature() != seen:
            raise RulesChangedError
        if self.path.exists() and not self.path.is_file():
            set_aside(self.path, "strange", now)
        write_atomic(self.path, text.encode())
        keep_good_copy(self.path, text)
        return self.signature() or (0, 0, 0)

    def keep_unsaved(self, document: RuleDocument) -> None:
        """Keep what a person has not saved yet, finished or not. Never fails."""
        try:
            write_atomic(self._unsaved_path, document.text.encode())
        except VaultError as err:
            log.warning("unsaved changes of the rules could not be kept: %s", err.reason)

    def take_unsaved(self) -> RuleDocument | None:
        """Return what was kept so, and forget it; None if there is nothing."""
        path = self._unsaved_path
        if not path.exists():
            return None
        try:
            return RuleDocument.taken_apart(read_text(path), self._language)
        except (BotFileError, ValueError, LookupError):
            return None
        finally:
            path.unlink(missing_ok=True)

    @property
    def _unsaved_path(self) -> Path:
        return self.path.with_name(f"{self.path.stem}.unsaved{self.path.suffix}")

    def good_copy(self) -> RuleDocument | None:
        """Return the last rules that could be used, if a copy of them can be read."""
        text = good_copy(self.path)
        return None if text is None else RuleDocument.of(text, self._language)

    def restore(self, now: datetime) -> None:
        """Put the last good rules in the file's place; what was there is kept beside it.

        Raises:
            BotFileError: There is no good copy.
            VaultError: The disk refuses.
        """
        text = good_copy(self.path)
        if text is None:
            raise BotFileError("error.bot_no_copy")
        if self.path.exists():
            set_aside(self.path, "broken", now)
        write_atomic(self.path, text.encode())


def signature(path: Path) -> Signature | None:
    """Return what changes when a file does; None without one."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def read_text(path: Path) -> str:
    """Return the text of bot.toml.

    Raises:
        BotFileError: It cannot be read.
    """
    try:
        return read_plain(path, LARGEST_KB * 1024).decode("utf-8-sig")
    except StrangeFileError as err:
        if path.is_file():
            raise BotFileError("error.bot_too_large", limit=LARGEST_KB) from err
        raise BotFileError("error.file_strange", name=path.name) from err
    except OSError as err:
        detail = os.strerror(err.errno) if err.errno else type(err).__name__
        raise BotFileError("error.bot_unreadable", detail=detail) from err
    except UnicodeDecodeError as err:
        raise BotFileError("error.bot_encoding") from err


def place_of(text: str, fault: BotFileError) -> tuple[int, int | None, str]:
    """Return the line of a fault, counted from 1, its column if that is known, and its text."""
    lines = text.replace("\r\n", "\n").split("\n")
    column = None
    try:
        tomllib.loads("\n".join(lines))
    except (ValueError, RecursionError) as err:
        found = _COLUMN.search(str(err))
        column = int(found[1]) if found else None
    written = lines[fault.line - 1] if 0 < fault.line <= len(lines) else ""
    return fault.line, column, written


def good_copy_path(path: Path) -> Path:
    """Return where the last good copy of bot.toml lies."""
    return path.with_name(f"{path.stem}.last-good{path.suffix}")


def good_copy(path: Path) -> str | None:
    """Return the last good text of bot.toml; None without one that is still good."""
    copy = good_copy_path(path)
    if not copy.exists():
        return None
    try:
        text = read_text(copy)
        parse(text)
    except BotFileError:
        return None
    return text


def keep_good_copy(path: Path, text: str) -> None:
    """Keep rules that can be used beside bot.toml, for the day when it cannot. Never fails."""
    copy = good_copy_path(path)
    with contextlib.suppress(BotFileError):
        if copy.exists() and read_text(copy) == text:
            return
    try:
        write_atomic(copy, text.encode())
    except VaultError as err:
        log.warning("no copy of the rules could be kept: %s", err.reason)
