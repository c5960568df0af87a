"""X25519 key pairs and the key derivation that Noise and Signal share."""

from dataclasses import dataclass
from functools import cached_property

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tests.simulator import xeddsa


@dataclass(frozen=True)
class KeyPair:
    """A private key and what follows from it."""

    private: X25519PrivateKey

    @classmethod
    def generate(cls) -> "KeyPair":
        """Return a new pair."""
        return cls(X25519PrivateKey.generate())

    @cached_property
    def public(self) -> bytes:
        """The 32 bytes that others know."""
        return self.private.public_key().public_bytes_raw()

    def agree(self, public: bytes) -> bytes:
        """Return the secret that this pair shares with the owner of `public`."""
        return self.private.exchange(X25519PublicKey.from_public_bytes(public))

    def sign(self, message: bytes) -> bytes:
        """Return the XEdDSA signature of `message`."""
        return xeddsa.sign(self.private.private_bytes_raw(), message)


def derive(secret: bytes, *, salt: bytes, info: bytes, size: int) -> bytes:
    """Return `size` bytes of HKDF-SHA256."""
    return HKDF(algorithm=SHA256(), length=size, salt=salt, info=info).derive(secret)


def derive_pair(secret: bytes, *, salt: bytes, info: bytes = b"") -> tuple[bytes, bytes]:
    """Return two keys of 32 bytes."""
    both = derive(secret, salt=salt, info=info, size=64)
    return both[:32], both[32:]
