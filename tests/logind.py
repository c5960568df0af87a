"""A logind of one's own on a system bus of one's own, for whoever listens for the computer's sleep.

with Logind() as logind:
    subprocess.run(program, env=os.environ | logind.env)
    logind.prepare_for_sleep(True)
"""

import contextlib
from types import TracebackType
from typing import Final, Self

from jeepney import DBusAddress, message_bus, new_signal  # type: ignore[import-untyped]
from jeepney.io.blocking import (  # type: ignore[import-untyped]
    DBusConnection,
    open_dbus_connection,
)

from tests.desktop import SessionBus, start_bus

NAME: Final = "org.freedesktop.login1"
_MANAGER: Final = DBusAddress(
    "/org/freedesktop/login1", bus_name=NAME, interface="org.freedesktop.login1.Manager"
)


class Logind:
    """Says what logind says before and after a sleep."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self._bus: SessionBus | None = None
        self._connection: DBusConnection | None = None

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self._bus = stack.enter_context(start_bus())
            self._connection = open_dbus_connection(self._bus.address)
            stack.callback(self._connection.close)
            self._connection.send_and_get_reply(message_bus.RequestName(NAME))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    @property
    def env(self) -> dict[str, str]:
        """What makes a program take this bus for the system's."""
        assert self._bus is not None
        return {"DBUS_SYSTEM_BUS_ADDRESS": self._bus.address}

    def prepare_for_sleep(self, going: bool) -> None:
        """Announce that the computer goes to sleep, or that it is back."""
        self.say("PrepareForSleep", going)

    def say(self, signal: str, going: bool) -> None:
        """Send a signal of logind's manager."""
        assert self._connection is not None
        self._connection.send(new_signal(_MANAGER, signal, "b", (going,)))
