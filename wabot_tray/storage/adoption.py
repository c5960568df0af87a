"""Whether a live database that was left behind continues its vault, and where it goes if not."""

import logging
import secrets
from datetime import datetime
from pathlib import Path

from wabot_tray.storage.files import write_atomic
from wabot_tray.storage.live import Lineage, LiveFiles
from wabot_tray.storage.recovery import Found
from wabot_tray.storage.sealing import Seal

log = logging.getLogger(__name__)


def continues(lineage: Lineage | None, account_id: str, found: Found | None) -> bool:
    """Whether the live database of `lineage` is newer than what its vault holds.

    A vault that was put back from a backup, or deleted, was so on purpose: it counts.

    Args:
        lineage: What is recorded beside the live database; None where that cannot be read.
        account_id: Whose vault it is.
        found: What the vault holds; None where there is no vault.
    """
    if lineage is None or lineage.account_id != account_id:
        return False
    if found is None:
        return lineage.generation == 0
    manifest = found.manifest
    if not found.is_newest and lineage.generation >= manifest.generation:
        return True  # what it continues is the very state that was damaged
    if manifest.live_id == lineage.live_id:
        # The vault may be one seal ahead of the record, never behind it.
        return lineage.generation <= manifest.generation
    sealed = (manifest.generation, f"{manifest.digest:x}")
    return (lineage.generation, lineage.digest) == sealed


def put_aside(
    contents: dict[str, bytes], folder: Path, seal: Seal, account_id: str, now: datetime
) -> None:
    """Keep a live database beside its vault as `session.aside-*`, sealed.

    Raises:
        VaultError: The disk is full or cannot be written.
    """
    stamp = f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
    for name, content in contents.items():
        aside = folder / f"session.aside-{stamp}{name.removeprefix(LiveFiles.DATABASE)}"
        write_atomic(aside, seal.seal(content, account_id.encode()))
    log.warning("vault of %s: a live database that does not belong was set aside", account_id)
