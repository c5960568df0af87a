"""A linked device of a phone, as the server knows it: its keys, its connection, its queue."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol

from tests.simulator.connection import Connection
from tests.simulator.messages import bundle_of, read_key
from tests.simulator.nodes import SERVER, Jid, Node
from tests.simulator.signal_session import Bundle

_ALL: Final = ("message", "notification", "receipt", "appdata")


class Owner(Protocol):
    """The phone that a companion belongs to."""

    @property
    def pn(self) -> Jid:
        """Its address by number."""

    @property
    def lid(self) -> Jid:
        """Its address by LID."""


@dataclass(slots=True)
class _Pending:
    stanza: Node
    is_resent: bool = False


class Companion:
    """One linked device. Stanzas stay in its queue until it has confirmed them."""

    def __init__(self, owner: Owner, device: int, noise_key: bytes, identity: bytes) -> None:
        self.owner = owner
        self.device = device
        self.noise_key = noise_key
        self.identity = identity
        self.is_linked = True
        self.is_cut_off: Callable[[], bool] = lambda: False  # stanzas do not reach it
        self.connection: Connection | None = None
        self.is_active = False  # has asked for its messages on this connection
        self._bundle: Bundle | None = None
        self._one_time: list[tuple[int, bytes]] = []
        self._pending: dict[tuple[str, str], _Pending] = {}

    @property
    def pn(self) -> Jid:
        """Its address by number."""
        return self.owner.pn.of_device(self.device)

    @property
    def lid(self) -> Jid:
        """Its address by LID."""
        return self.owner.lid.of_device(self.device)

    @property
    def is_live(self) -> bool:
        """Whether it is logged in."""
        return self.connection is not None and self.connection.is_open

    @property
    def queue_length(self) -> int:
        """How many stanzas it has not confirmed."""
        return len(self._pending)

    # keys

    @property
    def one_time_keys(self) -> int:
        """How many one-time keys nobody has taken yet."""
        return len(self._one_time)

    @property
    def can_be_written_to(self) -> bool:
        """Whether it has uploaded keys."""
        return self._bundle is not None

    def store_keys(self, upload: Node) -> None:
        """Keep the keys of an upload; one-time keys come on top of those there are."""
        if bundle := bundle_of(upload.child("registration"), upload):
            self._bundle = bundle
        keys = upload.child("list")
        self._one_time += [read_key(key) for key in keys.all("key")] if keys else []

    def take_bundle(self) -> Bundle | None:
        """Return its keys with a one-time key that nobody gets again."""
        if self._bundle is None:
            return None
        return replace(self._bundle, one_time=self._one_time.pop(0) if self._one_time else None)

    # connection

    def attach(self, connection: Connection) -> None:
        """Make `connection` the one to reach it by; stanzas follow when it asks for them."""
        self.connection = connection
        self.is_active = False

    def detach(self, connection: Connection) -> None:
        """Forget `connection` if it is still the one in use."""
        if self.connection is connection:
            self.connection = None
            self.is_active = False

    def activate(self) -> None:
        """Deliver what is waiting, the first time a connection asks for it."""
        if self.is_active or self.connection is None:
            return
        self.is_active = True
        tags = [tag for tag, _ in self._pending]
        counts = {tag: str(tags.count(tag)) for tag in _ALL}
        preview = Node("offline_preview", {"count": str(len(tags)), **counts})
        self._send(Node("ib", {"from": SERVER}, [preview]))
        for number, pending in enumerate(list(self._pending.values())):
            stanza = pending.stanza
            attrs = {**stanza.attrs, "offline": str(number)}
            self._send(Node(stanza.tag, attrs, stanza.content))
        done = Node("offline", {"count": str(len(tags))})
        self._send(Node("ib", {"from": SERVER}, [done]))

    # stanzas

    def push(self, stanza: Node, *, is_resent: bool = False) -> bool:
        """Queue a stanza and send it if it can be sent; return whether it was sent."""
        self._pending[stanza.tag, stanza.text("id")] = _Pending(stanza, is_resent)
        if is_sent := self.is_active and not self.is_cut_off():
            self._send(stanza)
        return is_sent

    def settle(self, tag: str, stanza_id: str) -> None:
        """Take a stanza that was confirmed out of the queue."""
        self._pending.pop((tag, stanza_id), None)

    def settle_by_ack(self, tag: str, stanza_id: str) -> None:
        """Handle an ack.

        A client that asks for a message again acks it as well, perhaps after the message went
        out again; that one still needs its own receipt.
        """
        pending = self._pending.get((tag, stanza_id))
        if pending and not pending.is_resent:
            self.settle(tag, stanza_id)

    def _send(self, stanza: Node) -> None:
        if self.connection:
            self.connection.send(stanza)
