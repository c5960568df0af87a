"""When each account was in which state, as `wabot status --watch` tells it, across restarts."""

import contextlib
import itertools
import json
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

from tests.e2e.harness import ROOT, Shop

CONNECTED: Final = "connected"
OFF: Final = "off"  # no program answers
_PAUSE_S: Final = 0.2  # between a watcher that ended and the next

Span = tuple[float, float]


class Timeline:
    """Follows a shop, whose program may come and go, until the block ends.

    `changes` holds (time.monotonic(), state) by account. A link that was lost and back between two
    lines of the watcher shows as connected twice.
    """

    def __init__(self, shop: Shop) -> None:
        self.changes: defaultdict[str, list[tuple[float, str]]] = defaultdict(list)
        self._since: dict[str, str] = {}
        self._shop = shop
        self._changed = threading.Condition()
        self._is_over = threading.Event()
        self._watcher: subprocess.Popen[str] | None = None
        self._thread = threading.Thread(target=self._follow, name="timeline", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_over.set()
        if self._watcher is not None:
            self._watcher.kill()
        self._thread.join()

    def state(self, account: str) -> str:
        """Return the state an account is in now."""
        with self._changed:
            changes = self.changes[account]
            return changes[-1][1] if changes else OFF

    def came_back(self, account: str, *, after: float, timeout_s: float) -> float | None:
        """Return when the account next became connected after `after`; None if it did not."""

        def found() -> float | None:
            changes = self.changes[account]
            return next((at for at, what in changes if what == CONNECTED and at >= after), None)

        with self._changed:
            self._changed.wait_for(found, timeout_s)
            return found()

    def wait_until(self, account: str, *, connected: bool, timeout_s: float) -> bool:
        """Wait until the account is connected, or no longer; return whether it came so."""
        with self._changed:
            return self._changed.wait_for(
                lambda: (self.state(account) == CONNECTED) is connected, timeout_s
            )

    def connected_spans(self, account: str, until: float) -> list[Span]:
        """Return when the account was connected, up to `until`."""
        with self._changed:
            changes = [*self.changes[account], (until, OFF)]
        pairs = itertools.pairwise(changes)
        return [(at, min(end, until)) for (at, what), (end, _) in pairs if what == CONNECTED]

    def _follow(self) -> None:
        while not self._is_over.is_set():
            watcher = self._watcher = subprocess.Popen(
                [sys.executable, "-m", "wabot_tray.cli.main", "status", "--watch", "--json"],
                cwd=ROOT,
                env=self._shop.env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            if self._is_over.is_set():  # the block ended while it was being started
                watcher.kill()
            with watcher:
                assert watcher.stdout is not None
                for line in watcher.stdout:
                    with contextlib.suppress(ValueError):  # cut off in the middle
                        self._take(line)
            self._note(dict.fromkeys(list(self.changes), (OFF, OFF)))
            self._is_over.wait(_PAUSE_S)

    def _take(self, line: str) -> None:
        sessions = json.loads(line).get("sessions", [])
        self._note({one["id"]: (one["state"], one["since"]) for one in sessions})

    def _note(self, states: dict[str, tuple[str, str]]) -> None:
        at = time.monotonic()
        with self._changed:
            for account, (state, since) in states.items():
                if self._since.get(account) != since:
                    self._since[account] = since
                    self.changes[account].append((at, state))
            self._changed.notify_all()


def overlap(first: Span, second: Span) -> float:
    """Return how long two spans of time have in common, in seconds."""
    return max(0.0, min(first[1], second[1]) - max(first[0], second[0]))


def joined(spans: list[Span]) -> list[Span]:
    """Return the same time in spans that do not touch each other."""
    result: list[Span] = []
    for begin, end in sorted(spans):
        if result and begin <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((begin, end))
    return result


def share(up: list[Span], of: Span, *, without: Sequence[Span] = ()) -> float:
    """Return the share of the span `of`, less the spans `without`, that lies in `up`."""
    holes = [(max(a, of[0]), min(b, of[1])) for a, b in joined(list(without))]
    total = of[1] - of[0] - sum(max(0.0, b - a) for a, b in holes)
    inside = sum(overlap(span, of) for span in up)
    inside -= sum(overlap(span, hole) for span in up for hole in holes)
    return inside / total if total > 0 else 1.0
