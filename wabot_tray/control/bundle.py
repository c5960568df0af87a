"""A bundle of diagnostics: what helps to find a fault, in one ZIP that can be shown around.

    parts = collect(paths, running)          # blocks, some seconds
    save([p for p in parts if p.is_usual], target)

What is collected is what is saved, byte by byte, so that a person can look at it in between.
"""

import contextlib
import errno
import os
import secrets
import stat
import zipfile
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from wabot_tray import __version__
from wabot_tray.control.bundleparts import MAKERS, Maker, Part, Sources
from wabot_tray.control.checks import registry_entries
from wabot_tray.control.diagnosis import Running
from wabot_tray.control.errors import BundleError
from wabot_tray.control.masking import Mask
from wabot_tray.core.clock import SYSTEM_CLOCK
from wabot_tray.core.errors import WabotError
from wabot_tray.system.i18n import t
from wabot_tray.system.paths import Paths

_CHUNK_BYTES: Final = 256 * 1024
_FULL: Final = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
Step = Callable[[int, int], object]  # so much done, of so much; what it raises ends the work


def _no_step(_done: int, _whole: int) -> None: ...


def collect(
    paths: Paths,
    running: Running | WabotError,
    *,
    now: datetime | None = None,
    step: Step = _no_step,
    makers: Sequence[Maker] = MAKERS,
) -> tuple[Part, ...]:
    """Return everything a bundle may hold, masked. Blocks; changes nothing it looks at.

    Args:
        paths: Where everything lies.
        running: What the running program says, or why it says nothing.
        now: Aware; the time of the bundle.
        step: Told how many of the sources are through.
        makers: The sources.
    """
    moment = now or SYSTEM_CLOCK.now()
    mask = Mask(_phones(paths, running), Path.home())
    sources = Sources(paths, running, mask, moment)
    parts: list[Part] = []
    for done, make in enumerate(makers):
        step(done, len(makers))
        parts += make(sources)
    step(len(makers), len(makers))
    about = t("bundle.about", version=__version__, when=moment.isoformat(timespec="seconds"))
    return Part("about.txt", "bundle.part.about", (about + "\n").encode()), *parts


def suggested_name(now: datetime) -> str:
    """Return a file name for a bundle made at `now`, in local time."""
    return f"wabot-tray-{now.astimezone():%Y-%m-%d-%H%M}.zip"


def save(
    parts: Iterable[Part], target: Path, *, replace: bool = False, step: Step = _no_step
) -> int:
    """Write `parts` into the ZIP `target`, for this user alone (0600); return its bytes.

    Until all of it is on the disk there is only a draft beside it, which never stays.

    Args:
        parts: What to save.
        target: Where.
        replace: Whether a bundle that is there already may go.
        step: Told how many bytes of the parts are written, of how many.

    Raises:
        BundleError: It is there already, the disk is full, or the place cannot be written.
    """
    check_free(target, replace=replace)
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        _write(list(parts), draft, step)
        size = draft.stat().st_size
        draft.replace(target)
    except OSError as err:
        raise _error(err, target) from err
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
    return size


def check_free(target: Path, *, replace: bool) -> None:
    """Refuse a place where no bundle may be written.

    Raises:
        BundleError: Something is there already that may not go.
    """
    try:
        kind = target.lstat().st_mode
    except FileNotFoundError:
        return
    except OSError as err:
        raise _error(err, target) from err
    if not stat.S_ISREG(kind):
        raise BundleError("error.bundle_strange", path=target)
    if not replace:
        raise BundleError("error.bundle_exists", path=target)


def _write(parts: Sequence[Part], draft: Path, step: Step) -> None:
    whole, done = sum(len(part.content) for part in parts), 0
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(draft, flags, 0o600), "wb") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for part in parts:
                with archive.open(_entry(part), "w") as entry:
                    for start in range(0, len(part.content), _CHUNK_BYTES):
                        step(done, whole)
                        done += entry.write(part.content[start : start + _CHUNK_BYTES])
        step(whole, whole)
        file.flush()
        os.fsync(file.fileno())


def _entry(part: Part) -> zipfile.ZipInfo:
    local = SYSTEM_CLOCK.now().astimezone()
    # ZIP knows no year before 1980 (APPNOTE.TXT, 4.4.6), and a computer without a battery may.
    when = max(local.timetuple()[:6], (1980, 1, 1, 0, 0, 0))
    entry = zipfile.ZipInfo(part.name, when)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = (stat.S_IFREG | 0o600) << 16
    return entry


def _phones(paths: Paths, running: Running | WabotError) -> set[str]:
    """Return every number we know to be one of the person's accounts."""
    found: set[str] = set()
    if isinstance(running, Running):
        found = {snapshot.phone for snapshot in running.sessions if snapshot.phone}
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        for entry in registry_entries(paths.registry_file):
            if isinstance(phone := entry.get("phone"), str):
                found.add(phone)
    return found


def _error(err: OSError, target: Path) -> BundleError:
    if err.errno in _FULL:
        return BundleError("error.bundle_full", path=target)
    return BundleError("error.bundle_unwritable", path=target, detail=os.strerror(err.errno or 0))
