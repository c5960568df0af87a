"""How neonize is loaded: without what a worker never uses, and its Go half as late as one likes.

`import neonize` brings ten packages for stickers, link previews, media and terminals, and one of
its own for buttons. They cost 0.4 of the 0.6 s of the import and 25 of its 72 MB (measured with
neonize 0.5.2), and a bot that answers with text never calls them: `leave_out` puts stand-ins in
their place.

The Go half starts threads the moment it is loaded, and a process with threads must not fork. So
`import_ahead` loads the Python half alone, starting no thread, and `load_go` does the rest in each
forked worker.
docs/adr/0006 says why.
"""

import ctypes
import gc
import importlib
import importlib.abc
import importlib.machinery
import sys
import threading
import types
from collections.abc import Callable, Sequence
from typing import Any, Final, Never

# Nothing of these runs when texts are received and sent; a test holds the list to the library.
LEFT_OUT: Final = frozenset(
    {
        "PIL",
        "httpx",
        "linkpreview",
        "magic",
        "neonize.ext",
        "phonenumbers",
        "requests",
        "segno",
        "tqdm",
    }
)
_GO_HALF: Final = "neonize-"  # what the file's name begins with on every system


class LibraryError(RuntimeError):
    """The library is not the one that this module knows."""


def leave_out() -> None:
    """Have stand-ins imported for what a worker never uses, in this process and those it forks.

    Call it before neonize is imported, in workers only. A second call does nothing.
    """
    if not any(isinstance(finder, _LeaveOut) for finder in sys.meta_path):
        sys.meta_path.insert(0, _LeaveOut())


def import_ahead() -> None:
    """Import all that a worker needs except the Go half. A second call does nothing.

    Raises:
        LibraryError: The library loads its Go half in a way that is not known here.
    """
    if _go_halves:
        return
    leave_out()
    # Only while the import runs, in a process that does nothing else meanwhile.
    real_library, real_start = ctypes.CDLL, threading.Thread.start
    ctypes.CDLL = _open_later(real_library)  # type: ignore[misc, assignment]
    threading.Thread.start = _start_later  # type: ignore[method-assign]
    try:
        importlib.import_module("wabot_tray.worker.session")
    finally:
        ctypes.CDLL = real_library  # type: ignore[misc]
        threading.Thread.start = real_start  # type: ignore[method-assign]
    if len(_go_halves) != 1:
        raise LibraryError("neonize did not load its Go half as expected")


def load_go() -> None:
    """Load the Go half, and start what else `import_ahead` left out. A second call does nothing.

    Raises:
        OSError: The file cannot be loaded.
        LibraryError: It has another version than the Python half.
    """
    for half in _go_halves:
        half.load()
    while _threads:
        _threads.pop().start()


class _Declared:
    """What the Python half says of one Go function before that is there: its types."""

    def __init__(self, answer: bytes | None) -> None:
        self._answer = answer

    def __call__(self, *_: object) -> bytes:
        if self._answer is None:
            raise LibraryError("the Go half is not loaded yet")
        return self._answer

    def apply(self, function: Any) -> None:
        """Give `function` the types that were declared for it."""
        for name, value in vars(self).items():
            if not name.startswith("_"):
                setattr(function, name, value)


class _GoHalf:
    """Stands in for the loaded Go half, and becomes it."""

    def __init__(self, path: str, opener: Callable[[str], Any]) -> None:
        self._path = path
        self._opener = opener
        self._library: Any = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if self._library is not None:
            found = getattr(self._library, name)
        else:
            # The Python half asks for the version at once, to compare it with its own.
            found = _Declared(_python_half_version() if name == "GetVersion" else None)
        setattr(self, name, found)
        return found

    def load(self) -> None:
        """Open the file and give its functions the types declared so far."""
        if self._library is not None:
            return
        self._library = self._opener(self._path)
        for name, declared in list(vars(self).items()):
            if isinstance(declared, _Declared):
                function = getattr(self._library, name, None)
                if function is None:
                    delattr(self, name)
                    continue
                declared.apply(function)
                setattr(self, name, function)
        if self.GetVersion() != _python_half_version():
            raise LibraryError("the two halves of neonize have different versions")


_go_halves: Final[list[_GoHalf]] = []
_threads: Final[list[threading.Thread]] = []  # the library's log begins one when it is imported


def _python_half_version() -> bytes:
    version: str = sys.modules["neonize.download"].__GONEONIZE_VERSION__
    return version.encode()


def _open_later(real: Callable[..., Any]) -> Callable[..., Any]:
    def open_library(name: str | None, *args: Any, **kwargs: Any) -> Any:
        if name is None or _GO_HALF not in name:
            return real(name, *args, **kwargs)
        half = _GoHalf(name, real)
        _go_halves.append(half)
        return half

    return open_library


def _start_later(self: threading.Thread) -> None:
    _threads.append(self)


class _AbsentClass(type):
    """A class of a package that is left out; its attributes are such classes too."""

    def __getattr__(cls, name: str) -> "_AbsentClass":
        return _absent(name)


def _refuse(cls: type, *_: object, **__: object) -> Never:
    raise LibraryError(f"{cls.__name__} belongs to a package that is left out of workers")


def _absent(name: str) -> _AbsentClass:
    if name.startswith("__"):
        raise AttributeError(name)
    # An exception, for `except` clauses; one that nobody raises.
    return _AbsentClass(name, (Exception,), {"__new__": _refuse})


class _AbsentModule(types.ModuleType):
    def __getattr__(self, name: str) -> _AbsentClass:
        return _absent(name)


class _LeaveOut(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        del path, target
        if not any(f"{fullname}.".startswith(f"{name}.") for name in LEFT_OUT):
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return _AbsentModule(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        del module


def settle() -> None:
    """Make what is loaded so far cheap to share with forked processes."""
    gc.collect()
    gc.freeze()
