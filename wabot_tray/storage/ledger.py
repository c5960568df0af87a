"""What is sealed of a live database, page by page, so that a seal costs what has changed."""

import hashlib
import os
from dataclasses import dataclass
from typing import Final

from wabot_tray.storage.container import Manifest, PageSeal, Row
from wabot_tray.storage.recovery import Found
from wabot_tray.storage.wal import Snapshot

_HASH_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Draft:
    """The next seal, not written yet.

    Args:
        rows: The pages that changed, sealed.
        manifest: What all pages are with them.
        is_anew: Whether the rows are all there is, for a new container.
        marks: Of the rows, by page number.
        hashes: Of their content, by page number.
    """

    rows: list[Row]
    manifest: Manifest
    is_anew: bool
    marks: dict[int, int]
    hashes: dict[int, bytes]


class Ledger:
    """Knows of each sealed page its mark and a hash of its content."""

    def __init__(self, pages: PageSeal) -> None:
        self._pages = pages
        self._hash_key = os.urandom(_HASH_BYTES)
        self._hashes: dict[int, bytes] = {}
        self.marks: dict[int, int] = {}
        self.manifest: Manifest | None = None
        self.generation = 0  # the highest that was ever used

    @property
    def is_empty(self) -> bool:
        """Whether nothing is sealed."""
        return self.manifest is None

    def learn(self, found: Found) -> None:
        """Take over what a vault was opened with."""
        self.manifest = found.manifest
        self.generation = found.last_generation
        self.marks = dict(found.marks)
        size = found.manifest.page_size
        self._hashes = {
            number: self._hash(found.content[(number - 1) * size : number * size])
            for number in found.marks
        }

    def differs(self, number: int, page: bytes) -> bool:
        """Whether `page` is not what is sealed under its number."""
        return self._hashes.get(number) != self._hash(page)

    def has_gaps(self, snapshot: Snapshot) -> bool:
        """Whether pages are new that `snapshot` does not hold.

        A page that was used and freed in one transaction is never written to the WAL.
        """
        new = range(len(self.marks) + 1, snapshot.page_count + 1)
        return any(number not in snapshot.pages for number in new)

    def draft(
        self, snapshot: Snapshot, *, is_anew: bool, live_id: str, sealed_at: str
    ) -> Draft | None:
        """Return the next seal, or None where nothing changed.

        Args:
            snapshot: Holds every page where `is_anew`.
            is_anew: Seal every page, changed or not.
            live_id: The live database.
            sealed_at: ISO time, UTC.
        """
        changed = {
            number: page
            for number, page in snapshot.pages.items()
            if is_anew or self.differs(number, page)
        }
        if not is_anew and not changed and snapshot.page_count == len(self.marks):
            return None
        generation = self.generation + 1
        rows = [self._pages.seal_page(number, generation, page) for number, page in changed.items()]
        marks = {row.number: self._pages.mark(row) for row in rows}
        digest = 0 if is_anew or self.manifest is None else self.manifest.digest
        for mark in marks.values():
            digest ^= mark
        if not is_anew:
            for number in (*marks, *range(snapshot.page_count + 1, len(self.marks) + 1)):
                digest ^= self.marks.get(number, 0)
        manifest = Manifest(
            generation=generation,
            page_size=snapshot.page_size,
            page_count=snapshot.page_count,
            digest=digest,
            live_id=live_id,
            sealed_at=sealed_at,
        )
        hashes = {number: self._hash(page) for number, page in changed.items()}
        return Draft(rows, manifest, is_anew, marks, hashes)

    def accept(self, draft: Draft) -> None:
        """Note that `draft` is on the disk."""
        if draft.is_anew:
            self.marks, self._hashes = {}, {}
        for number in range(draft.manifest.page_count + 1, len(self.marks) + 1):
            self.marks.pop(number)
            self._hashes.pop(number)
        self.marks.update(draft.marks)
        self._hashes.update(draft.hashes)
        self.manifest = draft.manifest
        self.generation = draft.manifest.generation

    def _hash(self, page: bytes) -> bytes:
        return hashlib.blake2b(page, key=self._hash_key, digest_size=_HASH_BYTES).digest()
