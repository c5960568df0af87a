"""Shops whose program is one of `special_entry.py`."""

import sys
from typing import Self

from tests.e2e.harness import Shop
from tests.simulator.proxy import ConnectProxy
from tests.simulator.running import RunningSimulator


class SpecialShop(Shop):
    """A shop whose program is one of these."""

    KIND = ""

    def entry(self) -> list[str]:
        """Return the command that starts it."""
        port, key = str(self.simulator.port), self.simulator.root_public_key.hex()
        return [sys.executable, "-m", "tests.e2e.special_entry", self.KIND, port, key]


class LeanShop(SpecialShop):
    """Its workers are too large as soon as they are there."""

    KIND = "lean"


class BlindShop(SpecialShop):
    """Its program never notices by itself that WhatsApp can be reached again."""

    KIND = "blind"


class UpdatedShop(SpecialShop):
    """Another version of its program can be installed."""

    KIND = "updated"

    def install(self, version: str) -> None:
        """Put another file in the place of the program."""
        fresh = self.data / "fresh"
        fresh.write_text(version, encoding="ascii")
        fresh.replace(self.data / "installed")


class NamesShop(SpecialShop):
    """Its computer can lose the names of the network."""

    KIND = "names"

    def set_names(self, state: str) -> None:
        """Let names be "gone", or "hangs", or "" for well."""
        (self.data / "names").write_text(state, encoding="ascii")


class ProxiedShop(SpecialShop):
    """Its only way to WhatsApp is a proxy."""

    KIND = "proxied"

    def __init__(self, simulator: RunningSimulator) -> None:
        super().__init__(simulator)
        self.proxy: ConnectProxy | None = None

    def make_proxy(self) -> ConnectProxy:
        """Return the proxy that the environment names."""
        return ConnectProxy(self.simulator.port, self.folder)

    def __enter__(self) -> Self:
        super().__enter__()
        self.proxy = self.make_proxy()
        self._stack.enter_context(self.proxy.running())
        return self

    @property
    def env(self) -> dict[str, str]:
        """The environment of the program, which names the proxy and whom to trust."""
        assert self.proxy is not None
        proxy = f"http://127.0.0.1:{self.proxy.port}"
        return super().env | {"HTTPS_PROXY": proxy, "SSL_CERT_FILE": str(self.proxy.certificate)}


class LoginProxyShop(ProxiedShop):
    """A proxy with a user and a password is its only way, and nothing names it but the settings."""

    IS_SOCKS = False

    def make_proxy(self) -> ConnectProxy:
        login = ("ana", "s3cr@t:ñ")
        return ConnectProxy(self.simulator.port, self.folder, login=login, is_socks=self.IS_SOCKS)

    @property
    def address(self) -> str:
        """The proxy as a person writes it, without the password."""
        assert self.proxy is not None
        return f"{'socks5' if self.IS_SOCKS else 'http'}://ana@127.0.0.1:{self.proxy.port}"

    @property
    def env(self) -> dict[str, str]:
        """The environment of the program, which says nothing of the proxy but whom to trust."""
        env = super().env
        del env["HTTPS_PROXY"]
        return env


class SocksShop(LoginProxyShop):
    """The same with SOCKS5."""

    IS_SOCKS = True
