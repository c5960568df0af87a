"""How hard a passphrase is to guess, told while it is typed: a hint, not a gate."""

import math
from enum import StrEnum
from typing import Final

SHORTEST: Final = 8
_FAIR_BITS: Final = 45.0
_STRONG_BITS: Final = 65.0
# Per sign, by what it is; a person picks none of them by dice, so less than the alphabet has.
_LOWER, _UPPER, _DIGIT, _OTHER = 4.0, 5.0, 2.8, 5.5
# What everybody tries first, in the languages of this program.
_COMMON: Final = (
    "password", "passphrase", "contraseña", "contrasena", "clave", "whatsapp", "wabot", "qwerty",
    "asdf", "1234", "abcd", "admin", "letmein", "welcome", "hola", "tienda", "teamo", "iloveyou",
)  # fmt: skip


class Strength(StrEnum):
    """How a passphrase would fare against somebody who has the file and much time."""

    SHORT = "short"
    WEAK = "weak"
    FAIR = "fair"
    STRONG = "strong"


def strength(passphrase: str) -> Strength:
    """Return how hard `passphrase` is to guess."""
    if len(passphrase) < SHORTEST:
        return Strength.SHORT
    bits = _bits(passphrase)
    if bits < _FAIR_BITS:
        return Strength.WEAK
    return Strength.FAIR if bits < _STRONG_BITS else Strength.STRONG


def _bits(passphrase: str) -> float:
    plain = passphrase.lower()
    for word in _COMMON:
        plain = plain.replace(word, word[0])  # a word of the list is worth one sign
    kept = len(plain) / len(passphrase)
    bits, before = 0.0, ""
    for sign in passphrase:
        step = abs(ord(sign) - ord(before)) if before else len(passphrase)
        bits += _worth(sign) if step > 1 else 0.5  # "aaaa" and "abcd" say little
        before = sign
    variety = len(set(passphrase))
    return min(bits * kept, variety * math.log2(variety + 1) * 2)


def _worth(sign: str) -> float:
    if sign.isdigit():
        return _DIGIT
    if sign.isalpha():
        return _UPPER if sign.isupper() else _LOWER
    return _OTHER
