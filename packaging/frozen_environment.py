"""Runs first in the bundle: gives back the environment that the person's own programs expect.

The bundle's loader starts us with LD_LIBRARY_PATH set to our own libraries and keeps the old value
beside it. They are loaded by then; a browser or a mail program that we open must not get ours.
"""

import os

if "LD_LIBRARY_PATH_ORIG" in os.environ:
    os.environ["LD_LIBRARY_PATH"] = os.environ.pop("LD_LIBRARY_PATH_ORIG")
else:
    os.environ.pop("LD_LIBRARY_PATH", None)
