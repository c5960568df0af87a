"""Sends a loaded neonize to the simulator: the memory of this process is patched, no file is.

Linux only. The client pins the key that signs the server's certificates, and its address is a
constant; both are found in the mapped library by their bytes and written over.
"""

import ctypes
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

    @property
    def protection(self) -> int:
        """The rights as mprotect takes them."""
        bits = {"r": mmap.PROT_READ, "w": mmap.PROT_WRITE, "x": mmap.PROT_EXEC}
        return sum(bits.get(letter, 0) for letter in self.rights)


def redirect(port: int, root_public_key: bytes) -> None:
    """Make neonize, already imported in this process, talk to a simulator on this machine.

    Raises:
        RedirectError: The library is not loaded, or holds the key or the address not once.
    """
    if len(root_public_key) != len(PINNED_KEY):
        raise RedirectError("the key must have 32 bytes")
    url = f"ws://127.0.0.1:{port}/ws/chat".encode().ljust(len(URL), b"/")
    if not 0 < port < 1 << 16 or len(url) != len(URL):
        raise RedirectError(f"no port: {port}")
    _replace_once(PINNED_KEY, root_public_key)
    _replace_once(URL, url)


def _mappings() -> Iterator[_Mapping]:
    for line in Path("/proc/self/maps").read_text().splitlines():
        parts = line.split(maxsplit=5)
        if len(parts) == 6 and _LIBRARY in parts[5] and "r" in parts[1]:
            start, end = (int(part, 16) for part in parts[0].split("-"))
            yield _Mapping(start, end, parts[1])


def _replace_once(old: bytes, new: bytes) -> None:
    found = []
    for mapping in _mappings():
        memory = ctypes.string_at(mapping.start, mapping.end - mapping.start)
        at = memory.find(old)
        while at >= 0:
            found.append((mapping, mapping.start + at))
            at = memory.find(old, at + 1)
    if len(found) != 1:
        raise RedirectError(f"{len(found)} places hold {old[:8]!r}, there should be one")
    _write(*found[0], new)


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
