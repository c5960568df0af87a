"""Linking by a code that is typed on the phone: what both ends say, and what they agree on.

The client shows a code of eight characters. It wraps a fresh public key with what PBKDF2 makes of
that code; the phone, where the code is typed, unwraps it and sends back a key of its own wrapped
the same way. Only with the same code do both arrive at the same secret, and only then can the phone
read the client's bundle of keys. From all of that both derive the secret that a QR code would have
carried.
"""

import re
import secrets
import time
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from tests.simulator.keys import KeyPair, derive
from tests.simulator.nodes import Node

TAG: Final = "link_code_companion_reg"
ALPHABET: Final = "123456789ABCDEFGHJKLMNPQRSTVWXYZ"
CODE_LENGTH: Final = 8
_ROUNDS: Final = 2 << 16
_SALT, _IV, _KEY, _NONCE = 32, 16, 32, 12  # bytes
_WRAPPED: Final = _SALT + _IV + _KEY
# The server looks at the name a client gives itself.
_DISPLAY: Final = re.compile(
    r"(Chrome|Edge|Firefox|IE|Opera|Safari) \((Linux|Ubuntu|Windows|Mac OS|Android)\)"
)
_SHORTEST_NUMBER: Final = 7


class CodeError(Exception):
    """The phone could not link the device by its code."""


@dataclass(frozen=True, slots=True)
class Hello:
    """A client has asked for a code."""

    number: str
    wrapped: bytes
    noise_key: bytes
    display: str
    notifies: bool
    ref: bytes = field(default_factory=lambda: secrets.token_urlsafe(24).encode())
    asked_at: float = field(default_factory=time.monotonic)

    @classmethod
    def parse(cls, node: Node) -> "Hello | None":
        """Return what a `companion_hello` says, or None where the server would refuse it."""
        jid = node.jid("jid")
        if jid is None or not jid.user.isdecimal() or len(jid.user) < _SHORTEST_NUMBER:
            return None
        found = {child.tag: child.data for child in node.children}
        wrapped = found.get("link_code_pairing_wrapped_companion_ephemeral_pub", b"")
        noise_key = found.get("companion_server_auth_key_pub", b"")
        display = found.get("companion_platform_display", b"").decode()
        if len(wrapped) != _WRAPPED or len(noise_key) != _KEY:
            return None
        if not _DISPLAY.fullmatch(display) or not found.get("companion_platform_id"):
            return None
        notifies = node.text("should_show_push_notification") == "true"
        return cls(jid.user, wrapped, noise_key, display, notifies)


@dataclass(frozen=True, slots=True)
class Agreed:
    """What both ends know in the end."""

    identity: bytes  # the client's
    adv_secret: bytes


class PhoneSide:
    """The phone's half of one exchange.

    Args:
        code: As it was typed, without its dash.
        account_key: The phone's identity.
    """

    def __init__(self, hello: Hello, code: str, account_key: KeyPair) -> None:
        self._hello = hello
        self._code = code
        self._account_key = account_key
        self._ephemeral = KeyPair.generate()

    def greeting(self) -> Node:
        """Return the phone's answer to the client's hello."""
        wrapped = wrap(self._code, self._ephemeral.public)
        content = [
            Node("link_code_pairing_wrapped_primary_ephemeral_pub", content=wrapped),
            Node("primary_identity_pub", content=self._account_key.public),
            Node("link_code_pairing_ref", content=self._hello.ref),
        ]
        return Node(TAG, {"stage": "primary_hello"}, content)

    def agree(self, finish: Node) -> Agreed:
        """Return what a `companion_finish` leads to.

        Raises:
            CodeError: The code was wrong, or the client says something else than it should.
        """
        found = {child.tag: child.data for child in finish.children}
        bundle = found.get("link_code_pairing_wrapped_key_bundle", b"")
        identity = found.get("companion_identity_public", b"")
        if found.get("link_code_pairing_ref") != self._hello.ref or len(identity) != _KEY:
            raise CodeError("the device speaks of something else")
        shared = self._ephemeral.agree(unwrap(self._code, self._hello.wrapped))
        salt, nonce = bundle[:_SALT], bundle[_SALT : _SALT + _NONCE]
        info = b"link_code_pairing_key_bundle_encryption_key"
        key = derive(shared, salt=salt, info=info, size=32)
        try:
            plain = AESGCM(key).decrypt(nonce, bundle[_SALT + _NONCE :], None)
        except (InvalidTag, ValueError) as err:
            raise CodeError("wrong code") from err
        theirs, ours, random = (plain[start : start + _KEY] for start in (0, _KEY, 2 * _KEY))
        if (theirs, ours) != (identity, self._account_key.public):
            raise CodeError("the keys of the bundle are others")
        secret = shared + self._account_key.agree(identity) + random
        return Agreed(identity, derive(secret, salt=bytes(32), info=b"adv_secret", size=32))


def typed(code: str) -> str:
    """Return a code as a phone takes it: capitals, without its dash.

    Raises:
        CodeError: No code has this length or these letters.
    """
    plain = code.replace("-", "").upper()
    if len(plain) != CODE_LENGTH or not set(plain) <= set(ALPHABET):
        raise CodeError("no code looks like that")
    return plain


def wrap(code: str, public: bytes) -> bytes:
    """Return `public` as only somebody with the same code can read it."""
    salt, iv = secrets.token_bytes(_SALT), secrets.token_bytes(_IV)
    return salt + iv + _crypt(code, salt, iv, public)


def unwrap(code: str, wrapped: bytes) -> bytes:
    """Return the key inside; with another code it is another key."""
    salt, iv = wrapped[:_SALT], wrapped[_SALT : _SALT + _IV]
    return _crypt(code, salt, iv, wrapped[_SALT + _IV :])


def _crypt(code: str, salt: bytes, iv: bytes, data: bytes) -> bytes:
    key = PBKDF2HMAC(SHA256(), length=32, salt=salt, iterations=_ROUNDS).derive(code.encode())
    stream = Cipher(AES(key), CTR(iv)).encryptor()
    return stream.update(data) + stream.finalize()
