"""Compiles resources/locale/**/*.po into the .mo files that gettext reads.

Run as a script by dev.py, and by hatchling while it builds a wheel.
"""

import os
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LOCALE = Path(__file__).resolve().parent.parent / "resources" / "locale"


def compile_catalogues(folder: Path = LOCALE) -> list[Path]:
    """Write a .mo file beside each .po file that is newer, and return those written."""
    written = []
    for source in sorted(folder.glob("*/LC_MESSAGES/*.po")):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime_ns >= source.stat().st_mtime_ns:
            continue
        with source.open("rb") as file:
            catalogue = read_po(file, locale=source.parts[-3], abort_invalid=True)
        draft = target.with_suffix(f".{os.getpid()}")
        with draft.open("wb") as file:
            write_mo(file, catalogue)
        draft.replace(target)  # whoever reads meanwhile never sees half a file
        written.append(target)
    return written


try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run as a script, where hatchling need not be
    pass
else:

    class CataloguesHook(BuildHookInterface):  # type: ignore[type-arg]
        """Compiles the catalogues before the wheel collects them."""

        def initialize(self, version: str, build_data: dict[str, object]) -> None:
            """Compile; hatchling calls this once a build."""
            del version
            compile_catalogues()
            build_data.setdefault("artifacts", []).append("resources/locale/**/*.mo")  # type: ignore[attr-defined]


if __name__ == "__main__":
    for path in compile_catalogues():
        print(path.relative_to(LOCALE.parent.parent))
