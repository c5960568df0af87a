"""The desktop's notification service (freedesktop.org, Desktop Notifications Specification 1.2).

Linux alone has it. Where no service answers, the caller has another way of saying things.
"""

import asyncio
import contextlib
import html
import importlib
import logging
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

log = logging.getLogger(__name__)

NAME: Final = "org.freedesktop.Notifications"
PATH: Final = "/org/freedesktop/Notifications"
DEFAULT: Final = "default"  # the action of a click on the notification itself
ANSWER_LIMIT_S: Final = 5.0  # a service that is started by this question needs a while
_BUS: Final = "org.freedesktop.DBus"
_SERVICE_DECIDES: Final = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One notification.

    Args:
        title: One line.
        body: Plain text.
        actions: The name and the words of each button; `DEFAULT` is a click on the rest.
        urgency: 0 low, 1 normal, 2 critical: it stays until somebody has seen it.
        is_transient: It need not be kept for somebody who was away.
        is_silent: It makes no sound.
    """

    title: str
    body: str
    actions: tuple[tuple[str, str], ...] = ()
    urgency: int = 1
    is_transient: bool = False
    is_silent: bool = False


class NotificationService:
    """Shows notifications under keys of our own, and hears what is done with them.

    Args:
        app: The program's name, and that of its desktop file.
        title: The program's name for people.
        icon: The URI or the theme's name of its icon.
        on_action: Called on the loop with a key and an action's name.
        platform: As sys.platform.
    """

    def __init__(
        self,
        app: str,
        title: str,
        icon: str,
        on_action: Callable[[str, str], None],
        *,
        platform: str = sys.platform,
    ) -> None:
        self._app = app
        self._title = title
        self._icon = icon
        self._on_action = on_action
        self._platform = platform
        self._jeepney: Any = None
        self._router: Any = None
        self._stack = contextlib.AsyncExitStack()
        self._hearing: asyncio.Task[None] | None = None
        self._ids: dict[str, int] = {}
        self._reads_markup = False

    @property
    def shown(self) -> tuple[str, ...]:
        """The keys of the notifications that nobody has closed."""
        return tuple(self._ids)

    async def show(self, key: str, note: Note) -> bool:
        """Show `note`, in place of the last one with this key; return whether a service did."""
        if not self._platform.startswith("linux"):
            return False
        # The bus may have gone since the last time, which only using it shows.
        for _ in range(1 if self._router is None else 2):
            try:
                await self._connect()
                self._ids[key] = await self._notify(key, note)
            except Exception as err:  # noqa: BLE001 - no bus, no service, or one that hangs
                log.info("no notification service: %s: %s", type(err).__name__, err)
                await self._hang_up()
            else:
                return True
        return False

    async def withdraw(self, key: str) -> None:
        """Take a notification back; one that was closed, or never shown, is let be."""
        if (number := self._ids.pop(key, None)) is None or self._router is None:
            return
        try:
            await self._ask("CloseNotification", "u", (number,))
        except Exception as err:  # noqa: BLE001 - it is gone with its service
            log.debug("a notification was not taken back: %s", err)

    async def close(self) -> None:
        """Take everything back, since nobody will answer a click, and hang up."""
        for key in self.shown:
            await self.withdraw(key)
        await self._hang_up()

    # --- inside ----------------------------------------------------------------------------------

    async def _notify(self, key: str, note: Note) -> int:
        (capabilities,) = await self._ask("GetCapabilities")
        self._reads_markup = "body-markup" in capabilities
        (number,) = await self._ask("Notify", "susssasa{sv}i", self._body(key, note))
        return int(number)

    def _body(self, key: str, note: Note) -> tuple[Any, ...]:
        hints: dict[str, tuple[str, Any]] = {
            "urgency": ("y", note.urgency),
            "desktop-entry": ("s", self._app),
            "category": ("s", "network"),
        }
        if note.is_transient:
            hints["transient"] = ("b", True)
        if note.is_silent:
            hints["suppress-sound"] = ("b", True)
        return (
            self._title,
            self._ids.get(key, 0),
            self._icon,
            note.title,
            html.escape(note.body, quote=False) if self._reads_markup else note.body,
            [part for action in note.actions for part in action],
            hints,
            _SERVICE_DECIDES,
        )

    async def _ask(self, member: str, signature: str = "", body: tuple[Any, ...] = ()) -> Any:
        address = self._jeepney.DBusAddress(PATH, bus_name=NAME, interface=NAME)
        call = self._jeepney.new_method_call(address, member, signature, body)
        async with asyncio.timeout(ANSWER_LIMIT_S):
            answer = await self._router.send_and_get_reply(call)
        if answer.header.message_type is not self._jeepney.MessageType.method_return:
            raise ConnectionError(f"{member}: {answer.body}")
        return answer.body

    async def _connect(self) -> None:
        if self._hearing is not None and not self._hearing.done():
            return
        await self._hang_up()
        # jeepney comes with the Secret Service's library; Linux alone has both.
        self._jeepney = importlib.import_module("jeepney")
        connections = importlib.import_module("jeepney.io.asyncio")
        stack = contextlib.AsyncExitStack()
        try:
            async with asyncio.timeout(ANSWER_LIMIT_S):
                bus = await connections.open_dbus_connection("SESSION")
                stack.push_async_callback(_close, bus)
                self._router = await stack.enter_async_context(connections.DBusRouter(bus))
                queues = await self._listen(stack)
        except BaseException:
            await stack.aclose()
            raise
        self._stack = stack
        self._hearing = asyncio.get_running_loop().create_task(self._hear(queues), name="notes")

    async def _listen(self, stack: contextlib.AsyncExitStack) -> "asyncio.Queue[Any]":
        """Ask the bus for the service's signals, and for its coming and going."""
        jeepney = self._jeepney
        queue: asyncio.Queue[Any] = asyncio.Queue(100)
        wanted = (
            jeepney.MatchRule(type="signal", sender=NAME, interface=NAME, path=PATH),
            jeepney.MatchRule(type="signal", interface=_BUS, member="NameOwnerChanged"),
        )
        wanted[1].add_arg_condition(0, NAME)
        for rule in wanted:
            await self._router.send_and_get_reply(jeepney.message_bus.AddMatch(rule))
        # Signals carry the sender's number, not its name; the bus has looked at the name.
        for here in (jeepney.MatchRule(type="signal", interface=NAME, path=PATH), wanted[1]):
            stack.enter_context(self._router.filter(here, queue=queue))
        return queue

    async def _hear(self, queue: "asyncio.Queue[Any]") -> None:
        while True:
            message = await queue.get()
            member = message.header.fields.get(self._jeepney.HeaderFields.member)
            try:
                self._heard(member, message.body)
            except (TypeError, ValueError, IndexError):
                log.warning("the notification service said something odd: %s", member)

    def _heard(self, member: str, body: tuple[Any, ...]) -> None:
        match member:
            case "NameOwnerChanged":
                self._ids.clear()  # the next service counts anew: these could be somebody else's
            case "NotificationClosed":
                number, _why = body
                self._ids = {k: n for k, n in self._ids.items() if n != number}
            case "ActivationToken":
                # What lets the window we open next come to the front on Wayland; Qt reads it there
                # (qwaylandxdgshell.cpp, requestActivate).
                number, token = body
                if number in self._ids.values():
                    os.environ["XDG_ACTIVATION_TOKEN"] = str(token)
            case "ActionInvoked":
                number, action = body
                for key in [k for k, n in self._ids.items() if n == number]:
                    self._on_action(key, str(action))
            case _:
                pass

    async def _hang_up(self) -> None:
        self._ids.clear()
        self._router = None
        if (hearing := self._hearing) is not None:
            self._hearing = None
            hearing.cancel()
            await asyncio.wait([hearing])
        stack, self._stack = self._stack, contextlib.AsyncExitStack()
        with contextlib.suppress(Exception):
            await stack.aclose()


async def _close(bus: Any) -> None:
    with contextlib.suppress(OSError):
        await bus.close()
