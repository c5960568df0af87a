"""A StatusNotifier watcher and host: the other kind of panel, read as data instead of pixels.

It lives on a session bus of the test's own and in the test's own loop; the program is a child.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

from dbus_fast import Message, MessageType, NameFlag, Variant
from dbus_fast.aio import MessageBus

WATCHER = "org.kde.StatusNotifierWatcher"
WATCHER_PATH = "/StatusNotifierWatcher"
ITEM = "org.kde.StatusNotifierItem"
ITEM_PATH = "/StatusNotifierItem"
MENU = "com.canonical.dbusmenu"
PROPERTIES = "org.freedesktop.DBus.Properties"


@dataclass(frozen=True)
class Entry:
    """One line of a menu."""

    id: int
    properties: dict[str, Any]
    children: tuple["Entry", ...]

    @property
    def label(self) -> str:
        return str(self.properties.get("label", "")).replace("_", "", 1)

    def walk(self) -> Iterator["Entry"]:
        yield self
        for child in self.children:
            yield from child.walk()


class SniHost:
    """Takes in the items that register, and asks them what a panel asks."""

    def __init__(self, bus: MessageBus) -> None:
        self._bus = bus
        self._items: list[str] = []
        self._came = asyncio.Event()
        bus.add_message_handler(self._on_message)

    @classmethod
    async def start(cls, address: str) -> Self:
        """Take the watcher's name on the bus at `address`."""
        bus = await MessageBus(bus_address=address).connect()
        host = cls(bus)
        await bus.request_name(WATCHER, NameFlag.REPLACE_EXISTING)
        return host

    async def close(self) -> None:
        """Leave the bus, as a panel that crashes does."""
        self._bus.disconnect()
        await self._bus.wait_for_disconnect()  # type: ignore[no-untyped-call]

    async def item(self, *, timeout_s: float = 10.0) -> str:
        """Return the bus name of the newest item, waiting for the first."""
        await asyncio.wait_for(self._came.wait(), timeout_s)
        return self._items[-1]

    async def get(self, name: str) -> Any:
        """Return one property of the item."""
        (value,) = await self._call(ITEM_PATH, PROPERTIES, "Get", "ss", [ITEM, name])
        return value.value

    async def colour(self) -> str:
        """Return the colour that fills most of the item's largest picture."""
        _, _, pixels = max(await self.get("IconPixmap"), key=lambda p: p[0])
        solid = Counter(pixels[i + 1 : i + 4] for i in range(0, len(pixels), 4) if pixels[i] == 255)
        ((fill, _),) = solid.most_common(1)
        return f"#{fill.hex()}"

    async def tooltip(self) -> str:
        """Return the words shown on hovering."""
        return str((await self.get("ToolTip"))[2])

    async def menu(self) -> Entry:
        """Return the whole menu, opened as a panel opens it."""
        path = await self.get("Menu")
        await self._call(path, MENU, "AboutToShow", "i", [0])
        _, layout = await self._call(path, MENU, "GetLayout", "iias", [0, -1, []])
        return _entry(layout)

    async def click(self, entry: Entry) -> None:
        """Choose a line of the menu."""
        path = await self.get("Menu")
        body = [entry.id, "clicked", Variant("s", ""), 0]
        await self._call(path, MENU, "Event", "isvu", body)

    async def activate(self) -> None:
        """Click the icon with the left button."""
        await self._call(ITEM_PATH, ITEM, "Activate", "ii", [10, 10])

    async def activate_secondary(self) -> None:
        """Click the icon with the middle button."""
        await self._call(ITEM_PATH, ITEM, "SecondaryActivate", "ii", [10, 10])

    async def pictures(self) -> dict[int, bytes]:
        """Return the item's pictures by their width, as ARGB bytes."""
        return {width: bytes(data) for width, _, data in await self.get("IconPixmap")}

    async def _call(
        self, path: str, interface: str, member: str, signature: str, body: Sequence[Any]
    ) -> list[Any]:
        answer = await self._bus.call(
            Message(
                destination=await self.item(),
                path=path,
                interface=interface,
                member=member,
                signature=signature,
                body=list(body),
            )
        )
        assert answer is not None
        assert answer.message_type is MessageType.METHOD_RETURN, (member, answer.body)
        return list(answer.body)

    def _on_message(self, message: Message) -> Message | None:
        if message.message_type is not MessageType.METHOD_CALL or message.path != WATCHER_PATH:
            return None
        match message.interface, message.member:
            case "org.kde.StatusNotifierWatcher", "RegisterStatusNotifierItem":
                named = str(message.body[0])
                self._items.append(named if named.startswith((":", "org.")) else message.sender)
                self._came.set()
                return Message.new_method_return(message)
            case "org.kde.StatusNotifierWatcher", "RegisterStatusNotifierHost":
                return Message.new_method_return(message)
            case "org.freedesktop.DBus.Properties", "Get":
                value = self._properties()[message.body[1]]
                return Message.new_method_return(message, "v", [value])
            case "org.freedesktop.DBus.Properties", "GetAll":
                return Message.new_method_return(message, "a{sv}", [self._properties()])
            case _:
                return None

    def _properties(self) -> dict[str, Variant]:
        return {
            "RegisteredStatusNotifierItems": Variant("as", self._items),
            "IsStatusNotifierHostRegistered": Variant("b", True),
            "ProtocolVersion": Variant("i", 0),
        }


def _entry(layout: Any) -> Entry:
    number, properties, children = layout
    return Entry(
        id=number,
        properties={name: variant.value for name, variant in properties.items()},
        children=tuple(_entry(child.value) for child in children),
    )
