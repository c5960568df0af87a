"""The two pipes between a worker and the main process: events out, commands in."""

import asyncio
import logging
import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from typing import Final

from wabot_tray.core import commands, events, exits, wire
from wabot_tray.core.errors import WireError

log = logging.getLogger(__name__)

# Time to seal the vault once the main process is gone; then this process ends, whatever hangs.
ORPHAN_GRACE_S: Final = 4.0


def claim_stdout() -> int:
    """Return a private descriptor of standard output and point descriptor 1 at standard error.

    Must run before neonize is imported: its Go side prints to descriptor 1, pairing codes included.
    """
    private = os.dup(1)
    os.set_inheritable(private, False)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return private


class EventPipe:
    """Writes events, in order, from a thread of its own, so that a slow reader stalls nothing.

    Args:
        descriptor: Where the lines go; closed by `close`.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="events", daemon=True)
        self._thread.start()

    def send(self, event: events.WorkerEvent) -> None:
        """Queue `event`. Never blocks; after `close` it is dropped."""
        self._lines.put(wire.encode(event))

    def close(self, timeout_s: float = 1.0) -> None:
        """Write what is queued, for at most `timeout_s` seconds. A second call is harmless."""
        self._lines.put(None)
        self._thread.join(timeout_s)

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            view = memoryview(line)
            try:
                while view:
                    view = view[os.write(self._descriptor, view) :]
            except OSError:  # the main process is gone; the command pipe says so too
                return


def listen_for_commands(
    loop: asyncio.AbstractEventLoop,
    on_command: Callable[[commands.Command], None],
    on_closed: Callable[[], None],
) -> None:
    """Read commands from standard input in a daemon thread and hand them to the loop.

    When the pipe closes the main process is gone: `on_closed` runs on the loop, and if the process
    is still there `ORPHAN_GRACE_S` later, a call into the library hangs and only `_exit` helps.
    """

    def read() -> None:
        with os.fdopen(0, "rb", closefd=False) as stdin:
            for line in stdin:
                try:
                    command = wire.decode_command(line)
                except WireError as err:
                    log.warning("a command was not understood: %s", err)
                    continue
                loop.call_soon_threadsafe(on_command, command)
        loop.call_soon_threadsafe(on_closed)
        time.sleep(ORPHAN_GRACE_S)
        os._exit(exits.ORPHANED)

    threading.Thread(target=read, name="commands", daemon=True).start()
