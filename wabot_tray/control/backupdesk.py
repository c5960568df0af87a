"""Backups for the command line, while the program runs."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wabot_tray.control.choices import candidates, wish_for
from wabot_tray.control.protocol import Request
from wabot_tray.core.errors import WireError
from wabot_tray.storage.backup_file import Index
from wabot_tray.storage.registry import Account
from wabot_tray.storage.restore import Wish, Wishes

if TYPE_CHECKING:
    from wabot_tray.control.backups import Backups

log = logging.getLogger(__name__)

Emit = Callable[[Mapping[str, Any]], Awaitable[None]]
Result = Mapping[str, Any]


class BackupDesk:
    """Answers the methods "backup", "look" and "restore".

    A client that hangs up cancels what it asked for; a restore that was decided is finished.

    Args:
        backups: Does the work.
    """

    def __init__(self, backups: "Backups") -> None:
        self._backups = backups
        self.streams: dict[str, Callable[[Request, Emit], Awaitable[Result]]] = {
            "backup": self._backup,
            "look": self._look,
            "restore": self._restore,
        }

    async def _backup(self, request: Request, emit: Emit) -> Result:
        path, passphrase = _file(request)
        replace = request.params.get("replace") is True

        async def work(progress: Callable[[float], None]) -> Index:
            return await self._backups.make(path, passphrase, progress, replace=replace)

        log.info("control: backup")
        return index_to_json(await _told(work, emit))

    async def _look(self, request: Request, emit: Emit) -> Result:
        del emit
        backup = await self._backups.look(*_file(request))
        return look_to_json(backup.index, self._backups.accounts())

    async def _restore(self, request: Request, emit: Emit) -> Result:
        wishes = wishes_from_json(request.params["wishes"])
        backup = await self._backups.look(*_file(request))

        async def work(progress: Callable[[float], None]) -> tuple[Account, ...]:
            return await self._backups.restore(backup, wishes, progress)

        log.info("control: restore")
        accounts = await _told(work, emit)
        return {"accounts": [account.id for account in accounts]}


async def _told(work: Callable[[Callable[[float], None]], Awaitable[Any]], emit: Emit) -> Any:
    """Await `work` and emit its progress; a slow reader gets the newest."""
    share, wake = 0.0, asyncio.Event()

    def told(now: float) -> None:
        nonlocal share
        share = now
        wake.set()

    task = asyncio.ensure_future(work(told))
    task.add_done_callback(lambda _: wake.set())
    try:
        while not task.done():
            await wake.wait()
            wake.clear()
            await emit({"share": share})
        return task.result()
    finally:
        task.cancel()
        await asyncio.wait([task])


def _file(request: Request) -> tuple[Path, str]:
    path = Path(str(request.params["path"]))
    if not path.is_absolute():  # to whom?
        raise WireError(detail="path")
    return path, str(request.params["passphrase"])


def index_to_json(index: Index) -> dict[str, Any]:
    """Return what the command line says of a backup."""
    return {
        "made_at": index.made_at.isoformat(),
        "computer": index.computer,
        "accounts": [
            {
                "id": account.id,
                "label": account.label,
                "phone": account.phone,
                "linked": account.paired and account.id in index.linked,
            }
            for account in index.accounts
        ],
        "left_out": list(index.left_out),
        "files": sorted(index.files),
    }


def look_to_json(index: Index, here: tuple[Account, ...]) -> dict[str, Any]:
    """Return what a backup holds and what could become of each of its accounts."""
    found = candidates(index, here)
    entries = []
    for one, entry in zip(found, index_to_json(index)["accounts"], strict=True):
        wishes = {choice.value: wish_for(one, choice, here) for choice in one.options}
        entries.append(
            entry | {"wishes": {name: wish and wish_to_json(wish) for name, wish in wishes.items()}}
        )
    return index_to_json(index) | {"accounts": entries}


def wish_to_json(wish: Wish) -> dict[str, Any]:
    """Return a wish as JSON knows it."""
    return {
        "source": wish.source,
        "target": wish.target,
        "label": wish.label,
        "enabled": wish.enabled,
    }


def wishes_from_json(value: Any) -> Wishes:
    """Return the wishes in `value`, which the protocol has checked."""
    accounts = tuple(Wish(**one) for one in value["accounts"])
    return Wishes(accounts=accounts, files=frozenset(value["files"]))
