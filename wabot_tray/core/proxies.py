"""How a way to WhatsApp is written: as the computer is set up, straight, or through a proxy.

    system                         as the environment says (HTTPS_PROXY, NO_PROXY)
    none                           straight, whatever the environment says
    http://ana@proxy.example:3128  through this proxy; https and socks5 too

A password is no part of what is kept in plain files. Where a person writes one into them all the
same, it is used.
"""

import ipaddress
import re
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from wabot_tray.core.errors import SettingsError

SYSTEM: Final = "system"
NONE: Final = "none"
AS_SET: Final = ""  # of an account: as the settings say
PORTS: Final = {"http": 80, "https": 443, "socks5": 1080}
_LONGEST: Final = 400  # characters
_HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?(\.[A-Za-z0-9_-]+)*\.?")
_LONGEST_SECRET_BYTES: Final = 255  # of a user or a password, as SOCKS5 counts them (RFC 1929)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyAddress:
    """One proxy, taken apart."""

    scheme: str
    host: str
    port: int
    user: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return f"ProxyAddress({self.place!r})"

    @property
    def place(self) -> str:
        """Where it is, without anything personal: "proxy.example:3128"."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def bare(self) -> str:
        """The address as it is kept, without a password."""
        user = f"{quote(self.user, safe='')}@" if self.user else ""
        return f"{self.scheme}://{user}{self.place}"

    @property
    def url(self) -> str:
        """The address as it is used, password and all."""
        if not self.password:
            return self.bare
        login = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}"
        return f"{self.scheme}://{login}@{self.place}"

    def with_user(self, user: str) -> "ProxyAddress":
        """Return the same proxy with this user, and no password."""
        return replace(self, user=user, password="")

    def with_password(self, password: str) -> "ProxyAddress":
        """Return the same proxy with this password."""
        return replace(self, password=password)


def parse_proxy(text: str) -> ProxyAddress:
    """Return the proxy that `text` names; without a scheme it is one of HTTP.

    Raises:
        SettingsError: It names none, or one of another kind.
    """
    text = text.strip()
    if not text or len(text) > _LONGEST or not text.isprintable() or re.search(r"\s", text):
        raise SettingsError("error.proxy_address")
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        port = parts.port
    except ValueError as error:
        raise SettingsError("error.proxy_address") from error
    scheme = "socks5" if parts.scheme == "socks5h" else parts.scheme
    if scheme not in PORTS:
        raise SettingsError("error.proxy_kind", kinds=", ".join(PORTS))
    host = parts.hostname or ""
    if not _is_host(host) or port == 0 or parts.path not in {"", "/"}:
        raise SettingsError("error.proxy_address")
    if parts.query or parts.fragment:
        raise SettingsError("error.proxy_address")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if password and not user:
        raise SettingsError("error.proxy_user")
    if max(len(user.encode()), len(password.encode())) > _LONGEST_SECRET_BYTES:
        raise SettingsError("error.proxy_address")
    return ProxyAddress(
        scheme=scheme, host=host, port=port or PORTS[scheme], user=user, password=password
    )


def checked_proxy(value: object, *, of_account: bool = False) -> str:
    """Return a way as it is kept: "system", "none", or an address in its one spelling.

    Args:
        value: What was written.
        of_account: Whether "" may stand for what the settings say.

    Raises:
        SettingsError: It is none of these.
    """
    if not isinstance(value, str):
        raise SettingsError("error.proxy_address")
    if value in {SYSTEM, NONE} or (of_account and value == AS_SET):
        return value
    return parse_proxy(value).url


def shown_proxy(way: str) -> str:
    """Return a way as it may be shown: without a password."""
    return way if way in {SYSTEM, NONE, AS_SET} else parse_proxy(way).bare


def _is_host(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return bool(_HOST.fullmatch(host)) and len(host) <= 253  # noqa: PLR2004 - RFC 1035
    return True
