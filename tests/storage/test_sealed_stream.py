"""The sealed file: what was written comes back, and nothing else ever does."""

import io
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wabot_tray.core.errors import BackupError
from wabot_tray.storage.sealed_stream import (
    CHUNK_BYTES,
    HEADER_BYTES,
    Cost,
    SealedReader,
    SealedWriter,
    key_of,
    new_key,
)

CHEAP = Cost(log2_n=4)
SEALED = CHUNK_BYTES + 16
PASSPHRASE = "correct horse"


def sealed(content: bytes, passphrase: str = PASSPHRASE) -> bytes:
    file = io.BytesIO()
    writer = SealedWriter(file, new_key(passphrase, CHEAP))
    writer.write(content)
    writer.finish()
    return file.getvalue()


def opened(content: bytes, passphrase: str = PASSPHRASE) -> bytes:
    file = io.BytesIO(content)
    reader = SealedReader(file, key_of(file, passphrase))
    found = bytearray()
    while not reader.is_at_end:
        found += reader.read(1)
    return bytes(found)


def whole(content: bytes, length: int) -> bytes:
    """Read faster than `opened`, byte for byte the same."""
    file = io.BytesIO(content)
    reader = SealedReader(file, key_of(file, PASSPHRASE))
    found = reader.read(length)
    assert reader.is_at_end
    return found


def refusal(content: bytes, passphrase: str = PASSPHRASE) -> str:
    with pytest.raises(BackupError) as caught:
        opened(content, passphrase)
    return caught.value.message_key


@pytest.mark.parametrize(
    "length",
    [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES],
)
def test_content_of_any_length_comes_back(length: int) -> None:
    content = bytes(n % 251 for n in range(length))
    assert whole(sealed(content), length) == content


def test_content_is_not_in_the_file() -> None:
    assert b"secret" not in sealed(b"secret" * 100)


def test_same_letters_typed_otherwise_open_it() -> None:
    assert opened(sealed(b"x", "contrase\u00f1a"), "contrasen\u0303a") == b"x"


def test_other_passphrase_is_said() -> None:
    assert refusal(sealed(b"x"), "correct hors") == "error.backup_passphrase"


@pytest.mark.parametrize("content", [b"", b"PK\3\4" + bytes(500), b"%PDF-1.7", bytes(200)])
def test_other_file_is_said(content: bytes) -> None:
    assert refusal(content) == "error.backup_none"


def with_crc(header: bytes) -> bytes:
    return header[:-4] + zlib.crc32(header[:-4]).to_bytes(4, "big")


def test_newer_format_is_said() -> None:
    content = bytearray(sealed(b"x"))
    content[9] = 2
    assert refusal(bytes(content)) == "error.backup_damaged"  # a flipped bit is no new version
    header = with_crc(bytes(content[:HEADER_BYTES]))
    assert refusal(header + content[HEADER_BYTES:]) == "error.backup_newer"


@pytest.mark.parametrize("cost", [(30, 8, 1), (17, 255, 1), (17, 8, 255), (0, 8, 1), (17, 0, 1)])
def test_file_that_asks_for_too_much_is_refused_before_anything_is_done(
    cost: tuple[int, int, int],
) -> None:
    content = bytearray(sealed(b"x"))
    content[10:13] = bytes(cost)
    header = with_crc(bytes(content[:HEADER_BYTES]))
    assert refusal(header + content[HEADER_BYTES:]) == "error.backup_damaged"


CONTENT = bytes(n % 253 for n in range(3 * CHUNK_BYTES + 1000))
WHOLE = sealed(CONTENT)


@settings(max_examples=60, deadline=None)
@given(place=st.integers(0, len(WHOLE) * 8 - 1))
def test_any_flipped_bit_is_noticed(place: int) -> None:
    content = bytearray(WHOLE)
    content[place // 8] ^= 1 << place % 8
    with pytest.raises(BackupError):
        whole(bytes(content), len(CONTENT))


def test_any_flipped_bit_of_the_header_is_no_wrong_passphrase() -> None:
    for place in range(HEADER_BYTES * 8):
        content = bytearray(WHOLE)
        content[place // 8] ^= 1 << place % 8
        with pytest.raises(BackupError) as caught:
            whole(bytes(content), len(CONTENT))
        assert caught.value.message_key in {"error.backup_none", "error.backup_damaged"}, place


@settings(max_examples=40, deadline=None)
@given(length=st.integers(0, len(WHOLE) - 1))
def test_any_cut_is_noticed(length: int) -> None:
    with pytest.raises(BackupError):
        whole(WHOLE[:length], len(CONTENT))


def chunks() -> tuple[bytes, list[bytes]]:
    body = WHOLE[HEADER_BYTES:]
    return WHOLE[:HEADER_BYTES], [body[at : at + SEALED] for at in range(0, len(body), SEALED)]


@pytest.mark.parametrize(
    "order",
    [(1, 0, 2, 3), (0, 0, 2, 3), (0, 2, 3), (0, 1, 2), (1, 2, 3), (0, 1, 2, 3, 3), (3,), (0,)],
)
def test_chunks_swapped_repeated_or_left_out_are_noticed(order: tuple[int, ...]) -> None:
    header, found = chunks()
    assert len(found) == 4
    with pytest.raises(BackupError):
        whole(header + b"".join(found[number] for number in order), len(CONTENT))


def test_chunk_of_another_file_of_the_same_passphrase_is_noticed() -> None:
    header, found = chunks()
    other = sealed(CONTENT)[HEADER_BYTES:]
    with pytest.raises(BackupError):
        whole(header + other[:SEALED] + b"".join(found[1:]), len(CONTENT))


def test_something_behind_the_end_is_noticed() -> None:
    with pytest.raises(BackupError):
        whole(WHOLE + b"\0", len(CONTENT))
