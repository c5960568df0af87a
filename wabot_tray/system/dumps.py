"""Keeps what this process holds in memory, keys among it, from being written to a disk."""

import sys
from typing import Final

# core(5) writes no file smaller than its head; and do_coredump in Linux's fs/coredump.c takes a
# limit of exactly 1 for "nothing to a program either", where 0 still feeds systemd or apport.
_LINUX_LIMIT: Final = 1


def refuse_core_dumps(platform: str = sys.platform) -> bool:
    """Have no crash of this process, or of one it starts, write its memory to a disk.

    The process stays open to debuggers of the same user: what he may read, `ptrace` may too. On
    Windows a crash is reported only where the person or the administrator switched that on.

    Returns:
        Whether the system was told. A second call changes nothing.
    """
    if platform == "win32":
        return False
    import resource  # noqa: PLC0415 - Unix only

    wanted = _LINUX_LIMIT if platform.startswith("linux") else 0
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    if hard != resource.RLIM_INFINITY and hard < wanted:
        wanted = hard
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (wanted, hard))
    except (OSError, ValueError):
        return False
    return True
