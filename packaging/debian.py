"""The .deb: the bundle in /usr/lib/wabot-tray, both commands, and what a desktop shows of them.

Made with dpkg-deb alone: there is nothing to compile, and what a package needs is computed from
the libraries in it by dpkg-shlibdeps.
"""

import gzip
import os
import re
import shutil
import subprocess
import sys
import textwrap
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Final

import bundling
import manpages
import notices
import pictures

from wabot_tray import __version__

NAME: Final = bundling.NAME
ID: Final = "io.github.wabot_tray.wabot_tray"
# There is no address yet that people could write to; docs/releasing.md has it among the steps.
MAINTAINER: Final = "The wabot-tray authors <wabot-tray@packages.invalid>"
TOOLS: Final = (
    "dpkg-deb",
    "dpkg-shlibdeps",
    "desktop-file-validate",
    "appstreamcli",
    "patchelf",
    "strip",
)
# Loaded by name at run time, so that no library mentions them.
_ALSO_NEEDED: Final = ("libdbus-1-3", "hicolor-icon-theme")
_RECOMMENDED: Final = "gnome-keyring | kwalletmanager | keepassxc, xdg-utils, fonts-dejavu-core"
_DESCRIPTION: Final = """\
keeps the WhatsApp sessions of your bots connected
 Link the phone of a shop once with a QR code: its WhatsApp session then stays
 connected, day and night, and a lost link is repaired without a new code.
 A bot answers customers by rules that the shop's owner writes.
 .
 An icon in the system tray says whether all is well. Several accounts, windows
 in English and Spanish, and a command line. The sessions are kept encrypted
 under a key in the keyring.
 .
 It uses an unofficial client; WhatsApp may restrict or ban numbers that do."""
_LIBRARY: Final = re.compile(r"\.so(\.[0-9.]+)?$")
_PLAIN, _PROGRAM = 0o644, 0o755


def can_build() -> bool:
    """Return whether this system has the tools that make a .deb."""
    return all(shutil.which(tool) for tool in TOOLS)


def build(bundle: Path, out: Path) -> Path:
    """Build the package of `bundle` into `out` and return it. The same sources, the same bytes."""
    epoch = bundling.source_date()
    root = bundling.BUILD / "deb"
    shutil.rmtree(root, ignore_errors=True)
    tree = root / NAME
    _install_program(bundle, tree)
    _install_desktop(tree, __version__, epoch)
    _install_documents(bundle, tree, __version__, epoch)
    _settle_modes(tree)
    _validate(tree)
    _write_control(tree, __version__)
    target = out / f"{NAME}_{__version__}_{architecture()}.deb"
    environ = os.environ | {"SOURCE_DATE_EPOCH": str(epoch)}
    command = ["dpkg-deb", "--root-owner-group", "-Zxz", "--build"]
    _must([*command, str(tree), str(target)], environ=environ)
    return target


def architecture() -> str:
    """Return what Debian calls this kind of computer."""
    return _must(["dpkg", "--print-architecture"]).strip()


def _install_program(bundle: Path, tree: Path) -> None:
    home = tree / "usr" / "lib" / NAME
    shutil.copytree(bundle, home, symlinks=True)
    for text in (notices.NAME, "LICENSE"):
        (home / text).unlink()
    for file in home.rglob("*"):
        if file.is_file() and not file.is_symlink() and _LIBRARY.search(file.name):
            file.chmod(_PLAIN)
            # Where the interpreter was built is no place to look for libraries.
            if _must(["patchelf", "--print-rpath", str(file)]).startswith("/"):
                _must(["patchelf", "--remove-rpath", str(file)])
            if "not stripped" in _must(["file", "-b", str(file)]):
                # Unneeded symbols alone; what fails to shrink stays as it is.
                subprocess.run(["strip", "--strip-unneeded", str(file)], check=False)
    commands = tree / "usr" / "bin"
    commands.mkdir(parents=True)
    for name in (NAME, "wabot"):
        (commands / name).symlink_to(f"../lib/{NAME}/{name}")


def _install_desktop(tree: Path, version: str, epoch: int) -> None:
    ours = bundling.ROOT / "packaging" / "linux"
    share = tree / "usr" / "share"
    _copy(ours / f"{NAME}.desktop", share / "applications" / f"{NAME}.desktop")
    day = datetime.fromtimestamp(epoch, UTC).date().isoformat()
    text = (ours / f"{ID}.metainfo.xml").read_text(encoding="utf-8")
    text = text.replace("@VERSION@", version).replace("@DATE@", day)
    _write(share / "metainfo" / f"{ID}.metainfo.xml", text)
    icons = share / "icons" / "hicolor"
    svg = bundling.ROOT / "resources" / "icons" / f"{NAME}.svg"
    _copy(svg, icons / "scalable" / "apps" / svg.name)
    pictures.draw(svg, icons)
    for language, name, page in manpages.pages(version, day):
        place = "man1" if language == "en" else f"{language}/man1"
        _zip(share / "man" / place / f"{name}.1.gz", page)


def _install_documents(bundle: Path, tree: Path, version: str, epoch: int) -> None:
    documents = tree / "usr" / "share" / "doc" / NAME
    _copy(bundling.ROOT / "packaging" / "linux" / "copyright", documents / "copyright")
    notice = (bundle / notices.NAME).read_text(encoding="utf-8")
    _zip(documents / f"{notices.NAME}.gz", notice)
    news = (bundling.ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    _zip(documents / "changelog.gz", changelog(news, version, epoch))
    overrides = bundling.ROOT / "packaging" / "linux" / "lintian-overrides"
    _copy(overrides, tree / "usr" / "share" / "lintian" / "overrides" / NAME)


def changelog(news: str, version: str, epoch: int) -> str:
    """Return our news of `version`, or what is unreleased, as Debian writes a changelog."""
    sections = re.split(r"^## ", news, flags=re.MULTILINE)[1:]
    wanted = [part for part in sections if part.startswith(f"[{version}]")] or sections[:1]
    items = re.findall(r"^- (.+(?:\n  .+)*)", wanted[0], flags=re.MULTILINE)
    lines = [f"{NAME} ({version}) unstable; urgency=medium", ""]
    for item in items:
        lines += textwrap.wrap(
            " ".join(item.split()), 76, initial_indent="  * ", subsequent_indent="    "
        )
    when = format_datetime(datetime.fromtimestamp(epoch, UTC))
    return "\n".join([*lines, "", f" -- {MAINTAINER}  {when}", ""])


def _write_control(tree: Path, version: str) -> None:
    needed = _dependencies(tree)
    size = -(-bundling.size(tree) // 1024)
    fields = {
        "Package": NAME,
        "Version": version,
        "Section": "net",
        "Priority": "optional",
        "Architecture": architecture(),
        "Installed-Size": str(size),
        "Maintainer": MAINTAINER,
        "Depends": ", ".join(needed),
        "Recommends": _RECOMMENDED,
        "Description": _DESCRIPTION,
    }
    control = tree / "DEBIAN"
    text = "".join(f"{name}: {value}\n" for name, value in fields.items())
    _write(control / "control", text)
    sums = [
        f"{_must(['md5sum', str(file)]).split()[0].lstrip(chr(92))}  {file.relative_to(tree)}\n"
        for file in sorted(tree.rglob("*"))
        if file.is_file() and not file.is_symlink() and control not in file.parents
    ]
    _write(control / "md5sums", "".join(sums))


def _dependencies(tree: Path) -> list[str]:
    """Return the packages that the libraries and programs in `tree` need, with their versions."""
    home = tree / "usr" / "lib" / NAME
    files = [
        str(file)
        for file in sorted(home.rglob("*"))
        if file.is_file() and not file.is_symlink() and _is_elf(file)
    ]
    work = tree.parent / "shlibdeps"
    _write(
        work / "debian" / "control",
        f"Source: {NAME}\nMaintainer: {MAINTAINER}\n\nPackage: {NAME}\nArchitecture: any\n",
    )
    own = sorted({str(Path(file).parent) for file in files})
    command = ["dpkg-shlibdeps", "-O", "--ignore-missing-info", "--warnings=0"]
    said = _must([*command, *(f"-l{folder}" for folder in own), *files], cwd=work)
    found = said.partition("shlibs:Depends=")[2].strip().split(", ")
    named = {one.split()[0] for one in found}
    return sorted([*found, *(one for one in _ALSO_NEEDED if one not in named)])


def _is_elf(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(4) == b"\x7fELF"


def _validate(tree: Path) -> None:
    share = tree / "usr" / "share"
    _must(["desktop-file-validate", str(share / "applications" / f"{NAME}.desktop")])
    metainfo = share / "metainfo" / f"{ID}.metainfo.xml"
    _must(["appstreamcli", "validate", "--no-net", str(metainfo)])


def _settle_modes(tree: Path) -> None:
    """Everything readable by all and writable by root alone, whatever our own umask is."""
    programs = {tree / "usr" / "lib" / NAME / name for name in (NAME, "wabot")}
    for path in [tree, *tree.rglob("*")]:
        if not path.is_symlink():
            path.chmod(_PROGRAM if path.is_dir() or path in programs else _PLAIN)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _write(target: Path, text: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")


def _zip(target: Path, text: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write(text.encode())


def _must(
    command: list[str], *, cwd: Path | None = None, environ: dict[str, str] | None = None
) -> str:
    environ = {**(environ or os.environ), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        command, cwd=cwd, env=environ, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{command[0]}: {done.stdout}{done.stderr}")
    return done.stdout
