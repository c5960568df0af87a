"""Older copies of a vault, each a container of its own: a damaged file takes none of them along.

One follows within a minute, one within a day and only while SQLite finds the database sound.
They also mend: a damaged page of the newest file is taken from a copy that has the same image.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from wabot_tray.core.errors import VaultError
from wabot_tray.storage.container import (
    Container,
    DamagedContainerError,
    Manifest,
    PageSeal,
    Row,
    write_anew,
)
from wabot_tray.storage.files import set_aside
from wabot_tray.storage.wal import LiveBusyError

log = logging.getLogger(__name__)

# Suffix, and age at which a copy is renewed.
_PLAN: Final = ((".1", timedelta(minutes=1)), (".2", timedelta(days=1)))
_CHECKED_FROM: Final = timedelta(hours=1)


class SourceDamagedError(Exception):
    """A row of the newest container is not the one that was sealed."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """What the newest container holds.

    Args:
        source: The container.
        manifest: What was sealed last.
        marks: The mark of each row, as sealed.
    """

    source: Container
    manifest: Manifest
    marks: Mapping[int, int]


class Copies:
    """The older copies of one vault.

    Args:
        newest: The newest container's file; the copies lie beside it.
        pages: The account's seal.
    """

    def __init__(self, newest: Path, pages: PageSeal) -> None:
        self._copies = [
            Copy(newest.with_name(newest.name + suffix), every, pages) for suffix, every in _PLAN
        ]

    @property
    def paths(self) -> list[Path]:
        """The files, newest first."""
        return [copy.path for copy in self._copies]

    def renew(
        self, sealed: Sealed, now: datetime, *, is_sound: Callable[[], bool], is_last: bool
    ) -> None:
        """Bring the copies that are due up to date. A copy that fails is only logged.

        Args:
            sealed: What they follow.
            now: The time.
            is_sound: Whether SQLite finds the database sound; asked for a checked copy.
            is_last: The vault is about to be closed; the first copy follows in any case.

        Raises:
            SourceDamagedError: The newest container has lost a row.
        """
        for copy in self._copies:
            try:
                if not copy.is_due(now) and not (is_last and copy is self._copies[0]):
                    continue
                if copy.is_checked and not is_sound():
                    log.error("%s stays: SQLite finds the database damaged", copy.path.name)
                    continue
                copy.follow(sealed, now)
            except (VaultError, LiveBusyError, OSError) as error:
                log.warning("%s was not renewed: %s", copy.path.name, error)


@dataclass(slots=True)
class Copy:
    """One copy and what is known of it."""

    path: Path
    every: timedelta
    pages: PageSeal
    _marks: dict[int, int] | None = field(default=None, init=False)
    _renewed_at: datetime | None = field(default=None, init=False)

    @property
    def is_checked(self) -> bool:
        """Whether it may follow only while SQLite finds the database sound."""
        return self.every >= _CHECKED_FROM

    def is_due(self, now: datetime) -> bool:
        """Whether it is older than it should be."""
        if self._renewed_at is None:
            self._renewed_at = self._sealed_at()
        return self._renewed_at is None or not timedelta() <= now - self._renewed_at < self.every

    def follow(self, sealed: Sealed, now: datetime) -> int:
        """Bring the copy up to what is sealed and return how many rows were written.

        Every row is checked before it replaces an older one.

        Args:
            sealed: What it follows.
            now: Dates a damaged copy that is set aside, and this renewal.

        Raises:
            SourceDamagedError: The newest container has lost a row; the copy stays as it was.
            VaultError: The disk is full or cannot be written.
        """
        self._renewed_at = now  # also where it fails: a full disk is not asked each second
        copy = self._open(now)
        try:
            known = self._marks or {}
            stale = [item for item in sealed.marks.items() if known.get(item[0]) != item[1]]
            rows = [self._checked(sealed.source, number, mark) for number, mark in stale]
            self._marks = None  # unknown until the write is through
            if copy is None:
                write_anew(self.path, self.pages, rows, sealed.manifest)
            else:
                copy.write(rows, sealed.manifest)
            self._marks = dict(sealed.marks)
        except DamagedContainerError:
            log.warning("%s was damaged; it is renewed at the next turn", self.path.name)
            self._marks = None
            return 0
        finally:
            if copy is not None:
                copy.close()
        return len(rows)

    def _checked(self, source: Container, number: int, mark: int) -> Row:
        try:
            row = source.row(number)
        except DamagedContainerError as error:
            raise SourceDamagedError(str(error)) from error
        if row is None or self.pages.mark(row) != mark:
            raise SourceDamagedError(f"page {number}")
        return row

    def _open(self, now: datetime) -> Container | None:
        """Open the copy; None where it is missing, or was damaged and is set aside."""
        if not self.path.exists():
            self._marks = {}
            return None
        copy = Container(self.path, self.pages)
        if self._marks is None:
            contents = copy.read()
            if contents.faults:
                copy.close()
                set_aside(self.path, "damaged", now)
                self._marks = {}
                return None
            rows = contents.rows.items()
            self._marks = {number: self.pages.mark(row) for number, row in rows}
        return copy

    def _sealed_at(self) -> datetime | None:
        if not self.path.exists():
            return None
        copy = Container(self.path, self.pages)
        manifest = copy.read_manifest()
        copy.close()
        return None if manifest is None else datetime.fromisoformat(manifest.sealed_at)
