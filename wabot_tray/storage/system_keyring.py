"""The keyring of the operating system, and none else.

keyring picks by itself whatever is installed, down to files in plain text (keyrings.alt) and to
one that forgets everything (null), and its environment variables name others. So the three we
trust are named here; KDE's wallet is reached through the Secret Service it offers.
"""

import logging
import sys
from typing import Any, Final, Protocol

from wabot_tray.core.errors import KeyUnavailableError
from wabot_tray.core.reasons import Reason

log = logging.getLogger(__name__)

SERVICE: Final = "wabot-tray"


class KeyringBackend(Protocol):
    """What we use of a keyring."""

    def get_password(self, service: str, username: str) -> str | None:
        """Return the secret, or None; may wait for a person to unlock."""

    def set_password(self, service: str, username: str, password: str) -> None:
        """Store the secret; may wait for a person to unlock."""


class SystemKeyring:
    """Secrets in the keyring of this system. Every call may block: run it in a thread.

    Args:
        platform: As sys.platform.
    """

    def __init__(self, platform: str = sys.platform) -> None:
        self.name, self._kind = _kind_of(platform)

    def get(self, entry: str) -> str | None:
        """Return the secret named `entry`, or None where the keyring has none.

        Raises:
            KeyUnavailableError: KEYRING_LOCKED or KEYRING_ABSENT.
        """
        try:
            return self._backend().get_password(SERVICE, entry)
        except Exception as error:
            raise _translated(error) from error

    def set(self, entry: str, secret: str) -> None:
        """Store `secret` and read it back.

        Raises:
            KeyUnavailableError: KEYRING_LOCKED or KEYRING_ABSENT, also where it was not kept.
        """
        try:
            backend = self._backend()
            backend.set_password(SERVICE, entry, secret)
            kept = backend.get_password(SERVICE, entry)
        except Exception as error:
            raise _translated(error) from error
        if kept != secret:
            raise KeyUnavailableError(Reason.KEYRING_ABSENT, "the keyring did not keep the key")

    def is_open(self) -> bool:
        """Whether a call would answer at once. Never opens a prompt."""
        if self._kind is not None:
            # Both belong to the login of the user; neither can be asked without using it.
            return bool(self._kind.viable)
        try:
            from wabot_tray.storage import secret_service  # noqa: PLC0415 - Linux alone has it

            return secret_service.is_open()
        except Exception as error:  # noqa: BLE001 - whatever is broken, it is not open
            log.debug("the Secret Service did not answer: %s", error)
            return False

    def _backend(self) -> KeyringBackend:
        if self._kind is None:
            from wabot_tray.storage.secret_service import SecretService  # noqa: PLC0415 - as above

            return SecretService()
        if not self._kind.viable:
            from keyring.errors import NoKeyringError  # noqa: PLC0415

            raise NoKeyringError(f"no {self.name}")
        backend: KeyringBackend = self._kind()
        return backend


# Importing keyring takes 40 ms of a start, and its backend for macOS as much again where it looks
# for libraries in vain: on Linux only a refusal needs any of it.


def _kind_of(platform: str) -> tuple[str, Any]:
    """Return the keyring's name and keyring's class for it, with the class property `viable`."""
    if platform == "win32":
        from keyring.backends.Windows import WinVaultKeyring  # noqa: PLC0415

        return "Windows", WinVaultKeyring
    if platform == "darwin":
        from keyring.backends.macOS import Keyring  # noqa: PLC0415

        return "macOS", Keyring
    return "SecretService", None


def _translated(error: Exception) -> KeyUnavailableError:
    """Say what `error` means; backends let foreign errors of all kinds through."""
    from keyring.errors import KeyringLocked  # noqa: PLC0415

    is_locked = isinstance(error, KeyringLocked)
    reason = Reason.KEYRING_LOCKED if is_locked else Reason.KEYRING_ABSENT
    return KeyUnavailableError(reason, f"{type(error).__name__}: {error}")
