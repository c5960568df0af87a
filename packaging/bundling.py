"""The bundle: PyInstaller's folder with the program, its command line and all they need."""

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import build_catalogues
import notices
import pictures
import version_info

from wabot_tray import __version__

ROOT: Final = Path(__file__).resolve().parent.parent
BUILD: Final = ROOT / "build"
NAME: Final = "wabot-tray"
# What decides what a bundle is; nothing else makes it anew.
_INPUTS: Final = (
    "wabot_tray",
    "resources",
    "packaging/wabot-tray.spec",
    "packaging/bundling.py",
    "packaging/frozen_environment.py",
    "packaging/notices.py",
    "packaging/trimming.py",
    "requirements-package.lock",
    "LICENSE",
)
_KEPT: Final = 2  # bundles of earlier states


def build() -> Path:
    """Return the bundle of this checkout, built if there is none yet.

    Two that ask at once wait for one build.
    """
    build_catalogues.compile_catalogues()
    folder = BUILD / "bundle" / _digest()
    folder.mkdir(parents=True, exist_ok=True)
    bundle = folder / NAME
    with _alone(folder):
        if not bundle.is_dir():
            _make(folder)
        os.utime(folder)
    _forget_old(folder)
    return bundle


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("w") as lock:
        if sys.platform != "win32":  # there, releases are built by hand, one at a time
            import fcntl  # noqa: PLC0415

            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make(folder: Path) -> None:
    draft = folder / "draft"
    shutil.rmtree(draft, ignore_errors=True)
    work = folder / "work"
    # The same sources make the same bytes: PyInstaller takes its times from here, and orders sets.
    environ = os.environ | {
        "SOURCE_DATE_EPOCH": str(source_date()),
        "PYTHONHASHSEED": "1",
        "WABOT_BUILD": str(work),
    }
    if sys.platform != "linux":
        pictures.draw(ROOT / "resources" / "icons" / f"{NAME}.svg", work / "icons")
        version_info.write(__version__, work / "version-info.txt")
    command = [sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level", "ERROR"]
    places = ["--distpath", str(draft), "--workpath", str(work)]
    spec = ROOT / "packaging" / "wabot-tray.spec"
    subprocess.run([*command, *places, str(spec)], cwd=ROOT, env=environ, check=True)
    notices.write(work / "bundled-modules.txt", draft / NAME)
    shutil.copy2(ROOT / "LICENSE", draft / NAME / "LICENSE")
    (draft / NAME).rename(folder / NAME)
    shutil.rmtree(draft, ignore_errors=True)
    shutil.rmtree(work, ignore_errors=True)


def source_date() -> int:
    """Return when the sources were last changed, in seconds since 1970, as version control says."""
    if named := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(named)
    asked = subprocess.run(
        ["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if asked.returncode == 0 and asked.stdout.strip():
        return int(asked.stdout)
    return int((ROOT / "CHANGELOG.md").stat().st_mtime)  # sources without their history


def size(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    if path.is_file():
        return path.stat().st_size
    return sum(file.lstat().st_size for file in path.rglob("*") if not file.is_dir())


def _digest() -> str:
    total = hashlib.sha256(sys.version.encode())
    for path in _inputs():
        total.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return total.hexdigest()[:16]


def _inputs() -> Iterator[Path]:
    for name in _INPUTS:
        path = ROOT / name
        if path.is_file():
            yield path
            continue
        for file in sorted(path.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts and file.suffix != ".mo":
                yield file


def _forget_old(current: Path) -> None:
    others = sorted(
        (folder for folder in current.parent.iterdir() if folder != current),
        key=lambda folder: folder.stat().st_mtime,
    )
    for folder in others[: max(0, len(others) - _KEPT)]:
        shutil.rmtree(folder, ignore_errors=True)
