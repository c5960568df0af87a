"""What PyInstaller would bring along and nobody needs: (name, source, kind) in, fewer out."""

import re
import sys
from collections.abc import Iterable
from pathlib import Path

Entry = tuple[str, str, str]

# What the list of Qt's plug-ins asks for, and windows with widgets in them never open.
_UNUSED = re.compile(
    r"""
    plugins/platformthemes/libqgtk3
    | plugins/(egldeviceintegrations|generic|platforminputcontexts/libqtvirtualkeyboard)
    | plugins/platforms/(libq)?(eglfs|linuxfb|vnc|minimalegl|vkkhrdisplay|minimal)\.
    | plugins/imageformats/(libq|q)(tga|tiff|wbmp|webp|icns|gif|pdf|jpeg)\.
    | plugins/wayland-shell-integration/lib(ivi|wl|fullscreen|qt)-shell
    | plugins/wayland-graphics-integration-client/lib(vulkan|shm-emulation|drm-egl)-server
    | (lib)?Qt6(EglF|Qml|Quick|VirtualKeyboard|Pdf|OpenGLWidgets|WaylandCompositor|WlShell)[^/]*
    | /readline\.cpython | libreadline | libtinfo | lib-dynload/(_curses|nis|ossaudiodev)
    """,
    re.VERBOSE,
)
# Libraries of the distribution stay its own: their security updates come from there, and packages
# say which they need. Python's own library is part of the interpreter that is bundled.
_SYSTEM = re.compile(r"^/(usr/)?lib/([^/]+-linux-gnu[^/]*|x86_64|aarch64)/(?!libpython)")
_TRANSLATION = re.compile(r"Qt6?/translations/(?!qtbase_(en|es)\.qm$)")
# The command line never loads these; a test of the package holds it to that.
_NOT_FOR_COMMANDS = re.compile(
    r"^(PySide6|shiboken6|qasync|neonize|google|wa[A-Z]\w*|instamadillo\w*"
    r"|wabot_tray\.(gui|worker))(\.|$)"
)


def binaries(found: Iterable[Entry]) -> list[Entry]:
    """Return the libraries that stay."""
    return [entry for entry in found if not _is_unused(entry) and not _is_of_the_system(entry)]


def datas(found: Iterable[Entry]) -> list[Entry]:
    """Return the other files that stay: of Qt's translations, the languages we speak."""
    return [
        entry for entry in binaries(found) if not _TRANSLATION.search(entry[0].replace("\\", "/"))
    ]


def command_line(found: Iterable[Entry]) -> list[Entry]:
    """Return the modules that the command line may import."""
    return [entry for entry in found if not _NOT_FOR_COMMANDS.search(entry[0])]


def write_modules(found: Iterable[Entry], target: Path) -> None:
    """Write down where everything came from; the notices are made from it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    sources = sorted({entry[1] for entry in found if entry[1]})
    target.write_text("\n".join(sources) + "\n", encoding="utf-8")


def _is_unused(entry: Entry) -> bool:
    return _UNUSED.search(entry[0].replace("\\", "/")) is not None


def _is_of_the_system(entry: Entry) -> bool:
    if not sys.platform.startswith("linux"):
        return False
    # A link at the top of the bundle names the file beside it, not where that came from.
    return _SYSTEM.match(str(Path(entry[1]).resolve())) is not None if entry[1] else False
