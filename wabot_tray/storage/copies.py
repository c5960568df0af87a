"""Older copies of a vault, each a container of its own: a damaged file takes none of them along.

One follows within a minute, one within a day and only while SQLite finds the database sound.
They also mend: a damaged page of the newest file is taken from a copy that has the same image.
"""

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from wabot_tray.storage.container import (
    Container,
    DamagedContainerError,
    Manifest,
    PageSeal,
    Row,
)
from wabot_tray.storage.files import set_aside, storage_errors, sync_folder

log = logging.getLogger(__name__)

# Suffix, and age at which a copy is renewed.
PLAN: Final = ((".1", timedelta(minutes=1)), (".2", timedelta(days=1)))
_CHECKED_FROM: Final = timedelta(hours=1)


class SourceDamagedError(Exception):
    """A row of the newest container is not the one that was sealed."""


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

    def follow(
        self, source: Container, marks: dict[int, int], manifest: Manifest, now: datetime
    ) -> int:
        """Bring the copy up to `manifest` and return how many rows were written.

        Every row is checked before it replaces an older one.

        Args:
            source: The newest container.
            marks: The mark of each of its rows, as sealed.
            manifest: Its manifest.
            now: Dates a damaged copy that is set aside, and this renewal.

        Raises:
            SourceDamagedError: The newest container has lost a row; the copy stays as it was.
            VaultError: The disk is full or cannot be written.
        """
        self._renewed_at = now  # also where it fails: a full disk is not asked each second
        copy = self._open(now)
        is_new = copy.path != self.path
        try:
            known = self._marks or {}
            stale = [number for number, mark in marks.items() if known.get(number) != mark]
            rows = [self._checked(source, number, marks[number]) for number in stale]
            self._marks = None  # unknown until the write is through
            copy.write(rows, manifest)
            self._marks = dict(marks)
        except DamagedContainerError:
            log.warning("%s was damaged; it is renewed at the next turn", copy.path.name)
            self._marks = None
            return 0
        finally:
            copy.close()
        if is_new:
            with storage_errors():
                copy.path.replace(self.path)
                sync_folder(self.path.parent)
        return len(rows)

    def _checked(self, source: Container, number: int, mark: int) -> Row:
        try:
            row = source.row(number)
        except DamagedContainerError as error:
            raise SourceDamagedError(str(error)) from error
        if row is None or self.pages.mark(row) != mark:
            raise SourceDamagedError(f"page {number}")
        return row

    def _open(self, now: datetime) -> Container:
        """Open the copy, or begin it anew where it is missing or damaged."""
        if not self.path.exists():
            return self._begin()
        copy = Container(self.path, self.pages)
        if self._marks is None:
            contents = copy.read()
            if contents.faults:
                copy.close()
                set_aside(self.path, "damaged", now)
                return self._begin()
            rows = contents.rows.items()
            self._marks = {number: self.pages.mark(row) for number, row in rows}
        return copy

    def _begin(self) -> Container:
        """Begin under another name: an interrupted copy must not look like a damaged one."""
        self._marks = {}
        draft = self.path.with_name(f"{self.path.name}.new")
        with storage_errors():
            for left in draft.parent.glob(f"{draft.name}*"):  # by a killed process
                left.unlink()
        return Container(draft, self.pages, create=True)

    def _sealed_at(self) -> datetime | None:
        if not self.path.exists():
            return None
        copy = Container(self.path, self.pages)
        manifest = copy.read_manifest()
        copy.close()
        return None if manifest is None else datetime.fromisoformat(manifest.sealed_at)
