"""Where everything lies. The only importer of appdirs."""

import contextlib
import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import appdirs

APP: Final = "wabot-tray"
DATA_DIR_VARIABLE: Final = "WABOT_TRAY_DATA_DIR"
_RAM_KINDS: Final = ("tmpfs", "ramfs")


@dataclass(frozen=True, slots=True)
class Paths:
    """The files and folders of one data folder.

    Args:
        data: The folder everything that is kept lies under.
        runtime: A private folder for what must not outlive the login: sockets and live files.
        runtime_in_ram: Whether `runtime` is known to lie in memory.
    """

    data: Path
    runtime: Path
    runtime_in_ram: bool

    @property
    def settings_file(self) -> Path:
        """What the person set."""
        return self.data / "settings.toml"

    @property
    def bot_file(self) -> Path:
        """The rules the bot answers by."""
        return self.data / "bot.toml"

    @property
    def registry_file(self) -> Path:
        """The list of accounts."""
        return self.data / "accounts.json"

    @property
    def told_file(self) -> Path:
        """Which notifications were shown, so that a new start does not show them again."""
        return self.data / "notifications.json"

    @property
    def sessions(self) -> Path:
        """The folder with one folder per account."""
        return self.data / "auth_sessions"

    @property
    def history(self) -> Path:
        """The folder of what became of each account over time."""
        return self.data / "history"

    @property
    def logs(self) -> Path:
        """The folder of the log files."""
        return self.data / "logs"

    @property
    def log_file(self) -> Path:
        """The newest log file."""
        return self.logs / "wabot-tray.log"

    @property
    def lock_file(self) -> Path:
        """Held by the one program that runs on this data folder."""
        return self.data / "program.lock"

    @property
    def control_socket(self) -> Path:
        """Where the running program listens; on Windows only a name is derived from it."""
        return self.runtime / "control"

    def session(self, account_id: str) -> Path:
        """Return what is kept of one account."""
        return self.sessions / account_id

    def live(self, account_id: str) -> Path:
        """Return the folder of one account's live database."""
        return self.runtime / "live" / account_id


def find_paths(data_dir: Path | None = None) -> Paths:
    """Return the paths for `data_dir`, or the environment's, or the user's own folder.

    Creates nothing. The runtime folder's name follows from the data folder's, so that two data
    folders live side by side and one folder is always found again.
    """
    if data_dir is None:
        named = os.environ.get(DATA_DIR_VARIABLE)
        data_dir = Path(named) if named else Path(appdirs.user_data_dir(APP, appauthor=False))
    data_dir = data_dir.expanduser().resolve()
    mark = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
    base, in_ram = next(_runtime_bases())
    return Paths(data=data_dir, runtime=base / f"{APP}-{mark}", runtime_in_ram=in_ram)


def runtime_places(paths: Paths) -> Iterator[Paths]:
    """Yield `paths`, then the same with each other runtime folder this computer could offer.

    A session's own folder in memory goes when the session ends (XDG Base Directory Specification),
    and a folder in memory may be full; then the next one serves.
    """
    yield paths
    for base, in_ram in _runtime_bases():
        folder = base / paths.runtime.name
        if folder != paths.runtime:
            yield replace(paths, runtime=folder, runtime_in_ram=in_ram)


def make_private(folder: Path) -> None:
    """Create `folder` for this user alone (0700). A second call changes nothing.

    The folder above is looked at too where it is ours: in a place that all users share, somebody
    else could have made it first.

    Raises:
        PermissionError: It exists and belongs to somebody else.
    """
    if folder.parent.name.startswith(f"{APP}-"):
        make_private(folder.parent)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if sys.platform != "win32":
        status = folder.lstat()
        if status.st_uid != os.getuid():
            raise PermissionError(f"{folder} belongs to another user")
        if status.st_mode & 0o077:
            folder.chmod(0o700)


def remove_runtime(paths: Paths) -> None:
    """Remove the runtime folders that are empty; what a killed process left in them stays."""
    for folder in (paths.runtime / "live", paths.runtime, paths.runtime.parent):
        if folder.name == "live" or folder.name.startswith(f"{APP}-"):
            with contextlib.suppress(OSError):  # not empty, not there, or not ours
                folder.rmdir()


def resource(*parts: str) -> Path:
    """Return a file of resources/: beside the package in a checkout, inside it when installed."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "resources"
    return (inside if inside.is_dir() else package.parent / "resources").joinpath(*parts)


def _runtime_bases() -> Iterator[tuple[Path, bool]]:
    """Yield where runtime folders may lie and whether that is in memory, the best place first."""
    if sys.platform.startswith("linux"):
        named = os.environ.get("XDG_RUNTIME_DIR")
        if named and os.access(named, os.W_OK) and _lies_in_ram(Path(named)):
            yield Path(named), True
        shared = Path("/dev/shm")  # noqa: S108 - memory; the folder inside is 0700 and checked
        if os.access(shared, os.W_OK) and _lies_in_ram(shared):
            yield shared / f"{APP}-{os.getuid()}", True
    # Windows and macOS give every user a temporary folder of his own.
    yield Path(tempfile.gettempdir()) / f"{APP}-{_user_mark()}", False


def _lies_in_ram(folder: Path) -> bool:
    """Whether the mount that holds `folder` keeps its files in memory (proc(5), mounts)."""
    best, kind = "", ""
    real = os.path.realpath(folder)
    try:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    for line in mounts:
        _, point, found, *_ = line.split(" ")
        inside = real == point or real.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, found
    return kind in _RAM_KINDS


def _user_mark() -> str:
    if sys.platform == "win32":
        return os.environ.get("USERNAME", "user")
    return str(os.getuid())
