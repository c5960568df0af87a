"""Nodes, protobuf and frames: what goes in comes out, and nothing else is taken."""

import contextlib
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.simulator import nodes
from tests.simulator.messages import padded, read_text, text_message, unpadded
from tests.simulator.nodes import Attrs, Jid, Node, NodeError
from tests.simulator.noise import HEADER, Frames, framed
from tests.simulator.protobuf import Fields, encode

texts = st.one_of(st.text(min_size=1), st.sampled_from(["receipt", "from", "s.whatsapp.net", "ib"]))
jids = st.one_of(
    st.builds(Jid, st.text("0123456789", max_size=15), st.sampled_from(["s.whatsapp.net", "lid"])),
    st.builds(
        Jid,
        st.text("0123456789", min_size=1, max_size=15),
        st.sampled_from(["s.whatsapp.net", "lid"]),
        st.integers(1, 255),
    ),
)
attributes = st.dictionaries(texts, st.one_of(texts, jids), max_size=4)
leaves = st.builds(Node, texts, attributes, st.one_of(st.none(), st.binary(max_size=400)))
trees = st.recursive(
    leaves, lambda inner: st.builds(Node, texts, attributes, st.lists(inner, max_size=4))
)


@given(trees)
def test_node_comes_back_as_it_was(node: Node) -> None:
    assert nodes.decode(nodes.encode(node)) == node


@given(trees)
def test_compressed_node_is_read(node: Node) -> None:
    assert nodes.decode(b"\x02" + zlib.compress(nodes.encode(node)[1:])) == node


@given(st.binary(max_size=60))
def test_any_bytes_are_a_node_or_a_node_error(data: bytes) -> None:
    with contextlib.suppress(NodeError):
        nodes.decode(data)


@pytest.mark.parametrize("size", [256, 70_000, 1 << 20])
def test_long_content_comes_back(size: int) -> None:
    node = Node("enc", content=bytes(size))
    assert nodes.decode(nodes.encode(node)) == node


def test_many_children_come_back() -> None:
    node = Node("list", content=[Node("key") for _ in range(812)])
    assert nodes.decode(nodes.encode(node)) == node


@pytest.mark.parametrize(
    ("packed", "text"),
    [
        (b"\xff\x03\x34\x65\x50", "346550"),
        (b"\xff\x83\x34\x65\x5f", "34655"),
        (b"\xff\x02\xab\x12", "-.12"),
        (b"\xfb\x02\x3e\xb0", "3EB0"),
        (b"\xfb\x82\x3e\xbf", "3EB"),
    ],
)
def test_packed_text_is_read(packed: bytes, text: str) -> None:
    node = nodes.decode(b"\0\xf8\x03\x07" + b"\x08" + packed)
    assert node == Node("receipt", {"id": text})


def test_address_of_a_device_is_read() -> None:
    encoded = b"\0\xf8\x03\x07\x06\xf7\x01\x05\xff\x02\x12\x34"
    assert nodes.decode(encoded).jid("from") == Jid("1234", "lid", 5)


@pytest.mark.parametrize("data", [b"", b"\0", b"\0\xf8\x01", b"\0\xf8\x01\x07\x07", b"\x02abc"])
def test_broken_node_raises(data: bytes) -> None:
    with pytest.raises(NodeError):
        nodes.decode(data)


def test_node_gives_access_to_its_parts() -> None:
    attrs: Attrs = {"id": "7", "from": Jid("1", "lid")}
    node = Node("a", attrs, [Node("b"), Node("c", content=b"x"), Node("b", {"n": "2"})])
    assert (node.text("id"), node.text("none"), node.jid("id")) == ("7", "", None)
    assert node.jid("from") == Jid("1", "lid")
    assert [child.text("n") for child in node.all("b")] == ["", "2"]
    assert (child := node.child("c"))
    assert (child.data, child.children, node.data) == (b"x", [], b"")


numbers = st.integers(0, 2**63)
fields = st.lists(st.tuples(st.integers(1, 500), st.one_of(numbers, st.binary(), st.text())))


@given(fields)
def test_protobuf_fields_come_back(values: list[tuple[int, int | bytes | str]]) -> None:
    decoded = Fields(encode(values))
    for number, value in dict(values).items():
        if isinstance(value, int):
            assert decoded.number(number) == value
        elif isinstance(value, bytes):
            assert decoded.data(number) == value
        else:
            assert decoded.text(number) == value


@pytest.mark.parametrize("data", [b"\x08", b"\x0a\x05ab", b"\x0b", b"\x09abc"])
def test_broken_protobuf_raises(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"ends within|wire type"):
        Fields(data)


@given(st.text(min_size=1))
def test_padded_text_message_is_read(text: str) -> None:
    assert read_text(unpadded(padded(text_message(text)))) == (text, "")


@given(st.lists(st.binary(max_size=300)), st.integers(1, 40))
def test_frames_are_cut_out_of_a_stream(bodies: list[bytes], step: int) -> None:
    stream = HEADER + b"".join(framed(body) for body in bodies)
    frames = Frames()
    found = [
        frame for at in range(0, len(stream), step) for frame in frames.feed(stream[at : at + step])
    ]
    assert found == bodies


def test_stream_without_header_raises() -> None:
    with pytest.raises(ValueError, match="header"):
        Frames().feed(b"GET / HTTP/1.1")
