"""The nodes and the contents of messages and receipts."""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from tests.simulator.nodes import Attrs, Jid, Node
from tests.simulator.protobuf import Fields, encode
from tests.simulator.signal_session import CURVE, Bundle

# fields of waE2E.Message
_CONVERSATION, _EXTENDED_TEXT, _DEVICE_SENT = 1, 6, 31
_MAX_PADDING: Final = 16


@dataclass(frozen=True, slots=True)
class Received:
    """A message that a person could read."""

    message_id: str
    text: str
    at: float  # time.monotonic()
    sender: Jid  # the companion that sent it
    extra_nodes: tuple[str, ...]  # tags inside <message>, apart from the encrypted parts
    retry_count: int = 0
    recipient: str = ""  # whom a copy for the own phone was sent to


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message as its sender keeps it, to send it again if somebody cannot read it."""

    message_id: str
    content: bytes  # waE2E.Message
    chat: Jid | None = None  # a group or a broadcast; None is the sender's own chat
    recipient: Jid | None = None  # for copies of what the own phone sent
    sent_at: datetime | None = None  # None is now


@dataclass(frozen=True, slots=True)
class Encrypted:
    """One encrypted part of a message."""

    kind: str  # pkmsg or msg
    data: bytes
    retry_count: int = 0

    def node(self) -> Node:
        """Return it as a node."""
        attrs: Attrs = {"v": "2", "type": self.kind}
        if self.retry_count:
            attrs["count"] = str(self.retry_count)
        return Node("enc", attrs, self.data)

    @classmethod
    def of(cls, node: Node) -> "Encrypted":
        """Return what an <enc> node holds."""
        return cls(node.text("type"), node.data, int(node.text("count") or 0))


def now() -> str:
    """Return the time as nodes tell it."""
    return timestamp(datetime.now(UTC))


def timestamp(at: datetime) -> str:
    """Return a time as nodes tell it."""
    return str(int(at.timestamp()))


def new_message_id() -> str:
    """Return an id as phones make them."""
    return "AC" + secrets.token_hex(15).upper()


def text_message(text: str) -> bytes:
    """Return a waE2E.Message with a text."""
    return encode([(_CONVERSATION, text)])


def device_sent(recipient: Jid, message: bytes) -> bytes:
    """Return the copy of a message for the sender's other devices."""
    return encode([(_DEVICE_SENT, encode([(1, str(recipient)), (2, message)]))])


def read_text(message: bytes) -> tuple[str, str]:
    """Return the text of a waE2E.Message and, for a copy of a sent one, its recipient."""
    fields = Fields(message)
    if _DEVICE_SENT in fields:
        sent = fields.message(_DEVICE_SENT)
        return read_text(sent.data(2))[0], sent.text(1)
    if _EXTENDED_TEXT in fields:
        return fields.message(_EXTENDED_TEXT).text(1), ""
    return fields.text(_CONVERSATION), ""


def padded(message: bytes) -> bytes:
    """Return `message` with one to sixteen bytes that say how many they are."""
    size = secrets.randbelow(_MAX_PADDING) + 1
    return message + bytes((size,)) * size


def unpadded(plaintext: bytes) -> bytes:
    """Return the message without its padding."""
    return plaintext[: -plaintext[-1]]


def registration_bytes(registration_id: int) -> bytes:
    """Return a registration id as nodes hold it."""
    return registration_id.to_bytes(4)


def key_nodes(bundle: Bundle) -> list[Node]:
    """Return the nodes of a bundle, the registration apart."""
    nodes = [Node("type", content=CURVE), Node("identity", content=bundle.identity)]
    if bundle.one_time:
        key_id, key = bundle.one_time
        nodes.append(_key_node("key", key_id, key))
    signed = _key_node("skey", bundle.signed_id, bundle.signed_key)
    signed.children.append(Node("signature", content=bundle.signature))
    return [*nodes, signed]


def bundle_of(registration: Node | None, keys: Node) -> Bundle | None:
    """Return the bundle in the nodes of a client; None if it is not whole."""
    identity, signed, key = keys.child("identity"), keys.child("skey"), keys.child("key")
    if registration is None or identity is None or signed is None:
        return None
    signed_id, signed_key = read_key(signed)
    signature = signed.child("signature")
    return Bundle(
        registration_id=int.from_bytes(registration.data),
        identity=identity.data,
        signed_id=signed_id,
        signed_key=signed_key,
        signature=signature.data if signature else b"",
        one_time=read_key(key) if key else None,
    )


def read_key(node: Node) -> tuple[int, bytes]:
    """Return the id and the value of a key node."""
    key_id, value = node.child("id"), node.child("value")
    return int.from_bytes(key_id.data if key_id else b""), value.data if value else b""


def _key_node(tag: str, key_id: int, value: bytes) -> Node:
    return Node(tag, content=[Node("id", content=key_id.to_bytes(3)), Node("value", content=value)])
