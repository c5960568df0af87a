"""Makes a backup: every account's link and inbox, the rules and the settings, in one sealed file.

An account may run meanwhile: its vault is at most a second behind and is read in one transaction,
then its inbox in another. What lies in the file is plain inside the seal, and each account's own
key with it, so that a computer with another keyring can seal it anew for itself.
"""

import logging
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wabot_tray import __version__
from wabot_tray.core.clock import SYSTEM_CLOCK, Clock
from wabot_tray.core.errors import BackupError, KeyUnavailableError, VaultError
from wabot_tray.core.reasons import Reason
from wabot_tray.storage import backup_file as parts
from wabot_tray.storage.backup_file import BackupWriter, Index, Progress, account_part
from wabot_tray.storage.container import PageSeal
from wabot_tray.storage.copies import Copies
from wabot_tray.storage.data_keys import FILE_NAME as KEY_NAME
from wabot_tray.storage.data_keys import open_data_key
from wabot_tray.storage.files import StrangeFileError, read_plain
from wabot_tray.storage.inbox_copy import copy_inbox
from wabot_tray.storage.live import LiveFiles
from wabot_tray.storage.recovery import find_newest
from wabot_tray.storage.registry import Account
from wabot_tray.storage.sealed_stream import DEFAULT_COST, Cost, new_key
from wabot_tray.storage.vault import FILE_NAME, Vault
from wabot_tray.system.paths import Paths, runtime_places

log = logging.getLogger(__name__)

INBOX_NAME: Final = "inbox.db"
_LARGEST_FILE_BYTES: Final = 4 << 20
_TRIES: Final = 3  # a vault may just be written anew
_PAUSE_S: Final = 0.2
_GATHERING: Final = 0.6  # of the progress; the rest is reading it all once more


@dataclass(frozen=True, slots=True)
class Goods:
    """What a backup is made of.

    Args:
        paths: The data folder.
        accounts: The list.
        master_key: Opens the accounts' keys; None where no account has one.
        clock: Dates the backup.
    """

    paths: Paths
    accounts: Sequence[Account]
    master_key: bytes | None
    clock: Clock = SYSTEM_CLOCK


def make_backup(
    path: Path,
    passphrase: str,
    goods: Goods,
    *,
    replace: bool = False,
    progress: Progress = lambda _: None,
    cost: Cost = DEFAULT_COST,
) -> Index:
    """Write a backup to `path` and return what is inside. Blocks, for at least half a second.

    Args:
        path: Where to; it appears when it is whole and was read back.
        passphrase: The one thing that opens it.
        goods: What to keep.
        replace: Whether a file that is there may go.
        progress: Told how far it is; what it raises ends the work and leaves nothing.
        cost: Of a guess at the passphrase.

    Raises:
        BackupError: Something is there already, there is nothing to keep, or the disk is full or
            cannot be written.
    """
    if not goods.accounts:
        raise BackupError("error.backup_empty")
    progress(0.0)
    writer = BackupWriter(path, new_key(passphrase, cost), replace=replace)
    try:
        linked, left_out = set(), []
        for number, account in enumerate(goods.accounts):
            progress(_GATHERING * number / len(goods.accounts))
            try:
                kept = _kept_of(goods, account.id)
            except (VaultError, KeyUnavailableError) as error:
                log.warning("backup: the link of %s is left out: %s", account.id, error)
                left_out.append(account.id)
                continue
            for what, content in kept.items():
                writer.add(account_part(account.id, what), content)
            if parts.SESSION in kept:
                linked.add(account.id)
        index = Index(
            made_at=goods.clock.now(),
            computer=platform.node(),
            program=__version__,
            accounts=tuple(goods.accounts),
            linked=frozenset(linked),
            left_out=tuple(left_out),
            files=frozenset(_add_files(writer, goods.paths)),
        )
        writer.finish(index, lambda share: progress(_GATHERING + (1 - _GATHERING) * share))
    finally:
        writer.abandon()
    log.info("backup: %d accounts, %d with their link", len(index.accounts), len(linked))
    return index


def fold_left_behind(paths: Paths, account_id: str, master_key: bytes, clock: Clock) -> None:
    """Seal a live database that a killed worker left; nobody may run the account meanwhile.

    Without one, or where it cannot be sealed, nothing changes: the next worker looks at it again.
    """
    for place in runtime_places(paths):
        live = LiveFiles(place.live(account_id), in_ram=place.runtime_in_ram)
        if not live.has_content:
            continue
        folder = paths.session(account_id)
        try:
            vault = Vault(
                folder,
                live.folder,
                live_in_ram=live.in_ram,
                account_id=account_id,
                data_key=open_data_key(folder, account_id, master_key, create=False),
                clock=clock,
            )
            vault.open()
            vault.close()
        except (VaultError, KeyUnavailableError) as error:
            log.warning("session %s: the live database stays as it is: %s", account_id, error)


def _kept_of(goods: Goods, account_id: str) -> dict[str, bytes]:
    """Return an account's key, inbox and link; nothing of one that was never linked."""
    folder = goods.paths.session(account_id)
    if not (folder / KEY_NAME).exists() and not any(folder.glob(f"{FILE_NAME}*")):
        return {}
    if goods.master_key is None:
        raise KeyUnavailableError(Reason.KEY_MISSING)
    key = open_data_key(folder, account_id, goods.master_key, create=False)
    # The inbox last: what it knows beyond the link does no harm, what it lacks would.
    found = {
        parts.KEY: key,
        parts.SESSION: _session(folder, PageSeal(account_id, key)),
        parts.INBOX: copy_inbox(folder / INBOX_NAME),
    }
    return {what: content for what, content in found.items() if content is not None}


def _session(folder: Path, pages: PageSeal) -> bytes | None:
    newest = folder / FILE_NAME
    for left in reversed(range(_TRIES)):
        try:
            found = find_newest(newest, Copies(newest, pages).paths, pages)
        except VaultError:
            if not left:
                raise
            time.sleep(_PAUSE_S)
        else:
            return None if found is None else found.content
    return None


def _add_files(writer: BackupWriter, paths: Paths) -> list[str]:
    found = []
    for name, path in ((parts.RULES, paths.bot_file), (parts.SETTINGS, paths.settings_file)):
        try:
            content = read_plain(path, _LARGEST_FILE_BYTES)
        except FileNotFoundError:
            continue
        except (OSError, StrangeFileError) as error:
            log.warning("backup: %s is left out: %s", path.name, error)
            continue
        writer.add(name, content)
        found.append(name)
    return found
