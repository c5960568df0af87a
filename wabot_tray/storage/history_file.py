"""What became of each account over time: one file of lines per account, for this user alone.

A line is added when something changes and never rewritten; a line that a crash has torn is passed
over. What is older than `KEPT`, or too much, goes when a file has grown. Beside them lies the
pulse: when the program was last alive, and how many messages each day brought.
"""

import contextlib
import errno
import json
import logging
import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from wabot_tray.core.accounts import checked_id
from wabot_tray.core.clock import SYSTEM_CLOCK, Clock
from wabot_tray.core.errors import VaultError, WabotError
from wabot_tray.core.history import KEPT, Mark, from_line, to_line
from wabot_tray.storage.files import (
    StrangeFileError,
    make_lasting,
    read_plain,
    set_aside,
    storage_errors,
    write_atomic,
)

log = logging.getLogger(__name__)

HEADER: Final = "# wabot-tray history 1"
_FAMILY: Final = "# wabot-tray history "
LONGEST_BYTES: Final = 256 * 1024  # some 4,000 changes
_UNREADABLE_BYTES: Final = 8 << 20
_PULSE_VERSION: Final = 1
# However old they are, so that a clock that was years ahead for a day costs little.
_ALWAYS_KEPT: Final = 200
_SUFFIX: Final = ".log"
_ODD: Final = (
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
    RecursionError,
    WabotError,
)
_APPEND: Final = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)


@dataclass(frozen=True, slots=True)
class Count:
    """Messages of one day."""

    received: int = 0
    answered: int = 0


@dataclass(slots=True)
class Pulse:
    """When the program was last alive, and the messages by account and local day."""

    alive: datetime | None = None
    days: dict[str, dict[date, Count]] = field(default_factory=dict)


class HistoryFolder:
    """The folder with all histories. Every method blocks.

    Args:
        folder: Made at the first writing.
        clock: Decides what is too old, and dates files that are put aside.
    """

    def __init__(self, folder: Path, clock: Clock = SYSTEM_CLOCK) -> None:
        self._folder = folder
        self._clock = clock
        self._newer: set[str] = set()  # written by a newer version: read no line, add none

    # --- marks -----------------------------------------------------------------------------------

    def marks(self, account_id: str) -> list[Mark]:
        """Return what is kept of an account, as it was written; changes nothing.

        A file that cannot be read at all counts as empty.
        """
        return self._read(account_id)[0]

    def accounts(self) -> tuple[str, ...]:
        """Return the accounts that have a history, in the order of their names."""
        names = (path.name.removesuffix(_SUFFIX) for path in self._folder.glob(f"*{_SUFFIX}"))
        return tuple(sorted(name for name in names if _is_id(name)))

    def load(self, account_id: str) -> list[Mark]:
        """Return what is kept of an account, and mend its file where that is needed.

        A damaged file is put aside and its readable lines are written anew.
        """
        marks, is_sound = self._read(account_id)
        if account_id in self._newer:
            return []
        path = self._path(account_id)
        try:
            if not is_sound and path.exists():
                aside = set_aside(path, "damaged", self._clock.now())
                log.warning("history of %s: damaged, kept as %s", account_id, aside.name)
                self._rewrite(account_id, marks)
            elif marks and marks[0].at < self._clock.now() - 2 * KEPT:
                marks = self._pruned(marks)
                self._rewrite(account_id, marks)
        except VaultError as err:
            log.warning("history of %s: cannot be mended: %s", account_id, err)
        return marks

    def append(self, account_id: str, marks: Iterable[Mark]) -> None:
        """Add marks to an account's file, and shorten it where it has grown too long.

        Raises:
            VaultError: The disk is full or cannot be written.
        """
        if account_id in self._newer:
            return
        make_lasting(self._folder)
        path, added = self._path(account_id), list(marks)
        with storage_errors():
            descriptor = os.open(path, _APPEND, 0o600)
            try:
                size = os.fstat(descriptor).st_size
                is_whole = size > 0 and _last_byte(descriptor, size) == b"\n"
                if is_whole:
                    size += _written(descriptor, added)
            finally:
                os.close(descriptor)
        if not is_whole or size > LONGEST_BYTES:  # new, torn by a crash, or grown too long
            kept = self._read(account_id)[0]
            self._rewrite(account_id, self._pruned(kept if is_whole else kept + added))

    def remove(self, account_id: str) -> None:
        """Delete an account's history. Without one this is harmless.

        Raises:
            VaultError: It cannot be deleted.
        """
        self._newer.discard(account_id)
        with storage_errors():
            self._path(account_id).unlink(missing_ok=True)
            for aside in self._folder.glob(f"{account_id}{_SUFFIX}.damaged-*"):
                aside.unlink(missing_ok=True)

    def drop_abandoned(self, account_ids: Collection[str]) -> None:
        """Delete what is left of accounts that are gone, once it is too old to tell anything."""
        oldest = (self._clock.now() - KEPT).timestamp()
        with contextlib.suppress(OSError):
            for path in self._folder.glob(f"*{_SUFFIX}*"):
                account_id = path.name.partition(_SUFFIX)[0]
                if account_id not in account_ids and path.stat().st_mtime < oldest:
                    path.unlink()

    # --- the pulse -------------------------------------------------------------------------------

    def pulse(self) -> Pulse:
        """Return the last pulse; one that cannot be read counts as none. Changes nothing."""
        try:
            return _pulse_of(read_plain(self._pulse_path, _UNREADABLE_BYTES))
        except (OSError, *_ODD):
            return Pulse()

    def load_pulse(self) -> Pulse:
        """Return the last pulse; a damaged one is put aside."""
        try:
            return _pulse_of(read_plain(self._pulse_path, _UNREADABLE_BYTES))
        except FileNotFoundError:
            return Pulse()
        except (OSError, *_ODD) as error:
            log.warning("the history's pulse cannot be read: %s", type(error).__name__)
        try:
            set_aside(self._pulse_path, "damaged", self._clock.now())
        except VaultError as err:
            log.warning("the history's pulse cannot be put aside: %s", err)
        return Pulse()

    def save_pulse(self, pulse: Pulse) -> None:
        """Write the pulse whole.

        Raises:
            VaultError: The disk is full or cannot be written; the last pulse is still there.
        """
        make_lasting(self._folder)
        days = {
            account: {f"{day}": [c.received, c.answered] for day, c in counts.items()}
            for account, counts in pulse.days.items()
        }
        alive = None if pulse.alive is None else pulse.alive.isoformat()
        body = {"version": _PULSE_VERSION, "alive": alive, "days": days}
        write_atomic(self._pulse_path, f"{json.dumps(body, separators=(',', ':'))}\n".encode())

    # --- inside ----------------------------------------------------------------------------------

    @property
    def _pulse_path(self) -> Path:
        return self._folder / "pulse.json"

    def _path(self, account_id: str) -> Path:
        return self._folder / f"{account_id}{_SUFFIX}"

    def _read(self, account_id: str) -> tuple[list[Mark], bool]:
        """Return the readable marks, and whether nothing but a torn last line was unreadable."""
        try:
            text = read_plain(self._path(account_id), _UNREADABLE_BYTES)
        except FileNotFoundError:
            return [], True
        except StrangeFileError:
            return [], False
        except OSError as error:
            log.warning("history of %s: cannot be read: %s", account_id, error.strerror)
            return [], True
        header, *lines = text.split(b"\n")
        if header != HEADER.encode():
            if header.startswith(_FAMILY.encode()):
                log.warning("history of %s: written by a newer version, left alone", account_id)
                self._newer.add(account_id)
                return [], True
            lines = [header, *lines]
        torn = lines.pop() if lines else b""
        marks, bad = _parsed(lines)
        more, _ = _parsed([torn])
        return marks + more, bad == 0 and header == HEADER.encode()

    def _rewrite(self, account_id: str, marks: Iterable[Mark]) -> None:
        lines = [HEADER, *(to_line(mark) for mark in marks)]
        write_atomic(self._path(account_id), "".join(f"{line}\n" for line in lines).encode())

    def _pruned(self, marks: list[Mark]) -> list[Mark]:
        """Return what is young enough, and no more than fills half a file."""
        oldest = self._clock.now() - KEPT
        place = next((n for n, mark in enumerate(marks) if mark.at >= oldest), len(marks))
        place = max(0, place - 1)  # the phase that reached into the time that is kept
        room, size = LONGEST_BYTES // 2, 0
        first = len(marks)
        while first > place and size < room:
            first -= 1
            size += len(to_line(marks[first])) + 1
        return marks[min(first, max(0, len(marks) - _ALWAYS_KEPT)) :]


def _is_id(name: str) -> bool:
    try:
        checked_id(name)
    except WabotError:
        return False
    return True


def _last_byte(descriptor: int, size: int) -> bytes:
    os.lseek(descriptor, size - 1, os.SEEK_SET)
    return os.read(descriptor, 1)


def _written(descriptor: int, marks: Iterable[Mark]) -> int:
    """Write the lines of `marks`, wait until they are on the disk, and return their bytes."""
    content = "".join(f"{to_line(mark)}\n" for mark in marks).encode()
    if os.write(descriptor, content) != len(content):
        raise OSError(errno.ENOSPC, "no room for a whole line")
    os.fsync(descriptor)
    return len(content)


def _parsed(lines: Iterable[bytes]) -> tuple[list[Mark], int]:
    marks, bad = [], 0
    for line in lines:
        if not line:
            continue
        try:
            marks.append(from_line(line.decode("ascii")))
        except ValueError:
            bad += 1
    return marks, bad


def _pulse_of(content: bytes) -> Pulse:
    """Return the pulse in `content`; what is older than `KEPT` is left out by the recorder."""
    body = json.loads(content)
    if body["version"] != _PULSE_VERSION:
        raise ValueError("another version")
    alive = None if body["alive"] is None else datetime.fromisoformat(body["alive"])
    if alive is not None and alive.tzinfo is None:
        raise ValueError("a time of nowhere")
    days: dict[str, dict[date, Count]] = {}
    for account, counts in body["days"].items():
        days[checked_id(account)] = {
            date.fromisoformat(day): Count(_number(received), _number(answered))
            for day, (received, answered) in counts.items()
        }
    return Pulse(None if alive is None else alive.astimezone(UTC), days)


def _number(value: object) -> int:
    if type(value) is not int or not 0 <= value < 1 << 53:
        raise ValueError("no number")
    return value
