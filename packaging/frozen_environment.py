"""Runs first in the bundle, before anything of ours."""

import os
import sys

# The bundle's loader starts us with LD_LIBRARY_PATH set to our own libraries and keeps the old
# value beside it. They are loaded by then; a browser that we open must not get ours.
if "LD_LIBRARY_PATH_ORIG" in os.environ:
    os.environ["LD_LIBRARY_PATH"] = os.environ.pop("LD_LIBRARY_PATH_ORIG")
else:
    os.environ.pop("LD_LIBRARY_PATH", None)

# Modules are read out of our own executable when they are first imported, by its name. An update
# puts another file there while we run; the kernel still has ours, under this name.
if sys.platform == "linux" and os.path.exists("/proc/self/exe"):  # noqa: PTH110 - pathlib costs 5 ms
    import pyimod02_importers  # type: ignore[import-not-found] # PyInstaller's, in every bundle

    archive = pyimod02_importers.pyz_archive
    archive._filename = "/proc/self/exe"  # noqa: SLF001 - it has no other way
