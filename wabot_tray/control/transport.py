"""Where the running program is found, and who is at the other end. Light: no asyncio in here.

Unix: the socket lies in the private runtime folder (0700, itself 0600), and both ends ask the
kernel who the other one is (SO_PEERCRED on Linux, LOCAL_PEERCRED on macOS and the BSDs). The
runtime folder depends on the environment (XDG_RUNTIME_DIR, TMPDIR), which a cron job or a `sudo`
may not share with the desktop; so the program also leaves the address in its data folder.

Windows: a pipe named after the user and the data folder. asyncio makes the first instance with
FILE_FLAG_FIRST_PIPE_INSTANCE, so a name somebody else took is refused, and the default security
descriptor lets nobody but the user, SYSTEM and administrators write to it. Written from the
documentation and tested by injection: it has not been run on Windows yet.
"""

import contextlib
import errno
import hashlib
import os
import socket
import struct
import sys
from pathlib import Path
from typing import Final

from wabot_tray.storage.files import read_plain
from wabot_tray.system.paths import APP, Paths

# sun_path holds 108 bytes on Linux and 104 on macOS, the closing zero included.
LONGEST_SOCKET_PATH_BYTES: Final = 103
ADDRESS_FILE: Final = "control.address"
_SOL_LOCAL: Final = 0  # macOS and the BSDs: sys/un.h
_LOCAL_PEERCRED: Final = 1


# --- Addresses -----------------------------------------------------------------------------------


def socket_address(paths: Paths) -> Path:
    """Return where the program on this data folder listens, as this environment sees it.

    A runtime folder too deep for a socket's name is replaced by one in /tmp that is as private.
    """
    wanted = paths.control_socket
    if len(os.fsencode(wanted)) <= LONGEST_SOCKET_PATH_BYTES:
        return wanted
    mark = hashlib.sha256(os.fsencode(wanted)).hexdigest()[:16]
    return Path("/tmp") / f"{APP}-{os.getuid()}-{mark}" / "control"  # noqa: S108 - 0700, checked


def pipe_address(paths: Paths, user: str | None = None) -> str:
    r"""Return the name of the pipe, `\\.\pipe\...`, one per user and data folder."""
    if user is None:
        user = os.environ.get("USERNAME", "user")
    mark = hashlib.sha256(f"{user}\0{paths.data}".encode(errors="replace")).hexdigest()[:24]
    return rf"\\.\pipe\{APP}-{mark}"


def written_address(paths: Paths) -> Path | None:
    """Return the socket the running program named in its data folder, if it did."""
    with contextlib.suppress(OSError, ValueError):
        text = read_plain(paths.data / ADDRESS_FILE, 4096).decode().strip()
        if text and "\0" not in text and len(os.fsencode(text)) <= LONGEST_SOCKET_PATH_BYTES:
            return Path(text)
    return None


# --- Who is there --------------------------------------------------------------------------------


def peer_uid(connection: socket.socket, platform: str = sys.platform) -> int:
    """Return the user at the other end of a Unix socket, as the kernel knows him.

    Raises:
        OSError: This system does not tell.
    """
    if platform.startswith("linux"):
        raw = connection.getsockopt(socket.SOL_SOCKET, _so_peercred(), struct.calcsize("3i"))
        return int(struct.unpack("3i", raw)[1])  # pid, uid, gid
    # struct xucred: version, uid, number of groups, 16 groups.
    raw = connection.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, struct.calcsize("IIh16I"))
    if len(raw) < struct.calcsize("II"):
        raise OSError(errno.EPROTO, "the system did not tell who is there")
    return int(struct.unpack_from("II", raw)[1])


def is_trusted(uid: int) -> bool:
    """Whether `uid` may talk to us: we ourselves, or root, whom nothing here could keep out."""
    return uid in (os.getuid(), 0)


def _so_peercred() -> int:
    return int(getattr(socket, "SO_PEERCRED", 17))
