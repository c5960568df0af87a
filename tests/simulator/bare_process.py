"""Starts bare clients and follows what they say; for tests and benchmarks."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.simulator.companion import Companion
from tests.simulator.phone import Phone
from tests.simulator.server import Simulator

Event = dict[str, Any]
_ROOT = Path(__file__).parents[2]


class BareProcess:
    """One bare client in a process of its own; leaving the `with` kills it."""

    def __init__(self, simulator: Simulator, database: Path, *, quiet_s: float = 0.0) -> None:
        self._events: list[Event] = []
        self._next = 0
        self._changed = threading.Condition()  # re-entrant
        command = [sys.executable, "-m", "tests.simulator.bare_client", str(simulator.port)]
        command += [simulator.root_public_key.hex(), str(database), "--quiet-s", str(quiet_s)]
        # The Go library sees the environment of the start of its process, nothing later.
        self.process = subprocess.Popen(
            command,
            cwd=_ROOT,
            env={**os.environ, "NEONIZE_BOT_TAG": "off"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    @property
    def events(self) -> list[Event]:
        """All events so far."""
        with self._changed:
            return list(self._events)

    @property
    def names(self) -> list[str]:
        """The names of all events so far."""
        with self._changed:
            return [event["event"] for event in self._events]

    def wait_for(self, name: str, timeout_s: float = 15.0) -> Event:
        """Return the next event of this name; those before it count as read.

        Raises:
            TimeoutError: There was none within `timeout_s`.
        """
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while True:
                while self._next < len(self._events):
                    event = self._events[self._next]
                    self._next += 1
                    if event["event"] == name:
                        return event
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    heard = [event["event"] for event in self._events]
                    raise TimeoutError(f"no {name} within {timeout_s} s, only {heard}")

    def wait_for_login(self, timeout_s: float = 15.0) -> None:
        """Return once it is logged in and has had what waited for it.

        The two events come in any order: handlers of neonize run as tasks of their own.
        """
        missing = {"Connected", "OfflineSyncCompleted"}
        with self._changed:
            is_done = self._changed.wait_for(
                lambda: missing <= {event["event"] for event in self._events}, timeout_s
            )
            if not is_done:
                raise TimeoutError(f"no login within {timeout_s} s, only {self.names}")
            self._next = 1 + max(
                number for number, event in enumerate(self._events) if event["event"] in missing
            )

    def do(self, what: str, **details: object) -> None:
        """Give a command."""
        if self.process.stdin:
            self.process.stdin.write(json.dumps({"do": what, **details}) + "\n")
            self.process.stdin.flush()

    def kill(self) -> None:
        """End the process. Killing twice is harmless."""
        self.process.kill()
        self.process.wait()
        self._reader.join()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            with self._changed:
                self._events.append(json.loads(line))
                self._changed.notify_all()


def pair(simulator: Simulator, phone: Phone, client: BareProcess) -> Companion:
    """Scan the code of `client`, and return the companion once it is logged in."""
    companion = phone.scan(client.wait_for("qr")["text"])
    client.wait_for_login()
    simulator.wait_until(lambda: companion.is_active)
    return companion
