"""The way to WhatsApp through a proxy, as far as a look at the door goes.

The library dials through the proxy that the environment names (HTTPS_PROXY, NO_PROXY; read by Go's
net/http). Where only that way is open, a look that goes straight would find the door closed for
ever, and the network's return would never be noticed.
"""

import asyncio
import base64
import contextlib
import ipaddress
import ssl
import struct
from collections.abc import Mapping
from typing import Final

from wabot_tray.core.errors import SettingsError
from wabot_tray.core.proxies import ProxyAddress, parse_proxy
from wabot_tray.core.reasons import Reason
from wabot_tray.sessions.reachability import TIMEOUT_S, Door

_LONGEST_ANSWER: Final = 64 * 1024
_LOGIN_WANTED: Final = b"407"
_SOCKS: Final = 5
_NO_LOGIN, _LOGIN = 0, 2
_ADDRESS_BYTES: Final = {1: 4, 4: 16}  # of the proxy's answer, by its kind of address


class ShutError(OSError):
    """A proxy was reached and does not let us through.

    Args:
        reason: PROXY_REFUSED or PROXY_CLOSED.
    """

    def __init__(self, reason: Reason) -> None:
        self.reason = reason
        super().__init__(str(reason))


class ProxyDoor(Door):
    """An address behind a proxy: open when the proxy agrees to connect to it.

    Args:
        proxy: The proxy.
        address: What is behind it.
        timeout_s: A door that has not answered for so many seconds is closed.
    """

    def __init__(
        self, proxy: ProxyAddress, address: tuple[str, int], timeout_s: float = TIMEOUT_S
    ) -> None:
        super().__init__((proxy.host, proxy.port), timeout_s)
        self._proxy = proxy
        self._behind = address

    async def why_shut(self) -> Reason | None:
        """Look, and return why the way is shut, or None where it is open."""
        reason = await super().why_shut()
        return Reason.PROXY_UNREACHABLE if reason is Reason.DIAL_FAILED else reason

    async def knock(self, host: str, port: int) -> bool:
        """Ask the proxy at this address to connect.

        Raises:
            OSError: It is not there, or does not (ShutError).
        """
        tls = ssl.create_default_context() if self._proxy.scheme == "https" else None
        reader, writer = await asyncio.open_connection(
            host,
            port,
            limit=_LONGEST_ANSWER,
            ssl=tls,
            server_hostname=None if tls is None else self._proxy.host,
        )
        try:
            if self._proxy.scheme == "socks5":
                await self._ask_socks(reader, writer)
            else:
                await self._ask_http(reader, writer)
        except (ValueError, EOFError) as err:  # no end of the line in sight, or too early
            raise ShutError(Reason.PROXY_CLOSED) from err
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        return True

    async def _ask_http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Ask with CONNECT (RFC 9110, 9.3.6)."""
        host = f"{self._behind[0]}:{self._behind[1]}"
        lines = [f"CONNECT {host} HTTP/1.1", f"Host: {host}"]
        if self._proxy.user:
            pair = f"{self._proxy.user}:{self._proxy.password}"
            token = base64.b64encode(pair.encode()).decode("ascii")
            lines.append(f"Proxy-Authorization: Basic {token}")
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        status = (await reader.readline()).split()[1:2]
        if status == [_LOGIN_WANTED]:
            raise ShutError(Reason.PROXY_REFUSED)
        if status != [b"200"]:
            raise ShutError(Reason.PROXY_CLOSED)

    async def _ask_socks(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Ask with SOCKS5 (RFC 1928), by name: the proxy may know it where we do not."""
        methods = bytes((_NO_LOGIN, _LOGIN)) if self._proxy.user else bytes((_NO_LOGIN,))
        writer.write(bytes((_SOCKS, len(methods))) + methods)
        version, method = await reader.readexactly(2)
        if version != _SOCKS:
            raise ShutError(Reason.PROXY_CLOSED)
        if method == _LOGIN and self._proxy.user:
            user, password = self._proxy.user.encode(), self._proxy.password.encode()
            writer.write(
                bytes((1, len(user))) + user + bytes((len(password),)) + password
            )  # RFC 1929
            if (await reader.readexactly(2))[1]:
                raise ShutError(Reason.PROXY_REFUSED)
        elif method != _NO_LOGIN:
            raise ShutError(Reason.PROXY_REFUSED)
        name = self._behind[0].encode("idna")
        wish = bytes((_SOCKS, 1, 0, 3, len(name))) + name + struct.pack(">H", self._behind[1])
        writer.write(wish)
        _, refusal, _, kind = await reader.readexactly(4)
        if refusal:
            raise ShutError(Reason.PROXY_CLOSED)
        length = _ADDRESS_BYTES.get(kind) or (await reader.readexactly(1))[0]
        await reader.readexactly(length + 2)


def door_by(
    address: tuple[str, int],
    url: str | None,
    environ: Mapping[str, str],
    *,
    timeout_s: float = TIMEOUT_S,
) -> Door:
    """Return what looks at `address` by one way.

    Args:
        address: A host and a port.
        url: A proxy; "" for none, None for what the environment says.
        environ: The environment.
        timeout_s: A door that has not answered for so many seconds is closed.
    """
    if url is None:
        return door_to(address, environ, timeout_s=timeout_s)
    if not url:
        return Door(address, timeout_s)
    return ProxyDoor(parse_proxy(url), address, timeout_s)


def door_to(
    address: tuple[str, int], environ: Mapping[str, str], *, timeout_s: float = TIMEOUT_S
) -> Door:
    """Return what looks at `address` by the way that the library takes from the environment."""
    text = environ.get("HTTPS_PROXY") or environ.get("https_proxy") or ""
    if not text or _goes_straight(address[0], environ):
        return Door(address, timeout_s)
    try:
        return ProxyDoor(parse_proxy(text), address, timeout_s)
    except SettingsError:
        return Door(address, timeout_s)


def _goes_straight(host: str, environ: Mapping[str, str]) -> bool:
    """Whether no proxy is used for `host`: Go leaves this computer itself out."""
    if host == "localhost":
        return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    names = (environ.get("NO_PROXY") or environ.get("no_proxy") or "").split(",")
    return any(_is_named(host, name.strip().lower().partition(":")[0]) for name in names)


def _is_named(host: str, name: str) -> bool:
    """Whether an entry of NO_PROXY means `host`; one that begins with a dot means what is below."""
    if name in {"", "*"}:
        return name == "*"
    return host == name or host.endswith(name if name.startswith(".") else f".{name}")
