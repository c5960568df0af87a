"""The product's program with something about it or its computer changed, for single faults.

`python -m tests.e2e.special_entry KIND PORT ROOTKEYHEX [arguments of wabot-tray ...]`

- lean: a worker may hold little memory.
- blind: a firewall lets the library through and no look at the door.
- proxied: workers dial the true address, through the proxy that the environment names or another.
- updated: a file in the data folder stands for the installed program.
- names: names can be resolved unless a file in the data folder says otherwise: "gone" for an error
  at once, "hangs" for no answer while it says so.
"""

import os
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tests.simulator.redirect import library_path, locate, pin, redirect
from wabot_tray.control.wiring import Wiring

NO_PORT: Final = 1
LEAN_BYTES: Final = 45 * 2**20  # a worker holds about 70 MB, between this and twice as much
NAME: Final = "localhost"
LOST_NAME: Final = "wa.invalid"
WORKER_OF: Final = "worker-of-"


def names() -> str:
    """Return what has become of the names."""
    path = Path(os.environ["WABOT_TRAY_DATA_DIR"]) / "names"
    return path.read_text(encoding="ascii") if path.exists() else ""


def lose_names() -> None:
    """Make this process's resolver obey the file."""
    resolve = socket.getaddrinfo

    def obedient(host: Any, *arguments: Any, **options: Any) -> Any:
        while host == NAME and names() == "hangs":
            time.sleep(0.1)  # a resolver that waits for its servers
        if host == NAME and names() == "gone":
            raise socket.gaierror(socket.EAI_AGAIN, "no name servers")
        return resolve(host, *arguments, **options)

    socket.getaddrinfo = obedient


def main(arguments: Sequence[str]) -> int:
    """Run the program, or a worker of it."""
    kind, port, root_key, *rest = arguments
    if kind.startswith(WORKER_OF):
        locate(library_path())
        from wabot_tray.worker import main as worker  # noqa: PLC0415  # nothing may load it earlier

        def prepare() -> None:
            if kind == f"{WORKER_OF}proxied":
                pin(bytes.fromhex(root_key))
                return
            host = LOST_NAME if names() else "127.0.0.1"
            redirect(int(port), bytes.fromhex(root_key), host)

        return worker.main(rest, prepare=prepare)
    from wabot_tray.__main__ import main as program  # noqa: PLC0415  # not in a worker

    if kind in {"lean", "blind", "updated"}:
        command = [sys.executable, "-m", "tests.simulator.worker_entry", port, root_key]
        wiring = Wiring(command, ("127.0.0.1", int(port)), memory_limit_bytes=LEAN_BYTES)
        if kind == "blind":
            wiring = Wiring(command, ("127.0.0.1", NO_PORT))
        elif kind == "updated":
            witness = Path(os.environ["WABOT_TRAY_DATA_DIR"]) / "installed"
            wiring = Wiring(command, ("127.0.0.1", int(port)), witness=witness)
    else:
        command = [
            sys.executable,
            "-m",
            "tests.e2e.special_entry",
            WORKER_OF + kind,
            port,
            root_key,
        ]
        wiring = Wiring(command)
        if kind == "names":
            lose_names()
            wiring = Wiring(command, (NAME, int(port)))
    return program(rest, wiring=wiring)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
