"""The sealer beside a vault that a test plays; test_vault_neonize.py has the real pair."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from tests.waiting import until
from wabot_tray.core.errors import VaultError
from wabot_tray.core.reasons import Reason
from wabot_tray.storage.sealer import Sealer, SealReport
from wabot_tray.storage.watching import Watch

FULL = VaultError(Reason.DISK_FULL, "full")
UNWRITABLE = VaultError(Reason.STORAGE_UNWRITABLE, "read-only")


class PlayedVault:
    """Seals when told that something changed, or fails as told."""

    def __init__(self) -> None:
        self.looks = 0
        self.changes = 0
        self.failure: Exception | None = None
        self.threads: set[str] = set()
        self.sealed = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()
        self.generation = 0

    def has_changed(self) -> bool:
        self.looks += 1
        return self.changes > 0

    def seal(self) -> SealReport | None:
        self.threads.add(threading.current_thread().name)
        self.sealed.set()
        assert self.go_on.wait(5)
        if self.failure is not None:
            raise self.failure
        self.changes = 0
        self.generation += 1
        return SealReport(
            generation=self.generation,
            pages=1,
            page_count=1,
            written_bytes=1,
            is_full=False,
            took_s=0.0,
        )


class Told:
    """What a sealer called back."""

    def __init__(self) -> None:
        self.troubles: list[Reason | None] = []
        self.generations: list[int] = []

    def sealer(self, vault: PlayedVault, watch: Watch | None = None) -> Sealer:
        return Sealer(
            vault,
            on_trouble=lambda error: self.troubles.append(error.reason if error else None),
            on_sealed=self.generations.append,
            watch=watch,
            poll_s=0.001 if watch is None else 0.02,
        )


class PlayedWatch:
    """Tells of a change when a test says so."""

    def __init__(self) -> None:
        self.is_blind = False
        self.is_closed = False
        self.armed = 0
        self.on_change: Callable[[], None] | None = None

    def arm(self, on_change: Callable[[], None]) -> None:
        self.armed += 1
        self.on_change = on_change

    def close(self) -> None:
        self.is_closed = True

    def tell(self) -> None:
        told, self.on_change = self.on_change, None
        assert told is not None
        told()


@pytest.fixture
def vault() -> PlayedVault:
    return PlayedVault()


async def test_sealer_seals_changes_in_its_own_thread(vault: PlayedVault) -> None:
    told = Told()
    sealer = told.sealer(vault)
    running = asyncio.create_task(sealer.run())
    for count in (1, 2, 3):
        vault.changes += 1
        await until(lambda count=count: len(told.generations) == count)  # type: ignore[misc]
    await sealer.stop()
    await sealer.stop()
    await running
    vault.changes += 1
    assert await sealer.seal_now() is None
    assert told.generations == [1, 2, 3]
    assert all(name.startswith("sealer") for name in vault.threads)


async def test_sealer_seals_at_once_and_not_without_a_change(vault: PlayedVault) -> None:
    told = Told()
    sealer = told.sealer(vault)
    assert await sealer.seal_now() is None
    vault.changes = 1
    report = await sealer.seal_now()
    assert report is not None
    assert report.generation == 1
    assert told.generations == [1]
    await sealer.stop()


async def test_sealer_reports_trouble_once_keeps_trying_and_reports_recovery(
    vault: PlayedVault,
) -> None:
    told = Told()
    sealer = told.sealer(vault)
    vault.changes = 1
    for failure in (FULL, FULL, UNWRITABLE, UNWRITABLE):
        vault.failure = failure
        assert await sealer.seal_now() is None
        assert sealer.trouble is failure
    vault.failure = None
    assert await sealer.seal_now() is not None
    assert sealer.trouble is None
    assert told.troubles == [Reason.DISK_FULL, Reason.STORAGE_UNWRITABLE, None]
    await sealer.stop()


async def test_sealer_failing_in_the_loop_goes_on(vault: PlayedVault) -> None:
    told = Told()
    sealer = told.sealer(vault)
    vault.changes, vault.failure = 1, FULL
    running = asyncio.create_task(sealer.run())
    await until(lambda: told.troubles == [Reason.DISK_FULL])
    vault.failure = None
    await until(lambda: told.generations == [1])
    assert told.troubles == [Reason.DISK_FULL, None]
    await sealer.stop()
    await running


@pytest.mark.parametrize("failure", [None, FULL])
async def test_sealer_cancelled_finishes_the_seal_under_way(
    vault: PlayedVault, failure: VaultError | None
) -> None:
    sealer = Told().sealer(vault)
    vault.changes, vault.failure = 1, failure
    vault.go_on.clear()
    running = asyncio.create_task(sealer.run())
    await until(vault.sealed.is_set)
    running.cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not running.done()
    vault.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert vault.generation == (failure is None)
    await sealer.stop()


async def test_sealer_stop_waits_for_the_seal_under_way(vault: PlayedVault) -> None:
    sealer = Told().sealer(vault)
    vault.changes = 1
    vault.go_on.clear()
    running = asyncio.create_task(sealer.run())
    await until(vault.sealed.is_set)
    stopping = asyncio.create_task(sealer.stop())
    await asyncio.sleep(0)
    assert not stopping.done()
    vault.go_on.set()
    await stopping
    await running
    assert vault.generation == 1


async def test_sealer_with_a_watch_sleeps_while_nothing_happens(vault: PlayedVault) -> None:
    told, watch = Told(), PlayedWatch()
    sealer = told.sealer(vault, watch)
    running = asyncio.create_task(sealer.run())
    await until(lambda: vault.looks == 2)  # it has looked twice and relies on the watch now
    assert watch.armed == 1
    vault.changes = 1
    watch.tell()
    await until(lambda: told.generations == [1])
    await until(lambda: vault.looks == 6)  # the change, again in the seal, and two quiet looks
    assert watch.armed == 3  # before it looked and after it sealed, so that nothing falls between
    await asyncio.sleep(0.1)  # five looks' time: that nothing happens is what is shown
    assert vault.looks == 6
    assert not watch.is_closed
    await sealer.stop()
    await running
    assert watch.is_closed


async def test_sealer_looks_now_and_then_whatever_the_watch_says(vault: PlayedVault) -> None:
    told, watch = Told(), PlayedWatch()
    sealer = told.sealer(vault, watch)
    running = asyncio.create_task(sealer.run())
    await until(lambda: vault.looks == 2)
    vault.changes = 1
    await until(lambda: told.generations == [1])  # after forty times as long as otherwise
    await sealer.stop()
    await running


async def test_sealer_whose_watch_went_blind_looks_by_itself(vault: PlayedVault) -> None:
    told, watch = Told(), PlayedWatch()
    sealer = told.sealer(vault, watch)
    running = asyncio.create_task(sealer.run())
    await until(lambda: vault.looks == 2)
    watch.is_blind = True
    watch.tell()
    await until(lambda: vault.looks > 50)
    vault.changes = 1
    await until(lambda: told.generations == [1])
    await sealer.stop()
    await running


async def test_sealer_with_a_watch_keeps_trying_while_it_fails(vault: PlayedVault) -> None:
    told, watch = Told(), PlayedWatch()
    sealer = told.sealer(vault, watch)
    vault.changes, vault.failure = 1, FULL
    running = asyncio.create_task(sealer.run())
    await until(lambda: vault.looks > 10)
    vault.failure = None
    await until(lambda: told.generations == [1])
    assert told.troubles == [Reason.DISK_FULL, None]
    await sealer.stop()
    await running


async def test_sealer_does_not_wait_on_the_loop_for_a_seal_under_way(vault: PlayedVault) -> None:
    """`has_changed` waits for whoever holds the vault."""
    told = Told()
    sealer = told.sealer(vault, PlayedWatch())
    vault.changes = 1
    vault.go_on.clear()
    at_once = asyncio.create_task(sealer.seal_now())
    await until(vault.sealed.is_set)
    looks = vault.looks
    running = asyncio.create_task(sealer.run())
    await asyncio.sleep(0.1)  # five looks' time: that nothing happens is what is shown
    assert vault.looks == looks
    vault.go_on.set()
    await at_once
    await sealer.stop()
    await running


async def test_sealer_survives_an_error_nobody_thought_of(
    vault: PlayedVault, caplog: pytest.LogCaptureFixture
) -> None:
    told = Told()
    vault.failure = ZeroDivisionError("none of ours")
    vault.changes = 1
    sealer = told.sealer(vault)
    task = asyncio.create_task(sealer.run())
    while vault.looks < 10:  # noqa: ASYNC110 - played by a thread
        await asyncio.sleep(0.001)
    assert told.troubles == [Reason.STORAGE_UNWRITABLE]
    assert caplog.text.count("sealing met an error of its own") == 1
    vault.failure = None
    while not told.generations:  # noqa: ASYNC110 - as above
        await asyncio.sleep(0.001)
    assert told.troubles == [Reason.STORAGE_UNWRITABLE, None]
    await sealer.stop()
    await task
