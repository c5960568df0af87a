"""Backups of a data folder, made and restored while the program runs or without it."""

import asyncio
import contextlib
import logging
import sys
import threading
from collections.abc import Callable, Collection, Coroutine
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Final, TypeVar

from wabot_tray.core.clock import SYSTEM_CLOCK, Clock
from wabot_tray.core.errors import BackupError, ControlError, VaultError
from wabot_tray.storage.backup import Goods, fold_left_behind, make_backup
from wabot_tray.storage.backup_file import Backup, Index, Progress, open_backup
from wabot_tray.storage.backup_notes import NotesFile
from wabot_tray.storage.keyring import KeySource
from wabot_tray.storage.registry import Account, Registry
from wabot_tray.storage.restore import Plan, Restore, Wishes
from wabot_tray.system.paths import Paths

log = logging.getLogger(__name__)

SHORTEST_PASSPHRASE: Final = 8
_STEP: Final = 0.01  # nobody sees smaller progress
# Python hands over from a busy thread after 5 ms, several times for each turn of the loop: a
# window would be felt to stutter. While a backup works, threads hand over ten times as often.
_USUAL_SWITCH_S: Final = sys.getswitchinterval()
_SWIFT_SWITCH_S: Final = 0.0005
SetDown = Callable[[Collection[str]], AbstractAsyncContextManager[Registry]]
Answer = TypeVar("Answer")


def _unseen(_share: float) -> None:
    """Stand in where nobody watches."""


class Backups:
    """Makes and restores backups, one at a time, all work in threads.

    Args:
        paths: The data folder; the caller holds the lock on it.
        source: Where its master key comes from.
        registry: The accounts.
        set_down: Keeps accounts from running while a block changes their files and the list;
            None where no program runs, and so no account.
        clock: Dates what is made.
    """

    def __init__(
        self,
        paths: Paths,
        source: KeySource,
        registry: Registry,
        set_down: SetDown | None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._paths = paths
        self._source = source
        self._registry = registry
        self._set_down = set_down
        self._clock = clock
        self._restore = Restore(paths, clock)
        self._busy = False
        self.notes = NotesFile(paths.data)

    def accounts(self) -> tuple[Account, ...]:
        """Return the accounts that are here."""
        return self._registry.all()

    async def make(
        self, path: Path, passphrase: str, progress: Progress = _unseen, *, replace: bool = False
    ) -> Index:
        """Write a backup of everything to `path` and return what is inside.

        A call that is cancelled leaves no file.

        Args:
            path: Where to.
            passphrase: At least `SHORTEST_PASSPHRASE` characters.
            progress: Called on the loop with a share from 0 to 1.
            replace: Whether a file that is there may go.

        Raises:
            BackupError: The passphrase is too short, something is there already, there is nothing
                to keep, or the place refuses.
            KeyUnavailableError: The master key cannot be had.
            ControlError: Another backup or restore is under way.
        """
        if len(passphrase) < SHORTEST_PASSPHRASE:
            raise BackupError("error.backup_short", length=SHORTEST_PASSPHRASE)

        async def work() -> Index:
            key = await self._old_key()
            if self._set_down is None and key is not None:
                for account in self.accounts():
                    fold_left_behind(self._paths, account.id, key, self._clock)
            goods = Goods(self._paths, self.accounts(), key, self._clock)
            return await _in_thread(
                lambda told: make_backup(path, passphrase, goods, replace=replace, progress=told),
                progress,
            )

        index = await self._alone(work())
        self.notes.note(made_at=index.made_at, path=str(path))
        return index

    async def look(self, path: Path, passphrase: str, progress: Progress = _unseen) -> Backup:
        """Read a backup from end to end and return it, to show and then to restore.

        Raises:
            BackupError: It is none, a newer one, damaged, unreadable, or has another passphrase.
        """
        return await _in_thread(lambda told: open_backup(path, passphrase, told), progress)

    async def restore(
        self, backup: Backup, wishes: Wishes, progress: Progress = _unseen
    ) -> tuple[Account, ...]:
        """Put accounts and files in their place and return the accounts as they are now.

        Until everything is built and verified, nothing changes and a cancelled call leaves
        nothing; from then on all of it happens, if need be at the next start.

        Raises:
            BackupError: The backup was damaged meanwhile, or a wish makes no sense.
            KeyUnavailableError: The master key cannot be had.
            VaultError: The disk refuses, or another process works on an account.
            ControlError: Another backup or restore is under way.
        """
        return await self._alone(self._restored(backup, wishes, progress))

    async def _restored(
        self, backup: Backup, wishes: Wishes, progress: Progress
    ) -> tuple[Account, ...]:
        key = await self._source.master_key(create=True)
        plan = await _in_thread(
            lambda told: self._restore.stage(backup, wishes, key, told), progress
        )
        # Cancelled between these lines, the plan would only wait to be forgotten.
        await _to_its_end(self._carry_out(plan, key))
        log.info("restored: %d accounts, %d files", len(plan.accounts), len(plan.files))
        return plan.accounts

    async def _carry_out(self, plan: Plan, key: bytes) -> None:
        try:
            async with self._down(plan.moves) as registry:
                await asyncio.to_thread(self._restore.commit, plan, key)
                try:
                    await asyncio.to_thread(self._restore.move, plan)
                    registry.put(plan.accounts)
                    await asyncio.to_thread(self._restore.end, plan)
                except VaultError as error:
                    log.error("a restore is not finished: %s", error)  # noqa: TRY400
                    raise BackupError("error.restore_unfinished") from error
        except ControlError:
            self._restore.discard(plan)
            raise

    def _down(self, account_ids: Collection[str]) -> AbstractAsyncContextManager[Registry]:
        if self._set_down is None:
            return contextlib.nullcontext(self._registry)
        return self._set_down(account_ids)

    async def _old_key(self) -> bytes | None:
        """Return the master key; None where nothing was ever sealed."""
        if not any(self._paths.sessions.glob("*/session.key")):
            return None
        return await self._source.master_key(create=False)

    async def _alone(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        if self._busy:
            work.close()
            raise ControlError("error.backup_under_way")
        self._busy = True
        try:
            return await work
        finally:
            self._busy = False


async def _in_thread(work: Callable[[Progress], Answer], progress: Progress) -> Answer:
    """Do `work` in a thread; cancelled, it ends at its next step, and this waits for that."""
    loop, stop, last = asyncio.get_running_loop(), threading.Event(), -1.0

    def told(share: float) -> None:
        nonlocal last
        if stop.is_set():
            raise BackupError("error.backup_cancelled")
        if share - last >= _STEP or share >= 1.0:
            last = share
            loop.call_soon_threadsafe(progress, share)

    task = asyncio.ensure_future(asyncio.to_thread(work, told))
    sys.setswitchinterval(_SWIFT_SWITCH_S)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()
        raise
    finally:
        sys.setswitchinterval(_USUAL_SWITCH_S)


async def _to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Await `work`; a cancellation waits until it is done."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
