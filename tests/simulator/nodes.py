"""Binary nodes: the XML-like trees that the client and the server exchange."""

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

PHONE_SERVER: Final = "s.whatsapp.net"
LID_SERVER: Final = "lid"

LIST_EMPTY, DICTIONARY_0, INTEROP_JID, AD_JID, LIST_8, LIST_16 = 0, 236, 245, 247, 248, 249
JID_PAIR, HEX_8, BINARY_8, BINARY_20, BINARY_32, NIBBLE_8 = 250, 251, 252, 253, 254, 255
_NIBBLES: Final = "0123456789-.\0\0\0\0"
_HEX_DIGITS: Final = "0123456789ABCDEF"
_COMPRESSED: Final = 2
_DOMAINS: Final = {PHONE_SERVER: 0, LID_SERVER: 1, "hosted": 128, "hosted.lid": 129}
_SERVERS: Final = {number: server for server, number in _DOMAINS.items()}

_TOKENS: Final = json.loads((Path(__file__).parent / "tokens.json").read_text())
_SINGLE: Final[list[str]] = _TOKENS["single"]
_DOUBLE: Final[list[list[str]]] = _TOKENS["double"]
_CODES: Final[dict[str, bytes]] = {
    text: bytes((DICTIONARY_0 + number, index))
    for number, dictionary in enumerate(_DOUBLE)
    for index, text in enumerate(dictionary)
} | {text: bytes((index,)) for index, text in enumerate(_SINGLE) if text}


class NodeError(ValueError):
    """These bytes are no node."""


@dataclass(frozen=True, slots=True)
class Jid:
    """An address: a user, one device of a user, or (without a user) a server."""

    user: str
    server: str = PHONE_SERVER
    device: int = 0

    def __str__(self) -> str:
        device = f":{self.device}" if self.device else ""
        return f"{self.user}{device}@{self.server}" if self.user else self.server

    def of_device(self, device: int) -> "Jid":
        """Return the address of a device of this user; 0 is the phone."""
        return Jid(self.user, self.server, device)


SERVER: Final = Jid("")

Attr = str | Jid
Attrs = dict[str, Attr]


@dataclass(slots=True)
class Node:
    """A tag, attributes, and either children or bytes."""

    tag: str
    attrs: Attrs = field(default_factory=dict)
    content: "list[Node] | bytes | None" = None

    @property
    def children(self) -> "list[Node]":
        """The children; empty where the content is bytes or nothing."""
        return self.content if isinstance(self.content, list) else []

    @property
    def data(self) -> bytes:
        """The bytes inside; empty where there are none."""
        return self.content if isinstance(self.content, bytes) else b""

    def child(self, tag: str) -> "Node | None":
        """Return the first child with this tag."""
        return next((node for node in self.children if node.tag == tag), None)

    def all(self, tag: str) -> "Iterator[Node]":
        """Return every child with this tag."""
        return (node for node in self.children if node.tag == tag)

    def text(self, name: str) -> str:
        """Return an attribute as text, empty if it is missing."""
        return str(self.attrs.get(name, ""))

    def jid(self, name: str) -> Jid | None:
        """Return an attribute that is an address."""
        value = self.attrs.get(name)
        return value if isinstance(value, Jid) else None


def encode(node: Node) -> bytes:
    """Return the bytes of `node`, with the flag byte in front."""
    out = bytearray(1)
    _write_node(out, node)
    return bytes(out)


def decode(data: bytes) -> Node:
    """Return the node in `data`.

    Raises:
        NodeError: It is cut short, too long, or has a tag byte that nobody uses.
    """
    if not data:
        raise NodeError("no bytes")
    try:
        body = zlib.decompress(data[1:]) if data[0] & _COMPRESSED else data[1:]
    except zlib.error as err:
        raise NodeError("bad compression") from err
    reader = _Reader(body)
    node = reader.node()
    if reader.at != len(body):
        raise NodeError("bytes after the node")
    return node


def _write_node(out: bytearray, node: Node) -> None:
    _write_list(out, 2 * len(node.attrs) + 1 + (node.content is not None))
    _write_text(out, node.tag)
    for name, value in node.attrs.items():
        _write_text(out, name)
        if isinstance(value, Jid):
            _write_jid(out, value)
        else:
            _write_text(out, value)
    if isinstance(node.content, bytes):
        _write_bytes(out, node.content)
    elif node.content is not None:
        _write_list(out, len(node.content))
        for child in node.content:
            _write_node(out, child)


def _write_list(out: bytearray, size: int) -> None:
    if size == 0:
        out.append(LIST_EMPTY)
    elif size < 1 << 8:
        out += bytes((LIST_8, size))
    else:
        out.append(LIST_16)
        out += size.to_bytes(2)


def _write_text(out: bytearray, text: str) -> None:
    if (code := _CODES.get(text)) is not None:
        out += code
    else:
        _write_bytes(out, text.encode(errors="surrogateescape"))


def _write_bytes(out: bytearray, data: bytes) -> None:
    if len(data) < 1 << 8:
        out += bytes((BINARY_8, len(data)))
    elif len(data) < 1 << 20:
        out.append(BINARY_20)
        out += len(data).to_bytes(3)
    else:
        out.append(BINARY_32)
        out += len(data).to_bytes(4)
    out += data


def _write_jid(out: bytearray, jid: Jid) -> None:
    if jid.device:
        out += bytes((AD_JID, _DOMAINS[jid.server], jid.device))
        _write_text(out, jid.user)
        return
    out.append(JID_PAIR)
    if jid.user:
        _write_text(out, jid.user)
    else:
        out.append(LIST_EMPTY)
    _write_text(out, jid.server)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, size: int) -> bytes:
        if self.at + size > len(self.data):
            raise NodeError("cut short")
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size))

    def list_size(self, tag: int) -> int:
        if tag == LIST_EMPTY:
            return 0
        if tag in (LIST_8, LIST_16):
            return self.number(1 if tag == LIST_8 else 2)
        raise NodeError(f"byte {tag} begins no list")

    def node(self) -> Node:
        size = self.list_size(self.number(1))
        if size == 0:
            raise NodeError("a node without a tag")
        node = Node(self.text())
        for _ in range((size - 1) // 2):
            name = self.text()
            node.attrs[name] = self.attr()
        if size % 2 == 0:
            node.content = self.content()
        return node

    def content(self) -> list[Node] | bytes:
        tag = self.number(1)
        if tag in (LIST_EMPTY, LIST_8, LIST_16):
            return [self.node() for _ in range(self.list_size(tag))]
        if tag in (BINARY_8, BINARY_20, BINARY_32):
            return self.binary(tag)
        return self.text_of(tag).encode()

    def binary(self, tag: int) -> bytes:
        if tag == BINARY_20:
            return self.take(self.number(3) & 0xFFFFF)
        return self.take(self.number(1 if tag == BINARY_8 else 4))

    def text(self) -> str:
        return self.text_of(self.number(1))

    def text_of(self, tag: int) -> str:
        if tag in (BINARY_8, BINARY_20, BINARY_32):
            try:
                return self.binary(tag).decode()
            except UnicodeDecodeError as err:
                raise NodeError("a text that is none") from err
        if tag == LIST_EMPTY:
            return ""
        if tag < DICTIONARY_0:
            return _SINGLE[tag]
        if tag < DICTIONARY_0 + len(_DOUBLE):
            return _DOUBLE[tag - DICTIONARY_0][self.number(1)]
        if tag in (HEX_8, NIBBLE_8):
            return self.packed(_HEX_DIGITS if tag == HEX_8 else _NIBBLES)
        raise NodeError(f"byte {tag} begins no text")

    def packed(self, alphabet: str) -> str:
        head = self.number(1)
        digits = [alphabet[half] for byte in self.take(head & 0x7F) for half in divmod(byte, 16)]
        return "".join(digits[:-1] if head & 0x80 else digits)

    def attr(self) -> Attr:
        tag = self.number(1)
        if tag == JID_PAIR:
            user = self.text()
            return Jid(user, self.text())
        if tag == AD_JID:
            domain, device = self.take(2)
            if domain not in _SERVERS:
                raise NodeError(f"no server has the number {domain}")
            return Jid(self.text(), _SERVERS[domain], device)
        return self.text_of(tag)
