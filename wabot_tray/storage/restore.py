"""Puts accounts from a backup in their place, all or nothing, whenever the process is killed.

    stage     everything is built in auth_sessions/.restore-*/, sealed under this computer's key,
              and read back; a kill leaves a folder that the next start removes
    commit    auth_sessions/restore.json says what is to happen; from here on it will happen
    finish    folders and files take their places, what was there keeps a dated name beside them;
              each step may be repeated, and the next start repeats what a kill cut off

What is restored is sealed as a new vault, of a live database that never was: nothing that a
running account left behind (live files, copies, a log of what came in) is taken for its own.
"""

import contextlib
import logging
import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from wabot_tray.core.accounts import checked_id
from wabot_tray.core.clock import SYSTEM_CLOCK, Clock
from wabot_tray.core.errors import AccountError, BackupError, KeyUnavailableError, VaultError
from wabot_tray.core.reasons import Reason
from wabot_tray.storage import backup_file as parts
from wabot_tray.storage.backup import INBOX_NAME, fold_left_behind
from wabot_tray.storage.backup_file import Backup, Progress, account_part
from wabot_tray.storage.container import Manifest, PageSeal, write_anew
from wabot_tray.storage.data_keys import open_data_key, put_data_key
from wabot_tray.storage.documents import BrokenFileError, Document
from wabot_tray.storage.files import make_lasting, storage_errors, sync_folder, write_atomic
from wabot_tray.storage.inbox_copy import copy_inbox, settled
from wabot_tray.storage.intake import Intake
from wabot_tray.storage.live import is_sound
from wabot_tray.storage.locks import FileLock
from wabot_tray.storage.recovery import find_newest
from wabot_tray.storage.registry import Account, Registry, account_from, account_values
from wabot_tray.storage.sealing import KEY_BYTES
from wabot_tray.storage.vault import FILE_NAME, LOCK_NAME
from wabot_tray.system.paths import Paths, runtime_places

log = logging.getLogger(__name__)

_JOURNAL: Final = "restore.json"
_JOURNAL_VERSION: Final = 1
_STAGED: Final = ".restore-"
_ROOM: Final = "room"  # given back before the last steps, which need a little
_ROOM_BYTES: Final = 256 * 1024
_PAGE_SIZE: Final = slice(16, 18)  # of an SQLite file's header; 1 stands for 65536
_FILES: Final = {parts.RULES: "bot.toml", parts.SETTINGS: "settings.toml"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to become of one account of the backup.

    Args:
        source: Its id in the backup.
        target: Its id here; an account that has it is put aside.
        label: Its name here; "" keeps the one in the backup.
        enabled: Whether it is to run; None as it was.
    """

    source: str
    target: str
    label: str = ""
    enabled: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What is to be restored.

    Args:
        accounts: No two with one target.
        files: Of `backup_file.RULES` and `SETTINGS`.
    """

    accounts: Sequence[Wish]
    files: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is staged and where it goes.

    Args:
        folder: The name of the staging folder.
        stamp: Marks what is put aside.
        moves: Of account folders: staged name and id here.
        files: Of files: staged name, which is the name in the data folder.
        accounts: The entries of the list.
        keep_intake: Ids whose log of messages that came in opens with the restored key.
    """

    folder: str
    stamp: str
    moves: tuple[str, ...]
    files: tuple[str, ...]
    accounts: tuple[Account, ...] = field(repr=False)
    keep_intake: tuple[str, ...] = ()


class Restore:
    """Restores into one data folder; the caller holds the lock on it.

    Args:
        paths: The data folder.
        clock: Dates what is put aside.
    """

    def __init__(self, paths: Paths, clock: Clock = SYSTEM_CLOCK) -> None:
        self._paths = paths
        self._clock = clock
        self._journal = Document(paths.sessions / _JOURNAL, _JOURNAL_VERSION, _plan)

    # --- staging ---------------------------------------------------------------------------------

    def stage(self, backup: Backup, wishes: Wishes, master_key: bytes, progress: Progress) -> Plan:
        """Build everything beside its place and return where it is to go. Blocks.

        Args:
            backup: Opened.
            wishes: What to restore.
            master_key: This data folder's.
            progress: Told how far it is; what it raises ends the work and leaves nothing.

        Raises:
            BackupError: It is damaged, or the wishes make no sense.
            AccountError: It lacks an account, or an id cannot be one.
            VaultError: The disk is full or cannot be written.
        """
        if self._journal.path.exists():
            raise BackupError("error.restore_unfinished")
        self.clear()
        self._check(backup, wishes)
        staging = self._paths.sessions / f"{_STAGED}{secrets.token_hex(4)}"
        try:
            return self._stage(staging, backup, wishes, master_key, progress)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise

    @staticmethod
    def _check(backup: Backup, wishes: Wishes) -> None:
        targets = [checked_id(wish.target) for wish in wishes.accounts]
        for wish in wishes.accounts:
            backup.index.account(wish.source)
        if len(set(targets)) != len(targets):
            raise BackupError("error.restore_twice")
        if not targets and not wishes.files:
            raise BackupError("error.restore_nothing")

    def _stage(
        self,
        staging: Path,
        backup: Backup,
        wishes: Wishes,
        master_key: bytes,
        progress: Progress,
    ) -> Plan:
        make_lasting(staging)
        write_atomic(staging / _ROOM, os.urandom(_ROOM_BYTES))
        found = _Found(wishes)
        for name, content in backup.parts(progress):
            if name in _FILES and name in wishes.files:
                write_atomic(staging / _FILES[name], content)
            elif (part := found.part(name)) is not None:
                self._put(staging, found, part, content, master_key)
        if found.lacking(backup):
            raise BackupError("error.backup_damaged")
        for wish in wishes.accounts:
            make_lasting(staging / wish.target)
        with storage_errors():
            sync_folder(staging)
        files = [_FILES[name] for name in sorted(wishes.files) if (staging / _FILES[name]).exists()]
        return Plan(
            folder=staging.name,
            stamp=f"{self._clock.now():%Y%m%dT%H%M%SZ}",
            moves=tuple(wish.target for wish in wishes.accounts),
            files=tuple(files),
            accounts=tuple(_account(backup, wish) for wish in wishes.accounts),
            keep_intake=tuple(
                wish.target
                for wish in wishes.accounts
                if self._has_key(wish.target, master_key, found.keys.get(wish.source))
            ),
        )

    def _put(
        self,
        staging: Path,
        found: "_Found",
        part: tuple[Wish, str],
        content: bytes,
        master_key: bytes,
    ) -> None:
        wish, what = part
        folder, target = staging / wish.target, wish.target
        if what == parts.KEY:
            if len(content) != KEY_BYTES:
                raise BackupError("error.backup_damaged")
            found.keys[wish.source] = content
            put_data_key(folder, target, master_key, content)
            return
        if (key := found.keys.get(wish.source)) is None:
            raise BackupError("error.backup_damaged")
        if what == parts.SESSION:
            found.sessions.add(wish.source)
            self._seal_session(folder, PageSeal(target, key), content)
        elif what == parts.INBOX:
            newer = None
            if self._has_key(target, master_key, key):
                newer = copy_inbox(self._paths.session(target) / INBOX_NAME)
            write_atomic(folder / INBOX_NAME, settled(content, newer))

    def _seal_session(self, folder: Path, pages: PageSeal, content: bytes) -> None:
        if not is_sound(content):
            raise BackupError("error.backup_damaged")
        size = int.from_bytes(content[_PAGE_SIZE], "big")
        size = 1 << 16 if size == 1 else size
        rows = [
            pages.seal_page(at // size + 1, 1, content[at : at + size])
            for at in range(0, len(content), size)
        ]
        digest = 0
        for row in rows:
            digest ^= pages.mark(row)
        manifest = Manifest(
            generation=1,
            page_size=size,
            page_count=len(rows),
            digest=digest,
            live_id=secrets.token_hex(16),  # of no live database there ever was
            sealed_at=self._clock.now().isoformat(),
        )
        write_anew(folder / FILE_NAME, pages, rows, manifest)
        sealed = find_newest(folder / FILE_NAME, (), pages)
        if sealed is None or sealed.content != content:
            raise BackupError("error.backup_damaged")

    def _has_key(self, account_id: str, master_key: bytes, key: bytes | None) -> bool:
        """Whether the account here is the one of the backup, at another time."""
        try:
            folder = self._paths.session(account_id)
            return key == open_data_key(folder, account_id, master_key, create=False)
        except (KeyUnavailableError, VaultError):
            return False

    # --- the point of no return, and after it ----------------------------------------------------

    def commit(self, plan: Plan, master_key: bytes) -> None:
        """Decide that `plan` will happen. Nobody may run the accounts it concerns.

        Raises:
            VaultError: The disk refuses, or a process still works on one of the accounts
                (IN_USE_ELSEWHERE). Nothing has changed, and the plan is forgotten.
        """
        try:
            self._commit(plan, master_key)
        except BaseException:
            if not self._journal.path.exists():
                self.discard(plan)
                raise
            # Only its copy could not be written: it is decided all the same.
            log.warning("the copy of a restore's journal could not be written")

    def _commit(self, plan: Plan, master_key: bytes) -> None:
        for account_id in plan.moves:
            self._refuse_running(account_id)
            fold_left_behind(self._paths, account_id, master_key, self._clock)
        self._journal.save(
            {
                "folder": plan.folder,
                "stamp": plan.stamp,
                "moves": list(plan.moves),
                "files": list(plan.files),
                "accounts": [account_values(account) for account in plan.accounts],
                "keep_intake": list(plan.keep_intake),
            }
        )

    def _refuse_running(self, account_id: str) -> None:
        folder = self._paths.session(account_id)
        if not folder.exists():
            return
        lock = FileLock(folder / LOCK_NAME)
        if not lock.acquire():
            raise VaultError(Reason.IN_USE_ELSEWHERE, f"process {lock.holder()}")
        lock.release()

    def discard(self, plan: Plan) -> None:
        """Forget a plan that was not committed. Twice is harmless."""
        shutil.rmtree(self._paths.sessions / plan.folder, ignore_errors=True)

    def pending(self) -> Plan | None:
        """Return the plan that was committed and is not finished, if there is one.

        Raises:
            VaultError: It cannot be read.
        """
        try:
            return self._journal.load()
        except BrokenFileError as error:
            # Not by a kill: it is written whole, twice. Nothing is moved without it.
            log.error("the journal of a restore cannot be read: %s", error)  # noqa: TRY400
            return None

    def move(self, plan: Plan) -> None:
        """Let folders and files take their places. Blocks; may be repeated.

        Raises:
            VaultError: The disk refuses; the next start goes on.
        """
        staging = self._paths.sessions / plan.folder
        with storage_errors():
            (staging / _ROOM).unlink(missing_ok=True)
            for account_id in plan.moves:
                self._move_account(staging / account_id, account_id, plan)
            for name in plan.files:
                self._move_file(staging / name, self._paths.data / name, plan.stamp)

    def end(self, plan: Plan) -> None:
        """Forget the journal of a plan that is carried out. Twice is harmless.

        Raises:
            VaultError: The disk refuses; the next start repeats what changes nothing.
        """
        with storage_errors():
            for path in (self._journal.copy, self._journal.path):
                path.unlink(missing_ok=True)
            sync_folder(self._paths.sessions)
        self.discard(plan)

    def clear(self) -> None:
        """Remove what a killed process had staged and not committed."""
        if self._journal.path.exists():
            return
        for left in self._paths.sessions.glob(f"{_STAGED}*"):
            log.info("a restore that was cut off is forgotten; it had changed nothing")
            shutil.rmtree(left, ignore_errors=True)
        for draft in self._paths.sessions.glob(f".{_JOURNAL}*"):
            with contextlib.suppress(OSError):
                draft.unlink()

    def _move_account(self, staged: Path, account_id: str, plan: Plan) -> None:
        if not staged.exists():
            return
        target = self._paths.session(account_id)
        aside = _free(target.with_name(f"{account_id}.replaced-{plan.stamp}"))
        if account_id not in plan.keep_intake:
            self._take_intake(account_id, target)
        if target.exists():
            target.rename(aside)
            sync_folder(target.parent)
        staged.rename(target)
        sync_folder(staged.parent)
        sync_folder(target.parent)

    def _take_intake(self, account_id: str, target: Path) -> None:
        """Keep with the old account what had just come in for it, sealed under its key."""
        for place in runtime_places(self._paths):
            path = place.live(account_id) / Intake.NAME
            with contextlib.suppress(FileNotFoundError):
                if (content := path.read_bytes()) and target.exists():
                    write_atomic(_free(target / Intake.NAME), content)
                path.unlink()

    def _move_file(self, staged: Path, target: Path, stamp: str) -> None:
        if not staged.exists():
            return
        if target.exists() and (there := target.read_bytes()) != staged.read_bytes():
            # A copy: the file itself is never missing, not even for a moment.
            aside = target.with_name(f"{target.name}.replaced-{stamp}")
            if not aside.exists() or aside.read_bytes() != there:
                write_atomic(_free(aside), there)
        staged.replace(target)
        sync_folder(target.parent)


class _Found:
    """What of a backup has been met so far."""

    def __init__(self, wishes: Wishes) -> None:
        self._parts: Mapping[str, tuple[Wish, str]] = {
            account_part(wish.source, what): (wish, what)
            for wish in wishes.accounts
            for what in (parts.KEY, parts.SESSION, parts.INBOX)
        }
        self._wished = {wish.source for wish in wishes.accounts}
        self.keys: dict[str, bytes] = {}
        self.sessions: set[str] = set()

    def part(self, name: str) -> tuple[Wish, str] | None:
        return self._parts.get(name)

    def lacking(self, backup: Backup) -> bool:
        """Whether the index promised more than there was."""
        return not (backup.index.linked & self._wished) <= self.sessions


def recover(paths: Paths, registry: Registry, clock: Clock = SYSTEM_CLOCK) -> None:
    """Finish a restore that was cut off after it was decided, forget one cut off before.

    The caller holds the lock on the data folder, and no account runs. Without either, nothing
    happens.

    Raises:
        VaultError: The disk refuses.
    """
    restore = Restore(paths, clock)
    if (plan := restore.pending()) is not None:
        log.warning("a restore was cut off and is finished now")
        restore.move(plan)
        registry.put(plan.accounts)
        restore.end(plan)
    restore.clear()


def _account(backup: Backup, wish: Wish) -> Account:
    account = backup.index.account(wish.source)
    is_linked = wish.source in backup.index.linked
    return replace(
        account,
        id=checked_id(wish.target),
        label=wish.label or account.label,
        paired=account.paired and is_linked,
        enabled=account.enabled if wish.enabled is None else wish.enabled,
    )


def _free(path: Path) -> Path:
    """Return `path`, or a name like it that nothing has."""
    number, found = 1, path
    while found.exists():
        number += 1
        found = path.with_name(f"{path.name}-{number}")
    return found


def _plan(values: dict[str, Any]) -> Plan:
    try:
        moves = tuple(checked_id(str(one)) for one in values["moves"])
    except AccountError as error:
        raise ValueError(str(error)) from error
    folder, files = str(values["folder"]), tuple(str(one) for one in values["files"])
    if not folder.startswith(_STAGED) or "/" in folder or not {*files} <= {*_FILES.values()}:
        raise ValueError("no plan of ours")
    return Plan(
        folder=folder,
        stamp=str(values["stamp"]),
        moves=moves,
        files=files,
        accounts=tuple(account_from(dict(entry)) for entry in values["accounts"]),
        keep_intake=tuple(str(one) for one in values["keep_intake"]),
    )
