"""THIRD-PARTY-NOTICES: what is in a bundle that others wrote, and under which terms.

Made from what PyInstaller really took, so that it cannot fall behind: Python packages from their
own metadata, the Go modules from the list that Go writes into neonize's library.
"""

import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Final

NAME: Final = "THIRD-PARTY-NOTICES"
_LICENCE_WORDS: Final = ("licen", "copying", "notice", "authors")
_GO_INFO: Final = b"\xff Go buildinf:"
_GO_HEADER: Final = 32
_GO_GUARD: Final = 16  # bytes before and behind Go's own list

# Where the metadata of a package says nothing.
_TERMS: Final = {
    "backports.tarfile": "MIT",
    "jaraco.classes": "MIT",
    "neonize": "Apache-2.0",
    "segno": "BSD-3-Clause",
}
# Go's list has names and versions; the terms are those their repositories state.
_GO_TERMS: Final = {
    "filippo.io/edwards25519": "BSD-3-Clause",
    "github.com/beeper/argo-go": "MIT",
    "github.com/coder/websocket": "ISC",
    "github.com/elliotchance/orderedmap/v3": "MIT",
    "github.com/google/uuid": "BSD-3-Clause",
    "github.com/lib/pq": "MIT",
    "github.com/mattn/go-colorable": "MIT",
    "github.com/mattn/go-isatty": "MIT",
    "github.com/mattn/go-sqlite3": "MIT",
    "github.com/petermattis/goid": "Apache-2.0",
    "github.com/rs/zerolog": "MIT",
    "github.com/vektah/gqlparser/v2": "MIT",
    "go.mau.fi/libsignal": "GPL-3.0",
    "go.mau.fi/util": "MPL-2.0",
    "go.mau.fi/whatsmeow": "MPL-2.0",
    "golang.org/x/crypto": "BSD-3-Clause",
    "golang.org/x/exp": "BSD-3-Clause",
    "golang.org/x/net": "BSD-3-Clause",
    "golang.org/x/sync": "BSD-3-Clause",
    "golang.org/x/sys": "BSD-3-Clause",
    "golang.org/x/text": "BSD-3-Clause",
    "google.golang.org/protobuf": "BSD-3-Clause",
}
_INTRODUCTION: Final = """\
wabot-tray is under the MIT licence (LICENSE). This folder also holds what is listed here, each
under its own terms. Taken together, a copy of this folder may be passed on under the terms of the
GNU General Public License, version 3, because one of the libraries, go.mau.fi/libsignal, asks for
that; the sources of every part are published under the names and versions below.

Qt and PySide6 are used under the GNU Lesser General Public License, version 3: their libraries lie
in _internal/PySide6 as files of their own and may be replaced by changed ones.
"""
_LONG_TEXTS: Final = ("GPL-3", "LGPL-3", "MPL-2.0")
_COMMON: Final = Path("/usr/share/common-licenses")


def write(sources: Path, bundle: Path) -> None:
    """Write the notices of `bundle` into it.

    Args:
        sources: The files PyInstaller took, one a line.
        bundle: The folder with both programs.
    """
    taken = {Path(line).resolve() for line in sources.read_text(encoding="utf-8").splitlines()}
    (library,) = (bundle / "_internal" / "neonize").glob("neonize-*")
    modules = list(go_modules(library))
    parts = [_INTRODUCTION, "", "PARTS", ""]
    found = sorted(_taken(taken), key=lambda one: one.name.lower())
    parts.append(f"  Python {sys.version.split()[0]}: PSF-2.0")
    parts += [f"  {one.name} {one.version}: {_terms(one)}" for one in found]
    parts.append("  Qt 6 and ICU, inside PySide6-Essentials: LGPL-3.0-only, Unicode-3.0")
    parts += [f"  {name} {version}, inside neonize: {terms}" for name, version, terms in modules]
    for one in found:
        for title, text in _texts(one):
            parts += ["", "=" * 96, f"{one.name} {one.version}: {title}", "=" * 96, "", text]
    licence = Path(sys.base_prefix, "lib", f"python3.{sys.version_info.minor}", "LICENSE.txt")
    if licence.is_file():
        text = licence.read_text(encoding="utf-8", errors="replace").strip()
        parts += ["", "=" * 96, "Python", "=" * 96, "", text]
    for name in _LONG_TEXTS:
        if (_COMMON / name).is_file():
            text = (_COMMON / name).read_text(encoding="utf-8").strip()
            parts += ["", "=" * 96, name, "=" * 96, "", text]
    (bundle / NAME).write_text("\n".join(parts) + "\n", encoding="utf-8")


def go_modules(library: Path) -> Iterator[tuple[str, str, str]]:
    """Yield name, version and terms of each Go module in a library that Go built."""
    content = library.read_bytes()
    place = content.find(_GO_INFO)
    if place < 0:
        sys.exit(f"{library.name} does not say what it was built from")
    version, place = _go_text(content, place + _GO_HEADER)
    yield "Go", version.decode().removeprefix("go"), "BSD-3-Clause"
    listing, _ = _go_text(content, place)
    for line in listing[_GO_GUARD:-_GO_GUARD].decode().splitlines():
        kind, *words = line.split("\t")
        if kind == "dep":
            if words[0] not in _GO_TERMS:
                sys.exit(f"packaging/notices.py does not know the terms of {words[0]}")
            yield words[0], words[1], _GO_TERMS[words[0]]


def _go_text(content: bytes, place: int) -> tuple[bytes, int]:
    """Return the text at `place`, its length before it as Go writes numbers, and where it ends."""
    length = shift = 0
    while True:
        byte = content[place]
        place += 1
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:  # noqa: PLR2004 - the highest bit says that more follows
            return content[place : place + length], place + length


def _taken(files: set[Path]) -> Iterator[Distribution]:
    """Yield the installed packages that one of `files` belongs to."""
    for one in distributions():
        if one.name != "wabot-tray" and any(
            Path(str(one.locate_file(file))).resolve() in files for file in one.files or ()
        ):
            yield one


def _terms(one: Distribution) -> str:
    for field in ("License-Expression", "License"):
        said = str(one.metadata.json.get(field.lower().replace("-", "_"), ""))
        if said and "\n" not in said:
            return said
    if one.name not in _TERMS:
        sys.exit(f"packaging/notices.py does not know the terms of {one.name}")
    return _TERMS[one.name]


def _texts(one: Distribution) -> Iterator[tuple[str, str]]:
    for file in one.files or ():
        words = file.name.lower()
        if ".dist-info" in str(file) and any(word in words for word in _LICENCE_WORDS):
            path = Path(str(one.locate_file(file)))
            if path.is_file():
                yield file.name, path.read_text(encoding="utf-8", errors="replace").strip()
