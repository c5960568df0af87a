"""Signatures, the Noise handshake and Signal sessions."""

import dataclasses
import random
from datetime import UTC, datetime

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.simulator import xeddsa
from tests.simulator.certs import certificate_chain
from tests.simulator.keys import KeyPair
from tests.simulator.noise import ServerHandshake, SymmetricState
from tests.simulator.protobuf import Fields, encode
from tests.simulator.signal_device import SignalDevice
from tests.simulator.signal_session import CURVE, UndecryptableError

# signatures


@settings(max_examples=20, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.binary())
def test_signature_is_valid_for_its_key_and_message_only(private: bytes, message: bytes) -> None:
    pair = KeyPair(X25519PrivateKey.from_private_bytes(private))
    signature = pair.sign(message)
    assert xeddsa.verify(pair.public, message, signature)
    assert not xeddsa.verify(pair.public, message + b"!", signature)
    assert not xeddsa.verify(KeyPair.generate().public, message, signature)


def test_signatures_of_both_signs_of_the_key_are_valid() -> None:
    signs: set[int] = set()
    while len(signs) < 2:
        pair = KeyPair.generate()
        signature = pair.sign(b"message")
        assert xeddsa.verify(pair.public, b"message", signature)
        signs.add(signature[63] & 0x80)


# certificates


def test_chain_leads_from_the_root_to_the_server() -> None:
    root, server = KeyPair.generate(), KeyPair.generate()
    chain = Fields(certificate_chain(root, server))
    leaf, middle = chain.message(1), chain.message(2)
    leaf_details, middle_details = leaf.message(1), middle.message(1)
    assert xeddsa.verify(root.public, middle.data(1), middle.data(2))
    assert xeddsa.verify(middle_details.data(3), leaf.data(1), leaf.data(2))
    assert leaf_details.data(3) == server.public
    assert leaf_details.number(2) == middle_details.number(1)
    assert middle_details.number(2) == 0
    now = datetime.now(UTC).timestamp()
    assert leaf_details.number(4) < now < leaf_details.number(5)


# Noise


class NoiseClient:
    """The client's half of the handshake, written from the same description."""

    def __init__(self) -> None:
        self.static = KeyPair.generate()
        self._ephemeral = KeyPair.generate()
        self.state = SymmetricState()
        self.server_static = b""
        self.chain = b""

    def hello(self) -> bytes:
        self.state.authenticate(self._ephemeral.public)
        return encode([(2, encode([(1, self._ephemeral.public)]))])

    def finish(self, server_hello: bytes, payload: bytes) -> bytes:
        fields = Fields(server_hello).message(3)
        server_ephemeral = fields.data(1)
        self.state.authenticate(server_ephemeral)
        self.state.mix(self._ephemeral.agree(server_ephemeral))
        self.server_static = self.state.decrypt(fields.data(2))
        self.state.mix(self._ephemeral.agree(self.server_static))
        self.chain = self.state.decrypt(fields.data(3))
        static = self.state.encrypt(self.static.public)
        self.state.mix(self.static.agree(server_ephemeral))
        return encode([(4, encode([(1, static), (2, self.state.encrypt(payload))]))])


def test_handshake_ends_with_the_same_keys_on_both_sides() -> None:
    static = KeyPair.generate()
    server, client = ServerHandshake(static, b"chain"), NoiseClient()
    hello = server.answer(client.hello())
    finished = server.finish(client.finish(hello, encode([(1, 34600111222)])))
    assert finished.client_static == client.static.public
    assert finished.payload.number(1) == 34600111222
    assert (client.server_static, client.chain) == (static.public, b"chain")
    to_server, to_client = client.state.split()
    for text in (b"one", b"two"):
        assert finished.from_client.decrypt(to_server.encrypt(text)) == text
        assert to_client.decrypt(finished.to_client.encrypt(text)) == text


def test_handshake_with_changed_bytes_fails() -> None:
    server, client = ServerHandshake(KeyPair.generate(), b"chain"), NoiseClient()
    finish = client.finish(server.answer(client.hello()), b"")
    with pytest.raises(InvalidTag):
        server.finish(finish[:-1] + bytes((finish[-1] ^ 1,)))


# Signal

Message = tuple[str, bytes]


@pytest.fixture
def ana() -> SignalDevice:
    return SignalDevice()


@pytest.fixture
def ben() -> SignalDevice:
    return SignalDevice()


@pytest.fixture
def both(ana: SignalDevice, ben: SignalDevice) -> None:
    """Ana and Ben have written to each other."""
    ana.open_session("ben", ben.bundle())
    assert ben.decrypt("ana", *ana.encrypt("ben", b"hello")) == b"hello"
    assert ana.decrypt("ben", *ben.encrypt("ana", b"hello you")) == b"hello you"


def test_signature_of_signed_key_is_valid(ana: SignalDevice) -> None:
    bundle = ana.bundle()
    assert xeddsa.verify(bundle.identity, CURVE + bundle.signed_key, bundle.signature)


def test_one_time_key_is_handed_out_once(ana: SignalDevice) -> None:
    assert ana.bundle().one_time != ana.bundle().one_time


def test_messages_are_first_ones_until_there_is_an_answer(
    ana: SignalDevice, ben: SignalDevice
) -> None:
    ana.open_session("ben", ben.bundle())
    first, second = ana.encrypt("ben", b"1"), ana.encrypt("ben", b"2")
    assert [first[0], second[0]] == ["pkmsg", "pkmsg"]
    assert ben.decrypt("ana", *second) == b"2"
    assert ben.decrypt("ana", *first) == b"1"
    assert ana.decrypt("ben", *ben.encrypt("ana", b"3")) == b"3"
    assert ana.encrypt("ben", b"4")[0] == "msg"


def test_session_without_one_time_key_works(ana: SignalDevice, ben: SignalDevice) -> None:
    ana.open_session("ben", dataclasses.replace(ben.bundle(), one_time=None))
    assert ben.decrypt("ana", *ana.encrypt("ben", b"hello")) == b"hello"


@pytest.mark.usefixtures("both")
def test_messages_in_any_order_are_decrypted(ana: SignalDevice, ben: SignalDevice) -> None:
    order = random.Random(1)  # noqa: S311  # any order will do, the same each time
    for turn in range(6):
        sender, receiver = (ana, ben) if turn % 2 else (ben, ana)
        names = ("ben", "ana") if turn % 2 else ("ana", "ben")
        sent = {n: sender.encrypt(names[0], b"%d" % n) for n in range(20)}
        for n in order.sample(sorted(sent), 20):
            assert receiver.decrypt(names[1], *sent[n]) == b"%d" % n


@pytest.mark.usefixtures("both")
def test_late_message_of_an_old_turn_is_decrypted(ana: SignalDevice, ben: SignalDevice) -> None:
    late = ana.encrypt("ben", b"late")
    for _ in range(3):
        assert ben.decrypt("ana", *ana.encrypt("ben", b"x")) == b"x"
        assert ana.decrypt("ben", *ben.encrypt("ana", b"y")) == b"y"
    assert ben.decrypt("ana", *late) == b"late"


@pytest.mark.usefixtures("both")
def test_message_is_decrypted_once(ana: SignalDevice, ben: SignalDevice) -> None:
    message = ana.encrypt("ben", b"once")
    assert ben.decrypt("ana", *message) == b"once"
    with pytest.raises(UndecryptableError, match="before"):
        ben.decrypt("ana", *message)


@pytest.mark.usefixtures("both")
def test_changed_message_leaves_the_session_intact(ana: SignalDevice, ben: SignalDevice) -> None:
    kind, data = ana.encrypt("ben", b"good")
    with pytest.raises(UndecryptableError, match="MAC"):
        ben.decrypt("ana", kind, data[:-1] + bytes((data[-1] ^ 1,)))
    assert ben.decrypt("ana", kind, data) == b"good"


@pytest.mark.usefixtures("both")
def test_old_sessions_still_decrypt_after_a_new_one(ana: SignalDevice, ben: SignalDevice) -> None:
    old = ana.encrypt("ben", b"old")
    ana.open_session("ben", ben.bundle())
    new = ana.encrypt("ben", b"new")
    assert ben.decrypt("ana", *new) == b"new"
    assert ben.decrypt("ana", *old) == b"old"
    assert ana.decrypt("ben", *ben.encrypt("ana", b"answer")) == b"answer"


def test_both_begin_at_once_and_understand_each_other(ana: SignalDevice, ben: SignalDevice) -> None:
    ana.open_session("ben", ben.bundle())
    ben.open_session("ana", ana.bundle())
    from_ana, from_ben = ana.encrypt("ben", b"a"), ben.encrypt("ana", b"b")
    assert ben.decrypt("ana", *from_ana) == b"a"
    assert ana.decrypt("ben", *from_ben) == b"b"
    for _ in range(3):
        assert ben.decrypt("ana", *ana.encrypt("ben", b"a")) == b"a"
        assert ana.decrypt("ben", *ben.encrypt("ana", b"b")) == b"b"


@pytest.mark.usefixtures("both")
def test_message_without_session_is_undecryptable(ana: SignalDevice, ben: SignalDevice) -> None:
    message = ana.encrypt("ben", b"x")
    ben.forget_sessions()
    with pytest.raises(UndecryptableError, match="no session"):
        ben.decrypt("ana", *message)


def test_spent_one_time_key_is_refused(ana: SignalDevice, ben: SignalDevice) -> None:
    ana.open_session("ben", ben.bundle())
    message = ana.encrypt("ben", b"x")
    assert ben.decrypt("ana", *message) == b"x"
    ben.forget_sessions()
    with pytest.raises(UndecryptableError, match="one-time"):
        ben.decrypt("ana", *message)


@pytest.mark.parametrize("kind", ["msg", "skmsg"])
def test_nonsense_is_undecryptable(ana: SignalDevice, kind: str) -> None:
    with pytest.raises(UndecryptableError):
        ana.decrypt("ben", kind, b"nonsense")
