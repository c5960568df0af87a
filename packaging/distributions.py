"""The Python packages: a wheel and a source distribution, both with resources/ and catalogues."""

import os
import subprocess
import sys
from pathlib import Path

import build_catalogues
import bundling

from wabot_tray import __version__


def build(out: Path) -> list[Path]:
    """Build both into `out` and return them. The same sources make the same bytes."""
    build_catalogues.compile_catalogues()
    environ = os.environ | {"SOURCE_DATE_EPOCH": str(bundling.source_date())}
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(out)]
    done = subprocess.run(
        command, cwd=bundling.ROOT, env=environ, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"hatchling: {done.stdout}{done.stderr}")
    return sorted(out.glob(f"wabot_tray-{__version__}*"))
