"""What `wabot diagnose` finds out about the computer: versions, keyring, network, autostart."""

import importlib
import importlib.metadata
import platform
import queue
import re
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from wabot_tray.control.checks import bad, good
from wabot_tray.control.protocol import Check
from wabot_tray.system.paths import Paths

_HOST: Final = "web.whatsapp.com"
_PORT: Final = 443
_NETWORK_S: Final = 4.0
_KEYRING_S: Final = 5.0
_BUS_S: Final = 2.0
_WATCHER: Final = "org.kde.StatusNotifierWatcher"
_TRIED_NEONIZE: Final = "0.5.2"  # the version whose behaviour the program was measured with
# 6.12.0 drops references to None, True and False and ends Pythons where these can be freed.
_BROKEN_QT: Final = (6, 12)
_IMMORTAL_SINGLETONS: Final = (3, 12)
Answer = TypeVar("Answer")


def machine_checks(paths: Paths, key_source: str) -> Iterator[Check]:
    """Look at the computer; takes up to some 10 s where the network is silent."""
    yield versions()
    if key_source in ("keyring", ""):
        yield keyring(is_needed=key_source != "")
    yield autostart(paths)
    yield from network()


def versions() -> Check:
    """Look at what is installed, without loading it."""
    qt, neonize = _version("PySide6-Essentials"), _version("neonize")
    found = {"python": platform.python_version(), "qt": qt or "-", "neonize": neonize or "-"}
    if qt is None or neonize is None:
        return bad("versions", "missing", **found)
    if _numbers(qt) >= _BROKEN_QT and sys.version_info[:2] < _IMMORTAL_SINGLETONS:
        return bad("versions", "qt", **found)
    if neonize != _TRIED_NEONIZE:
        return bad("versions", "neonize", "warn", tried=_TRIED_NEONIZE, **found)
    return good("versions", **found)


def keyring(*, is_needed: bool) -> Check:
    """Look whether the keyring would give the key without asking anybody. Opens no prompt.

    Args:
        is_needed: Whether the key lies there; before there is one, a key file will do too.
    """
    level = "fail" if is_needed else "warn"

    def look() -> bool:
        from wabot_tray.storage.system_keyring import SystemKeyring  # noqa: PLC0415 - slow

        return SystemKeyring().is_open()

    is_open = within(_KEYRING_S, look)
    if is_open is None:
        return bad("keyring", "slow", level)
    return good("keyring") if is_open else bad("keyring", "closed", level)


def autostart(paths: Paths) -> Check:
    """Look whether the program starts at login."""
    from wabot_tray.system.autostart import Autostart, start_command  # noqa: PLC0415 - plistlib

    try:
        is_on = Autostart(start_command(paths.data)).is_enabled()
    except OSError:
        is_on = False
    return good("autostart") if is_on else bad("autostart", "off", "warn")


def tray_watcher() -> str | None:
    """Return who shows StatusNotifier icons on this desktop's bus, "" where nobody does.

    None where there is no such bus to ask. A tray without it is one of the older kind (XEmbed).
    """
    if not sys.platform.startswith("linux"):
        return None
    return within(_BUS_S, _watcher)


def _watcher() -> str:
    # jeepney comes with the Secret Service's library; Linux alone has both.
    jeepney = importlib.import_module("jeepney")
    connections = importlib.import_module("jeepney.io.blocking")
    with connections.open_dbus_connection(bus="SESSION") as bus:
        ask = jeepney.message_bus.NameHasOwner(_WATCHER)
        return _WATCHER if bus.send_and_get_reply(ask, timeout=_BUS_S).body[0] else ""


def network() -> Iterator[Check]:
    """Look whether WhatsApp's computers can be found and reached.

    That says nothing about the account: only a login does, and that is the program's business.
    """
    found = within(_NETWORK_S, _is_found)
    if not found:
        yield bad("dns", "silent" if found is None else "failed", host=_HOST)
        return
    yield good("dns", host=_HOST)
    reached = within(_NETWORK_S, _is_reached)
    yield good("tcp", host=_HOST) if reached else bad("tcp", "failed", host=_HOST)


def _is_found() -> bool:
    try:
        return bool(socket.getaddrinfo(_HOST, _PORT, type=socket.SOCK_STREAM))
    except OSError:
        return False


def _is_reached() -> bool:
    try:
        socket.create_connection((_HOST, _PORT), timeout=_NETWORK_S).close()
    except OSError:
        return False
    return True


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])


def within(limit_s: float, work: Callable[[], Answer]) -> Answer | None:
    """Return what `work` returns, or None if it fails, or hangs for `limit_s`.

    A name server that is silent cannot be interrupted; the thread dies with the process.
    """
    answers: queue.SimpleQueue[Answer | None] = queue.SimpleQueue()

    def run() -> None:
        try:
            answers.put(work())
        except Exception:  # noqa: BLE001 - what cannot be asked did not answer
            answers.put(None)

    threading.Thread(target=run, name="check", daemon=True).start()
    try:
        return answers.get(timeout=limit_s)
    except queue.Empty:
        return None
