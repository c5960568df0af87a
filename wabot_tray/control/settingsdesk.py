"""The settings for the command line, while the program runs."""

import dataclasses
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from wabot_tray.control.preferences import Preferences
from wabot_tray.control.protocol import Request
from wabot_tray.control.proxies import Proxies
from wabot_tray.core.proxies import shown_proxy

log = logging.getLogger(__name__)

Emit = Callable[[Mapping[str, Any]], Awaitable[None]]
Result = Mapping[str, Any]


class SettingsDesk:
    """Answers the methods "settings", "set" and "proxy". Passwords go in and never come out.

    Args:
        preferences: The settings.
        proxies: The ways to WhatsApp.
    """

    def __init__(self, preferences: Preferences, proxies: Proxies) -> None:
        self._preferences = preferences
        self._proxies = proxies
        self.streams: dict[str, Callable[[Request, Emit], Awaitable[Result]]] = {
            "settings": self._settings,
            "set": self._set,
            "proxy": self._proxy,
        }

    async def _settings(self, request: Request, emit: Emit) -> Result:
        del request, emit
        settings = dataclasses.asdict(self._preferences.settings)
        settings["proxy"] = shown_proxy(settings["proxy"])
        own = {name: shown_proxy(way) for name, way in self._proxies.of_accounts().items()}
        return {"settings": settings, "proxies": own}

    async def _set(self, request: Request, emit: Emit) -> Result:
        name, text = str(request.params["name"]), str(request.params.get("value", ""))
        log.info("control: set %s", name)
        if name == "proxy":
            await self._proxies.set(text)
        else:
            await self._preferences.apply(self._preferences.settings.with_text(name, text))
        return await self._settings(request, emit)

    async def _proxy(self, request: Request, emit: Emit) -> Result:
        params = request.params
        log.info("control: proxy")
        account_id = params.get("id")
        password = params.get("password")
        await self._proxies.set(
            str(params.get("proxy", "")),
            password=None if password is None else str(password),
            account_id=None if account_id is None else str(account_id),
        )
        return await self._settings(request, emit)
