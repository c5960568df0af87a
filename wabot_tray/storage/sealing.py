"""AES-256-GCM and HKDF as everything under storage/ uses them."""

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
OVERHEAD_BYTES: Final = _NONCE_BYTES + _TAG_BYTES


class UnsealError(Exception):
    """What was sealed was changed since, belongs elsewhere, or the key is another."""


class Seal:
    """Seals and unseals bytes with one key.

    Nonces are random: one key is good for 2**32 seals, some forty years of a page each 0.3 s.
    """

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, content: bytes, bound_to: bytes) -> bytes:
        """Return `content` sealed; it opens only together with `bound_to`."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, content, bound_to)

    def unseal(self, sealed: bytes, bound_to: bytes) -> bytes:
        """Return what was sealed.

        Raises:
            UnsealError: One bit of it, of `bound_to` or of the key differs.
        """
        if len(sealed) < OVERHEAD_BYTES:
            raise UnsealError
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound_to)
        except InvalidTag as error:
            raise UnsealError from error


def subkey(key: bytes, purpose: bytes, *, length_bytes: int = KEY_BYTES) -> bytes:
    """Return the key for one purpose, derived from `key`; it tells nothing of `key` (RFC 5869)."""
    derivation = HKDF(SHA256(), length_bytes, salt=None, info=b"wabot-tray " + purpose)
    return derivation.derive(key)
