"""Faults of the disk and of the memory folder: full, read-only, gone, damaged."""

import contextlib
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import pytest

from tests.e2e.harness import Shop
from tests.e2e.matrix import VICTIM, Fault, Scene, open_paths
from tests.e2e.mounts import Mounts, MountsUnavailableError

DISK: Final = "48m"
MEMORY: Final = "64m"
FILLER: Final = "filler"
SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - of the row's own namespace


class MountedShop(Shop):
    """A computer whose data and memory folders are small file systems of their own."""

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            try:
                self.mounts = stack.enter_context(Mounts())
            except MountsUnavailableError as err:
                pytest.skip(str(err))
            super().__enter__()
            stack.push(super().__exit__)
            self.mount(self.mounts)
            self._mounted = stack.pop_all()
        return self

    def mount(self, mounts: Mounts) -> None:
        """Put the file systems where they belong."""
        mounts.tmpfs(
            SHARED_MEMORY, size=MEMORY
        )  # where the program goes when it has no other place
        mounts.tmpfs(self.runtime, size=MEMORY)
        mounts.tmpfs(self.data, size=DISK)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._mounted.__exit__(kind, error, trace)


def fill(scene: Scene, folder: Path) -> Path:
    """Fill the file system of `folder` to the last byte; return what fills it."""
    filler = scene.shop.seen(folder) / FILLER
    with filler.open("ab", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while file.write(b"x" * size) == size:
                    pass
    return filler


def mounts(scene: Scene) -> Mounts:
    assert scene.shop.mounts is not None
    return scene.shop.mounts


def waits_for_notice(scene: Scene, notice: str | None, within_s: float = 15.0) -> float:
    """Wait until this, and its sentence, is told beside the state; return when it was."""
    scene.waits(lambda: scene.session()["notice"] == notice, within_s)
    assert bool(scene.session()["notice_text"]) is (notice is not None)
    return time.monotonic()


def waits_for_seal(scene: Scene, within_s: float = 15.0) -> None:
    """Wait until the vault is newer than now: nothing is owed to it."""
    vault = scene.shop.seen(scene.shop.data / "auth_sessions" / VICTIM / "session.vault")
    before = vault.stat().st_mtime_ns
    scene.answers_on_the_books("question that is sealed")
    scene.waits(lambda: vault.stat().st_mtime_ns > before, within_s)


def opens_without_a_code(scene: Scene) -> None:
    """Kill everything and start again: what is on the disk is whole and recent."""
    scene.stop_following()
    scene.shop.kill()
    scene.shop.running()
    scene.recovers(after=time.monotonic())
    assert scene.simulator.stats.pairings == 1
    assert scene.simulator.stats.retries_from_companions == 0


# --- the disk ------------------------------------------------------------------------------------


def disk_full(scene: Scene) -> None:
    """While messages come in. Each is answered once, and what was owed is written later."""
    worker = scene.worker()
    scene.begins()
    filler = fill(scene, scene.shop.data)
    for number in range(5):
        scene.answers(f"question {number} on a full disk")
    waits_for_notice(scene, "disk-full")
    assert scene.session()["state"] == "connected"
    filler.unlink()
    freed = time.monotonic()
    scene.took(waits_for_notice(scene, None) - freed)
    assert scene.worker() == worker
    waits_for_seal(scene)
    opens_without_a_code(scene)
    texts = [reply.text for reply in scene.ana.replies]
    assert len(texts) == len(set(texts)) + 1  # "question" alone was asked twice, by this row


def disk_full_when_a_worker_dies(scene: Scene) -> None:
    scene.begins()
    filler = fill(scene, scene.shop.data)
    scene.worker().kill()
    scene.recovers(after=scene.sees("waiting", "worker-crashed"))
    waits_for_notice(scene, "disk-full")
    filler.unlink()
    freed = time.monotonic()
    scene.took(waits_for_notice(scene, None) - freed)
    waits_for_seal(scene)


def disk_full_at_the_start(scene: Scene) -> None:
    scene.stop_following()
    scene.shop.quit()
    filler = fill(scene, scene.shop.data)
    scene.begins_again()
    scene.recovers()
    waits_for_notice(scene, "disk-full")
    filler.unlink()
    freed = time.monotonic()
    scene.took(waits_for_notice(scene, None) - freed)
    waits_for_seal(scene)


def vault_read_only(scene: Scene) -> None:
    """The session goes on, the person is told, changes of the list are refused in words."""
    worker = scene.worker()
    sessions = scene.shop.data / "auth_sessions"
    scene.begins()
    mounts(scene).read_only(scene.shop.data)
    scene.answers("question to a read-only disk")
    waits_for_notice(scene, "storage-unwritable")
    assert scene.session()["state"] == "connected"
    refused = scene.shop.cli("rename", VICTIM, "Another name", check=False)
    assert refused.returncode == 1
    assert "cannot be written" in refused.stderr
    assert scene.session()["label"] == VICTIM.title()
    mounts(scene).unmount(scene.shop.data)
    healed = time.monotonic()
    scene.took(waits_for_notice(scene, None) - healed)
    assert scene.worker() == worker
    waits_for_seal(scene)
    assert not list(scene.shop.seen(sessions).rglob("*damaged*"))


def vault_read_only_when_a_worker_dies(scene: Scene) -> None:
    """Nothing can be opened: red, with a sentence; green again by itself."""
    scene.begins()
    mounts(scene).read_only(scene.shop.data)
    scene.worker().kill()
    scene.sees("failed", "storage-unwritable")
    assert scene.session()["text"]
    mounts(scene).unmount(scene.shop.data)
    healed = time.monotonic()
    scene.took(scene.recovers(after=healed) - healed)
    assert scene.simulator.stats.pairings == 1


def inbox_read_only(scene: Scene) -> None:
    """Messages are answered from memory, each once, and the inbox is used when it can be."""
    inbox = scene.shop.data / "auth_sessions" / VICTIM / "inbox.db"
    scene.begins()
    mounts(scene).read_only(inbox)
    scene.worker().kill()
    scene.recovers(after=scene.sees("waiting"))
    waits_for_notice(scene, "storage-unwritable")
    for number in range(3):
        scene.answers(f"question {number} without an inbox")
    mounts(scene).unmount(inbox)
    healed = time.monotonic()
    scene.took(waits_for_notice(scene, None) - healed)
    opens_without_a_code(scene)


def list_damaged(scene: Scene) -> None:
    """Somebody writes nonsense into the files while the program runs."""
    scene.begins()
    data = scene.shop.data
    (data / "accounts.json").write_bytes(b"\xff nonsense")
    (data / "settings.toml").write_bytes(b"quiet_s = ] nonsense")
    scene.answers("question beside a damaged list")
    scene.shop.cli("rename", VICTIM, "Renamed")
    scene.stop_following()
    scene.shop.quit()
    began = scene.begins_again()
    scene.took(scene.recovers() - began, asserted=False)  # a whole start; test_start.py asserts it
    assert scene.session()["label"] == "Renamed"
    assert "settings.toml" in scene.shop.log()
    assert scene.simulator.stats.pairings == 1


# --- the memory folder ---------------------------------------------------------------------------


def memory_full(scene: Scene) -> None:
    """No message is lost on the way, and the account moves where there is room."""
    before = scene.shop.service.env["XDG_RUNTIME_DIR"]
    began = scene.begins()
    filler = fill(scene, scene.shop.runtime)
    for number in range(5):
        scene.answers(f"question {number} without memory")
    moved = scene.sees("connected", after=scene.sees("connecting", "retrying"))
    scene.took(moved - began)
    live = {path for path in open_paths(scene.worker()) if "session.db" in path.name}
    assert live
    assert not [path for path in live if Path(before) in path.parents]
    waits_for_notice(scene, None)
    filler.unlink()
    waits_for_seal(scene)
    opens_without_a_code(scene)


def memory_folder_removed(scene: Scene) -> None:
    """As at a logout: the folder goes with all that lies in it."""
    scene.stop_following()  # it needs the socket that goes
    began = time.monotonic()
    shutil.rmtree(scene.shop.runtime)
    scene.answers("question without a folder")
    scene.waits(lambda: scene.shop.cli("status", check=False).returncode == 0, 20)
    scene.took(time.monotonic() - began)
    scene.begins()
    waits_for_seal(scene)
    assert list(scene.shop.runtime.rglob("session.db"))
    scene.worker().kill()
    scene.recovers(after=scene.sees("waiting"))
    opens_without_a_code(scene)


def memory_folder_gone_for_good(scene: Scene) -> None:
    """As at the end of a login session: the mount goes, and nobody may make the folder again."""
    scene.stop_following()  # it needs the socket that goes
    began = time.monotonic()
    mounts(scene).unmount(scene.shop.runtime)
    mounts(scene).read_only(scene.shop.runtime)
    scene.answers("question without a folder")
    scene.waits(lambda: scene.shop.cli("status", check=False).returncode == 0, 20)
    scene.took(time.monotonic() - began)
    scene.begins()
    waits_for_seal(scene)
    live = [path for path in open_paths(scene.worker()) if path.name == "session.db"]
    assert live
    assert not any(scene.shop.runtime in path.parents for path in live)
    scene.worker().kill()
    scene.recovers(after=scene.sees("waiting"))
    opens_without_a_code(scene)


def storage(
    key: str, what: str, play: Callable[[Scene], None], goal_s: float, *, mounted: bool = True
) -> Fault:
    shop = MountedShop if mounted else Shop
    return Fault(key, "machine", what, play, goal_s=goal_s, everyone=True, make_shop=shop, slow=30)


FAULTS: Final = [
    storage("disk-full", "The disk runs full while messages come in; then there is room.",
            disk_full, 5),
    storage("disk-full-worker-dies", "A worker dies on a full disk; then there is room.",
            disk_full_when_a_worker_dies, 5),
    storage("disk-full-at-start", "The program starts on a full disk; then there is room.",
            disk_full_at_the_start, 5),
    storage("disk-read-only", "The data folder turns read-only; then it can be written.",
            vault_read_only, 5),
    storage("disk-read-only-worker-dies",
            "A worker dies while the data folder is read-only; then it can be written.",
            vault_read_only_when_a_worker_dies, 5),
    storage("inbox-read-only", "The inbox cannot be opened; then it can.", inbox_read_only, 5),
    storage("list-damaged", "Somebody damages accounts.json and settings.toml; restart.",
            list_damaged, 5, mounted=False),
    storage("memory-full", "The memory folder runs full while messages come in.", memory_full, 5),
    storage("memory-gone", "The memory folder is removed, socket and live database with it.",
            memory_folder_removed, 5, mounted=False),
    storage("memory-gone-for-good", "The memory folder goes with the login session, for good.",
            memory_folder_gone_for_good, 5),
]  # fmt: skip
