"""What the package tests work on: the real builds, made once, and a way to the simulator.

The bundle has no door for tests. Its copy here is the real one but for two places in neonize's
library: the address it dials and the key it trusts, written over in the file as redirect.py does
in memory.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.desktop import Desktop
from tests.e2e.harness import ROOT, Shop
from tests.simulator.redirect import PINNED_KEY, URL, locate
from tests.simulator.running import RunningSimulator

TRAY: Final = "wabot-tray"
LINE: Final = "wabot"
_PATIENCE_S: Final = 600


def build(what: str, out: Path) -> list[Path]:
    """Build a part of the product as a release does and return what was made."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "packaging" / "build.py"), what, "--out", str(out)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [Path(line.split(" MB  ")[1]) for line in done.stdout.splitlines() if " MB  " in line]


def patch(library: Path, simulator: RunningSimulator) -> None:
    """Make the library in this file talk to the simulator."""
    places = locate(str(library))
    content = bytearray(library.read_bytes())
    url = f"ws://127.0.0.1:{simulator.port}/ws/chat".encode().ljust(len(URL), b"/")
    for old, new in {PINNED_KEY: simulator.root_public_key, URL: url}.items():
        assert len(old) == len(new)
        content[places[old] : places[old] + len(old)] = new
    library.unlink()  # it may be a link to the file that others use
    library.write_bytes(content)


class BundleShop(Shop):
    """A computer on which the bundle was unpacked, its library patched."""

    def __init__(
        self, simulator: RunningSimulator, bundle: Path, *, desktop: Desktop | None = None
    ) -> None:
        super().__init__(simulator, desktop=desktop)
        self._bundle = bundle

    @property
    def home(self) -> Path:
        """Where it was unpacked: a path with a space and an accent, as people have them."""
        return self.folder / "mi programa ñ"

    def furnish(self, stack: contextlib.ExitStack) -> None:
        """Unpack the bundle; files that are not changed are linked, which is quick."""
        del stack
        try:
            shutil.copytree(self._bundle, self.home, symlinks=True, copy_function=os.link)
        except (OSError, shutil.Error):  # another file system
            shutil.rmtree(self.home, ignore_errors=True)
            shutil.copytree(self._bundle, self.home, symlinks=True)
        (library,) = (self.home / "_internal" / "neonize").glob("neonize-*.so")
        patch(library, self.simulator)

    @property
    def env(self) -> dict[str, str]:
        """An environment in which nothing of the checkout can be found."""
        env = super().env
        for name in ("PYTHONPATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH"):
            env.pop(name, None)
        return env | {"PATH": "/usr/bin:/bin"}

    def entry(self) -> list[str]:
        """Return the program's own executable."""
        return [str(self.home / TRAY)]

    def cli_entry(self) -> list[str]:
        """Return the command line's own executable."""
        return [str(self.home / LINE)]
