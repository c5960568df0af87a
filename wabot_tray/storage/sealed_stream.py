"""A file sealed under a passphrase, chunk by chunk, so that no bit of it can change unseen.

    header   magic, version, scrypt cost and salt, a check of the passphrase, CRC-32 of all that
    chunks   64 KiB each, AES-256-GCM; the last one may be shorter

The nonce of a chunk is its number and whether it is the last (the STREAM construction of Hoang,
Reyhanitabar, Rogaway and Vizár, 2015; the age format does the same): what is missing, added,
swapped, repeated or cut off does not unseal. The key belongs to one file alone, since it follows
from the passphrase, a random salt and the whole header.
"""

import hashlib
import hmac
import os
import struct
import unicodedata
import zlib
from dataclasses import dataclass
from typing import BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from wabot_tray.core.errors import BackupError
from wabot_tray.storage.sealing import KEY_BYTES, subkey

FORMAT: Final = 1
CHUNK_BYTES: Final = 1 << 16
_MAGIC: Final = b"WABOTBAK"
_START: Final = struct.Struct(">8sH")
_COST: Final = struct.Struct(">BBB16s")
_CHECK_BYTES: Final = 32
_CRC: Final = struct.Struct(">I")
_TAG_BYTES: Final = 16
_SEALED_BYTES: Final = CHUNK_BYTES + _TAG_BYTES
HEADER_BYTES: Final = _START.size + _COST.size + _CHECK_BYTES + _CRC.size
# What a file may ask of the computer that reads it: 256 MB, and eight times our own work.
_MOST_MEMORY_BYTES: Final = 256 << 20
_MOST_WORK: Final = 1 << 23


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """How dear one guess of the passphrase is (scrypt, RFC 7914).

    The default takes 128 MB and half a second on a computer of 2020.
    """

    log2_n: int = 17
    r: int = 8
    p: int = 1

    @property
    def memory_bytes(self) -> int:
        """What one guess occupies."""
        return 128 * self.r << self.log2_n

    @property
    def is_bearable(self) -> bool:
        """Whether a file may ask for it."""
        n, r, p = 1 << self.log2_n, self.r, self.p
        return (
            min(self.log2_n, r, p) >= 1
            and self.memory_bytes <= _MOST_MEMORY_BYTES
            and n * r * p <= _MOST_WORK
        )


DEFAULT_COST: Final = Cost()


class StreamKey:
    """The key of one file, and the header it belongs to."""

    def __init__(self, passphrase: str, cost: Cost, salt: bytes) -> None:
        fixed = _START.pack(_MAGIC, FORMAT) + _COST.pack(cost.log2_n, cost.r, cost.p, salt)
        stretched = hashlib.scrypt(
            # The same letters typed otherwise, on another computer, are the same.
            unicodedata.normalize("NFKC", passphrase).encode("utf-8", "surrogatepass"),
            salt=salt,
            n=1 << cost.log2_n,
            r=cost.r,
            p=cost.p,
            maxmem=2 * cost.memory_bytes,
            dklen=KEY_BYTES,
        )
        check = subkey(stretched, b"backup passphrase " + fixed, length_bytes=_CHECK_BYTES)
        header = fixed + check
        self.header = header + _CRC.pack(zlib.crc32(header))
        self._cipher = AESGCM(subkey(stretched, b"backup content " + fixed))

    def seal(self, number: int, chunk: bytes, *, is_last: bool) -> bytes:
        """Return a chunk sealed in its place."""
        return self._cipher.encrypt(_nonce(number, is_last=is_last), chunk, None)

    def unseal(self, number: int, sealed: bytes, *, is_last: bool) -> bytes:
        """Return the chunk that was sealed in this place.

        Raises:
            BackupError: It is another one, or changed.
        """
        try:
            return self._cipher.decrypt(_nonce(number, is_last=is_last), sealed, None)
        except InvalidTag as error:
            raise BackupError("error.backup_damaged") from error


def new_key(passphrase: str, cost: Cost = DEFAULT_COST) -> StreamKey:
    """Return a key for a new file. Takes half a second and 128 MB."""
    return StreamKey(passphrase, cost, os.urandom(16))


def key_of(file: BinaryIO, passphrase: str) -> StreamKey:
    """Return the key of the file that `file` stands at the beginning of, and read past its header.

    Raises:
        BackupError: It is no backup, a newer one, damaged, or has another passphrase.
    """
    header = file.read(HEADER_BYTES)
    if header[: len(_MAGIC)] != _MAGIC[: max(len(header), 1)]:
        raise BackupError("error.backup_none")
    if len(header) < HEADER_BYTES:
        raise BackupError("error.backup_damaged")
    is_sound = _CRC.unpack(header[-_CRC.size :])[0] == zlib.crc32(header[: -_CRC.size])
    _, version = _START.unpack_from(header)
    if version > FORMAT and is_sound:
        raise BackupError("error.backup_newer")
    log2_n, r, p, salt = _COST.unpack_from(header, _START.size)
    cost = Cost(log2_n=log2_n, r=r, p=p)
    if version != FORMAT or not is_sound or not cost.is_bearable:
        raise BackupError("error.backup_damaged")
    key = StreamKey(passphrase, cost, salt)
    if not hmac.compare_digest(key.header, header):
        raise BackupError("error.backup_passphrase")
    return key


class SealedWriter:
    """Writes a sealed file; nothing of it opens before `finish`.

    Args:
        file: Where to, at its beginning.
        key: Of this file alone.
    """

    def __init__(self, file: BinaryIO, key: StreamKey) -> None:
        self._file = file
        self._key = key
        self._number = 0
        self._held = bytearray()
        file.write(key.header)

    def write(self, content: bytes) -> None:
        """Add content of any length."""
        self._held += content
        while len(self._held) > CHUNK_BYTES:  # the last chunk is known by `finish` alone
            self._put(bytes(self._held[:CHUNK_BYTES]), is_last=False)
            del self._held[:CHUNK_BYTES]

    def finish(self) -> None:
        """Write the end."""
        self._put(bytes(self._held), is_last=True)

    def _put(self, chunk: bytes, *, is_last: bool) -> None:
        self._file.write(self._key.seal(self._number, chunk, is_last=is_last))
        self._number += 1


class SealedReader:
    """Reads a sealed file, from behind its header to its end.

    Args:
        file: Where from, behind the header.
        key: What `key_of` returned.
    """

    def __init__(self, file: BinaryIO, key: StreamKey) -> None:
        self._file = file
        self._key = key
        self._number = 0
        self._held = bytearray()
        self._ahead: bytes | None = None
        self._is_over = False

    @property
    def is_at_end(self) -> bool:
        """Whether all was read, and the file ends where it was meant to.

        Raises:
            BackupError: The file is damaged.
        """
        if not self._held and not self._is_over:
            self._fill()
        return self._is_over and not self._held

    def read(self, count: int) -> bytes:
        """Return exactly `count` bytes.

        Raises:
            BackupError: The file is damaged, or ends before.
        """
        while len(self._held) < count:
            if self._is_over:
                raise BackupError("error.backup_damaged")
            self._fill()
        content = bytes(self._held[:count])
        del self._held[:count]
        return content

    def _fill(self) -> None:
        sealed = self._ahead if self._ahead is not None else self._file.read(_SEALED_BYTES)
        self._ahead = self._file.read(_SEALED_BYTES)
        self._is_over = not self._ahead
        if len(sealed) < _TAG_BYTES:
            raise BackupError("error.backup_damaged")
        self._held += self._key.unseal(self._number, sealed, is_last=self._is_over)
        self._number += 1


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + (b"\1" if is_last else b"\0")
