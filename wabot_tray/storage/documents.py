"""Small JSON files with a version and a second copy, for what must not be lost."""

import contextlib
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from wabot_tray.core.clock import SYSTEM_CLOCK, Clock
from wabot_tray.core.errors import VaultError, WabotError
from wabot_tray.storage.files import (
    StrangeFileError,
    read_plain,
    set_aside,
    storage_error,
    write_atomic,
)

log = logging.getLogger(__name__)

_VERSION: Final = "version"
_LONGEST_BYTES: Final = 4 << 20
# json.JSONDecodeError and UnicodeDecodeError are ValueErrors; a time of the year 1 with a zone of
# its own overflows, and a thousand open brackets are too many.
_UNREADABLE: Final = (
    ValueError,
    KeyError,
    TypeError,
    OverflowError,
    RecursionError,
    StrangeFileError,
)
Content = TypeVar("Content")


class BrokenFileError(WabotError):
    """A file of ours and its copy cannot be read; both are left as they are."""

    message_key = "error.file_broken"


class NewerFileError(WabotError):
    """A file was written by a newer version of this program; it is left as it is."""

    message_key = "error.file_newer"


class Document(Generic[Content]):
    """A JSON object in `path`, with an identical copy in `path`.bak.

    Args:
        path: The file.
        version: The version of the format we write, and the newest we read.
        parse: Turns the object into what the caller keeps; raises ValueError, KeyError or
            TypeError for an object it cannot read.
        precious: Where the file is missing, its copy takes its place too.
        clock: Dates the names of files that are set aside.
    """

    def __init__(
        self,
        path: Path,
        version: int,
        parse: Callable[[dict[str, Any]], Content],
        *,
        precious: bool = False,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.path = path
        self.copy = path.with_name(path.name + ".bak")
        self._version = version
        self._parse = parse
        self._precious = precious
        self._clock = clock

    def load(self) -> Content | None:
        """Return the content, or None where there is none yet.

        A broken file is set aside under a name of its own and its copy takes its place.

        Raises:
            BrokenFileError: Neither the file nor its copy can be read. Nothing was changed.
            NewerFileError: A newer version of this program wrote the file.
            VaultError: The file cannot be opened, or its copy not put in its place.
        """
        try:
            return self._read(self.path)
        except FileNotFoundError:
            if not self._precious or not self.copy.exists():
                self._refuse_newer_copy()
                return None
        except _UNREADABLE as error:
            log.warning("%s cannot be read: %s", self.path.name, type(error).__name__)
        return self._restored()

    def save(self, values: dict[str, Any]) -> None:
        """Write `values` whole, then the copy.

        Raises:
            VaultError: The disk is full or cannot be written; what was there is still there.
        """
        text = json.dumps({_VERSION: self._version} | values, indent=2, ensure_ascii=False)
        # Half a surrogate pair, which JSON may hold, is written as JSON's own escape.
        content = f"{text}\n".encode(errors="backslashreplace")
        write_atomic(self.path, content)
        write_atomic(self.copy, content)

    def _refuse_newer_copy(self) -> None:
        """Raise NewerFileError where the next save would write over a newer version's copy."""
        with contextlib.suppress(FileNotFoundError, VaultError, *_UNREADABLE):
            self._read(self.copy)

    def _restored(self) -> Content:
        try:
            content = self._read(self.copy)
            kept = read_plain(self.copy, _LONGEST_BYTES)
        except (FileNotFoundError, *_UNREADABLE) as error:
            raise BrokenFileError(name=self.path.name) from error
        if self.path.exists():
            aside = set_aside(self.path, "damaged", self._clock.now())
            log.warning("%s is kept as %s", self.path.name, aside.name)
        write_atomic(self.path, kept)
        log.warning("%s was restored from its copy", self.path.name)
        return content

    def _read(self, path: Path) -> Content:
        try:
            content = read_plain(path, _LONGEST_BYTES)
        except (FileNotFoundError, StrangeFileError):
            raise
        except OSError as error:
            raise storage_error(error) from error
        values = json.loads(content.decode("utf-8-sig"))
        if not isinstance(values, dict) or not isinstance(values.get(_VERSION), int):
            raise ValueError("no version")  # noqa: TRY004 - broken content, not a broken call
        if values[_VERSION] > self._version:
            raise NewerFileError(name=self.path.name)
        return self._parse(values)
