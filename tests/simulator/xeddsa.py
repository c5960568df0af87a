"""XEdDSA: signatures with X25519 keys, as the Signal library makes them.

Checking one is checking an Ed25519 signature, once the key is turned into an Edwards point.
Making one needs a multiple of the base point for a given scalar, which no library offers, hence
the few lines of curve arithmetic. They are not constant in time: test keys have no enemies.
"""

import hashlib
import secrets
from functools import cache
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_P: Final = 2**255 - 19
_L: Final = 2**252 + 27742317777372353535851937790883648493
_2D: Final = -2 * 121665 * pow(121666, -1, _P) % _P
_BASE_Y: Final = 4 * pow(5, -1, _P) % _P
_BASE_X: Final = 0x216936D3CD6E53FEC0A4E231FDD6DC5C692CC7609525A7B2C9562D608F25D51A
_PREFIX: Final = b"\xfe" + b"\xff" * 31

Point = tuple[int, int, int, int]  # extended coordinates: X, Y, Z, T with XY = ZT


def sign(private: bytes, message: bytes) -> bytes:
    """Return the 64 byte signature of `message` under an X25519 private key."""
    scalar = _clamped(private)
    public = _compressed(_times_base(scalar))
    seed = _PREFIX + scalar.to_bytes(32, "little") + message + secrets.token_bytes(64)
    nonce = _hash_to_scalar(seed)
    commitment = _compressed(_times_base(nonce))
    challenge = _hash_to_scalar(commitment + public + message)
    answer = bytearray(((nonce + challenge * scalar) % _L).to_bytes(32, "little"))
    answer[31] |= public[31] & 0x80
    return commitment + bytes(answer)


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether `signature` was made for `message` with the key of this X25519 public key."""
    u = int.from_bytes(public, "little") & (2**255 - 1)
    y = (u - 1) * pow(u + 1, -1, _P) % _P if (u + 1) % _P else 0
    edwards = bytearray(y.to_bytes(32, "little"))
    edwards[31] |= signature[63] & 0x80
    plain = signature[:63] + bytes((signature[63] & 0x7F,))
    try:
        Ed25519PublicKey.from_public_bytes(bytes(edwards)).verify(plain, message)
    except InvalidSignature:
        return False
    return True


def _clamped(private: bytes) -> int:
    scalar = bytearray(private)
    scalar[0] &= 248
    scalar[31] = scalar[31] & 127 | 64
    return int.from_bytes(scalar, "little")


def _hash_to_scalar(data: bytes) -> int:
    return int.from_bytes(hashlib.sha512(data).digest(), "little") % _L


def _add(p: Point, q: Point) -> Point:
    a = (p[1] - p[0]) * (q[1] - q[0]) % _P
    b = (p[1] + p[0]) * (q[1] + q[0]) % _P
    c = p[3] * q[3] * _2D % _P
    d = 2 * p[2] * q[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


@cache
def _doubled_bases() -> list[Point]:
    point: Point = (_BASE_X, _BASE_Y, 1, _BASE_X * _BASE_Y % _P)
    points = []
    for _ in range(255):
        points.append(point)
        point = _add(point, point)
    return points


def _times_base(scalar: int) -> Point:
    total: Point = (0, 1, 1, 0)
    for bit, point in enumerate(_doubled_bases()):
        if scalar >> bit & 1:
            total = _add(total, point)
    return total


def _compressed(point: Point) -> bytes:
    inverse = pow(point[2], -1, _P)
    x, y = point[0] * inverse % _P, point[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")
