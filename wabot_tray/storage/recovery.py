"""Finds the newest state that the files of a vault can still prove."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from wabot_tray.core.errors import VaultError
from wabot_tray.core.reasons import Reason
from wabot_tray.storage.container import Container, Contents, Manifest, PageSeal, assemble
from wabot_tray.storage.files import set_aside
from wabot_tray.storage.live import is_sound

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """A database as it was sealed.

    Args:
        manifest: What was sealed.
        content: The database.
        marks: The mark of each row.
        is_newest: Whether it is what was sealed last, not an older copy.
        is_whole: Whether the newest container gave it alone and has no fault.
        last_generation: The highest generation seen anywhere; new ones begin behind it.
    """

    manifest: Manifest
    content: bytes
    marks: dict[int, int]
    is_newest: bool
    is_whole: bool
    last_generation: int


def set_vault_aside(folder: Path, now: datetime) -> None:
    """Rename every file of a vault that cannot be read, so that a new one may begin.

    Raises:
        VaultError: The folder cannot be written.
    """
    for path in sorted(folder.glob("session.vault*")):
        if ".damaged-" not in path.name:
            set_aside(path, "damaged", now)


def find_newest(newest: Path, copies: Iterable[Path], pages: PageSeal) -> Found | None:
    """Return the newest state that unseals whole and that SQLite finds sound.

    The newest container is tried alone, then mended with rows of its copies, then each copy.
    Returns None where there is no file at all.

    Raises:
        VaultError: VAULT_TOO_NEW, VAULT_DAMAGED, or the disk refuses. KEY_WRONG where the files
            were sealed under another key.
    """
    first = _read(newest, pages)
    if first.is_too_new:
        raise VaultError(Reason.VAULT_TOO_NEW, newest.name)
    if not first.faults and (found := _try(first, [first], pages, is_newest=True)) is not None:
        return found
    others = [_read(path, pages) for path in copies if path.exists()]
    if not newest.exists() and not others:
        return None
    everything = [first, *others]
    for contents in everything:
        found = _try(contents, everything, pages, is_newest=contents is first)
        if found is not None:
            log.warning("the vault was mended: %s", "; ".join(first.faults) or "a page was damaged")
            return found
    if any(contents.has_other_key for contents in everything):
        raise VaultError(Reason.KEY_WRONG, newest.name)
    faults = {fault for contents in everything for fault in contents.faults}
    raise VaultError(Reason.VAULT_DAMAGED, "; ".join(sorted(faults)))


def _read(path: Path, pages: PageSeal) -> Contents:
    if not path.exists():
        return Contents(faults=["missing"])
    container = Container(path, pages)
    try:
        return container.read()
    finally:
        container.close()


def _try(
    base: Contents, everything: list[Contents], pages: PageSeal, *, is_newest: bool
) -> Found | None:
    if base.manifest is None:
        return None
    sources = [base.rows, *(contents.rows for contents in everything if contents is not base)]
    assembled = assemble(base.manifest, sources, pages)
    if assembled is None or not is_sound(assembled[0]):
        return None
    content, marks = assembled
    manifests = (contents.manifest for contents in everything if contents.manifest is not None)
    generations = [row.generation for contents in everything for row in contents.rows.values()]
    return Found(
        manifest=base.manifest,
        content=content,
        marks=marks,
        is_newest=is_newest,
        is_whole=is_newest and len(everything) == 1,
        last_generation=max(*generations, *(manifest.generation for manifest in manifests), 0),
    )
