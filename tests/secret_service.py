"""A real Secret Service of one's own: a private session bus and a gnome-keyring on it.

    with SecretService() as service:
        subprocess.run(program, env=os.environ | service.env)
        service.lock()
        service.unlock()

Everything it starts is stopped by process id when the block ends.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import psutil
import secretstorage
from jeepney import message_bus  # type: ignore[import-untyped]
from jeepney.io.blocking import (  # type: ignore[import-untyped]
    DBusConnection,
    open_dbus_connection,
)
from secretstorage.util import DBusAddressWrapper, format_secret, open_session

PASSWORD: Final = "the password of the login keyring"
_PLAIN_BUS: Final = Path(__file__).with_name("session-without-activation.conf")
_SECRETS: Final = "/org/freedesktop/secrets"
_LOGIN: Final = f"{_SECRETS}/collection/login"
_SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a folder inside, for this user alone


class SecretService:
    """A session bus with an unlocked gnome-keyring, alone in a temporary home.

    Args:
        with_keyring: False leaves the bus without any Secret Service.
        activation: True lets the bus start services by itself, as a desktop's does (needed for
            the prompter's window); the default starts nothing.
        environ: Additions to the environment of the bus and the keyring, such as DISPLAY.
    """

    def __init__(
        self,
        *,
        with_keyring: bool = True,
        activation: bool = False,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._with_keyring = with_keyring
        self._activation = activation
        self._environ = dict(environ or {})
        self._stack = contextlib.ExitStack()
        self._keyring: subprocess.Popen[bytes] | None = None
        self.env: dict[str, str] = {}

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            home = Path(tempfile.mkdtemp(prefix="secret-service-"))
            stack.callback(shutil.rmtree, home, ignore_errors=True)
            in_memory = _SHARED_MEMORY if _SHARED_MEMORY.is_dir() else None
            runtime = Path(tempfile.mkdtemp(prefix="secret-service-", dir=in_memory))
            stack.callback(shutil.rmtree, runtime, ignore_errors=True)
            self.env = {"HOME": str(home), "XDG_RUNTIME_DIR": str(runtime)}
            stack.callback(self.stop_keyring)
            self.env["DBUS_SESSION_BUS_ADDRESS"] = self._start_bus(stack)
            if self._with_keyring:
                self.start_keyring()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def is_locked(self) -> bool:
        """Whether the login keyring is locked."""
        with self._connection() as bus:
            return secretstorage.Collection(bus, _LOGIN).is_locked()

    def lock(self) -> None:
        """Lock the login keyring, as when the screen's keyring times out."""
        with self._connection() as bus:
            secretstorage.Collection(bus, _LOGIN).lock()
        _wait(self.is_locked, "the keyring did not lock")

    def unlock(self, password: str = PASSWORD) -> None:
        """Unlock the login keyring with no prompt, as PAM does at a login.

        Raises:
            Exception: The password is wrong; the keyring stays locked.
        """
        with self._connection() as bus:
            session = open_session(bus)
            keyring = DBusAddressWrapper(
                _SECRETS, "org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface", bus
            )
            secret = format_secret(session, password.encode(), "text/plain")
            keyring.call("UnlockWithMasterPassword", "o(oayays)", _LOGIN, secret)

    def start_keyring(self, password: str = PASSWORD) -> None:
        """Start gnome-keyring; a wrong `password` for an existing keyring leaves it locked."""
        self._keyring = subprocess.Popen(
            ["gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets"],
            env=self._process_env(),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        assert self._keyring.stdin is not None
        with self._keyring.stdin as stdin:
            stdin.write(password.encode())  # a newline would be part of the password
        _wait(self._answers, "gnome-keyring did not start")

    def stop_keyring(self) -> None:
        """Stop gnome-keyring; its keyring file stays for the next start."""
        if self._keyring is not None:
            _stop(self._keyring)
            self._keyring = None

    def _start_bus(self, stack: contextlib.ExitStack) -> str:
        config = "--session" if self._activation else f"--config-file={_PLAIN_BUS}"
        bus = subprocess.Popen(
            ["dbus-daemon", config, "--nofork", "--nopidfile", "--print-address=1"],
            env=self._process_env(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        stack.callback(_stop, bus)
        assert bus.stdout is not None
        with bus.stdout as stdout:
            return stdout.readline().decode().strip()

    def _process_env(self) -> dict[str, str]:
        outside = ("XDG_DATA_HOME", "GNOME_KEYRING_CONTROL", "DBUS_SESSION_BUS_ADDRESS")
        inherited = {name: value for name, value in os.environ.items() if name not in outside}
        return inherited | self._environ | self.env

    def _connection(self) -> "closing[DBusConnection]":
        return closing(open_dbus_connection(self.env["DBUS_SESSION_BUS_ADDRESS"]))

    def _answers(self) -> bool:
        try:
            with self._connection() as bus:
                # Asking the service itself would make a bus with activation start another one.
                question = message_bus.NameHasOwner("org.freedesktop.secrets")
                if bus.send_and_get_reply(question).body != (True,):
                    return False
                secretstorage.Collection(bus, _LOGIN)
        except (secretstorage.SecretStorageException, OSError):
            return False
        return True


def _wait(condition: Callable[[], bool], complaint: str, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(complaint)
        time.sleep(0.01)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End `process` and what it started (a bus with activation has children)."""
    try:
        family = [*psutil.Process(process.pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        family = []
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for child in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.terminate()
    _, stubborn = psutil.wait_procs(family, timeout=5)
    for child in stubborn:
        child.kill()
