"""Reads an SQLite database while another library in this process writes to it.

neonize brings an SQLite of its own. A second SQLite on the same file in the same process would be
no guest but a hazard: POSIX locks belong to the process, so neither library sees the other's, and
whoever closes a descriptor drops the locks of both (https://sqlite.org/howtocorrupt.html, 2.2 and
2.2.1). So the files are read here as files, without a lock, and what was read is proved afterwards:

- The WAL index (`-shm`) says which frame was committed last and under which salts; its header is
  written twice and has a checksum (https://sqlite.org/walformat.html, 2.1).
- Frames up to that one never change until the WAL begins anew, and then the salts change.
- The database file changes by checkpoints alone, which touch only pages that are in the WAL, and
  the index says how far a checkpoint may have come (nBackfillAttempted).
- When the WAL begins anew, the first salt goes up by one, all of the run before is in the database
  file, and of its frames those are still there that the new run has not reached.

Descriptors are kept open on POSIX, for the reason above.
"""

import contextlib
import itertools
import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wabot_tray.storage.kept_file import KeptFile

_INDEX: Final = struct.Struct("=III BBH II II 8s II")
_INDEX_BYTES: Final = _INDEX.size  # 48, of which the last 8 are a checksum
_ATTEMPTED_OFFSET: Final = 128  # nBackfillAttempted, behind both headers and the read marks
_WAL_HEADER_BYTES: Final = 32
_FRAME: Final = struct.Struct(">II8sII")
_ATTEMPTS: Final = 20
_DATABASE_MAGIC: Final = b"SQLite format 3\0"
_DATABASE_HEADER_BYTES: Final = 100


class LiveBusyError(Exception):
    """The database was written faster than it could be read; try again."""


class _RacedError(Exception):
    """Something changed in the middle of a read."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a database was read.

    Args:
        stamp: Equal stamps mean equal content.
        salts: Name the run of the WAL; empty where it was not read.
        frames: How many of its frames were read.
    """

    stamp: bytes
    salts: bytes = b""
    frames: int = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one commit left: the pages that may have changed since the mark that was given.

    Args:
        page_size: In bytes; 0 for a database without content.
        page_count: Of the whole database.
        pages: Number to content, numbers from 1.
        is_full: Whether every page was looked at.
        mark: Give it to the next read.
    """

    page_size: int
    page_count: int
    pages: dict[int, bytes]
    is_full: bool
    mark: Mark


@dataclass(frozen=True, slots=True)
class _Index:
    """The header of the WAL index."""

    raw: bytes
    page_size: int
    page_count: int
    frames: int
    last_checksum: tuple[int, int]
    salts: bytes
    attempted: int


class LiveDatabase:
    """A database somebody else writes.

    Args:
        path: The database file.
        platform: As sys.platform.
    """

    def __init__(self, path: Path, *, platform: str = sys.platform) -> None:
        self._database = KeptFile(path, platform)
        self._wal = KeptFile(path.with_name(path.name + "-wal"), platform)
        self._index_file = KeptFile(path.with_name(path.name + "-shm"), platform)
        self._journal = path.with_name(path.name + "-journal")

    def stamp(self) -> bytes:
        """Return a value that changes with every commit. Cheap: 200 bytes are read.

        Raises:
            LiveBusyError: A commit is always under way.
        """
        for _ in range(_ATTEMPTS):
            with contextlib.suppress(_RacedError):
                index = self._index()
                return self._plain_stamp() if index is None else index.raw
        raise LiveBusyError

    def read(self, since: Mark | None, wanted: Callable[[int, bytes], bool]) -> Snapshot:
        """Return what the last commit left.

        Args:
            since: The mark of the last read; None reads every page. Where the WAL began anew
                since, and went so far that nobody can tell what changed, every page is read too.
            wanted: Whether a page is of interest, by number and content; asked in full reads.

        Raises:
            LiveBusyError: It changed during every attempt.
            OSError: The files cannot be read.
        """
        for _ in range(_ATTEMPTS):
            with contextlib.suppress(_RacedError):
                index = self._index()
                if index is None:
                    return self._read_plain(wanted)
                if since is not None and index.salts == since.salts:
                    return self._read_frames(index, since.frames)
                if since is not None and (left := self._left_behind(index, since)) is not None:
                    return self._read_anew(index, left)
                return self._read_all(index, wanted)
        raise LiveBusyError

    def close(self) -> None:
        """Let go of the files. Only once whoever writes has stopped."""
        for file in (self._database, self._wal, self._index_file):
            file.close()

    def _index(self) -> _Index | None:
        """Return the WAL index's header, or None where no WAL is in use."""
        if self._was_closed():
            return None
        raw = self._index_file.read(0, 2 * _INDEX_BYTES)
        header = raw[:_INDEX_BYTES]
        if len(raw) < 2 * _INDEX_BYTES or not any(header):
            return None
        if header != raw[_INDEX_BYTES:] or _checksum(header[:-8]) != header[-8:]:
            raise _RacedError
        _, _, _, ready, _, size, frames, pages, sum_1, sum_2, salts, *_ = _INDEX.unpack(header)
        if not ready:
            return None
        attempted = self._index_file.read(_ATTEMPTED_OFFSET, 4)
        return _Index(
            raw=header,
            page_size=(size & 0xFE00) | (size & 1) << 16,  # 65536 does not fit and is written as 1
            page_count=pages,
            frames=frames,
            last_checksum=(sum_1, sum_2),
            salts=salts,
            attempted=int.from_bytes(attempted, sys.byteorder),
        )

    def _was_closed(self) -> bool:
        """Whether the last connection folded the WAL in and deleted it, as it does in good order.

        What a cleaner of temporary folders deleted is still in use, under no name.
        """
        wal_is_gone = not (self._wal.has_name() or self._index_file.has_name())
        return wal_is_gone and self._database.has_name()

    def _read_frames(self, index: _Index, done: int) -> Snapshot:
        """Read the frames after `done`."""
        pages = dict(self._frames(index, done))
        after = self._index()
        if after is None or after.salts != index.salts:
            raise _RacedError
        kept = {number: page for number, page in pages.items() if number <= index.page_count}
        return Snapshot(index.page_size, index.page_count, kept, False, _mark(index))

    def _left_behind(self, index: _Index, since: Mark) -> set[int] | None:
        """Return which pages may have changed between `since` and this run of the WAL.

        None where that cannot be told any more.
        """
        if not since.salts:  # there was no WAL yet; this is the first if nothing was folded in
            is_first = index.attempted == 0 and self._plain_stamp() == since.stamp
            return set() if is_first else None
        runs = int.from_bytes(index.salts[:4], "big") - int.from_bytes(since.salts[:4], "big")
        if runs != 1 or not 0 <= index.frames < since.frames:
            return None
        left: list[bytes] = []
        # The last frame that was read proves that the file was not cut off in between.
        for number in itertools.count(since.frames):
            header = self._frame_header(index, number)
            if header[8:16] == index.salts:
                return None  # overwritten by what is being written now
            if header[8:16] != since.salts:
                break
            left.append(header)
        again = [self._frame_header(index, since.frames + number) for number in range(len(left))]
        if not left or again != left:
            return None
        return {int.from_bytes(header[:4], "big") for header in left[1:]}

    def _frame_header(self, index: _Index, number: int) -> bytes:
        """Return the header of a frame of the file, numbers from 1, whatever run it is of."""
        step = _FRAME.size + index.page_size
        return self._wal.read(_WAL_HEADER_BYTES + (number - 1) * step, _FRAME.size)

    def _read_anew(self, index: _Index, left: set[int]) -> Snapshot:
        """Read this run of the WAL, and the pages in `left` from the database file."""
        pages = dict(self._frames(index, 0))
        size = index.page_size
        if not index.frames:  # a log that holds nothing yet does not know the size either
            size = _page_size(self._database.read(0, _DATABASE_HEADER_BYTES))
        count = index.page_count if index.frames else self._database.size() // max(size, 1)
        for number in left - pages.keys():
            pages[number] = self._database.read((number - 1) * size, size).ljust(size, b"\0")
        self._prove(index)
        kept = {number: page for number, page in pages.items() if number <= count}
        return Snapshot(size, count, kept, False, _mark(index))

    def _prove(self, index: _Index) -> None:
        """Hold a read of the database file to what a checkpoint may have written meanwhile."""
        after = self._index()
        if after is None or after.salts != index.salts or after.attempted > index.frames:
            raise _RacedError

    def _read_all(self, index: _Index, wanted: Callable[[int, bytes], bool]) -> Snapshot:
        """Read the database file, and what the WAL has newer."""
        header = self._database.read(0, _DATABASE_HEADER_BYTES)
        size = index.page_size if index.frames else _page_size(header)
        newer = dict(self._frames(index, 0))
        count = index.page_count if index.frames else self._database.size() // max(size, 1)
        pages = {}
        for number, older in enumerate(self._database.blocks(size, count), 1):
            # SQLite too reads zeros where a page was counted and never written.
            page = newer.get(number) or older.ljust(size, b"\0")
            if wanted(number, page):
                pages[number] = page
        self._prove(index)
        return Snapshot(size, count, pages, True, _mark(index))

    def _read_plain(self, wanted: Callable[[int, bytes], bool]) -> Snapshot:
        """Read a database that has no WAL: not opened yet, closed, or in another journal mode."""
        before = self._plain_stamp()
        size = _page_size(self._database.read(0, _DATABASE_HEADER_BYTES))
        count = self._database.size() // size if size else 0
        every = enumerate(self._database.blocks(size, count), 1)
        pages = {number: page for number, page in every if wanted(number, page)}
        if self._plain_stamp() != before or self._index() is not None:
            raise _RacedError
        return Snapshot(size, count, pages, True, Mark(before))

    def _frames(self, index: _Index, done: int) -> Iterator[tuple[int, bytes]]:
        """Yield the pages of the frames after `done`, in the order they were written."""
        step = _FRAME.size + index.page_size
        content = self._wal.read(_WAL_HEADER_BYTES + done * step, (index.frames - done) * step)
        if len(content) != (index.frames - done) * step:
            raise _RacedError
        for start in range(0, len(content), step):
            number, _, salts, *checksum = _FRAME.unpack_from(content, start)
            is_last = start + step == len(content)
            if salts != index.salts or (is_last and tuple(checksum) != index.last_checksum):
                raise _RacedError
            yield number, content[start + _FRAME.size : start + step]

    def _plain_stamp(self) -> bytes:
        """Return what changes with a commit where there is no WAL."""
        with contextlib.suppress(FileNotFoundError):
            head = self._journal.read_bytes()[:8]
            if any(head):  # a transaction is under way
                raise _RacedError
        header = self._database.read(0, _DATABASE_HEADER_BYTES)
        return b"plain" + self._database.identity() + header


def _mark(index: _Index) -> Mark:
    return Mark(index.raw, index.salts, index.frames)


def _page_size(header: bytes) -> int:
    """Return the page size a database's header names, 0 where there is no database."""
    if not header.startswith(_DATABASE_MAGIC):
        return 0
    size = int.from_bytes(header[16:18], "big")
    return 65536 if size == 1 else size


def _checksum(content: bytes) -> bytes:
    """Return SQLite's checksum of a WAL index header, in the machine's byte order."""
    first = second = 0
    for left, right in struct.iter_unpack("=II", content):
        first = (first + left + second) & 0xFFFFFFFF
        second = (second + right + first) & 0xFFFFFFFF
    return struct.pack("=II", first, second)
