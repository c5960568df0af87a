"""session.vault itself: written in place, or anew where it is missing or damaged."""

import logging
from pathlib import Path

from wabot_tray.core.clock import Clock
from wabot_tray.storage.container import Container, Manifest, PageSeal, Row, write_anew
from wabot_tray.storage.files import set_aside

log = logging.getLogger(__name__)


class NewestContainer:
    """The container that every seal goes to.

    Args:
        path: session.vault.
        pages: The account's seal.
        clock: Dates a damaged file that is set aside.
    """

    def __init__(self, path: Path, pages: PageSeal, clock: Clock) -> None:
        self._path = path
        self._pages = pages
        self._clock = clock
        self._container: Container | None = None

    @property
    def current(self) -> Container | None:
        """The open container; None until it was opened or written anew."""
        return self._container

    def open(self) -> None:
        """Open the file, known to be whole."""
        self._container = Container(self._path, self._pages)

    def drop(self) -> None:
        """Close the file; the next write begins it anew. Dropping twice is harmless."""
        if self._container is not None:
            self._container.close()
            self._container = None

    def drop_if_taken_away(self) -> None:
        """Close a file that was deleted or replaced behind our back."""
        if self._container is not None and not self._container.is_in_place:
            log.warning("%s was taken away; it is written anew", self._path)
            self.drop()

    def write(self, rows: list[Row], manifest: Manifest) -> None:
        """Write a seal; all pages where there is no open container.

        Raises:
            DamagedContainerError: SQLite cannot write the file as it is.
            VaultError: The disk is full or cannot be written.
        """
        if self._container is not None:
            self._container.write(rows, manifest)
            return
        write_anew(self._path, self._pages, rows, manifest, self._make_way)
        self.open()

    def _make_way(self) -> None:
        # A journal that stayed beside a damaged file would be played into the new one.
        for left in (self._path.with_name(f"{self._path.name}-journal"), self._path):
            if left.exists():
                set_aside(left, "damaged", self._clock.now())
