"""File systems of one's own for one program: small ones, read-only ones, gone with the block.

    with Mounts() as mounts:
        mounts.tmpfs(folder, size="8m")
        subprocess.run([*mounts.within, "df", folder])  # sees it; everybody else does not
        mounts.outside(folder)                          # the same folder, for this process

They live in a mount namespace that needs no root and leaves nothing behind (user_namespaces(7)).
This file is also the process that holds the namespace: it must not execute anything after it made
one, or it would lose the right to mount there.
"""

import contextlib
import ctypes
import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Final, Self

_NEW_USER: Final = 0x10000000
_NEW_MOUNTS: Final = 0x00020000
_READ_ONLY: Final = 1
_REMOUNT: Final = 32
_BIND: Final = 4096
_RECURSIVE: Final = 16384
_PRIVATE: Final = 1 << 18
_LAZY: Final = 2


class MountsUnavailableError(RuntimeError):
    """This system does not let us have a mount namespace; the message says why."""


class Mounts:
    """A mount namespace that lives as long as the block."""

    def __init__(self) -> None:
        self._holder: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self._holder = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            self._answer()
        except OSError as err:
            self._stop()
            raise MountsUnavailableError(f"no mount namespace: {err}") from err
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    @property
    def within(self) -> list[str]:
        """What to put before a command that shall see these file systems."""
        assert self._holder is not None
        target = str(self._holder.pid)
        return ["nsenter", "-t", target, "-U", "-m", "--preserve-credentials", "--"]

    def outside(self, path: Path) -> Path:
        """Return how this process reaches `path` of the namespace."""
        assert self._holder is not None
        return Path(f"/proc/{self._holder.pid}/root{path}")

    def tmpfs(self, folder: Path, *, size: str) -> None:
        """Mount an empty file system in memory on `folder`; `size` as mount(8) has it ("4m")."""
        self.outside(folder).mkdir(mode=0o700, parents=True, exist_ok=True)
        self._do("mount", "tmpfs", str(folder), "tmpfs", 0, f"size={size},mode=0700")

    def resize(self, folder: Path, *, size: str) -> None:
        """Give a tmpfs another size."""
        self._do("mount", "tmpfs", str(folder), "tmpfs", _REMOUNT, f"size={size}")

    def read_only(self, path: Path) -> None:
        """Let nobody open anything under `path` for writing; what is open already stays so."""
        self._do("mount", str(path), str(path), "", _BIND, "")
        self._do("mount", "", str(path), "", _BIND | _REMOUNT | _READ_ONLY, "")

    def unmount(self, path: Path) -> None:
        """Take the newest mount off `path`, also while it is in use."""
        self._do("unmount", str(path))

    def _do(self, *order: str | int) -> None:
        assert self._holder is not None
        assert self._holder.stdin is not None
        self._holder.stdin.write(json.dumps(order) + "\n")
        self._holder.stdin.flush()
        self._answer()

    def _answer(self) -> None:
        assert self._holder is not None
        assert self._holder.stdout is not None
        line = self._holder.stdout.readline()
        error = json.loads(line) if line else 1
        if error:
            raise OSError(error, os.strerror(error))

    def _stop(self) -> None:
        assert self._holder is not None
        for pipe in (self._holder.stdin, self._holder.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError):
                pipe.close()
        self._holder.wait(10)


# --- the process that holds the namespace --------------------------------------------------------


def _hold() -> None:
    """Make the namespace, then mount what the lines of standard input say until it ends."""
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.geteuid(), os.getegid()

    def tell(result: int) -> int:
        print(ctypes.get_errno() if result else 0, flush=True)
        return result

    if libc.unshare(_NEW_USER | _NEW_MOUNTS):
        tell(1)
        return
    try:
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1", encoding="ascii")
    except OSError as err:
        print(err.errno, flush=True)
        return
    if tell(libc.mount(b"none", b"/", None, _RECURSIVE | _PRIVATE, None)):
        return
    for line in sys.stdin:
        what, *words = json.loads(line)
        if what == "unmount":
            tell(libc.umount2(os.fsencode(words[0]), _LAZY))
            continue
        source, target, kind, flags, options = words
        texts = (os.fsencode(text) for text in (source, target, kind))
        tell(libc.mount(*texts, ctypes.c_ulong(flags), os.fsencode(options)))


if __name__ == "__main__":
    _hold()
