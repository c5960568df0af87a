"""Notification services for tests: a double that remembers what it is told, and dunst itself."""

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

from dbus_fast import Message, MessageType, NameFlag
from dbus_fast.aio import MessageBus

from tests.desktop import Running, wait_for
from wabot_tray.system.notifications import NAME, PATH

T = TypeVar("T")


_DUNST_RULES = """[global]
    follow = none
    width = 400
    height = 300
    origin = top-left
    offset = 20x20
    notification_limit = 5
    mouse_left_click = do_action, close_current
    mouse_right_click = close_current
    font = Sans 11
"""


@dataclass
class Shown:
    """One notification as it was asked for."""

    id: int
    replaces: int
    title: str
    body: str
    actions: dict[str, str]
    hints: dict[str, Any]
    icon: str


@dataclass
class NotificationServer:
    """A service on a bus of the test's own, in the test's own loop."""

    bus: MessageBus
    capabilities: list[str] = field(default_factory=lambda: ["actions", "body", "body-markup"])
    notes: dict[int, Shown] = field(default_factory=dict)  # on the screen
    history: list[Shown] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)
    is_mute: bool = False  # takes questions and answers none

    @classmethod
    async def start(cls, address: str) -> Self:
        """Take the service's name on the bus at `address`."""
        bus = await MessageBus(bus_address=address).connect()
        server = cls(bus)
        bus.add_message_handler(server._on_message)
        await bus.request_name(NAME, NameFlag.REPLACE_EXISTING | NameFlag.ALLOW_REPLACEMENT)
        return server

    async def stop(self) -> None:
        """Leave the bus, as a crash does."""
        self.bus.disconnect()
        await self.bus.wait_for_disconnect()  # type: ignore[no-untyped-call]

    async def click(self, number: int, action: str) -> None:
        """Do what a click on a button does."""
        await self._signal("ActivationToken", "us", [number, "a-token"])
        await self._signal("ActionInvoked", "us", [number, action])

    async def dismiss(self, number: int) -> None:
        """Close one, as a person does."""
        del self.notes[number]
        await self._signal("NotificationClosed", "uu", [number, 2])

    async def _signal(self, member: str, signature: str, body: list[Any]) -> None:
        await self.bus.send(Message.new_signal(PATH, NAME, member, signature, body))

    def _on_message(self, message: Message) -> Message | bool | None:
        if message.message_type is not MessageType.METHOD_CALL or message.path != PATH:
            return None
        if self.is_mute:
            return True
        match message.member:
            case "GetCapabilities":
                return Message.new_method_return(message, "as", [self.capabilities])
            case "Notify":
                return Message.new_method_return(message, "u", [self._notify(*message.body)])
            case "CloseNotification":
                (number,) = message.body
                self.closed.append(number)
                self.notes.pop(number, None)
                return Message.new_method_return(message)
            case _:
                return None

    def _notify(self, *body: Any) -> int:
        _app, replaces, icon, title, text, actions, hints, _expires = body
        number = replaces if replaces in self.notes else len(self.history) + 1
        shown = Shown(
            id=number,
            replaces=replaces,
            title=title,
            body=text,
            actions=dict(zip(actions[::2], actions[1::2], strict=True)),
            hints={name: hint.value for name, hint in hints.items()},
            icon=icon,
        )
        self.notes[number] = shown
        self.history.append(shown)
        return number


def start_dunst(env: dict[str, str], folder: Path) -> Running:
    """Start dunst on the display and the bus of `env`; ready when this returns."""
    config = folder / "dunstrc"
    config.write_text(_DUNST_RULES, encoding="utf-8")
    running = Running(
        subprocess.Popen(
            ["dunst", "-config", str(config)],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    )
    wait_for(lambda: dunstctl(env, "count", "displayed").isdigit(), what="dunst")
    return running


def dunstctl(env: dict[str, str], *words: str) -> str:
    """Ask dunst."""
    assert shutil.which("dunstctl"), "install dunst"
    done = subprocess.run(
        ["dunstctl", *words],
        env=env | {"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )
    return done.stdout.strip()
