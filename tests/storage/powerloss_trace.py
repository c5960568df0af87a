"""Records every change a real process makes to the files below a folder.

The process is followed with ptrace(2), so that SQLite's own calls are seen as well as Python's; one
JSON line is written for each call that changed a file or a folder, or waited for the disk. No tool
and no package is needed, only Linux 5.3 or newer (PTRACE_GET_SYSCALL_INFO).

    python -m tests.storage.powerloss_trace play ROOT BASE LOG SCENE
        Plays a scene of powerloss_scenes.py in ROOT.
    python -m tests.storage.powerloss_trace join ROOT BASE LOG COUNT PROCESS [OTHERS ...]
        Follows a process that runs, and kills the others and it after COUNT changes.

BASE becomes a copy of ROOT as it was at the start. Calls that change files in a way the model does
not know end the recording with an error: what is not modelled must not be taken for safe.
"""

import base64
import contextlib
import ctypes
import json
import os
import platform
import shutil
import signal
import struct
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, TextIO

MARK_FD: Final = 1000  # what a scene writes here is a note in the log, not a file

_TRACEME, _CONT_TO_SYSCALL, _SETOPTIONS, _SYSCALL_INFO = 0, 24, 0x4200, 0x420E
_SEIZE, _INTERRUPT = 0x4206, 0x4207
_OPTIONS: Final = 0x1 | 0x8  # TRACESYSGOOD, TRACECLONE
_EXITKILL: Final = 0x100000
_ANY_THREAD: Final = 0x40000000  # __WALL
_STOPPED_AT_CALL: Final = signal.SIGTRAP | 0x80
_ENTRY, _EXIT = 1, 2
_INFO: Final = struct.Struct("=B3xIQQ7Q")
_AT_FDCWD: Final = -100
_AT_REMOVEDIR: Final = 0x200
_DUP_COMMANDS: Final = (0, 1030)  # F_DUPFD, F_DUPFD_CLOEXEC
_KEEP_SIZE: Final = 1
_MAP_SHARED, _PROT_WRITE = 1, 2

# Number to name, for the two kinds of machine that run this.
_NUMBERS: Final = {
    "x86_64": {
        1: "write", 2: "open", 3: "close", 9: "mmap", 18: "pwrite64", 20: "writev", 32: "dup",
        33: "dup2", 40: "sendfile", 72: "fcntl", 74: "fsync", 75: "fdatasync", 76: "truncate",
        77: "ftruncate", 82: "rename", 83: "mkdir", 84: "rmdir", 85: "creat", 86: "link",
        87: "unlink", 88: "symlink", 257: "openat", 258: "mkdirat", 263: "unlinkat",
        264: "renameat", 265: "linkat", 266: "symlinkat", 275: "splice", 285: "fallocate",
        292: "dup3", 296: "pwritev", 316: "renameat2", 326: "copy_file_range", 328: "pwritev2",
        437: "openat2",
    },
    "aarch64": {
        64: "write", 57: "close", 222: "mmap", 68: "pwrite64", 66: "writev", 23: "dup",
        71: "sendfile", 25: "fcntl", 82: "fsync", 83: "fdatasync", 45: "truncate",
        46: "ftruncate", 56: "openat", 34: "mkdirat", 35: "unlinkat", 38: "renameat",
        37: "linkat", 36: "symlinkat", 76: "splice", 47: "fallocate", 24: "dup3", 70: "pwritev",
        276: "renameat2", 285: "copy_file_range", 287: "pwritev2", 437: "openat2",
    },
}  # fmt: skip
# Calls the model has no word for: which of their arguments are descriptors, or names.
_UNKNOWN_BY_FD: Final = {
    "writev": (0,), "pwritev": (0,), "pwritev2": (0,), "sendfile": (0,), "splice": (2,),
    "copy_file_range": (2,),
}  # fmt: skip
_UNKNOWN_BY_NAME: Final = {
    "creat": 0, "link": 0, "symlink": 1, "truncate": 0, "linkat": 1, "symlinkat": 2, "openat2": 1,
}  # fmt: skip

Done = Callable[[int], None]  # what a call means, told once it has succeeded with a result


@dataclass(frozen=True, slots=True)
class Op:
    """One change.

    Args:
        kind: create, write, resize, sync, syncdir, rename, unlink, mkdir, rmdir or mark.
        file: A number that stays with a file for life, whatever its name.
        path: The name, relative to the root; of `mark` its text.
        to: The new name of a rename.
        offset: Where a write begins, or the new size.
        data: What was written, in base64.
    """

    kind: str
    file: int = 0
    path: str = ""
    to: str = ""
    offset: int = 0
    data: str = ""

    @property
    def content(self) -> bytes:
        """What was written."""
        return base64.b64decode(self.data)


def mark(text: str) -> None:
    """Note something in the recording; called by scenes."""
    os.write(MARK_FD, text.encode())


def read_log(path: Path) -> tuple[dict[str, int], list[Op]]:
    """Return the files there were at the start, by name, and what was done to them."""
    first, *lines = path.read_text(encoding="utf-8").splitlines()
    return json.loads(first), [Op(**json.loads(line)) for line in lines]


class _Ptrace:
    def __init__(self) -> None:
        self._call = ctypes.CDLL(None, use_errno=True).ptrace
        self._call.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
        self._call.restype = ctypes.c_long

    def __call__(self, request: int, thread: int, address: int = 0, data: int = 0) -> None:
        if self._call(request, thread, address, data) < 0:
            error = ctypes.get_errno()
            raise OSError(error, f"ptrace {request:#x}: {os.strerror(error)}")

    def syscall_info(self, thread: int) -> tuple[int, list[int]]:
        """Return whether a call begins or ends, and its number and arguments or its result."""
        raw = ctypes.create_string_buffer(96)
        self(_SYSCALL_INFO, thread, len(raw), ctypes.addressof(raw))
        kind, _, _, _, *values = _INFO.unpack_from(raw.raw)
        return kind, values


class Interpreter:
    """Turns calls into changes of the files below a folder.

    Args:
        root: What lies below it is recorded.
        log: Where to.
    """

    def __init__(self, root: Path, log: TextIO) -> None:
        self.count = 0
        self._root = str(root.resolve())
        self._log = log
        self._names: dict[str, int] = {}  # what lies below root now
        self._open: dict[int, tuple[int, str]] = {}  # descriptor to file (0: a folder) and path
        self._last_file = 0
        for path in sorted(root.rglob("*")):
            if path.is_file():
                self._names[self._inside(str(path))] = self._new_file()
        self._log.write(json.dumps(self._names) + "\n")

    def learn_descriptors(self, process: int) -> None:
        """Take over what a process has open already."""
        for link in Path(f"/proc/{process}/fd").iterdir():
            path = self._inside(str(link.readlink()))
            if path in self._names or (path and Path(self._root, path).is_dir()):
                self._open[int(link.name)] = (self._names.get(path, 0), path)

    def meaning(self, thread: int, name: str, args: list[int]) -> Done | None:
        """Return what a call means, None where it is none of our business."""
        if name in _UNKNOWN_BY_FD or name in _UNKNOWN_BY_NAME:
            self._refuse_unknown(thread, name, args)
            return None
        handler: Callable[[int, list[int]], Done | None] = getattr(self, f"_on_{name}")
        return handler(thread, args)

    # --- descriptors -----------------------------------------------------------------------------

    def _on_write(self, thread: int, args: list[int]) -> Done | None:
        fd = args[0]
        if fd == MARK_FD:
            text = self._memory(thread, args[1], args[2]).decode()
            return lambda _: self._put(Op("mark", path=text))
        if fd not in self._open:
            return None
        lines = Path(f"/proc/{thread}/fdinfo/{fd}").read_text(encoding="ascii").splitlines()
        position = next(int(line.split()[1]) for line in lines if line.startswith("pos:"))
        return self._on_pwrite64(thread, [*args[:3], position])

    def _on_pwrite64(self, thread: int, args: list[int]) -> Done | None:
        if (known := self._open.get(args[0])) is None:
            return None
        data = self._memory(thread, args[1], args[2])

        def done(count: int) -> None:
            text = base64.b64encode(data[:count]).decode("ascii")
            self._put(Op("write", known[0], offset=args[3], data=text))

        return done

    def _on_ftruncate(self, thread: int, args: list[int]) -> Done | None:
        del thread
        known = self._open.get(args[0])
        return known and (lambda _: self._put(Op("resize", known[0], offset=args[1])))

    def _on_fallocate(self, thread: int, args: list[int]) -> Done | None:
        if args[1] not in (0, _KEEP_SIZE) and args[0] in self._open:
            raise NotImplementedError(f"fallocate {args[1]}")
        return None if args[1] else self._on_ftruncate(thread, [args[0], args[2] + args[3]])

    def _on_fsync(self, thread: int, args: list[int]) -> Done | None:
        del thread
        if (known := self._open.get(args[0])) is None:
            return None
        file, path = known
        op = Op("sync", file) if file else Op("syncdir", path=path)
        return lambda _: self._put(op)

    _on_fdatasync = _on_fsync  # it keeps the size too, which is all the model knows

    def _on_close(self, thread: int, args: list[int]) -> Done | None:
        del thread
        self._open.pop(args[0], None)
        return None

    def _on_dup(self, thread: int, args: list[int]) -> Done | None:
        del thread

        def done(new: int) -> None:
            self._open.pop(new, None)
            if args[0] in self._open:
                self._open[new] = self._open[args[0]]

        return done

    _on_dup2 = _on_dup3 = _on_dup

    def _on_fcntl(self, thread: int, args: list[int]) -> Done | None:
        return self._on_dup(thread, args) if args[1] in _DUP_COMMANDS else None

    def _on_mmap(self, thread: int, args: list[int]) -> Done | None:
        """Only SQLite's index of a WAL is written through memory; it is made anew after a crash."""
        del thread
        _, path = self._open.get(ctypes.c_int(args[4]).value, (0, ""))
        if path and args[3] & _MAP_SHARED and args[2] & _PROT_WRITE and not path.endswith("-shm"):
            raise NotImplementedError(f"{path} is written through memory")
        return None

    # --- names -----------------------------------------------------------------------------------

    def _on_open(self, thread: int, args: list[int]) -> Done | None:
        return self._on_openat(thread, [_AT_FDCWD, *args])

    def _on_openat(self, thread: int, args: list[int]) -> Done | None:
        path, flags = self._path(thread, args[0], args[1]), args[2]

        def done(fd: int) -> None:
            self._open.pop(fd, None)
            if not path:
                return
            if Path(self._root, path).is_dir():
                self._open[fd] = (0, path)
                return
            if flags & os.O_APPEND:
                raise NotImplementedError(f"appending to {path}")
            if path not in self._names:
                self._names[path] = self._new_file()
                self._put(Op("create", self._names[path], path))
            elif flags & os.O_TRUNC:
                self._put(Op("resize", self._names[path]))
            self._open[fd] = (self._names[path], path)

        return done

    def _on_rename(self, thread: int, args: list[int]) -> Done | None:
        return self._on_renameat(thread, [_AT_FDCWD, args[0], _AT_FDCWD, args[1]])

    def _on_renameat(self, thread: int, args: list[int]) -> Done | None:
        source, target = self._path(thread, *args[:2]), self._path(thread, *args[2:4])
        if not source and not target:
            return None
        if not target or Path(self._root, source).is_dir():
            raise NotImplementedError(f"rename {source!r} to {target!r}")

        def done(_: int) -> None:
            file = self._names[target] = self._names.pop(source)
            self._put(Op("rename", file, source, target))

        return done

    _on_renameat2 = _on_renameat

    def _on_unlink(self, thread: int, args: list[int]) -> Done | None:
        return self._on_unlinkat(thread, [_AT_FDCWD, args[0], 0])

    def _on_rmdir(self, thread: int, args: list[int]) -> Done | None:
        return self._on_unlinkat(thread, [_AT_FDCWD, args[0], _AT_REMOVEDIR])

    def _on_unlinkat(self, thread: int, args: list[int]) -> Done | None:
        path = self._path(thread, args[0], args[1])
        if not path:
            return None
        if args[2] & _AT_REMOVEDIR:
            return lambda _: self._put(Op("rmdir", path=path))
        return lambda _: self._put(Op("unlink", self._names.pop(path), path))

    def _on_mkdir(self, thread: int, args: list[int]) -> Done | None:
        return self._on_mkdirat(thread, [_AT_FDCWD, *args])

    def _on_mkdirat(self, thread: int, args: list[int]) -> Done | None:
        path = self._path(thread, args[0], args[1])
        return (lambda _: self._put(Op("mkdir", path=path))) if path else None

    # --- helpers ---------------------------------------------------------------------------------

    def _refuse_unknown(self, thread: int, name: str, args: list[int]) -> None:
        touched = any(args[number] in self._open for number in _UNKNOWN_BY_FD.get(name, ()))
        if name in _UNKNOWN_BY_NAME:
            touched = bool(self._path(thread, _AT_FDCWD, args[_UNKNOWN_BY_NAME[name]]))
        if touched:
            raise NotImplementedError(name)

    def _path(self, thread: int, folder: int, address: int) -> str:
        """Return a path relative to the root, "" for one outside."""
        raw = b""
        while b"\0" not in raw:  # a string may end right before memory that is not there
            room = 256 - (address + len(raw)) % 256
            raw += self._memory(thread, address + len(raw), room)
        text = os.fsdecode(raw.partition(b"\0")[0])
        if not text.startswith("/"):
            at = ctypes.c_int(folder).value
            where = "cwd" if at == _AT_FDCWD else f"fd/{at}"
            text = f"{Path(f'/proc/{thread}/{where}').readlink()}/{text}"
        return self._inside(os.path.normpath(text))

    def _inside(self, path: str) -> str:
        if path == self._root:
            return "."
        return path.removeprefix(f"{self._root}/") if path.startswith(f"{self._root}/") else ""

    def _memory(self, thread: int, address: int, count: int) -> bytes:
        with Path(f"/proc/{thread}/mem").open("rb", buffering=0) as memory:
            memory.seek(address)
            return memory.read(count) or b""

    def _new_file(self) -> int:
        self._last_file += 1
        return self._last_file

    def _put(self, op: Op) -> None:
        used = {name: value for name, value in asdict(op).items() if value}
        self._log.write(json.dumps({"kind": op.kind} | used) + "\n")
        self.count += 1


class Follower:
    """Follows one process with all its threads.

    Args:
        process: Its id.
    """

    def __init__(self, process: int) -> None:
        self._process = process
        self._trace = _Ptrace()
        self._calls = _NUMBERS[platform.machine()]
        self._threads: set[int] = set()
        self._begun: dict[int, Done] = {}

    def take_child(self) -> None:
        """Take a child that asked for it and waits."""
        os.waitpid(self._process, 0)
        self._trace(_SETOPTIONS, self._process, data=_OPTIONS | _EXITKILL)
        self._threads = {self._process}

    def join(self) -> None:
        """Take a process that runs; it stands still until `run`."""
        tasks = Path(f"/proc/{self._process}/task")
        while new := {int(path.name) for path in tasks.iterdir()} - self._threads:
            for thread in new:
                self._trace(_SEIZE, thread, data=_OPTIONS)
                self._trace(_INTERRUPT, thread)
                os.waitpid(thread, _ANY_THREAD)
            self._threads |= new

    def run(self, files: Interpreter, most: int = 0, others: Sequence[int] = ()) -> int:
        """Record until the process ends and return its exit status.

        Args:
            files: What becomes of its calls.
            most: After so many changes the process is killed; 0 for never.
            others: Processes that are killed before it, so that they cannot see its end.
        """
        for thread in self._threads:
            self._trace(_CONT_TO_SYSCALL, thread)
        while True:
            thread, status = os.waitpid(-1, _ANY_THREAD)
            if os.WIFEXITED(status) or os.WIFSIGNALED(status):
                if thread == self._process:
                    return os.waitstatus_to_exitcode(status)
                continue
            with contextlib.suppress(ProcessLookupError):  # killed meanwhile
                self._stopped(thread, status, files)
                if most and files.count >= most:
                    for process in (*others, self._process):
                        with contextlib.suppress(ProcessLookupError):
                            os.kill(process, signal.SIGKILL)
                    most = 0

    def _stopped(self, thread: int, status: int, files: Interpreter) -> None:
        stop, pass_on = os.WSTOPSIG(status), 0
        if stop == _STOPPED_AT_CALL:
            self._at_call(thread, files)
        elif status >> 16 == 0 and stop not in (signal.SIGTRAP, signal.SIGSTOP):
            pass_on = stop  # a signal of its own; the others tell that a thread begins
        self._trace(_CONT_TO_SYSCALL, thread, data=pass_on)

    def _at_call(self, thread: int, files: Interpreter) -> None:
        kind, values = self._trace.syscall_info(thread)
        if kind == _ENTRY:
            self._begun.pop(thread, None)
            name = self._calls.get(values[0])
            if name is not None and (done := files.meaning(thread, name, values[1:])):
                self._begun[thread] = done
        elif kind == _EXIT and (begun := self._begun.pop(thread, None)) is not None:
            result = ctypes.c_int64(values[0]).value
            if result >= 0:
                begun(result)


def _begin(play: Callable[[Path], None], root: Path) -> int:
    """Start a child that waits to be followed and then plays; return its id."""
    if child := os.fork():
        return child
    status = 1
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), MARK_FD)
        _Ptrace()(_TRACEME, 0)
        os.kill(os.getpid(), signal.SIGSTOP)
        play(root)
        status = 0
    except BaseException:  # noqa: BLE001 - told on standard error, whatever it is
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(status)


def _play(root: Path, base: Path, log: Path, name: str) -> int:
    from tests.storage.powerloss_scenes import SCENES  # noqa: PLC0415 - it imports `mark` from here

    scene = SCENES[name]
    for folder in filter(None, ("disk", scene.volatile)):
        (root / folder).mkdir(parents=True)
    scene.prepare(root)
    shutil.copytree(root, base)
    with log.open("w", encoding="utf-8") as file:
        follower = Follower(_begin(scene.play, root))
        follower.take_child()
        return follower.run(Interpreter(root, file))


def _join(root: Path, base: Path, log: Path, most: int, process: int, *others: int) -> int:
    follower = Follower(process)
    follower.join()
    shutil.copytree(root, base)
    with log.open("w", encoding="utf-8") as file:
        files = Interpreter(root, file)
        files.learn_descriptors(process)
        print("joined", flush=True)
        return follower.run(files, most, others)


def main() -> int:
    """Play a scene, or join a process."""
    what, root, base, log, *rest = sys.argv[1:]
    places = (Path(root), Path(base), Path(log))
    if what == "play":
        return _play(*places, rest[0])
    _join(*places, *(int(word) for word in rest))
    return 0


if __name__ == "__main__":
    sys.exit(main())
