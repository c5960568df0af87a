"""The vault of one account: its session database, sealed at rest, plain in a private live folder.

    vault = Vault(folder, live_folder, live_in_ram=..., account_id=..., data_key=...)
    vault.open()
    client = NewAClient(vault.database_name)   # writes the live database
    vault.seal()                               # after each change: only what changed
    vault.close()                              # seals, then removes the live database

At rest there are session.vault (see container.py), its older copies session.vault.1 and .2 (see
copies.py) and what could not be read and was set aside: *.damaged-* as it was found, *.aside-* a
live database that did not belong, sealed. Nothing is deleted because it could not be read.
"""

import logging
import secrets
import threading
import time
from enum import StrEnum
from pathlib import Path
from typing import Final

from wabot_tray.core.clock import SYSTEM_CLOCK, Clock
from wabot_tray.core.errors import VaultError
from wabot_tray.core.reasons import Reason
from wabot_tray.storage.adoption import continues, put_aside
from wabot_tray.storage.container import DamagedContainerError, PageSeal
from wabot_tray.storage.copies import Copies, Sealed, SourceDamagedError
from wabot_tray.storage.files import make_lasting, storage_errors
from wabot_tray.storage.ledger import Ledger
from wabot_tray.storage.live import Lineage, LiveFiles, is_sound
from wabot_tray.storage.locks import FileLock
from wabot_tray.storage.newest import NewestContainer
from wabot_tray.storage.recovery import Found, find_newest
from wabot_tray.storage.sealer import Sealer, SealReport
from wabot_tray.storage.sealing import Seal, subkey
from wabot_tray.storage.wal import LiveBusyError, LiveDatabase, Mark, Snapshot
from wabot_tray.system.paths import make_private

__all__ = ["FILE_NAME", "Origin", "SealReport", "Sealer", "Vault", "remove_live"]

log = logging.getLogger(__name__)

FILE_NAME: Final = "session.vault"
LOCK_NAME: Final = "session.lock"  # held by whoever works on the account


class Origin(StrEnum):
    """What the live database was made of when a vault was opened."""

    NOTHING = "nothing"
    VAULT = "vault"
    LIVE = "live"  # left behind by a killed worker, newer than the vault


class Vault:
    """One account's vault. Its methods block; `Sealer` calls them in a thread.

    Args:
        folder: auth_sessions/<id>.
        live_folder: A folder for this account's live database alone.
        live_in_ram: Whether that folder lies in memory.
        account_id: Bound into every page.
        data_key: The account's 32-byte key.
        clock: Dates what is sealed or set aside.
    """

    def __init__(
        self,
        folder: Path,
        live_folder: Path,
        *,
        live_in_ram: bool,
        account_id: str,
        data_key: bytes,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._folder = folder
        self._path = folder / FILE_NAME
        self._account_id = account_id
        self._clock = clock
        self._pages = PageSeal(account_id, data_key)
        self._aside_seal = Seal(subkey(data_key, b"set aside"))
        self._lock = FileLock(folder / LOCK_NAME)
        self._guard = threading.RLock()
        self._files = LiveFiles(live_folder, in_ram=live_in_ram)
        self._live = LiveDatabase(self._files.database)
        self._copies = Copies(self._path, self._pages)
        self._newest = NewestContainer(self._path, self._pages, clock)
        self._mark: Mark | None = None
        self._ledger = Ledger(self._pages)
        self._live_id = ""
        self._recovered = False

    @property
    def is_open(self) -> bool:
        """Whether this process holds the vault."""
        return self._lock.is_held

    @property
    def database_name(self) -> str:
        """The name neonize opens the live database by.

        neonize 0.5.2 appends `?_foreign_keys=on` itself, which ends up in `_x`. What lies in
        memory is not synced: it would not survive a power cut anyway, and the vault does.
        """
        synchronous = "OFF" if self._files.in_ram else "FULL"
        options = f"_journal_mode=WAL&_foreign_keys=on&_synchronous={synchronous}&_x="
        return f"{self._files.database}?{options}"

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ever sealed or adopted: this account must pair."""
        return self._ledger.is_empty and not self._files.has_content

    @property
    def recovered(self) -> bool:
        """Whether the newest state was damaged and an older one is in use."""
        return self._recovered

    def open(self) -> Origin:
        """Make the live database ready and return what it was made of.

        Raises:
            VaultError: IN_USE_ELSEWHERE, VAULT_DAMAGED, VAULT_TOO_NEW, KEY_WRONG, DISK_FULL or
                STORAGE_UNWRITABLE. Nothing was changed but for what was set aside.
        """
        with self._guard:
            make_lasting(self._folder)
            with storage_errors():
                make_private(self._files.folder)
            if not self._lock.acquire():
                raise VaultError(Reason.IN_USE_ELSEWHERE, f"process {self._lock.holder()}")
            try:
                origin = self._open()
            except BaseException:
                self._let_go()
                raise
            log.info(
                "vault of %s opened from %s, generation %d, %d pages",
                self._account_id,
                origin,
                self._ledger.generation,
                len(self._ledger.marks),
            )
            return origin

    def has_changed(self) -> bool:
        """Whether `seal` has something to look at. Cheap."""
        with self._guard:
            if self._mark is None or self._needs_rebuild:
                return True
            try:
                return self._live.stamp() != self._mark.stamp
            except (LiveBusyError, OSError):
                return True

    def seal(self) -> SealReport | None:
        """Seal what changed since the last seal; None where nothing did.

        One transaction, on the disk when it returns.

        Raises:
            VaultError: DISK_FULL or STORAGE_UNWRITABLE; what was sealed before stays good, and
                the next call tries again. VAULT_DAMAGED where the live database is gone.
        """
        with self._guard:
            self._require_open()
            try:
                report = self._seal(self._mark)
            except LiveBusyError:
                log.debug("vault of %s: the live database never stood still", self._account_id)
                return None
            if report is not None:
                self._renew_copies()
            return report

    def close(self) -> None:
        """Compare every page, seal, then remove the live database. Closing twice is harmless.

        neonize must have stopped writing. Where the live files cannot be removed (Windows, while
        its connection is open) they are left for `remove_live`, or the next `open` adopts them.

        Raises:
            VaultError: It could not be sealed; the live database is left for the next `open`.
        """
        with self._guard:
            if not self.is_open:
                return
            is_sealed = False
            try:
                self._seal(None)
                self._renew_copies(is_last=True)
                if self._needs_rebuild:  # the copies found it damaged
                    self._seal(None)
                is_sealed = True
            except LiveBusyError as error:
                raise VaultError(Reason.STORAGE_UNWRITABLE, "still being written") from error
            finally:
                self._let_go(remove_live=is_sealed)

    def erase(self) -> None:
        """Forget the credentials, sealed and live, the set aside ones too. Open or not.

        The account's key stays: other files may be sealed under it.

        Raises:
            VaultError: IN_USE_ELSEWHERE, or a file cannot be removed.
        """
        with self._guard:
            if self._folder.exists() and not self._lock.acquire():
                raise VaultError(Reason.IN_USE_ELSEWHERE, f"process {self._lock.holder()}")
            try:
                self._live.close()
                self._newest.drop()
                with storage_errors():
                    for pattern in (f"{FILE_NAME}*", "session.aside-*"):
                        for path in self._folder.glob(pattern):
                            path.unlink()
                self._files.remove()
            finally:
                self._let_go()

    # Opening

    def _open(self) -> Origin:
        self._recovered = False
        damage: VaultError | None = None
        found: Found | None = None
        try:
            found = find_newest(self._path, self._copies.paths, self._pages)
        except VaultError as error:
            if error.reason is not Reason.VAULT_DAMAGED or not self._files.has_content:
                raise
            damage = error
        if found is not None:
            self._ledger.learn(found)
            self._recovered = not found.is_newest
            if found.is_whole:
                self._newest.open()
        if self._adopted(found, is_damaged=damage is not None):
            self._recovered = self._recovered or damage is not None
            return Origin.LIVE
        if damage is not None:
            raise damage
        self._live_id = secrets.token_hex(16)
        self._files.remove()
        self._record()
        self._files.put(b"" if found is None else found.content)
        if found is not None:
            self._files.reserve()
        self._mark = Mark(self._live.stamp())
        return Origin.NOTHING if found is None else Origin.VAULT

    def _adopted(self, found: Found | None, *, is_damaged: bool) -> bool:
        """Take over the live database that was left behind, or set it aside and return False.

        Beside a vault that is damaged altogether it is all that is left, and stays where it is.
        """
        if not self._files.has_content:
            return False
        lineage = self._files.lineage()
        if self._files.is_half_removed(lineage):
            return False
        before = self._files.contents()
        is_ours = continues(lineage, self._account_id, found)
        if is_damaged:
            is_ours = lineage is not None and lineage.account_id == self._account_id
        size_bytes = self._files.fold() if is_ours else None
        if size_bytes and lineage is not None:
            self._live_id = lineage.live_id
            self._ledger.generation = max(self._ledger.generation, lineage.generation)
            return True
        if size_bytes == 0 and found is None:  # the library was just beginning
            return False
        if not is_damaged:
            now = self._clock.now()
            put_aside(before, self._folder, self._aside_seal, self._account_id, now)
        return False

    # Sealing

    @property
    def _needs_rebuild(self) -> bool:
        """Whether the newest container is missing or damaged while there is content."""
        return self._newest.current is None and not self._ledger.is_empty

    def _seal(self, since: Mark | None) -> SealReport | None:
        started_s = time.perf_counter()
        self._newest.drop_if_taken_away()
        snapshot = self._read(since)
        is_anew = self._newest.current is None
        if snapshot.page_count == 0:
            if not self._ledger.is_empty:
                raise VaultError(Reason.VAULT_DAMAGED, "the live database is gone")
            self._mark = snapshot.mark
            return None
        draft = self._ledger.draft(
            snapshot,
            is_anew=is_anew,
            live_id=self._live_id,
            sealed_at=self._clock.now().isoformat(),
        )
        if draft is None:
            self._mark = snapshot.mark
            return None
        try:
            self._newest.write(draft.rows, draft.manifest)
        except DamagedContainerError as error:
            if is_anew:
                raise VaultError(Reason.STORAGE_UNWRITABLE, str(error)) from error
            log.warning("vault of %s was damaged; it is written anew", self._account_id)
            self._newest.drop()
            return self._seal(None)
        self._ledger.accept(draft)
        self._mark = snapshot.mark
        try:
            self._record()
        except VaultError as error:
            # An older record serves as well: the vault knows which live database it is of.
            log.debug("vault of %s: the live record is older: %s", self._account_id, error)
        return SealReport(
            generation=draft.manifest.generation,
            pages=len(draft.rows),
            page_count=snapshot.page_count,
            written_bytes=sum(len(row.sealed) for row in draft.rows),
            is_full=snapshot.is_full,
            took_s=time.perf_counter() - started_s,
        )

    def _read(self, since: Mark | None) -> Snapshot:
        """Return what changed; every page where a new container must be written.

        Raises:
            LiveBusyError: It never stood still.
            VaultError: The live database cannot be read.
        """
        manifest = self._ledger.manifest
        with storage_errors():
            if self._newest.current is not None and manifest is not None:
                snapshot = self._live.read(since, self._ledger.differs)
                if snapshot.page_size in (manifest.page_size, 0):
                    if not self._ledger.has_gaps(snapshot):
                        return snapshot
                    return self._live.read(None, self._ledger.differs)
                self._newest.drop()
            return self._live.read(None, _any)

    def _record(self, *, is_over: bool = False) -> None:
        manifest = self._ledger.manifest
        self._files.record(
            Lineage(
                account_id=self._account_id,
                live_id=self._live_id,
                generation=0 if manifest is None else manifest.generation,
                digest="" if manifest is None else f"{manifest.digest:x}",
                is_over=is_over,
            )
        )

    def _renew_copies(self, *, is_last: bool = False) -> None:
        source, manifest = self._newest.current, self._ledger.manifest
        if source is None or manifest is None:
            return
        sealed, now = Sealed(source, manifest, self._ledger.marks), self._clock.now()
        try:
            self._copies.renew(sealed, now, is_sound=self._is_sound_now, is_last=is_last)
        except SourceDamagedError as error:
            log.warning("vault of %s is damaged: %s", self._account_id, error)
            self._newest.drop()

    def _is_sound_now(self) -> bool:
        snapshot = self._live.read(None, _any)
        return is_sound(b"".join(page for _, page in sorted(snapshot.pages.items())))

    # Letting go

    def _require_open(self) -> None:
        if not self.is_open:
            raise RuntimeError("the vault is not open")

    def _let_go(self, *, remove_live: bool = False) -> None:
        self._live.close()
        self._newest.drop()
        if remove_live:
            try:
                self._record(is_over=True)
                self._files.remove()
            except VaultError as error:
                log.info("vault of %s: live files left: %s", self._account_id, error)
        self._mark = None
        self._ledger = Ledger(self._pages)
        self._lock.release()


def remove_live(live_folder: Path) -> None:
    """Remove a live database that its vault has sealed; for Windows, after the worker is gone.

    Raises:
        VaultError: A file cannot be removed.
    """
    LiveFiles(live_folder, in_ram=False).remove()


def _any(number: int, page: bytes) -> bool:
    del number, page
    return True
