"""A client that is being paired: by a QR code that is scanned, or a code that is typed."""

import asyncio
import itertools
import json
import secrets
import time
from typing import Final, Protocol

from tests.simulator import linkcode
from tests.simulator.companion import Companion
from tests.simulator.connection import Connection
from tests.simulator.faults import Failure, Faults, stream_error
from tests.simulator.linkcode import Hello, PhoneSide
from tests.simulator.messages import now
from tests.simulator.nodes import SERVER, Attrs, Node
from tests.simulator.phone import pair_success

USUAL_REFS: Final = 6  # with as many, the client shows the first one longer
_FIRST_SHOWN_S: Final = 60.0
_SHOWN_S: Final = 20.0
_TOLERANCE_S: Final = 5.0  # a code may be scanned just as the next one comes up
_RESTART: Final = 515
_BAD_REQUEST: Final = Failure(400, {"text": "bad-request"})
_FINISH: Final = "companion_finish"


class PairingHost(Protocol):
    """What a pairing needs of the server."""

    faults: Faults
    qr_refs: int

    def ended(self, pairing: "Pairing") -> None:
        """Forget a client that has gone."""

    def code_asked(self, hello: Hello) -> None:
        """Count a code, and show the phone its notification."""


class Pairing:
    """The server's side of one pairing."""

    number = None

    def __init__(self, connection: Connection, noise_key: bytes, host: PairingHost) -> None:
        self.noise_key = noise_key
        self.refs = tuple(f"2@{secrets.token_urlsafe(24)}" for _ in range(host.qr_refs))
        self.hello: Hello | None = None  # the newest code it has asked for
        self._connection = connection
        self._host = host
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

    def code_for(self, number: str) -> Hello | None:
        """Return the code it shows for the phone with this number, if that is still valid."""
        hello = self.hello
        if hello is None or hello.number != number:
            return None
        age_s = time.monotonic() - hello.asked_at
        return hello if age_s < self._host.faults.link_code_lives_s else None

    async def link(self, success: Node, timeout_s: float) -> Node:
        """Send the result of a scan and return the client's answer to it.

        Raises:
            TimeoutError: It has not answered within `timeout_s`.
            ConnectionError: It has gone.
        """
        request_id = f"pair-{next(self._ids)}"
        return await self._exchange(request_id, pair_success(request_id, success), timeout_s)

    async def greet(self, side: PhoneSide, timeout_s: float) -> Node:
        """Tell the client that its code was typed, and return how it goes on from there.

        Raises:
            TimeoutError: It has not answered within `timeout_s`.
            ConnectionError: It has gone.
        """
        return await self._exchange(
            _FINISH, self._notification(linkcode.TAG, side.greeting()), timeout_s
        )

    def demand_passkey(self) -> None:
        """Ask the client for a passkey instead of going on."""
        credential = {"id": secrets.token_urlsafe(16), "type": "public-key", "transports": []}
        options = {
            "challenge": secrets.token_urlsafe(32),
            "timeout": 600_000,
            "rpId": "whatsapp.com",
            "allowCredentials": [credential],
            "userVerification": "preferred",
        }
        content = Node("passkey_request_options", content=json.dumps(options).encode())
        self._connection.send(self._notification("passkey_prologue_request", content))

    def finish(self, companion: Companion) -> None:  # noqa: ARG002  # for other ways of pairing
        """Tell the client to come back as a companion."""
        self._connection.send(stream_error(_RESTART))

    def on_node(self, node: Node) -> None:
        """Handle what the client says while it is paired."""
        if node.tag != "iq":
            return
        if self._is_awaited(node.text("id")):
            self._answer_with(node)
        elif (link := node.child(linkcode.TAG)) is not None:
            self._on_link_code(node, link)
        elif node.text("xmlns") == "w:p":
            self._reply(node, "result")

    def on_closed(self) -> None:
        """Let no phone scan this any more."""
        if self._answer and not self._answer.done():
            self._answer.set_exception(ConnectionError("the device has gone"))
        self._host.ended(self)

    def _on_link_code(self, query: Node, link: Node) -> None:
        stage = link.text("stage")
        if stage == "companion_hello":
            self._on_hello(query, link)
            return
        self._reply(query, "result", Node(linkcode.TAG, {"stage": stage}))
        if stage == _FINISH and self._is_awaited(_FINISH):
            self._answer_with(link)

    def _on_hello(self, query: Node, link: Node) -> None:
        hello = Hello.parse(link)
        refusal = self._host.faults.link_code_failure
        if refusal is not None or hello is None or hello.noise_key != self.noise_key:
            refusal = refusal or _BAD_REQUEST
            error = Node("error", {"code": str(refusal.reason), **refusal.attrs})
            self._reply(query, "error", error)
            return
        self.hello = hello
        self._host.code_asked(hello)
        ref = Node("link_code_pairing_ref", content=hello.ref)
        self._reply(query, "result", Node(linkcode.TAG, {"stage": "companion_hello"}, [ref]))

    def _reply(self, query: Node, kind: str, content: Node | None = None) -> None:
        attrs: Attrs = {"from": SERVER, "type": kind, "id": query.text("id"), "t": now()}
        self._connection.send(Node("iq", attrs, [content] if content else None))

    def _notification(self, kind: str, content: Node) -> Node:
        attrs: Attrs = {"from": SERVER, "type": kind, "id": f"note-{next(self._ids)}", "t": now()}
        return Node("notification", attrs, [content])

    async def _exchange(self, answer_id: str, node: Node, timeout_s: float) -> Node:
        self._answer = asyncio.get_running_loop().create_future()
        self._answer_id = answer_id
        self._connection.send(node)
        async with asyncio.timeout(timeout_s):
            return await self._answer

    def _is_awaited(self, answer_id: str) -> bool:
        answer = self._answer
        return answer is not None and not answer.done() and self._answer_id == answer_id

    def _answer_with(self, node: Node) -> None:
        assert self._answer is not None
        self._answer.set_result(node)
