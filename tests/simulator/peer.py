"""A companion that is logged in: what the server does with what it sends."""

import asyncio
from functools import partial
from typing import Protocol

from tests.simulator import queries
from tests.simulator.companion import Companion
from tests.simulator.connection import Connection
from tests.simulator.faults import AccountFaults, Faults
from tests.simulator.messages import Encrypted, now
from tests.simulator.nodes import Attrs, Jid, Node
from tests.simulator.phone import Phone

_NO_CONTENT = frozenset(("enc", "participants"))


class Server(queries.Registry, Protocol):
    """What a peer needs of the server."""

    faults: Faults

    def changed(self) -> None:
        """Wake those who wait for a change."""


class CompanionPeer:
    """The server's side of one companion's connection."""

    def __init__(
        self, server: Server, phone: Phone, companion: Companion, connection: Connection
    ) -> None:
        self._server = server
        self._phone = phone
        self._companion = companion
        self._connection = connection

    @property
    def number(self) -> str:
        """The number of the account."""
        return self._phone.number

    @property
    def _faults(self) -> AccountFaults:
        return self._server.faults.met_by(self._phone)

    def on_closed(self) -> None:
        """Forget the connection."""
        self._companion.detach(self._connection)

    def on_node(self, node: Node) -> None:
        """Handle what the client sends."""
        if self._faults.is_zombie and node.text("xmlns") != "w:p":
            self._server.stats.unanswered += 1
            return
        handler = {
            "iq": self._on_query,
            "message": self._on_message,
            "receipt": self._on_receipt,
            "ack": self._on_ack,
        }.get(node.tag)
        if handler:
            handler(node)

    # queries

    def _on_query(self, query: Node) -> None:
        if query.text("type") not in ("get", "set"):
            return
        is_activation = query.text("xmlns") == "passive" and query.child("active") is not None
        if query.text("xmlns") == "passive" and self._faults.drops_passive:
            self._server.stats.unanswered += 1
            return
        self._connection.send(queries.answer(self._server, self._companion, query))
        if is_activation:
            self._companion.activate()
        if query.child("remove-companion-device"):
            self._phone.forget(self._companion)

    # messages

    def _on_message(self, message: Node) -> None:
        faults = self._faults
        to = message.jid("to")
        if to is None:
            return
        if faults.ack_error is None:
            self._server.stats.messages_from_companions += 1
            self._distribute(to, message)
        if faults.drops_acks:
            self._server.stats.unanswered += 1
            return
        attrs: Attrs = {"class": "message", "id": message.text("id"), "from": to, "t": now()}
        if faults.ack_error is not None:
            attrs["error"] = str(faults.ack_error)
        send = partial(self._connection.send, Node("ack", attrs))
        if faults.ack_delay_ms:
            asyncio.get_running_loop().call_later(faults.ack_delay_ms / 1000, send)
        else:
            send()

    def _distribute(self, to: Jid, message: Node) -> None:
        extra = tuple(node.tag for node in message.children if node.tag not in _NO_CONTENT)
        if enc := message.child("enc"):  # a retry, for one device
            self._deliver(to, to, message, Encrypted.of(enc), extra)
        participants = message.child("participants")
        for each in participants.all("to") if participants else ():
            device, enc = each.jid("jid"), each.child("enc")
            if device and enc:
                self._deliver(device, to, message, Encrypted.of(enc), extra)

    def _deliver(
        self, device: Jid, to: Jid, message: Node, encrypted: Encrypted, extra: tuple[str, ...]
    ) -> None:
        if (person := self._server.find(device.user)) is None:
            return
        if device.device == 0:
            person.receive(self._companion, message.text("id"), encrypted, extra)
        elif isinstance(person, Phone) and (other := person.companion(device.device)):
            attrs: Attrs = {"from": self._companion.lid, "sender_pn": self._companion.pn}
            attrs |= {"id": message.text("id"), "type": "text", "t": now()}
            attrs["notify"] = self._phone.name
            if person is self._phone:
                attrs["recipient"] = to
            other.push(Node("message", attrs, [encrypted.node()]))

    # receipts

    def _on_receipt(self, receipt: Node) -> None:
        to, kind = receipt.jid("to"), receipt.text("type")
        more = [item.text("id") for items in receipt.all("list") for item in items.all("item")]
        for message_id in [receipt.text("id"), *more]:
            self._companion.settle("message", message_id)
            self._server.stats.receipts[message_id].append(kind or "delivered")
        person = self._server.find(to.user) if to else None
        if kind == "retry":
            self._server.stats.retries_from_companions += 1
        if to is None or person is None:
            return
        if to.device and isinstance(person, Phone) and (other := person.companion(to.device)):
            attrs: Attrs = {**receipt.attrs, "from": self._companion.lid}
            del attrs["to"]
            other.push(Node("receipt", attrs, receipt.content))
        elif kind == "retry":
            person.on_retry_request(self._companion, receipt)

    def _on_ack(self, ack: Node) -> None:
        if ack.text("class") == "message":
            self._companion.settle_by_ack("message", ack.text("id"))
        else:
            self._companion.settle(ack.text("class"), ack.text("id"))
