"""A client that is being paired: it shows QR codes until a phone scans one."""

import asyncio
import itertools
import secrets
import time
from collections.abc import Callable
from typing import Final

from tests.simulator.companion import Companion
from tests.simulator.connection import Connection
from tests.simulator.faults import stream_error
from tests.simulator.messages import now
from tests.simulator.nodes import SERVER, Node
from tests.simulator.phone import pair_success

USUAL_REFS: Final = 6  # with as many, the client shows the first one longer
_FIRST_SHOWN_S: Final = 60.0
_SHOWN_S: Final = 20.0
_TOLERANCE_S: Final = 5.0  # a code may be scanned just as the next one comes up
_RESTART: Final = 515


class Pairing:
    """The server's side of one pairing."""

    number = None

    def __init__(
        self,
        connection: Connection,
        noise_key: bytes,
        refs: int,
        on_end: "Callable[[Pairing], None]",
    ) -> None:
        self.noise_key = noise_key
        self.refs = tuple(f"2@{secrets.token_urlsafe(24)}" for _ in range(refs))
        self._connection = connection
        self._on_end = on_end
        self._began_at = time.monotonic()
        self._ids = itertools.count(1)
        self._answer: asyncio.Future[Node] | None = None
        self._answer_id = ""

    def begin(self) -> None:
        """Send the texts that the client makes QR codes of."""
        refs = [Node("ref", content=ref.encode()) for ref in self.refs]
        request = {"type": "set", "id": f"pair-{next(self._ids)}", "xmlns": "md"}
        content = [Node("pair-device", content=refs)]
        self._connection.send(Node("iq", {"from": SERVER, **request}, content))

    def is_valid(self, ref: str) -> bool:
        """Whether a phone that scans this text now is in time."""
        if ref not in self.refs:
            return False
        first = _FIRST_SHOWN_S if len(self.refs) == USUAL_REFS else _SHOWN_S
        shown_until = first + _SHOWN_S * self.refs.index(ref)
        return time.monotonic() - self._began_at < shown_until + _TOLERANCE_S

    async def link(self, success: Node, timeout_s: float) -> Node:
        """Send the result of a scan and return the client's answer to it.

        Raises:
            TimeoutError: It has not answered within `timeout_s`.
            ConnectionError: It has gone.
        """
        self._answer = asyncio.get_running_loop().create_future()
        self._answer_id = f"pair-{next(self._ids)}"
        self._connection.send(pair_success(self._answer_id, success))
        async with asyncio.timeout(timeout_s):
            return await self._answer

    def finish(self, companion: Companion) -> None:  # noqa: ARG002  # for other ways of pairing
        """Tell the client to come back as a companion."""
        self._connection.send(stream_error(_RESTART))

    def on_node(self, node: Node) -> None:
        """Handle what the client says while it is paired."""
        if node.tag != "iq":
            return
        if self._answer and not self._answer.done() and node.text("id") == self._answer_id:
            self._answer.set_result(node)
        elif node.text("xmlns") == "w:p":
            reply = {"type": "result", "id": node.text("id"), "t": now()}
            self._connection.send(Node("iq", {"from": SERVER, **reply}))

    def on_closed(self) -> None:
        """Let no phone scan this any more."""
        if self._answer and not self._answer.done():
            self._answer.set_exception(ConnectionError("the device has gone"))
        self._on_end(self)
