"""The way each account takes to WhatsApp, and a watch on the door at the end of each."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol

from wabot_tray.core.errors import WabotError
from wabot_tray.core.proxies import AS_SET, NONE, SYSTEM, parse_proxy
from wabot_tray.core.settings import Settings
from wabot_tray.sessions.proxy import door_by
from wabot_tray.sessions.reachability import INTERVAL_S, Door, Reachability
from wabot_tray.storage.registry import Registry

log = logging.getLogger(__name__)

STRAIGHT: Final = ""


class Passwords(Protocol):
    """The passwords of proxies, by bare address. See `storage.proxy_passwords`."""

    async def get(self, address: str) -> str:
        """Return a password, or "". Raises KeyUnavailableError or VaultError."""


class _NoPasswords:
    async def get(self, address: str) -> str:
        del address
        return ""


NO_PASSWORDS: Final = _NoPasswords()


class Ways:
    """Which way each account takes.

    Args:
        registry: What was set for single accounts.
        passwords: Of the proxies.
        settings: Returns what was set for all others.
    """

    def __init__(
        self, registry: Registry, passwords: Passwords, settings: Callable[[], Settings]
    ) -> None:
        self._registry = registry
        self._passwords = passwords
        self._settings = settings

    def of(self, account_id: str) -> str:
        """Return an account's way: "system", "none" or an address.

        Raises:
            AccountError: There is no account of that name.
        """
        own = self._registry.get(account_id).proxy
        return self._settings().proxy if own == AS_SET else own

    def own(self) -> dict[str, str]:
        """Return the way of each account that has one of its own."""
        return {account.id: account.proxy for account in self._registry.all() if account.proxy}

    def by_account(self) -> dict[str, str]:
        """Return every account's way."""
        return {account.id: self.of(account.id) for account in self._registry.all()}

    def all(self) -> dict[str, list[str]]:
        """Return every way that is in use, with the accounts that take it."""
        found: dict[str, list[str]] = {self._settings().proxy: []}
        for account in self._registry.all():
            found.setdefault(self.of(account.id), []).append(account.id)
        return found

    async def url(self, way: str) -> str | None:
        """Return the proxy's URL, password and all; "" for none, None for the environment's.

        Raises:
            KeyUnavailableError: There is a password, and the master key cannot be had.
            VaultError: The disk refuses.
        """
        if way == SYSTEM:
            return None
        if way == NONE:
            return STRAIGHT
        proxy = parse_proxy(way)
        if proxy.user and not proxy.password:
            proxy = proxy.with_password(await self._passwords.get(proxy.bare))
        return proxy.url

    async def url_of(self, account_id: str) -> str | None:
        """Return the same for an account. Raises AccountError for an unknown one, too."""
        return await self.url(self.of(account_id))

    async def url_at_hand(self, way: str) -> str | None:
        """Return the URL as `url` does, without the password where that cannot be had now."""
        try:
            return await self.url(way)
        except WabotError as err:
            log.debug("a proxy is used without its password: %s", err)
            return parse_proxy(way).url


class DoorWatches:
    """One watch for each way in use, since one may open while another stays shut.

    Args:
        ways: The ways.
        address: The door behind each of them.
        trouble: Whether any of these accounts waits for it.
        back: Told of accounts whose door has opened.
        pause: Injected by tests.
    """

    def __init__(
        self,
        ways: Ways,
        address: tuple[str, int],
        trouble: Callable[[list[str]], bool],
        back: Callable[[list[str]], None],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._ways = ways
        self._address = address
        self._trouble = trouble
        self._back = back
        self._pause = pause
        self._watches: dict[str, asyncio.Task[None]] = {}

    @property
    def watched(self) -> Mapping[str, asyncio.Task[None]]:
        """The watch of each way."""
        return self._watches

    async def run(self) -> None:
        """Watch until cancelled."""
        try:
            while True:
                self.follow()
                await self._pause(INTERVAL_S)
        finally:
            for watch in self._watches.values():
                watch.cancel()
            await asyncio.gather(*self._watches.values(), return_exceptions=True)

    def follow(self) -> None:
        """Begin to watch a way that is new, and stop with one that nobody takes any more."""
        used = self._ways.all()
        for way in self._watches.keys() - used.keys():
            self._watches.pop(way).cancel()
        for way in used:
            if way not in self._watches:
                self._watches[way] = asyncio.get_running_loop().create_task(
                    self._watch(way), name="reachability"
                )

    async def _watch(self, way: str) -> None:
        doors: dict[str | None, Door] = {}  # one: each resolves names in a thread of its own

        async def look() -> bool:
            url = await self._ways.url_at_hand(way)  # its password may be another by now
            if url not in doors:
                doors.clear()
                doors[url] = door_by(self._address, url, os.environ)
            return await doors[url].is_open()

        watch = Reachability(
            look,
            lambda: self._trouble(self._takers(way)),
            lambda: self._back(self._takers(way)),
            self._pause,
        )
        await watch.run()

    def _takers(self, way: str) -> list[str]:
        return self._ways.all().get(way, [])
