"""People: what phones and customers have in common, and customers."""

import time
from collections import Counter
from datetime import datetime
from typing import Protocol

from tests.simulator import messages
from tests.simulator.companion import Companion
from tests.simulator.home import Home, in_loop
from tests.simulator.messages import Encrypted, Outgoing, Received
from tests.simulator.nodes import LID_SERVER, Attrs, Jid, Node
from tests.simulator.signal_device import SignalDevice
from tests.simulator.signal_session import Bundle, UndecryptableError
from tests.simulator.stats import Stats, Undecryptable


class World(Protocol):
    """What people need of the server."""

    home: Home
    stats: Stats
    sends_delivery_receipts: bool


class HasCompanions(Protocol):
    """A phone, as far as a customer knows it."""

    @property
    def companions(self) -> tuple[Companion, ...]:
        """Its linked devices."""


class Person:
    """An account with a phone of its own, which is device 0 in Signal conversations."""

    def __init__(self, world: World, number: str, lid: str, name: str) -> None:
        self.world = world
        self.number = number
        self.name = name
        self.pn = Jid(number)
        self.lid = Jid(lid, LID_SERVER)
        self.is_addressed_by_number = False  # sends from its number instead of its LID
        self.confirms_delivery = True
        self._signal = SignalDevice()
        self._received: list[Received] = []
        self._seen_ids: set[str] = set()
        self._seen_texts: set[str] = set()
        self._sent: dict[str, Outgoing] = {}  # by message id, for retries
        self._retries: Counter[str] = Counter()
        self._last_stanza: dict[str, Node] = {}
        self.spoils_next = False  # the next message cannot be decrypted

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.number!r}, {self.name!r})"

    @property
    def home(self) -> Home:
        """Where its state lives."""
        return self.world.home

    @property
    def companions(self) -> tuple[Companion, ...]:
        """Its linked devices."""
        return ()

    @property
    def account_key(self) -> bytes:
        """The public identity key."""
        return self._signal.identity.public

    def bundle(self) -> Bundle:
        """Return keys for somebody who wants to write to its phone."""
        return self._signal.bundle()

    # sending

    def _post(self, companion: Companion, message: Outgoing) -> None:
        """Encrypt a message for one companion and hand it to the server."""
        address = str(companion.lid)
        if not self._signal.has_session(address):
            if (bundle := companion.take_bundle()) is None:
                return
            self._signal.open_session(address, bundle)
        count = self._retries[f"{address} {message.message_id}"]
        kind, data = self._signal.encrypt(address, messages.padded(message.content))
        if self.spoils_next:
            data, self.spoils_next = bytes(reversed(data)), False
        stanza = Node("message", self._attrs(message), [Encrypted(kind, data, count).node()])
        self._last_stanza[address] = stanza
        stats = self.world.stats
        stats.messages_to_companions += 1
        if not companion.push(stanza, is_resent=count > 0):
            stats.messages_queued += 1

    def _attrs(self, message: Outgoing) -> Attrs:
        by_number = self.is_addressed_by_number
        sender, other = (self.pn, self.lid) if by_number else (self.lid, self.pn)
        attrs: Attrs = {"id": message.message_id, "type": "text", "notify": self.name}
        attrs["t"] = messages.timestamp(message.sent_at) if message.sent_at else messages.now()
        if message.chat:
            attrs |= {"from": message.chat, "participant": sender}
            attrs["participant_lid" if by_number else "participant_pn"] = other
        else:
            attrs |= {"from": sender, "sender_lid" if by_number else "sender_pn": other}
        if message.recipient:
            attrs["recipient"] = message.recipient
        return attrs

    @in_loop
    def repeat(self, companion: Companion) -> None:
        """Send the last message to this companion again, exactly as it was."""
        companion.push(self._last_stanza[str(companion.lid)])

    @in_loop
    def forget_sessions(self) -> None:
        """Lose all sessions, as after a new installation with the keys restored."""
        self._signal.forget_sessions()

    def on_retry_request(self, companion: Companion, receipt: Node) -> None:
        """Send a message again, in a new session, to a companion that could not read it."""
        message_id = receipt.text("id")
        if (message := self._sent.get(message_id)) is None:
            return
        keys = receipt.child("keys")
        bundle = messages.bundle_of(receipt.child("registration"), keys) if keys else None
        if bundle := bundle or companion.take_bundle():
            self._signal.open_session(str(companion.lid), bundle)
        self._retries[f"{companion.lid} {message_id}"] += 1
        self._post(companion, message)

    # receiving

    def receive(
        self, sender: Companion, message_id: str, encrypted: Encrypted, extra_nodes: tuple[str, ...]
    ) -> None:
        """Read a message of a companion, or ask for it again.

        A message whose id is known is confirmed and not shown a second time, as phones do: the
        library sends the same frame again where the link broke before the server acknowledged it.
        """
        stats = self.world.stats
        if message_id in self._seen_ids:
            stats.duplicate_ids[self.number] += 1
            self._confirm_if_asked(sender, message_id)
            return
        try:
            plaintext = self._signal.decrypt(str(sender.lid), encrypted.kind, encrypted.data)
        except UndecryptableError as err:
            stats.undecryptable.append(Undecryptable(self.number, message_id, str(err)))
            self._ask_again(sender, message_id)
            return
        text, recipient = messages.read_text(messages.unpadded(plaintext))
        stats.duplicate_texts[self.number] += text in self._seen_texts
        self._seen_ids.add(message_id)
        self._seen_texts.add(text)
        self._received.append(
            Received(
                message_id=message_id,
                text=text,
                at=time.monotonic(),
                sender=sender.lid,
                extra_nodes=extra_nodes,
                retry_count=encrypted.retry_count,
                recipient=recipient,
            )
        )
        self._confirm_if_asked(sender, message_id)

    def _confirm_if_asked(self, sender: Companion, message_id: str) -> None:
        if self.confirms_delivery and self.world.sends_delivery_receipts:
            self.confirm(sender, message_id)

    @in_loop
    def confirm(self, sender: Companion, message_id: str) -> None:
        """Tell a companion that its message has been delivered."""
        attrs: Attrs = {"from": self.lid, "id": message_id, "t": messages.now()}
        sender.push(Node("receipt", attrs))

    def _ask_again(self, sender: Companion, message_id: str) -> None:
        self.world.stats.retries_from_customers += 1
        key = f"asked {message_id}"
        self._retries[key] += 1
        count = self._retries[key]
        bundle = self._signal.bundle()
        registration = messages.registration_bytes(bundle.registration_id)
        attrs = {"count": str(count), "id": message_id, "t": messages.now(), "v": "1"}
        content = [Node("retry", dict(attrs)), Node("registration", content=registration)]
        if count > 1:
            content.append(Node("keys", content=messages.key_nodes(bundle)))
        stanza = Node("receipt", {"from": self.lid, "id": message_id, "type": "retry"}, content)
        stanza.attrs["t"] = messages.now()
        sender.push(stanza)


class Customer(Person):
    """Somebody who writes to a phone and reads what its companions answer."""

    @in_loop
    def send(
        self,
        phone: HasCompanions,
        text: str = "",
        *,
        message_id: str = "",
        content: bytes = b"",
        chat: Jid | None = None,
        sent_at: datetime | None = None,
    ) -> str:
        """Write to every companion of `phone` and return the id of the message.

        Args:
            phone: To whom.
            text: What to say.
            message_id: The id, to use one a second time; otherwise a new one.
            content: A whole waE2E.Message instead of a text.
            chat: A group, or a broadcast list, instead of a chat between the two.
            sent_at: When, if not now.
        """
        message = Outgoing(
            message_id=message_id or messages.new_message_id(),
            content=content or messages.text_message(text),
            chat=chat,
            sent_at=sent_at,
        )
        self._sent[message.message_id] = message
        for companion in phone.companions:
            self._post(companion, message)
        return message.message_id

    @property
    def replies(self) -> tuple[Received, ...]:
        """What it has read, in order of arrival."""
        return tuple(self._received)

    async def await_replies(self, count: int, timeout_s: float = 10.0) -> tuple[Received, ...]:
        """Return the replies once there are `count`.

        Raises:
            TimeoutError: There are fewer after `timeout_s`.
        """
        await self.home.until(lambda: len(self._received) >= count, timeout_s)
        return self.replies

    def wait_for_replies(self, count: int, timeout_s: float = 10.0) -> tuple[Received, ...]:
        """Do what `await_replies` does, for threads."""
        return self.home.block_on(self.await_replies(count, timeout_s))
