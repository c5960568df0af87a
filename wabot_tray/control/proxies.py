"""The ways to WhatsApp as a person sets and tries them; passwords are kept sealed."""

import asyncio
import dataclasses
import os
from typing import Final

from wabot_tray.control.preferences import Preferences
from wabot_tray.core.errors import SettingsError
from wabot_tray.core.proxies import AS_SET, NONE, SYSTEM, checked_proxy, parse_proxy
from wabot_tray.core.reasons import Reason
from wabot_tray.sessions.manager import SessionManager
from wabot_tray.sessions.proxy import door_by
from wabot_tray.storage.proxy_passwords import ProxyPasswords

TRY_S: Final = 8.0  # a person waits, and a proxy may be slow


class Proxies:
    """Sets the way of all accounts or of one.

    Args:
        manager: The accounts.
        passwords: Of the proxies.
        preferences: The settings.
        door: WhatsApp's.
    """

    def __init__(
        self,
        manager: SessionManager,
        passwords: ProxyPasswords,
        preferences: Preferences,
        door: tuple[str, int],
    ) -> None:
        self._manager = manager
        self._passwords = passwords
        self._preferences = preferences
        self._door = door

    def of_accounts(self) -> dict[str, str]:
        """Return the way of each account that has one of its own."""
        return self._manager.ways.own()

    async def set(
        self, proxy: str, *, password: str | None = None, account_id: str | None = None
    ) -> None:
        """Take another way, from now on.

        Args:
            proxy: See core/proxies.py; for an account, "" stands for what the settings say.
            password: Of the proxy; "" forgets it, None leaves it as it was.
            account_id: Whose way; None for all accounts that have none of their own.

        Raises:
            WabotError: The way or the account is refused, or it cannot be kept.
        """
        way = checked_proxy(proxy, of_account=account_id is not None)
        if way not in {SYSTEM, NONE, AS_SET}:
            address = parse_proxy(way)
            way, password = address.bare, address.password or password
            if password is None:
                password = self._written(way)
            if password and not address.user:
                raise SettingsError("error.proxy_user")
        else:
            password = None
        is_new = password is not None and await self._keep(way, password)
        if account_id is None:
            settings = self._preferences.settings
            await self._preferences.apply(dataclasses.replace(settings, proxy=way))
        else:
            self._manager.set_proxy(account_id, way)
        if is_new:
            self._manager.dial_anew(way)

    async def has_password(self, proxy: str) -> bool:
        """Whether a password is kept for this proxy."""
        try:
            address = parse_proxy(proxy)
        except SettingsError:
            return False
        return bool(address.password) or await asyncio.to_thread(self._passwords.has, address.bare)

    async def why_shut(self, proxy: str, password: str | None = None) -> Reason | None:
        """Look at WhatsApp's door by one way; return why it is shut, or None where it is open.

        Args:
            proxy: See core/proxies.py; need not be in use.
            password: None takes the one that is kept.

        Raises:
            SettingsError: `proxy` is no way.
        """
        url = await self._manager.ways.url_at_hand(checked_proxy(proxy))
        if password and url:
            url = parse_proxy(url).with_password(password).url
        return await door_by(self._door, url, os.environ, timeout_s=TRY_S).why_shut()

    def _written(self, address: str) -> str | None:
        """Return the password that somebody wrote into the file beside this address, if any."""
        way = self._preferences.settings.proxy
        if way in {SYSTEM, NONE} or (written := parse_proxy(way)).bare != address:
            return None
        return written.password or None

    async def _keep(self, address: str, password: str) -> bool:
        """Keep a password, and return whether it is another than before."""
        if password == await self._passwords.get(address):
            return False
        await self._passwords.put(address, password)
        return True
