"""kill -9 between any two steps of a backup or a restore, then the next start."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.storage.backup_bench import Computer, opened, quiet
from tests.storage.conftest import FakeTime
from wabot_tray.storage.backup_file import RULES
from wabot_tray.storage.registry import Registry
from wabot_tray.storage.restore import Restore, Wish, Wishes, recover

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a fork of this process")

HERE, THERE = b"h" * 32, b"t" * 32
KILLED = 9
_STEPS = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate", "open")


def killed_at(step: int, work: Callable[[], object]) -> bool:
    """Do `work` in a fork that dies right before its step number `step`; tell whether it died.

    A step is whatever changes a file or a name, as Python's own audit events tell it.
    """
    child = os.fork()
    if child == 0:
        left = step

        def hook(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal left
            if event not in _STEPS:
                return
            if event == "open" and not _writes(arguments):
                return
            left -= 1
            if left < 0:
                os._exit(KILLED)

        status = 1
        try:
            sys.addaudithook(hook)
            work()
            status = 0
        finally:
            os._exit(status)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in {0, KILLED}
    return status == KILLED


def _writes(arguments: tuple[object, ...]) -> bool:
    flags = arguments[2]
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


class Scene:
    """A computer with two accounts, one of which a backup replaces, and one that it adds."""

    def __init__(self, folder: Path, time: FakeTime, backup: Path) -> None:
        self.backup = backup
        self.time = time
        self.wishes = (Wish(source="shop", target="shop"), Wish(source="bar", target="bar"))
        self.computer = Computer(folder, time, THERE)
        self.computer.add("shop", note="what was here")
        self.computer.add("own", note="not concerned", phone="573005550177")
        self.computer.paths.bot_file.write_text("# own rules\n")

    def restore(self) -> None:
        self.computer.restore(self.backup, *self.wishes, files=frozenset({RULES}))

    def decide(self) -> None:
        """Restore until it is decided, and no further."""
        here, read = self.computer, opened(self.backup)
        restore = Restore(here.paths, self.time.clock)
        wishes = Wishes(accounts=self.wishes, files=frozenset({RULES}))
        restore.commit(restore.stage(read, wishes, THERE, quiet), THERE)

    def start(self) -> None:
        """What the next start of the program does first."""
        registry = Registry(self.computer.paths.registry_file, clock=self.time.clock)
        registry.load()
        recover(self.computer.paths, registry, self.time.clock)
        self.computer.registry = registry

    def outcome(self) -> str:
        """Return "old" or "new"; anything between fails."""
        here = self.computer
        assert here.notes("own") == ["not concerned"]
        names = {path.name for path in here.paths.sessions.iterdir()}
        assert not [name for name in names if name.startswith((".restore", "restore"))]
        rules, ids = here.paths.bot_file.read_text(), [one.id for one in here.registry]
        if rules == "# own rules\n":
            assert ids == ["shop", "own"]
            assert here.notes("shop") == ["what was here"]
            assert names == {"shop", "own"}
            assert not list(here.paths.data.glob("*.replaced-*"))
            return "old"
        assert rules == "# our rules\n"
        assert ids == ["shop", "own", "bar"]
        assert here.notes("shop") == ["linked"]
        assert here.notes("bar") == ["the bar's link"]
        assert names == {"shop", "own", "bar", "shop.replaced-20261122T120000Z"}
        (kept,) = here.paths.data.glob("bot.toml.replaced-*")
        assert kept.read_text() == "# own rules\n"
        aside = here.paths.sessions / "shop.replaced-20261122T120000Z"
        (here.paths.session("shop")).rename(here.paths.sessions / "away")
        aside.rename(here.paths.session("shop"))
        assert here.notes("shop") == ["what was here"]
        return "new"


@pytest.fixture
def backup(memory: Path, time_: FakeTime) -> Path:
    shop = Computer(memory / "here", time_, HERE)
    shop.add("shop")
    shop.add("bar", note="the bar's link", phone="573005550199")
    shop.paths.bot_file.write_text("# our rules\n")
    shop.back_up(memory / "b.wabot")
    return memory / "b.wabot"


def test_restore_killed_at_any_step_is_whole_or_nothing(
    backup: Path, memory: Path, time_: FakeTime
) -> None:
    outcomes: list[str] = []
    for step in range(1000):
        scene = Scene(memory / f"at-{step}", time_, backup)
        was_killed = killed_at(step, scene.restore)
        scene.start()
        outcomes.append(scene.outcome())
        if not was_killed:
            break
    assert len(outcomes) > 30
    turned = outcomes.index("new")
    assert outcomes == ["old"] * turned + ["new"] * (len(outcomes) - turned)


def test_start_killed_at_any_step_while_it_finishes_a_restore_is_finished_by_the_next(
    backup: Path, memory: Path, time_: FakeTime
) -> None:
    for step in range(1000):
        scene = Scene(memory / f"at-{step}", time_, backup)
        scene.decide()
        was_killed = killed_at(step, scene.start)
        scene.start()
        assert scene.outcome() == "new", step
        if not was_killed:
            break
    assert step > 10


def test_backup_killed_at_any_step_leaves_the_last_one(
    backup: Path, memory: Path, time_: FakeTime
) -> None:
    shop = Computer(memory / "second", time_, HERE)
    shop.add("shop", note="another time")
    last, new, file = {"shop", "bar"}, {"shop"}, memory / "second.wabot"
    found = []
    for step in range(1000):
        file.write_bytes(backup.read_bytes())
        was_killed = killed_at(step, lambda: shop.back_up(file, replace=True))
        found.append(set(opened(file).index.linked))
        if not was_killed:
            break
    turned = found.index(new)
    assert turned > 1
    assert found == [last] * turned + [new] * (len(found) - turned)
