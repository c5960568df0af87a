"""What a process says of itself to the system."""

import contextlib
from pathlib import Path


def name_process(name: str) -> None:
    """Set the name that ps and top show, at most 15 characters. Only Linux has one to set."""
    with contextlib.suppress(OSError):
        Path("/proc/self/comm").write_text(name, encoding="ascii")
