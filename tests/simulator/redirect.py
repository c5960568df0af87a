"""Sends a loaded neonize to the simulator: the memory of this process is patched, no file is.

Linux only. The client pins the key that signs the server's certificates, and its address is a
constant; both are found in the mapped library by their bytes and written over.
"""

import ctypes
import functools
import importlib.util
import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

URL: Final = b"wss://web.whatsapp.com/ws/chat"
PINNED_KEY: Final = bytes.fromhex(
    "142375574d0a587166aae71ebe516437c4a28b73e3695c6ce1f7f9545da8ee6b"
)
_LIBRARY: Final = "neonize-linux"


class RedirectError(RuntimeError):
    """The loaded library is not the one that this module knows."""


@dataclass(frozen=True, slots=True)
class _Mapping:
    start: int
    end: int
    rights: str
    offset: int
    path: str

    @property
    def protection(self) -> int:
        """The rights as mprotect takes them."""
        bits = {"r": mmap.PROT_READ, "w": mmap.PROT_WRITE, "x": mmap.PROT_EXEC}
        return sum(bits.get(letter, 0) for letter in self.rights)


def pin(root_public_key: bytes) -> None:
    """Make neonize, already loaded in this process, trust a simulator, wherever it finds it.

    Raises:
        RedirectError: The library is not loaded, or holds the key not once.
    """
    _write_over({PINNED_KEY: root_public_key})


def redirect(port: int, root_public_key: bytes, host: str = "127.0.0.1") -> None:
    """Make neonize, already loaded in this process, talk to a simulator on this machine.

    Only the pages that are written are touched, so that memory can be measured honestly.

    Raises:
        RedirectError: The library is not loaded, or holds the key or the address not once.
    """
    if len(root_public_key) != len(PINNED_KEY):
        raise RedirectError("the key must have 32 bytes")
    url = f"ws://{host}:{port}/ws/chat".encode().ljust(len(URL), b"/")
    if not 0 < port < 1 << 16 or len(url) != len(URL):
        raise RedirectError(f"no port: {port}")
    _write_over({PINNED_KEY: root_public_key, URL: url})


def _write_over(changes: dict[bytes, bytes]) -> None:
    mappings = list(_mappings())
    if not mappings:
        raise RedirectError("the library is not loaded")
    places = locate(mappings[0].path)
    for old, new in changes.items():
        _replace(mappings, places[old], old, new)


@functools.cache
def locate(path: str) -> dict[bytes, int]:
    """Return where in the library's file the key and the address are.

    Processes that fork call it before, with `library_path`, so that their children need not look.

    Raises:
        RedirectError: One of them is not there, or more than once.
    """
    places = {}
    with Path(path).open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as content:
        for old in (PINNED_KEY, URL):
            at = content.find(old)
            if at < 0 or content.find(old, at + 1) >= 0:
                raise RedirectError(f"one place should hold {old[:8]!r}")
            places[old] = at
    return places


def library_path() -> str:
    """Return the library's file, without importing it."""
    spec = importlib.util.find_spec("google.protobuf")  # a neighbour that loads nothing
    assert spec is not None
    assert spec.origin is not None
    (found,) = Path(spec.origin).parents[2].glob(f"neonize/{_LIBRARY}*.so")
    return str(found)


def _mappings() -> Iterator[_Mapping]:
    for line in Path("/proc/self/maps").read_text().splitlines():
        parts = line.split(maxsplit=5)
        if len(parts) == 6 and _LIBRARY in parts[5] and "r" in parts[1]:
            start, end = (int(part, 16) for part in parts[0].split("-"))
            yield _Mapping(start, end, parts[1], int(parts[2], 16), parts[5])


def _replace(mappings: list[_Mapping], place: int, old: bytes, new: bytes) -> None:
    for mapping in mappings:
        address = mapping.start + place - mapping.offset
        if mapping.start <= address <= mapping.end - len(old):
            if ctypes.string_at(address, len(old)) != old:
                raise RedirectError(f"{old[:8]!r} is not where the file has it")
            _write(mapping, address, new)
            return
    raise RedirectError(f"{old[:8]!r} is not mapped")


def _write(mapping: _Mapping, address: int, data: bytes) -> None:
    if "w" in mapping.rights:
        ctypes.memmove(address, data, len(data))
        return
    first = address - address % mmap.PAGESIZE
    size = address + len(data) - first
    _protect(first, size, mapping.protection | mmap.PROT_WRITE)
    ctypes.memmove(address, data, len(data))
    _protect(first, size, mapping.protection)


def _protect(address: int, size: int, protection: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    result: int = libc.mprotect(
        ctypes.c_void_p(address), ctypes.c_size_t(size), ctypes.c_int(protection)
    )
    if result != 0:
        raise RedirectError(f"mprotect: error {ctypes.get_errno()}")
