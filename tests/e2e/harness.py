"""The whole program in real processes, for tests and the demo: start, ask, hurt and end it."""

import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import psutil

from tests.desktop import Desktop
from tests.e2e.mounts import Mounts
from tests.secret_service import SecretService
from tests.simulator.people import Customer
from tests.simulator.phone import Phone
from tests.simulator.running import RunningSimulator
from wabot_tray.worker.main import NAME as WORKER_NAME

ROOT: Final = Path(__file__).resolve().parents[2]
T = TypeVar("T")
POLL_S: Final = 0.02
# What this machine goes out by, and whom it trusts there, is none of a shop's business.
OUTER_WAYS: Final = [
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    *(name for way in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")
      for name in (way, way.lower())),
]  # fmt: skip


def until(look: Callable[[], T], what: str, timeout_s: float = 30.0) -> T:
    """Return the first true answer of `look`; AssertionError after `timeout_s` seconds."""
    deadline = time.monotonic() + timeout_s
    while True:
        if found := look():
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s:g} s: {what}")
        time.sleep(POLL_S)


class Shop:
    """One computer with one data folder: a keyring, perhaps a desktop, and our program.

    Args:
        simulator: The WhatsApp the program talks to.
        desktop: Where its windows open; without one it runs headless.
        service: The bus and keyring; None takes one of its own.
        language: What the computer is set to.
    """

    def __init__(
        self,
        simulator: RunningSimulator,
        *,
        desktop: Desktop | None = None,
        service: SecretService | None = None,
        language: str = "en",
    ) -> None:
        self.simulator = simulator
        self.desktop = desktop
        self.language = language
        self._stack = contextlib.ExitStack()
        self._service = service
        self.process: subprocess.Popen[bytes] | None = None
        self.folder = Path()
        self.mounts: Mounts | None = None  # the file systems its programs see; set before a start

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self.folder = Path(tempfile.mkdtemp(prefix="wabot-shop-"))
            stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
            self.furnish(stack)
            if self._service is None:
                screen = {} if self.desktop is None else {"DISPLAY": self.desktop.server.display}
                self._service = stack.enter_context(SecretService(environ=screen))
            stack.callback(self.kill)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            sys.stderr.write(f"--- the program's log ---\n{self.log()[-12000:]}\n")
        self._stack.close()

    def furnish(self, stack: contextlib.ExitStack) -> None:
        """Add what another kind of computer has; `stack` takes it away at the end."""

    @property
    def service(self) -> SecretService:
        """The bus and its keyring."""
        assert self._service is not None
        return self._service

    @property
    def data(self) -> Path:
        """The program's data folder."""
        return self.folder / "data"

    @property
    def runtime(self) -> Path:
        """Where sockets and live files lie."""
        return Path(self.service.env["XDG_RUNTIME_DIR"])

    @property
    def env(self) -> dict[str, str]:
        """The environment the program and the command line run in."""
        env = dict(os.environ) if self.desktop is None else self.desktop.env()
        for name in ("DISPLAY", "WAYLAND_DISPLAY") if self.desktop is None else ():
            env.pop(name, None)
        for name in OUTER_WAYS:
            env.pop(name, None)
        env.pop("LC_ALL", None)
        env |= self.service.env
        env |= {"LANG": f"{self.language}_XX.UTF-8", "WABOT_TRAY_DATA_DIR": str(self.data)}
        return env

    def seen(self, path: Path) -> Path:
        """Return how this process reaches a path of the shop's programs."""
        return path if self.mounts is None else self.mounts.outside(path)

    def command(self, *words: str) -> list[str]:
        """Return a command as it is run on this computer, with the mounts it has."""
        if self.mounts is None:
            return list(words)
        # Whoever joins a mount namespace stands at its root.
        return [*self.mounts.within, "env", "-C", str(ROOT), *words]

    # --- the program -----------------------------------------------------------------------------

    def start(self, *arguments: str, env: Mapping[str, str] | None = None) -> float:
        """Start the program and return when, by time.monotonic()."""
        assert self.process is None or self.process.poll() is not None
        began = time.monotonic()
        words = list(arguments) if self.desktop is not None else ["--headless", *arguments]
        with (self.folder / "console.txt").open("ab") as console:
            self.process = subprocess.Popen(
                self.command(*self.entry(), *words),
                cwd=ROOT,
                env=self.env | dict(env or {}),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
            )
        return began

    def entry(self) -> list[str]:
        """Return the command that starts the program against this simulator."""
        port, key = str(self.simulator.port), self.simulator.root_public_key.hex()
        return [sys.executable, "-m", "tests.simulator.program_entry", port, key]

    def cli_entry(self) -> list[str]:
        """Return the command that is `wabot` on this computer."""
        return [sys.executable, "-m", "wabot_tray.cli.main"]

    def running(self) -> Self:
        """Start the program and wait until it answers the command line."""
        self.start()
        self.answering()
        return self

    def answering(self) -> None:
        """Wait until the program answers the command line."""
        until(lambda: self.cli("status", check=False).returncode in {0, 1}, "the program's answer")

    def quit(self) -> None:
        """End the program as a person does, and wait."""
        self.cli("quit")
        assert self.process is not None
        self.process.wait(20)

    def kill(self) -> None:
        """End whatever is left of the program, as a crash does."""
        for process in self.family():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        if self.process is not None:
            self.process.wait(10)

    def kill_main(self) -> None:
        """kill -9 of the main process alone."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def family(self) -> list[psutil.Process]:
        """Return every process that works on this data folder."""
        mark = str(self.data)
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get("WABOT_TRAY_DATA_DIR") == mark and process.is_running():
                    found.append(process)
        return found

    def workers(self) -> list[psutil.Process]:
        """Return the worker processes."""
        found = []
        for process in self.family():
            with contextlib.suppress(psutil.Error):
                is_worker = process.name() == WORKER_NAME
                if is_worker and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def log(self) -> str:
        """Return what the program wrote on its console."""
        with contextlib.suppress(OSError):
            return (self.folder / "console.txt").read_text(encoding="utf-8", errors="replace")
        return ""

    # --- the command line ------------------------------------------------------------------------

    def cli(
        self, *arguments: str, check: bool = True, timeout_s: float = 90.0
    ) -> subprocess.CompletedProcess[str]:
        """Run `wabot` and return what it said."""
        done = subprocess.run(
            self.command(*self.cli_entry(), *arguments),
            cwd=ROOT,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        if check and done.returncode != 0:
            raise AssertionError(
                f"wabot {arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
            )
        return done

    def sessions(self) -> dict[str, dict[str, Any]]:
        """Return what `wabot status --json` says, by account."""
        answer = json.loads(self.cli("status", "--json", check=False).stdout)
        return {session["id"]: session for session in answer["sessions"]}

    def state(self, account_id: str = "shop") -> str:
        """Return an account's state, "" where there is none."""
        return str(self.sessions().get(account_id, {}).get("state", ""))

    def follow(self) -> "Follower":
        """Watch every change of every session until the returned object is closed."""
        return Follower(self)

    def until_state(self, state: str, account_id: str = "shop", timeout_s: float = 30.0) -> float:
        """Wait for a state and return when it was seen, by time.monotonic()."""
        with self.follow() as follower:
            return follower.wait(state, account_id, timeout_s=timeout_s)

    # --- people ----------------------------------------------------------------------------------

    def write_rules(self, text: str) -> None:
        """Put rules into bot.toml."""
        data = self.seen(self.data)
        data.mkdir(parents=True, exist_ok=True)
        (data / "bot.toml").write_text(text, encoding="utf-8")

    def pair(
        self,
        phone: Phone,
        account_id: str = "shop",
        *,
        on_code: Callable[[str], object] = lambda _: None,
    ) -> float:
        """Link `phone` through the command line; return the seconds from scan to connected."""
        if account_id not in self.sessions():
            self.cli("add", account_id, "--label", account_id.title())
        command = self.command(*self.cli_entry(), "pair", account_id, "--json")
        with subprocess.Popen(
            command, cwd=ROOT, env=self.env, stdout=subprocess.PIPE, text=True
        ) as pairing:
            assert pairing.stdout is not None
            scanned = 0.0
            for line in pairing.stdout:
                event = json.loads(line)
                if event["event"] == "qr" and not scanned:
                    on_code(event["code"])
                    scanned = time.monotonic()
                    phone.scan(event["code"])
                elif event["event"] == "paired":
                    pairing.wait(20)
                    return time.monotonic() - scanned
                elif event["event"] == "failed":
                    raise AssertionError(event)
        raise AssertionError("the pairing ended without a word")


class Follower:
    """Reads `wabot status --watch --json` and remembers when each session was what."""

    def __init__(self, shop: Shop) -> None:
        self.seen: list[tuple[float, str, str]] = []  # when, account, state
        self.told: list[tuple[float, str, str, str]] = []  # the same, and the reason
        self._changed = threading.Condition()
        self._watcher = subprocess.Popen(
            shop.command(*shop.cli_entry(), "status", "--watch", "--json"),
            cwd=ROOT,
            env=shop.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        with self._changed:  # from here on nothing is missed
            if not self._changed.wait_for(lambda: self.seen, 20):
                raise AssertionError("the program does not let itself be watched")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._watcher.kill()
        self._watcher.wait()
        self._reader.join()
        assert self._watcher.stdout is not None
        self._watcher.stdout.close()

    def wait(
        self, state: str, account_id: str = "shop", *, after: float = 0.0, timeout_s: float = 30.0
    ) -> float:
        """Return when the account was first in `state` at or after `after`."""

        def found() -> float:
            times = (at for at, who, what in self.seen if (who, what) == (account_id, state))
            return next((at for at in times if at >= after), 0.0)

        with self._changed:
            at = self._changed.wait_for(found, timeout_s)
        assert at, f"{account_id} not {state} within {timeout_s:g} s, but {self.states(account_id)}"
        return at

    def states(self, account_id: str = "shop") -> list[str]:
        """Return the states the account was in, in order, repeats left out."""
        states = [what for _, who, what in self.seen if who == account_id]
        return [state for state, _ in itertools.groupby(states)]

    def _read(self) -> None:
        assert self._watcher.stdout is not None
        for line in self._watcher.stdout:
            at = time.monotonic()
            sessions = json.loads(line)["sessions"]
            with self._changed:
                self.seen += [(at, session["id"], session["state"]) for session in sessions]
                self.told += [
                    (at, session["id"], session["state"], session["reason"]) for session in sessions
                ]
                self._changed.notify_all()


def burst(customers: list[Customer], phone: Phone, count: int) -> dict[str, list[str]]:
    """Have each customer write `count` messages; return the texts by the customer's number."""
    written: dict[str, list[str]] = {customer.number: [] for customer in customers}
    for number in range(count):
        for customer in customers:
            text = f"question {number} of {customer.number}"
            customer.send(phone, text)
            written[customer.number].append(text)
    return written
