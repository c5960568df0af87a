"""Builds what people install: `python3 dev.py package` runs it in the environment it needs.

    python packaging/build.py [bundle] [deb] [python] [--out DIST]

Without a word it builds all that this system can: the bundle and the Python packages, and on
Debian and its children the .deb. Prints each file with its size.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import bundling
import debian
import distributions


def main() -> int:
    """Build what was asked for and say where it is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="*", metavar="bundle|deb|python")
    parser.add_argument("--out", type=Path, default=bundling.ROOT / "dist")
    chosen = parser.parse_args()
    if unknown := sorted(set(chosen.what) - {"bundle", "deb", "python"}):
        parser.error(f"nothing is called {', '.join(unknown)}")
    what = chosen.what or ["bundle", "python", *(["deb"] if debian.can_build() else [])]
    chosen.out.mkdir(parents=True, exist_ok=True)
    built: list[Path] = []
    if "python" in what:
        built += distributions.build(chosen.out)
    if "bundle" in what or "deb" in what:
        bundle = bundling.build()
        if "bundle" in what:
            built.append(bundle)
        if "deb" in what:
            built.append(debian.build(bundle, chosen.out))
    for path in built:
        print(f"{bundling.size(path) / 1e6:8.1f} MB  {path}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
