"""A disk that forgets: what may lie on it when the power goes after each recorded operation.

The rules are POSIX's, the strictest there are, so that no file system's kindness is relied upon:

- What was written to a file is there once the file was synced. Before, each sector alone holds any
  of the contents it had since, and the file has any of its sizes since: a write may be torn, lost
  or overtaken by a later one.
- A name is there, gone or changed once its folder was synced, whatever was synced of the file.
  Before, each of these changes alone is there or not; a rename is whole.
- What lies in a folder that is not there is not there.

A killed process is milder: everything it did before is there.
"""

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.storage.powerloss_trace import Op

_NAMES: Final = {"create", "rename", "unlink", "mkdir", "rmdir"}
# How much is there of what was not synced: a version, or a mixture in sectors of so many bytes.
_NOTHING, _EVERYTHING = 0, -1
_CONTENTS: Final = (_NOTHING, _EVERYTHING, 512, 4096)
State = dict[str, bytes | None]  # path to content, None for a folder


class _File:
    def __init__(self, content: bytes = b"") -> None:
        self.synced = content
        self.since: list[Op] = []
        self._now = bytearray(content)

    def change(self, op: Op) -> None:
        self.since.append(op)
        _change(self._now, op)

    def sync(self) -> None:
        self.synced, self.since = bytes(self._now), []

    def now(self) -> bytes:
        """Return what a process reads."""
        return bytes(self._now)

    def contents(self) -> list[bytes]:
        """Return what it held at the last sync and after every change since."""
        content, found = bytearray(self.synced), [self.synced]
        for op in self.since:
            _change(content, op)
            found.append(bytes(content))
        return found


@dataclass(slots=True)
class Disk:
    """The state after some operations: what is safe, and what is still on its way.

    Args:
        files: By number.
        names: To numbers, 0 for a folder, as far as they are safe.
        volatile: A folder that lies in memory, "" for none.
        pending: Changes of names that are not safe yet.
    """

    files: dict[int, _File]
    names: dict[str, int]
    volatile: str = ""
    pending: list[Op] = field(default_factory=list)

    @classmethod
    def before(cls, root: Path, names: dict[str, int], volatile: str = "") -> "Disk":
        """Return the disk as it was when a recording began, from a copy of the folder."""
        files = {file: _File((root / path).read_bytes()) for path, file in names.items()}
        folders = {str(path.relative_to(root)): 0 for path in root.rglob("*") if path.is_dir()}
        return cls(files, folders | names, volatile)

    def do(self, op: Op) -> None:
        """Take one operation."""
        if op.kind in {"write", "resize"}:
            self.files[op.file].change(op)
        elif op.kind == "sync":
            self.files[op.file].sync()
        elif op.kind == "syncdir":
            here = [change for change in self.pending if op.path in _folders(change)]
            for change in here:
                _rename(self.names, change)
            self.pending = [change for change in self.pending if change not in here]
        elif op.kind in _NAMES:
            if op.kind == "create":
                self.files[op.file] = _File()
            self.pending.append(op)

    def killed(self) -> State:
        """Return what a killed process leaves."""
        return self._state(self.pending, _EVERYTHING, random.Random())  # noqa: S311 - unused

    def cuts(self, chance: random.Random, most: int | None = None) -> Iterator[State]:
        """Yield what a power cut may leave: extremes, each single loss, mixtures.

        Args:
            chance: Chooses and mixes.
            most: How many of them, chosen at random; None for all.
        """
        plans = list(itertools.product(self._subsets(), _CONTENTS))
        if most is not None and most < len(plans):
            plans = chance.sample(plans, most)
        for kept, sector in plans:
            yield self._state(kept, sector, chance, self.volatile)

    def _subsets(self) -> Iterator[Sequence[Op]]:
        """Yield which changes of names are there: as journals keep them, and single losses."""
        for count in range(len(self.pending) + 1):
            yield self.pending[:count]
        for number in range(len(self.pending) - 1):
            yield self.pending[:number] + self.pending[number + 1 :]
            if number:
                yield [self.pending[number]]

    def _state(
        self, kept: Sequence[Op], sector: int, chance: random.Random, gone: str = ""
    ) -> State:
        """Return names and contents.

        Args:
            kept: The changes of names that have come about.
            sector: How much of the contents is there; see `_CONTENTS`.
            chance: Mixes contents.
            gone: A folder of which nothing is there.
        """
        names = dict(self.names)
        for change in kept:
            _rename(names, change)
        state: State = {}
        for path, file in sorted(names.items()):
            above = str(Path(path).parent)
            if above != "." and state.get(above, b"") is not None:
                continue  # the folder is not there
            if not (gone and path.startswith(f"{gone}/")):
                state[path] = self._content(file, sector, chance) if file else None
        return state

    def _content(self, file: int, sector: int, chance: random.Random) -> bytes:
        if sector == _EVERYTHING:
            return self.files[file].now()
        if sector == _NOTHING or not self.files[file].since:
            return self.files[file].synced
        versions = self.files[file].contents()
        last = chance.randrange(len(versions))  # the last change of its size that is there
        size = len(versions[last])
        mixed = bytearray()
        for start in range(0, size, sector):
            length = min(sector, size - start)
            # Where it grew there may be a gap; what a cut took away is there while the cut is not.
            there = [v for number, v in enumerate(versions) if len(v) > start or number < last]
            mixed += chance.choice(there)[start : start + length].ljust(length, b"\0")
        return bytes(mixed)


def put(state: State, root: Path) -> None:
    """Write `state` below `root`, which is empty."""
    for path, content in state.items():
        place = root / path
        if content is None:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
        elif not path.endswith("-shm"):  # only a mapping fills it, and SQLite makes it anew
            place.write_bytes(content)
            place.chmod(0o600)


def _change(content: bytearray, op: Op) -> None:
    end = op.offset if op.kind == "resize" else op.offset + len(op.content)
    content.extend(bytes(max(end - len(content), 0)))
    if op.kind == "resize":
        del content[end:]
    else:
        content[op.offset : end] = op.content


def _folders(change: Op) -> set[str]:
    """Return the folders a change of names is written in."""
    names = [change.path, change.to] if change.to else [change.path]
    return {str(Path(name).parent) for name in names}


def _rename(names: dict[str, int], change: Op) -> None:
    """Change names, as far as those before have come about."""
    if change.kind == "rename":
        if names.get(change.path) == change.file:
            del names[change.path]
        names[change.to] = change.file
    elif change.kind == "unlink":
        if names.get(change.path) == change.file:
            del names[change.path]
    elif change.kind == "rmdir":
        names.pop(change.path, None)
    else:
        names[change.path] = change.file
