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


@dataclass(slots=True)
class _File:
    synced: bytes = b""
    since: list[Op] = field(default_factory=list)

    def contents(self) -> list[bytes]:
        """Return what it held at the last sync and after every change since."""
        found = [self.synced]
        for op in self.since:
            found.append(_changed(found[-1], op))
        return found


@dataclass(slots=True)
class Disk:
    """The state after some operations: what is safe, and what is still on its way."""

    files: dict[int, _File]
    names: dict[str, int]  # 0 for a folder
    pending: list[Op] = field(default_factory=list)  # changes of names

    @classmethod
    def before(cls, root: Path, names: dict[str, int]) -> "Disk":
        """Return the disk as it was when a recording began, from a copy of the folder."""
        files = {file: _File((root / path).read_bytes()) for path, file in names.items()}
        folders = {str(path.relative_to(root)): 0 for path in root.rglob("*") if path.is_dir()}
        return cls(files, folders | names)

    def do(self, op: Op) -> None:
        """Take one operation."""
        if op.kind in {"write", "resize"}:
            self.files[op.file].since.append(op)
        elif op.kind == "sync":
            file = self.files[op.file]
            file.synced, file.since = file.contents()[-1], []
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
            yield self._state(kept, sector, chance)

    def _subsets(self) -> Iterator[Sequence[Op]]:
        """Yield which changes of names are there: as journals keep them, and single losses."""
        for count in range(len(self.pending) + 1):
            yield self.pending[:count]
        for number in range(len(self.pending) - 1):
            yield self.pending[:number] + self.pending[number + 1 :]
            if number:
                yield [self.pending[number]]

    def _state(self, kept: Sequence[Op], sector: int, chance: random.Random) -> State:
        """Return names and contents, where only the changes of names in `kept` have come about."""
        names = dict(self.names)
        for change in kept:
            _rename(names, change)
        state: State = {}
        for path, file in sorted(names.items()):
            above = str(Path(path).parent)
            if above != "." and state.get(above, b"") is not None:
                continue  # the folder is not there
            state[path] = self._content(file, sector, chance) if file else None
        return state

    def _content(self, file: int, sector: int, chance: random.Random) -> bytes:
        versions = self.files[file].contents()
        if sector in (_NOTHING, _EVERYTHING):
            return versions[sector]
        size = len(chance.choice(versions))
        mixed = bytearray()
        for start in range(0, size, sector):
            length = min(sector, size - start)
            mixed += chance.choice(versions)[start : start + length].ljust(length, b"\0")
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


def _changed(content: bytes, op: Op) -> bytes:
    if op.kind == "resize":
        return content[: op.offset].ljust(op.offset, b"\0")
    before = content[: op.offset].ljust(op.offset, b"\0")
    return before + op.content + content[op.offset + len(op.content) :]


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
