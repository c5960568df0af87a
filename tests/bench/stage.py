"""What is measured: our program and bare neonize, on one simulator, with equally many accounts."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import psutil

from tests.desktop import Desktop
from tests.e2e.harness import ROOT, Shop, until
from tests.simulator.phone import Phone
from tests.simulator.running import RunningSimulator
from tests.soak.samples import Sample, look_at_all
from tests.soak.traffic import RULES
from wabot_tray.control.client import connect
from wabot_tray.system.paths import Paths, find_paths

PATIENCE_S: Final = 120.0
# The options that our worker uses where the live file lies in memory.
IN_MEMORY: Final = "?_journal_mode=WAL&_foreign_keys=on&_synchronous=OFF&_x="


class OurShop(Shop):
    """Our program, on a desktop, started with windows or without."""

    def __init__(self, simulator: RunningSimulator, desktop: Desktop) -> None:
        super().__init__(simulator, desktop=desktop)
        self.phones: dict[str, Phone] = {}

    def __enter__(self) -> Self:
        super().__enter__()
        self.write_rules(RULES)
        return self

    @property
    def journal(self) -> Path:
        """Where the program writes what it has seen of itself."""
        return self.folder / "journal.json"

    def entry(self) -> list[str]:
        """Start it with the watch on it."""
        port, key = str(self.simulator.port), self.simulator.root_public_key.hex()
        return [sys.executable, "-m", "tests.bench.entry", port, key, str(self.journal)]

    def headless(self) -> float:
        """Start it without windows and return when, by time.monotonic()."""
        return self.start("--headless")

    def grow(self, count: int) -> None:
        """Link phones until there are so many accounts; the program runs afterwards."""
        if self.process is None or self.process.poll() is not None:
            self.headless()
        self.answering()
        for number in range(len(self.phones), count):
            account = f"shop{number:02}"
            phone = self.simulator.add_phone(f"346001{number:05}", account)
            self.pair(phone, account)
            self.phones[account] = phone

    def paths(self) -> Paths:
        """Return the program's paths, which follow from its environment."""
        name = "XDG_RUNTIME_DIR"
        before = os.environ.get(name)
        os.environ[name] = str(self.runtime)
        try:
            return find_paths(self.data)
        finally:
            os.environ.pop(name) if before is None else os.environ.update({name: before})

    def reconnect(self, account: str) -> float:
        """Replace a worker as `wabot reconnect` does; return the seconds until its login."""
        logins = Logins(self.simulator, [self.phones[account]])
        with connect(self.paths()) as control:
            began = time.monotonic()
            control.call("reconnect", id=account, wait_s=30.0, timeout_s=40.0)
        return logins.wait(1) - began

    def ended(self) -> dict[str, Any]:
        """Quit the program and return what it has seen of itself."""
        self.quit()
        seen: dict[str, Any] = json.loads(self.journal.read_text(encoding="utf-8"))
        return seen


class Logins:
    """The logins of some phones from now on."""

    def __init__(self, simulator: RunningSimulator, phones: Sequence[Phone]) -> None:
        self._simulator = simulator
        self._numbers = {phone.number for phone in phones}
        self._known = len(simulator.stats.logins)

    def wait(self, count: int) -> float:
        """Return when the login that makes them `count` came, by time.monotonic()."""
        self._simulator.wait_until(lambda: len(self._times()) >= count, PATIENCE_S)
        return self._times()[count - 1]

    def _times(self) -> list[float]:
        """Return when each phone first came."""
        first: dict[str, float] = {}
        for login in self._simulator.stats.logins[self._known :]:
            if login.number in self._numbers and login.outcome == "success":
                first.setdefault(login.number, login.at)
        return sorted(first.values())


class BareScript:
    """One process of bare neonize; leaving the `with` kills it."""

    def __init__(self, simulator: RunningSimulator, databases: Sequence[str]) -> None:
        self.codes: dict[int, str] = {}
        self.began = time.monotonic()
        port, key = str(simulator.port), simulator.root_public_key.hex()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.bare_script", port, key, *databases],
            cwd=ROOT,
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

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            word, number, text = line.split(maxsplit=2)
            if word == "QR":
                self.codes[int(number)] = text.strip()


@dataclass(frozen=True, slots=True)
class BareAccount:
    """An account of bare neonize: its phone, and its database as neonize is given it."""

    phone: Phone
    database: str


class BareShop:
    """Accounts of bare neonize, each with a plain database file on the disk."""

    def __init__(self, simulator: RunningSimulator) -> None:
        self.accounts: list[BareAccount] = []
        self._simulator = simulator
        self._stack = contextlib.ExitStack()
        self._folder = Path()
        self._memory = Path()

    def __enter__(self) -> Self:
        self._folder = self._temporary(None)
        self._memory = self._temporary(Path("/dev/shm"))  # noqa: S108 - memory, on purpose
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def grow(self, count: int) -> None:
        """Link phones until there are so many accounts."""
        new = [
            self._account(f"346002{number:05}", str(self._folder / f"bare{number}.db"))
            for number in range(len(self.accounts), count)
        ]
        self._pair(new)
        self.accounts += new

    def in_memory(self) -> BareAccount:
        """Link one account whose database lies in memory, with the options that we use."""
        account = self._account("34600399999", f"{self._memory / 'bare.db'}{IN_MEMORY}")
        self._pair([account])
        return account

    @contextlib.contextmanager
    def running(
        self, accounts: Sequence[BareAccount], *, together: bool = False
    ) -> Iterator[tuple[list[psutil.Process], float]]:
        """Run the accounts, each in a process or together in one.

        Yields:
            The processes, and the seconds from the first start to the last login.
        """
        logins = Logins(self._simulator, [account.phone for account in accounts])
        names = [account.database for account in accounts]
        with contextlib.ExitStack() as stack:
            scripts = [
                stack.enter_context(BareScript(self._simulator, group))
                for group in ([names] if together else [[name] for name in names])
            ]
            took_s = logins.wait(len(accounts)) - scripts[0].began
            yield [psutil.Process(script.process.pid) for script in scripts], took_s

    def _account(self, number: str, database: str) -> BareAccount:
        return BareAccount(self._simulator.add_phone(number, number), database)

    def _pair(self, accounts: Sequence[BareAccount]) -> None:
        if not accounts:
            return
        names = [account.database for account in accounts]
        with BareScript(self._simulator, names) as script:
            for number, account in enumerate(accounts):
                until(lambda number=number: number in script.codes, "a code", 60)  # type: ignore[misc]
                (companion,) = [account.phone.scan(script.codes[number])]
                self._simulator.wait_until(
                    lambda companion=companion: companion.is_active,  # type: ignore[misc]
                    60,
                )
                time.sleep(0.3)  # its keys and its own records are written after the login

    def _temporary(self, parent: Path | None) -> Path:
        folder = Path(tempfile.mkdtemp(prefix="wabot-bench-", dir=parent))
        self._stack.callback(shutil.rmtree, folder, ignore_errors=True)
        return folder


def samples_by_role(shop: OurShop) -> dict[str, list[Sample]]:
    """Return what every process of ours costs, by role."""
    found: dict[str, list[Sample]] = {}
    for sample in look_at_all(shop):
        found.setdefault(sample.role, []).append(sample)
    return found
