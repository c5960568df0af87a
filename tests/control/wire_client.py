"""A client in the test's own loop that says exactly what a test wants said."""

import asyncio
import contextlib
import json
from typing import Any

from wabot_tray.control.transport import socket_address
from wabot_tray.system.paths import Paths


class WireClient:
    """One connection; requests are numbered by themselves."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self._id = 0

    @classmethod
    async def connect(cls, paths: Paths) -> "WireClient":
        where = str(socket_address(paths))
        return cls(*await asyncio.open_unix_connection(where, limit=1 << 22))

    async def send(self, line: bytes) -> None:
        self.writer.write(line)
        await self.writer.drain()

    async def ask(self, method: str, **params: object) -> dict[str, Any]:
        """Send a request and return the first line that comes back."""
        self._id += 1
        request = {"v": 1, "id": self._id, "method": method, "params": params}
        await self.send(json.dumps(request).encode() + b"\n")
        return await self.line()

    async def line(self) -> dict[str, Any]:
        """Return the next line; an empty one at the end."""
        async with asyncio.timeout(20):
            raw = await self.reader.readline()
        found: dict[str, Any] = json.loads(raw) if raw else {}
        return found

    async def ended(self) -> bool:
        """Whether the server hangs up without another word."""
        with contextlib.suppress(ConnectionError):
            return await self.line() == {}
        return True

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()
