"""Noise_XX_25519_AESGCM_SHA256: the handshake, and the frames after it."""

import hashlib
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.simulator.keys import KeyPair, derive_pair
from tests.simulator.protobuf import Fields, encode

PROTOCOL: Final = b"Noise_XX_25519_AESGCM_SHA256\0\0\0\0"
HEADER: Final = b"WA\x06\x03"  # the first bytes of a client: version 6, dictionary 3


class Cipher:
    """AES-GCM with a counter as nonce."""

    def __init__(self, key: bytes) -> None:
        self._aes = AESGCM(key)
        self._counter = 0

    def encrypt(self, plaintext: bytes, associated: bytes = b"") -> bytes:
        """Return the next ciphertext."""
        return self._aes.encrypt(self._nonce(), plaintext, associated)

    def decrypt(self, ciphertext: bytes, associated: bytes = b"") -> bytes:
        """Return the next plaintext."""
        return self._aes.decrypt(self._nonce(), ciphertext, associated)

    def _nonce(self) -> bytes:
        counter, self._counter = self._counter, self._counter + 1
        return counter.to_bytes(12)


class SymmetricState:
    """What both sides of a handshake mix, in the same order."""

    def __init__(self) -> None:
        self._hash = self._salt = PROTOCOL
        self._cipher = Cipher(PROTOCOL)
        self.authenticate(HEADER)

    def authenticate(self, data: bytes) -> None:
        """Take `data` into the hash of the conversation."""
        self._hash = hashlib.sha256(self._hash + data).digest()

    def mix(self, secret: bytes) -> None:
        """Take a shared secret into the keys."""
        self._salt, key = derive_pair(secret, salt=self._salt)
        self._cipher = Cipher(key)

    def encrypt(self, plaintext: bytes) -> bytes:
        """Return `plaintext` encrypted under the keys so far."""
        ciphertext = self._cipher.encrypt(plaintext, self._hash)
        self.authenticate(ciphertext)
        return ciphertext

    def decrypt(self, ciphertext: bytes) -> bytes:
        """Return what the other side encrypted under the keys so far."""
        plaintext = self._cipher.decrypt(ciphertext, self._hash)
        self.authenticate(ciphertext)
        return plaintext

    def split(self) -> tuple[Cipher, Cipher]:
        """Return the ciphers of the transport: from the client, from the server."""
        from_client, from_server = derive_pair(b"", salt=self._salt)
        return Cipher(from_client), Cipher(from_server)


@dataclass(frozen=True, slots=True)
class Finished:
    """What the server knows when the handshake is over."""

    client_static: bytes
    payload: Fields  # ClientPayload
    from_client: Cipher
    to_client: Cipher


class ServerHandshake:
    """The server's half: a client hello in, a server hello out, a client finish in."""

    def __init__(self, static: KeyPair, chain: bytes) -> None:
        self._static = static
        self._chain = chain
        self._ephemeral = KeyPair.generate()
        self._state = SymmetricState()

    def answer(self, client_hello: bytes) -> bytes:
        """Return the server hello."""
        client_ephemeral = Fields(client_hello).message(2).data(1)
        state = self._state
        state.authenticate(client_ephemeral)
        state.authenticate(self._ephemeral.public)
        state.mix(self._ephemeral.agree(client_ephemeral))
        static = state.encrypt(self._static.public)
        state.mix(self._static.agree(client_ephemeral))
        payload = state.encrypt(self._chain)
        hello = encode([(1, self._ephemeral.public), (2, static), (3, payload)])
        return encode([(3, hello)])

    def finish(self, client_finish: bytes) -> Finished:
        """Return who the client is and the ciphers to go on with."""
        fields = Fields(client_finish).message(4)
        client_static = self._state.decrypt(fields.data(1))
        self._state.mix(self._ephemeral.agree(client_static))
        payload = Fields(self._state.decrypt(fields.data(2)))
        from_client, to_client = self._state.split()
        return Finished(client_static, payload, from_client, to_client)


class Frames:
    """Cuts a stream into frames: three bytes of length, then the body."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._expects_header = True

    def feed(self, data: bytes) -> list[bytes]:
        """Return the frames that are complete now.

        Raises:
            ValueError: The stream does not begin with the header of a client.
        """
        self._data += data
        if self._expects_header:
            if len(self._data) < len(HEADER):
                return []
            if not self._data.startswith(HEADER):
                raise ValueError("not the header of a client")
            del self._data[: len(HEADER)]
            self._expects_header = False
        frames = []
        while len(self._data) >= 3 and len(self._data) >= (
            end := 3 + int.from_bytes(self._data[:3])
        ):
            frames.append(bytes(self._data[3:end]))
            del self._data[:end]
        return frames


def framed(body: bytes) -> bytes:
    """Return `body` with its length in front."""
    return len(body).to_bytes(3) + body
