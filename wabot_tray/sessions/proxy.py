"""The way to WhatsApp through a proxy, as far as a look at the door goes.

The library dials through the proxy that the environment names (HTTPS_PROXY, NO_PROXY; read by Go's
net/http). Where only that way is open, a look that goes straight would find the door closed for
ever, and the network's return would never be noticed.
"""

import asyncio
import base64
import contextlib
import ipaddress
from collections.abc import Mapping
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from wabot_tray.sessions.reachability import TIMEOUT_S, Door

_PORTS: Final = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
_LONGEST_ANSWER: Final = 64 * 1024


class ProxyDoor(Door):
    """An address behind an HTTP proxy: open when the proxy agrees to connect to it.

    Args:
        proxy: Where the proxy is.
        address: What is behind it.
        timeout_s: A door that has not answered for so many seconds is closed.
    """

    def __init__(
        self, proxy: SplitResult, address: tuple[str, int], timeout_s: float = TIMEOUT_S
    ) -> None:
        super().__init__((proxy.hostname or "", proxy.port or _PORTS[proxy.scheme]), timeout_s)
        host = f"{address[0]}:{address[1]}"
        lines = [f"CONNECT {host} HTTP/1.1", f"Host: {host}"]
        if proxy.username is not None:
            pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
            token = base64.b64encode(pair.encode()).decode("ascii")
            lines.append(f"Proxy-Authorization: Basic {token}")
        self._question = ("\r\n".join(lines) + "\r\n\r\n").encode()

    async def knock(self, host: str, port: int) -> bool:
        """Ask the proxy at this address to connect."""
        reader, writer = await asyncio.open_connection(host, port, limit=_LONGEST_ANSWER)
        try:
            writer.write(self._question)
            answer = await reader.readline()
        except ValueError:  # no end of the line in sight
            return False
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        return answer.split()[1:2] == [b"200"]


def door_to(address: tuple[str, int], environ: Mapping[str, str]) -> Door:
    """Return what looks at `address` by the way that the library would take."""
    text = environ.get("HTTPS_PROXY") or environ.get("https_proxy") or ""
    if not text or _goes_straight(address[0], environ):
        return Door(address)
    proxy = urlsplit(text if "://" in text else f"http://{text}")
    try:
        usable = proxy.scheme in _PORTS and bool(proxy.hostname) and (proxy.port or 1) > 0
    except ValueError:  # no number where the port should be
        usable = False
    if not usable:
        return Door(address)
    if proxy.scheme == "http":
        return ProxyDoor(proxy, address)
    return Door((proxy.hostname or "", proxy.port or _PORTS[proxy.scheme]))


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
