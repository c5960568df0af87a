"""Backups of a running program: one at a time, off the loop, cancelled without a trace."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection
from pathlib import Path

import pytest

from tests.storage.backup_bench import CHEAP, PASSPHRASE, Computer
from tests.storage.conftest import FakeTime
from wabot_tray.control.backups import Backups
from wabot_tray.control.choices import Choice, candidates, wish_for
from wabot_tray.core.errors import BackupError, ControlError, VaultError
from wabot_tray.core.reasons import Reason
from wabot_tray.storage import backup as storage_backup
from wabot_tray.storage.registry import Registry
from wabot_tray.storage.restore import Restore, Wish, Wishes, recover
from wabot_tray.storage.sealed_stream import new_key


class Keys:
    """A keyring that has one key."""

    kind = "keyring"

    def __init__(self, key: bytes) -> None:
        self._key = key

    async def master_key(self, *, create: bool) -> bytes:
        del create
        return self._key

    async def is_available(self) -> bool:
        return True


class Shop:
    """A computer and the backups of its program."""

    def __init__(self, folder: Path, time: FakeTime, key: bytes) -> None:
        self.computer = Computer(folder, time, key)
        self.down: list[tuple[str, ...]] = []
        self.backups = Backups(
            self.computer.paths, Keys(key), self.computer.registry, self.set_down, time.clock
        )

    @contextlib.asynccontextmanager
    async def set_down(self, account_ids: Collection[str]) -> AsyncIterator[Registry]:
        self.down.append(tuple(account_ids))
        yield self.computer.registry


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage_backup, "new_key", lambda words, _cost: new_key(words, CHEAP))


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path / "here", FakeTime(), b"h" * 32)
    made.computer.add("shop")
    return made


@pytest.fixture
def other(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "there", FakeTime(), b"t" * 32)


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


ALL = Wishes(accounts=(Wish(source="shop", target="shop"),))


async def test_backup_is_noted_and_restored_elsewhere(
    shop: Shop, other: Shop, tmp_path: Path
) -> None:
    path, shares = tmp_path / "b.wabot", list[float]()
    await shop.backups.make(path, PASSPHRASE, shares.append)
    await asyncio.sleep(0)
    assert shares[-1] == 1.0
    assert shop.backups.notes.notes.made_at == shop.computer.time.now()
    again = Backups(shop.computer.paths, Keys(b""), shop.computer.registry, None)
    assert again.notes.notes.path == str(path)
    found = await other.backups.look(path, PASSPHRASE)
    (account,) = await other.backups.restore(found, ALL)
    assert account.paired
    assert other.down == [("shop",)]
    assert other.computer.notes() == ["linked"]


async def test_short_passphrase_is_refused(shop: Shop, tmp_path: Path) -> None:
    with pytest.raises(BackupError) as caught:
        await shop.backups.make(tmp_path / "b.wabot", "1234567")
    assert caught.value.message_key == "error.backup_short"
    assert not (tmp_path / "b.wabot").exists()


async def test_second_backup_waits_for_nobody(shop: Shop, tmp_path: Path) -> None:
    first = asyncio.ensure_future(shop.backups.make(tmp_path / "1.wabot", PASSPHRASE))
    await asyncio.sleep(0)
    with pytest.raises(ControlError) as caught:
        await shop.backups.make(tmp_path / "2.wabot", PASSPHRASE)
    assert caught.value.message_key == "error.backup_under_way"
    await first
    await shop.backups.make(tmp_path / "2.wabot", PASSPHRASE)


async def test_cancelled_backup_leaves_no_file_and_no_note(shop: Shop, tmp_path: Path) -> None:
    def stop(_share: float) -> None:
        task.cancel()

    task = asyncio.ensure_future(shop.backups.make(tmp_path / "b.wabot", PASSPHRASE, stop))
    with pytest.raises(asyncio.CancelledError):
        await task
    assert names(tmp_path) == ["here"]
    assert shop.backups.notes.notes.made_at is None


async def test_cancelled_restore_leaves_nothing(shop: Shop, other: Shop, tmp_path: Path) -> None:
    await shop.backups.make(tmp_path / "b.wabot", PASSPHRASE)
    found = await other.backups.look(tmp_path / "b.wabot", PASSPHRASE)

    def stop(_share: float) -> None:
        task.cancel()

    task = asyncio.ensure_future(other.backups.restore(found, ALL, stop))
    with pytest.raises(asyncio.CancelledError):
        await task
    assert other.down == []
    assert names(other.computer.paths.sessions) == []


async def test_restore_that_was_decided_ends_although_it_is_cancelled(
    shop: Shop, other: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.backups.make(tmp_path / "b.wabot", PASSPHRASE)
    found = await other.backups.look(tmp_path / "b.wabot", PASSPHRASE)
    loop, real = asyncio.get_running_loop(), Restore.move

    def move(self: Restore, plan: object) -> None:
        loop.call_soon_threadsafe(task.cancel)
        real(self, plan)  # type: ignore[arg-type]

    monkeypatch.setattr(Restore, "move", move)
    task = asyncio.ensure_future(other.backups.restore(found, ALL))
    with pytest.raises(asyncio.CancelledError):
        await task
    assert other.computer.registry.get("shop").paired
    assert other.computer.notes() == ["linked"]


async def test_disk_that_refuses_the_last_steps_is_said(
    shop: Shop, other: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.backups.make(tmp_path / "b.wabot", PASSPHRASE)
    found = await other.backups.look(tmp_path / "b.wabot", PASSPHRASE)

    def move(_self: Restore, _plan: object) -> None:
        raise VaultError(Reason.DISK_FULL)

    with monkeypatch.context() as patched:
        patched.setattr(Restore, "move", move)
        with pytest.raises(BackupError) as caught:
            await other.backups.restore(found, ALL)
    assert caught.value.message_key == "error.restore_unfinished"
    recover(other.computer.paths, other.computer.registry)  # the next start
    assert other.computer.notes() == ["linked"]


async def test_backup_without_the_program_seals_what_a_killed_one_left(
    shop: Shop, other: Shop, tmp_path: Path
) -> None:
    from tests.storage.backup_bench import write  # noqa: PLC0415

    computer = shop.computer
    killed = computer.vault()
    killed.open()
    write(computer.paths.live("shop") / "session.db", "not sealed yet")
    killed._let_go()
    alone = Backups(computer.paths, Keys(b"h" * 32), computer.registry, None)
    await alone.make(tmp_path / "b.wabot", PASSPHRASE)
    found = await other.backups.look(tmp_path / "b.wabot", PASSPHRASE)
    await other.backups.restore(found, ALL)
    assert other.computer.notes() == ["linked", "not sealed yet"]


# --- what may become of an account ---------------------------------------------------------------


async def test_choices_follow_what_is_here(shop: Shop, other: Shop, tmp_path: Path) -> None:
    await shop.backups.make(tmp_path / "b.wabot", PASSPHRASE)
    index = (await shop.backups.look(tmp_path / "b.wabot", PASSPHRASE)).index
    (new,) = candidates(index, other.backups.accounts())
    assert new.options == (Choice.RESTORE, Choice.SKIP)
    assert wish_for(new, Choice.RESTORE, ()) == Wish(source="shop", target="shop")
    assert wish_for(new, Choice.SKIP, ()) is None
    (linked,) = candidates(index, shop.backups.accounts())
    assert linked.options[0] is Choice.SKIP
    other.computer.registry.add("shop")
    (empty,) = candidates(index, other.backups.accounts())
    assert empty.options[0] is Choice.REPLACE


async def test_second_link_of_one_number_begins_switched_off(shop: Shop, tmp_path: Path) -> None:
    await shop.backups.make(tmp_path / "b.wabot", PASSPHRASE)
    index = (await shop.backups.look(tmp_path / "b.wabot", PASSPHRASE)).index
    here = shop.backups.accounts()
    (linked,) = candidates(index, here)
    beside = wish_for(linked, Choice.BESIDE, here)
    assert beside == Wish(source="shop", target="shop-2", label="Shop (shop-2)", enabled=False)
    replaced = wish_for(linked, Choice.REPLACE, here)
    assert replaced == Wish(source="shop", target="shop")
