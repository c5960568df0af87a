"""The power goes, or the process ends, at every single write, sync, rename, resize and unlink."""

import hashlib
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pytest

from tests.storage.powerloss_disk import Disk, State, put
from tests.storage.powerloss_scenes import SCENES, Scene, Told
from tests.storage.powerloss_trace import Op, read_log

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="system calls are recorded with Linux's ptrace"
)
ROOT: Final = Path(__file__).parents[2]
# How many of the states that a power cut may leave are tried at each point. WABOT_POWER_CUTS=all
# tries every one, for which two cores take some minutes.
CUTS: Final = os.environ.get("WABOT_POWER_CUTS", "2")
THOROUGH_EACH: Final = 8


@dataclass(frozen=True, slots=True)
class Recording:
    """One scene as it was played: what was there before, and every change."""

    base: Path
    names: dict[str, int]
    ops: list[Op]

    def points(self, volatile: str = "") -> Iterator[tuple[int, Disk, list[str]]]:
        """Yield, for each point, its number, the disk there and what had been noted."""
        disk = Disk.before(self.base, self.names, volatile)
        marks: list[str] = []
        yield 0, disk, marks
        for number, op in enumerate(self.ops, 1):
            if op.kind == "mark":
                marks = [*marks, op.path]
            disk.do(op)
            yield number, disk, marks


@dataclass(frozen=True, slots=True)
class Case:
    """What was left at one point."""

    point: str
    state: State
    told: Told


def record(scene: str, folder: Path) -> Recording:
    """Play a scene in a process of its own and return what it did."""
    base, log = folder / "base", folder / "log"
    command = [sys.executable, "-m", "tests.storage.powerloss_trace", "play"]
    command += [str(folder / "root"), str(base), str(log), scene]
    subprocess.run(command, cwd=ROOT, check=True, timeout=120)
    return Recording(base, *read_log(log))


def digest(state: State, *told: object) -> bytes:
    hashed = hashlib.blake2b(repr(told).encode())
    for path, content in state.items():
        hashed.update(repr((path, content is None)).encode())
        hashed.update(hashlib.blake2b(content or b"").digest())
    return hashed.digest()


def cases(
    scene: Scene, recording: Recording, chance: random.Random, most: int | None
) -> Iterator[Case]:
    """Yield what may be left at every point, each state once."""
    seen: set[bytes] = set()
    for number, disk, marks in recording.points(scene.volatile):
        last = recording.ops[number - 1] if number else None
        point = f"at {number} of {len(recording.ops)}, after {last and replace(last, data='')}"
        left = [(disk.killed(), True)]
        left += [(state, False) for state in disk.cuts(chance, most)]
        for state, is_killed in left:
            told = Told(marks, is_killed=is_killed, is_brief=len(seen) % THOROUGH_EACH > 0)
            if (mark := digest(state, told.marks, is_killed)) not in seen:
                seen.add(mark)
                yield Case(point, state, told)


def check_all(name: str, recording: Recording, folder: Path, most: int | None) -> int:
    """Hold the product to every case and return how many there were; what fails is kept."""
    scene = SCENES[name]
    chance = random.Random(name)  # noqa: S311 - a sample, not a secret
    count = 0
    for case in cases(scene, recording, chance, most):
        count += 1
        put(case.state, folder / "left")
        try:
            scene.check(folder / "left", case.told)
        except Exception as error:
            put(case.state, keep := folder / "failed")
            raise AssertionError(f"{name} {case.point}; {case.told}; kept in {keep}") from error
        finally:
            shutil.rmtree(folder / "left")
    return count


@pytest.mark.parametrize("name", SCENES)
def test_powerloss_at_every_operation(name: str, tmp_path: Path, memory: Path) -> None:
    recording = record(name, tmp_path)
    count = check_all(name, recording, memory, None if CUTS == "all" else int(CUTS))
    print(f"{name}: {len(recording.ops)} operations, {count} states")
    assert count > len(recording.ops)
