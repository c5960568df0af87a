"""The Secret Service of Linux desktops (GNOME Keyring, KWallet). Only Linux has its library.

keyring 25.7 has a backend for it, which leaves its connection open whenever it fails.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import secretstorage


class SecretService:
    """The default collection of the Secret Service; entries look as those of `keyring` do."""

    def get_password(self, service: str, username: str) -> str | None:
        """Return the secret, or None; may wait for a person to unlock.

        Raises:
            KeyringLocked: Nobody answered the prompt, or there is no screen to show it on.
        """
        with _collection() as collection:
            for item in collection.search_items({"service": service, "username": username}):
                item.unlock()
                return item.get_secret().decode("utf-8")
        return None

    def set_password(self, service: str, username: str, password: str) -> None:
        """Store the secret; may wait for a person to unlock.

        Raises:
            KeyringLocked: Nobody answered the prompt, or there is no screen to show it on.
        """
        names = {"service": service, "username": username}
        with _collection() as collection:
            collection.create_item(service, names, password.encode(), replace=True)


def is_open() -> bool:
    """Whether the service is there and unlocked. Never opens a prompt; raises what it likes."""
    with closing(secretstorage.dbus_init()) as bus:
        if not secretstorage.check_service_availability(bus):
            return False
        return not secretstorage.Collection(bus).is_locked()


@contextmanager
def _collection() -> Iterator[secretstorage.Collection]:
    try:
        with closing(secretstorage.dbus_init()) as bus:
            collection = secretstorage.get_default_collection(bus)
            if collection.is_locked() and collection.unlock():
                raise _locked("nobody unlocked the collection")
            yield collection
    except (secretstorage.LockedException, secretstorage.PromptDismissedException) as error:
        raise _locked(str(error)) from error


def _locked(why: str) -> Exception:
    from keyring.errors import KeyringLocked  # noqa: PLC0415 - 40 ms of a start, rarely needed

    return KeyringLocked(why)
