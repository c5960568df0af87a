"""One Signal session: X3DH to begin with, then the double ratchet.

A session is a value: encrypting and decrypting return the next one, and a message that cannot be
decrypted leaves the old one as it was.
"""

import hashlib
import hmac
from dataclasses import dataclass, field, replace
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from tests.simulator.keys import KeyPair, derive, derive_pair
from tests.simulator.protobuf import Fields, encode

VERSION: Final = 0x33
CURVE: Final = b"\x05"  # in front of every public key on the wire
_MAC_BYTES: Final = 8
_MAX_SKIPPED: Final = 2000
_MAX_CHAINS: Final = 5
_ZEROS: Final = bytes(32)


class UndecryptableError(Exception):
    """No session decrypts this message."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """The public keys of a device, enough to send to it while it is away."""

    registration_id: int
    identity: bytes
    signed_id: int
    signed_key: bytes
    signature: bytes
    one_time: tuple[int, bytes] | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """A sending or receiving chain and the number of its next message."""

    key: bytes
    index: int = 0

    def next(self) -> "tuple[bytes, Chain]":
        """Return the seed of this message and the chain after it."""
        return _hmac(self.key, b"\x01"), Chain(_hmac(self.key, b"\x02"), self.index + 1)


@dataclass(frozen=True, slots=True)
class Opening:
    """What a first message tells the other side about the keys it was made with."""

    base: bytes
    signed_id: int
    one_time_id: int | None
    registration_id: int  # of the sender


@dataclass(frozen=True, slots=True)
class SignalMessage:
    """A message of the double ratchet, taken apart."""

    ratchet: bytes
    counter: int
    previous: int
    ciphertext: bytes
    signed_part: bytes
    mac: bytes

    @classmethod
    def parse(cls, data: bytes) -> "SignalMessage":
        """Take `data` apart.

        Raises:
            UndecryptableError: It is not of version 3.
        """
        if len(data) <= _MAC_BYTES or data[0] != VERSION:
            raise UndecryptableError("not a message of version 3")
        signed_part, mac = data[:-_MAC_BYTES], data[-_MAC_BYTES:]
        fields = Fields(signed_part[1:])
        return cls(
            fields.data(1)[1:], fields.number(2), fields.number(3), fields.data(4), signed_part, mac
        )


@dataclass(frozen=True, slots=True)
class Session:
    """What one device knows about its conversation with another one."""

    own_identity: bytes
    their_identity: bytes
    root: bytes
    ratchet: KeyPair
    sending: Chain
    base: bytes  # names the session: the base key of its first message
    previous: int = 0
    receiving: dict[bytes, Chain] = field(default_factory=dict)
    skipped: dict[tuple[bytes, int], bytes] = field(default_factory=dict)
    opening: Opening | None = None  # until the other side is known to have the session

    @classmethod
    def initiate(cls, identity: KeyPair, registration_id: int, bundle: Bundle) -> "Session":
        """Return a session with the owner of `bundle`, begun by the owner of `identity`."""
        base = KeyPair.generate()
        secrets = [
            identity.agree(bundle.signed_key),
            base.agree(bundle.identity),
            base.agree(bundle.signed_key),
        ]
        if bundle.one_time:
            secrets.append(base.agree(bundle.one_time[1]))
        root, chain = _first_keys(secrets)
        ratchet = KeyPair.generate()
        root, sending = _root_step(root, ratchet.agree(bundle.signed_key))
        return cls(
            own_identity=identity.public,
            their_identity=bundle.identity,
            root=root,
            ratchet=ratchet,
            sending=Chain(sending),
            base=base.public,
            receiving={bundle.signed_key: Chain(chain)},
            opening=Opening(
                base.public,
                bundle.signed_id,
                bundle.one_time[0] if bundle.one_time else None,
                registration_id,
            ),
        )

    @classmethod
    def respond(
        cls,
        identity: KeyPair,
        signed: KeyPair,
        one_time: KeyPair | None,
        base: bytes,
        their_identity: bytes,
    ) -> "Session":
        """Return the session that somebody else began with `base`."""
        secrets = [signed.agree(their_identity), identity.agree(base), signed.agree(base)]
        if one_time:
            secrets.append(one_time.agree(base))
        root, chain = _first_keys(secrets)
        return cls(
            own_identity=identity.public,
            their_identity=their_identity,
            root=root,
            ratchet=signed,
            sending=Chain(chain),
            base=base,
        )

    def encrypt(self, plaintext: bytes) -> tuple[str, bytes, "Session"]:
        """Return the type of the message (pkmsg or msg), its bytes, and the session after it."""
        seed, sending = self.sending.next()
        key, mac_key, iv = _message_keys(seed)
        padder = PKCS7(128).padder()
        encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
        ciphertext = encryptor.update(padder.update(plaintext) + padder.finalize())
        body = encode(
            [
                (1, CURVE + self.ratchet.public),
                (2, self.sending.index),
                (3, self.previous),
                (4, ciphertext + encryptor.finalize()),
            ]
        )
        signed_part = bytes((VERSION,)) + body
        mac = _mac(mac_key, self.own_identity, self.their_identity, signed_part)
        message = signed_part + mac
        after = replace(self, sending=sending)
        if self.opening is None:
            return "msg", message, after
        return "pkmsg", self._with_opening(self.opening, message), after

    def _with_opening(self, opening: Opening, message: bytes) -> bytes:
        body = encode(
            [
                (1, opening.one_time_id),
                (2, CURVE + opening.base),
                (3, CURVE + self.own_identity),
                (4, message),
                (5, opening.registration_id),
                (6, opening.signed_id),
            ]
        )
        return bytes((VERSION,)) + body

    def decrypt(self, data: bytes) -> tuple[bytes, "Session"]:
        """Return the plaintext and the session after it.

        Raises:
            UndecryptableError: It belongs to another session, or was decrypted before.
        """
        message = SignalMessage.parse(data)
        seed, after = self._seed_for(message)
        key, mac_key, iv = _message_keys(seed)
        expected = _mac(mac_key, self.their_identity, self.own_identity, message.signed_part)
        if not hmac.compare_digest(expected, message.mac):
            raise UndecryptableError("bad MAC")
        decryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
        padded = decryptor.update(message.ciphertext) + decryptor.finalize()
        unpadder = PKCS7(128).unpadder()
        return unpadder.update(padded) + unpadder.finalize(), replace(after, opening=None)

    def _seed_for(self, message: SignalMessage) -> "tuple[bytes, Session]":
        if seed := self.skipped.get((message.ratchet, message.counter)):
            skipped = dict(self.skipped)
            del skipped[message.ratchet, message.counter]
            return seed, replace(self, skipped=skipped)
        state = self if message.ratchet in self.receiving else self._turned(message.ratchet)
        chain = state.receiving[message.ratchet]
        if message.counter < chain.index:
            raise UndecryptableError("decrypted before")
        if message.counter - chain.index > _MAX_SKIPPED:
            raise UndecryptableError("too far ahead")
        skipped = dict(state.skipped)
        while chain.index < message.counter:
            index = chain.index
            skipped[message.ratchet, index], chain = chain.next()
        seed, chain = chain.next()
        receiving = state.receiving | {message.ratchet: chain}
        newest = dict(list(skipped.items())[-_MAX_SKIPPED:])
        return seed, replace(state, receiving=receiving, skipped=newest)

    def _turned(self, their_ratchet: bytes) -> "Session":
        """Return the session after a turn of the ratchet: they have answered with a new key."""
        root, receiving = _root_step(self.root, self.ratchet.agree(their_ratchet))
        ratchet = KeyPair.generate()
        root, sending = _root_step(root, ratchet.agree(their_ratchet))
        chains = dict(list(self.receiving.items())[1 - _MAX_CHAINS :])
        return replace(
            self,
            root=root,
            ratchet=ratchet,
            sending=Chain(sending),
            previous=max(self.sending.index - 1, 0),
            receiving=chains | {their_ratchet: Chain(receiving)},
        )


def _hmac(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, "sha256")


def _first_keys(secrets: list[bytes]) -> tuple[bytes, bytes]:
    return derive_pair(b"\xff" * 32 + b"".join(secrets), salt=_ZEROS, info=b"WhisperText")


def _root_step(root: bytes, secret: bytes) -> tuple[bytes, bytes]:
    return derive_pair(secret, salt=root, info=b"WhisperRatchet")


def _message_keys(seed: bytes) -> tuple[bytes, bytes, bytes]:
    keys = derive(seed, salt=_ZEROS, info=b"WhisperMessageKeys", size=80)
    return keys[:32], keys[32:64], keys[64:]


def _mac(key: bytes, sender: bytes, receiver: bytes, signed_part: bytes) -> bytes:
    data = CURVE + sender + CURVE + receiver + signed_part
    return hmac.new(key, data, hashlib.sha256).digest()[:_MAC_BYTES]
