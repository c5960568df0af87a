"""Figures about this program and this computer that help whoever looks for a fault."""

import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from wabot_tray import __version__
from wabot_tray.system.i18n import language
from wabot_tray.system.memory import resident_bytes

_PACKAGES: Final = (
    "PySide6-Essentials",
    "neonize",
    "qasync",
    "keyring",
    "secretstorage",
    "cryptography",
    "regex",
    "segno",
    "tomlkit",
)
# What says which desktop this is, and how its windows and its tray are reached. Nothing else of
# the environment is told: it holds names, and sometimes passwords.
_DESKTOP: Final = (
    "XDG_CURRENT_DESKTOP",
    "XDG_SESSION_TYPE",
    "XDG_SESSION_DESKTOP",
    "DESKTOP_SESSION",
    "QT_QPA_PLATFORM",
    "QT_SCALE_FACTOR",
    "LANG",
    "container",
)
_MEGABYTE: Final = 1e6


def versions() -> dict[str, Any]:
    """Return what is installed, without loading it."""
    return {
        "program": __version__,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "is_bundled": bool(getattr(sys, "frozen", False)),
        "packages": {name: _version(name) for name in _PACKAGES},
    }


def computer() -> dict[str, Any]:
    """Return which system this is, and how large; nothing that says whose it is."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "name": _system_name(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "language": language(),
    }


def surroundings(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what the environment of this process says of the desktop."""
    found = os.environ if environ is None else environ
    return {name: found[name] for name in _DESKTOP if found.get(name)}


def program_figures(running_s: float, workers: Mapping[str, int]) -> dict[str, Any]:
    """Return how long the program runs and what its processes hold in memory.

    Args:
        running_s: Seconds since its start.
        workers: Bytes by account, as each worker last said.
    """
    return {
        "pid": os.getpid(),
        "running_minutes": round(running_s / 60, 1),
        "program_memory_mb": megabytes(resident_bytes()),
        "worker_memory_mb": {name: megabytes(held) for name, held in workers.items()},
        "desktop": surroundings(),
    }


def megabytes(count: int) -> float | None:
    """Return bytes as megabytes; None for 0, which is what systems say that do not know."""
    return round(count / _MEGABYTE, 1) if count else None


def _version(name: str) -> str | None:
    from importlib import metadata  # noqa: PLC0415 - with it come csv, zipfile and email

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _system_name() -> str:
    """Return the system's name as people know it."""
    if sys.platform == "darwin":
        return f"macOS {platform.mac_ver()[0]}"
    if sys.platform == "win32":
        return f"Windows {platform.version()}"
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "")
    except OSError:
        return "container" if Path("/.dockerenv").exists() else ""
