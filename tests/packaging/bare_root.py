"""A Debian with nothing in it but the package and what it depends on, to run the program in.

Only sockets lead out: the X server, the session bus with its keyring and the simulated WhatsApp
run outside, so that nothing they need can hide something that the package forgot to ask for.

Each command gets mounts of its own, in a namespace that ends with it: nothing is left to unmount.
"""

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.e2e.harness import ROOT, Shop
from tests.packaging.built import LINE, TRAY, patch

SUITE: Final = "bookworm"
CACHE: Final = ROOT / "build" / "bare-root"
_ENTER: Final = (
    'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && mount --bind /tmp "$0/tmp" '
    '&& cd / && exec /usr/sbin/chroot "$0" "$@"'
)


class BareRoot:
    """A folder that is the whole file system of the programs in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def inside(self, *words: str) -> list[str]:
        """Return a command as it is run in here; the process is the command's own."""
        return ["unshare", "--mount", "--", "sh", "-c", _ENTER, str(self.folder), *words]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command in here and return what it said."""
        environ = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "LC_ALL": "C.UTF-8",
            "DEBIAN_FRONTEND": "noninteractive",
        }
        return subprocess.run(
            self.inside(*words), env=environ, capture_output=True, text=True, check=False
        )

    def install(self, package: Path) -> None:
        """Install a package with dpkg, which insists on all that it depends on."""
        target = self.folder / "var" / package.name
        shutil.copyfile(package, target)
        done = self.run("dpkg", "-i", f"/var/{package.name}")
        target.unlink()
        assert done.returncode == 0, done.stdout + done.stderr

    def library(self) -> Path:
        """Return the installed library of neonize."""
        home = self.folder / "usr" / "lib" / TRAY / "_internal" / "neonize"
        (found,) = home.glob("neonize-*.so")
        return found


@contextlib.contextmanager
def bare_root(package: Path) -> Iterator[BareRoot]:
    """Unpack a Debian that has what `package` depends on; it is gone with the block."""
    folder = Path(tempfile.mkdtemp(prefix="wabot-root-"))
    try:
        subprocess.run(["tar", "-C", str(folder), "-xf", str(_base(package))], check=True)
        yield BareRoot(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _base(package: Path) -> Path:
    """Return the archive of that Debian, made once for each list of dependencies."""
    asked = ["dpkg-deb", "-f", str(package), "Depends"]
    depends = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    names = re.findall(r"(?:^|, )([a-z0-9.+-]+)", depends.strip())
    digest = hashlib.sha256(" ".join([SUITE, *names]).encode()).hexdigest()[:12]
    archive = CACHE / f"{SUITE}-{digest}.tar"
    if not archive.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        draft = archive.with_suffix(f".{os.getpid()}.tar")
        include = f"--include={','.join(names)}"
        command = ["mmdebstrap", "--quiet", "--variant=minbase", include, SUITE, str(draft)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        draft.replace(archive)
    return archive


class InstalledShop(Shop):
    """A computer on which the package was installed; only the library's two places differ."""

    root: BareRoot

    def command(self, *words: str) -> list[str]:
        """Return a command as it is run in the bare root."""
        return self.root.inside(*words)

    def upgraded(self) -> None:
        """Write the two places over again after dpkg has replaced the library."""
        patch(self.root.library(), self.simulator)

    @property
    def env(self) -> dict[str, str]:
        """The environment of a person's session on that computer."""
        env = super().env
        for name in ("PYTHONPATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH"):
            env.pop(name, None)
        return env | {"PATH": "/usr/bin:/bin"}

    def entry(self) -> list[str]:
        """Return the installed program."""
        return [f"/usr/bin/{TRAY}"]

    def cli_entry(self) -> list[str]:
        """Return the installed command line."""
        return [f"/usr/bin/{LINE}"]
