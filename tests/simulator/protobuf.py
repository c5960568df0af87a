"""As much of the protobuf wire format as the simulator needs, without generated classes.

The generated classes of neonize cannot be used here: importing any of them loads its Go library
into the process of the server.
"""

from collections import defaultdict
from collections.abc import Iterable

type_varint, type_64bit, type_bytes, type_32bit = 0, 1, 2, 5

Value = int | bytes | str


def varint(value: int) -> bytes:
    """Return `value` (not negative) in groups of seven bits."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def encode(fields: Iterable[tuple[int, Value | None]]) -> bytes:
    """Return a message of (field number, value); None leaves a field out."""
    out = bytearray()
    for number, value in fields:
        if value is None:
            continue
        if isinstance(value, int):
            out += varint(number << 3 | type_varint) + varint(value)
        else:
            data = value.encode() if isinstance(value, str) else value
            out += varint(number << 3 | type_bytes) + varint(len(data)) + data
    return bytes(out)


class Fields:
    """A decoded message: every field may be there several times, the last one counts."""

    def __init__(self, data: bytes) -> None:
        self._values: defaultdict[int, list[int | bytes]] = defaultdict(list)
        at = 0
        while at < len(data):
            key, at = _varint_at(data, at)
            number, kind = key >> 3, key & 7
            if kind == type_varint:
                value, at = _varint_at(data, at)
                self._values[number].append(value)
                continue
            if kind == type_bytes:
                size, at = _varint_at(data, at)
            elif kind in (type_64bit, type_32bit):
                size = 8 if kind == type_64bit else 4
            else:
                raise ValueError(f"wire type {kind} is not known")
            if at + size > len(data):
                raise ValueError("the message ends within a field")
            self._values[number].append(data[at : at + size])
            at += size

    def __contains__(self, number: int) -> bool:
        return number in self._values

    def data(self, number: int) -> bytes:
        """Return the bytes of a field, empty if it is missing."""
        value = self._values[number][-1] if number in self._values else b""
        if not isinstance(value, bytes):
            raise TypeError(f"field {number} is a number")
        return value

    def number(self, number: int, default: int = 0) -> int:
        """Return the number of a field, or `default`."""
        value = self._values[number][-1] if number in self._values else default
        if not isinstance(value, int):
            raise TypeError(f"field {number} is not a number")
        return value

    def text(self, number: int) -> str:
        """Return the text of a field, empty if it is missing."""
        return self.data(number).decode()

    def message(self, number: int) -> "Fields":
        """Return the message in a field, empty if it is missing."""
        return Fields(self.data(number))


def _varint_at(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data):
            raise ValueError("the message ends within a number")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, at
        shift += 7
