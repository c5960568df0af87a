#!/usr/bin/env python3
"""Everything a checkout needs, with nothing but Python: set-up, run, test, demo, lint.

    python3 dev.py run [ARGUMENTS OF wabot-tray]   set up, then start the program
    python3 dev.py test [ARGUMENTS OF pytest]      set up, then everything CI runs
    python3 dev.py demo [--headless]               the whole program against a simulated WhatsApp
    python3 dev.py lint                            ruff, mypy and the layers
    python3 dev.py screenshots [FOLDER]            pictures of every window and tray state
    python3 dev.py screenshots --docs              those that the documents show, into docs/images
    python3 dev.py soak [--minutes N] [--seed S]   faults and messages for a while, and a report
    python3 dev.py bench [--quick] [--json]        beside bare neonize: docs/benchmarks.md
    python3 dev.py faults [ARGUMENTS]              every fault against the clock: docs/faults.md
    python3 dev.py kills [ARGUMENTS OF pytest]     fifty crashes under load; CI has a few of them
    python3 dev.py package [bundle|deb|python]     what people install, into dist/
    python3 dev.py package --check                 the same, then installed in a bare Debian

The environment is made in .venv from the lock files, and made again when they change.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
OLDEST_PYTHON = (3, 11)

# What Qt needs on Debian and its children, and what the tests drive a desktop with.
RUN_PACKAGES = [
    "libbrotli1",
    "libdbus-1-3",
    "libegl1",
    "libfontconfig1",
    "libgl1",
    "libglib2.0-0",
    "libxcb-cursor0",
    "libxcb-icccm4",
    "libxcb-keysyms1",
    "libxcb-shape0",
    "libxcb-xkb1",
    "libxkbcommon-x11-0",
    "libxkbcommon0",
]
DESKTOP_PACKAGES = ["xvfb", "trayer", "xdotool", "dbus", "dunst", "gnome-keyring"]
TEST_PACKAGES = [
    *DESKTOP_PACKAGES,
    "binutils",
    "desktop-file-utils",
    "fonts-dejavu-core",
    "fonts-noto-color-emoji",
    "libfaketime",
    "libglib2.0-bin",
    "libsecret-tools",
    "xclip",
]
PACKAGE_PACKAGES = [
    "appstream",
    "binutils",
    "desktop-file-utils",
    "dpkg-dev",
    "file",
    "lintian",
    "patchelf",
]
CHECK_PACKAGES = ["mmdebstrap"]


def main(argv: Sequence[str]) -> int:
    """Do what was asked and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_Plain)
    parser.add_argument("command", choices=sorted(COMMANDS))
    parser.add_argument("rest", nargs=argparse.REMAINDER, metavar="ARGUMENTS")
    chosen = parser.parse_args(argv)
    if sys.version_info < OLDEST_PYTHON:
        sys.exit(f"wabot-tray needs Python 3.11 or newer; this is {sys.version.split()[0]}.")
    return COMMANDS[chosen.command]([word for word in chosen.rest if word != "--"])


def run(arguments: list[str]) -> int:
    """Start the program on this checkout's own data."""
    need_packages(RUN_PACKAGES)
    python = set_up()
    if not any(word.startswith("--data-dir") for word in arguments):
        arguments = ["--data-dir", str(ROOT), *arguments]
    return call([python, "-m", "wabot_tray", *arguments])


def test(arguments: list[str]) -> int:
    """Run the linters and every test."""
    need_packages([*RUN_PACKAGES, *TEST_PACKAGES])
    python = set_up(dev=True, groups=["package"])
    if arguments:
        return call([python, "-m", "pytest", *arguments])
    if status := _lint(python):
        return status
    worst = 0
    for processes, which in (
        ("2", "not e2e and not slow"),
        ("3", "e2e and not slow"),
        ("10", "slow"),  # these mostly wait, and the longest begin first
    ):
        say(f"tests: {which}")
        one_by_one = which == "slow"
        how = ["--dist", "load", "--maxschedchunk", "1"] if one_by_one else ["--dist", "worksteal"]
        pytest = [python, "-m", "pytest", "-q", "-n", processes, *how]
        worst = max(worst, call([*pytest, "-m", which]))
    return worst


def lint(arguments: list[str]) -> int:
    """Run the linters."""
    del arguments
    return _lint(set_up(dev=True))


def demo(arguments: list[str]) -> int:
    """Run the whole program against the simulator, with a throw-away keyring and data folder."""
    need_packages([*RUN_PACKAGES, *DESKTOP_PACKAGES])
    return call([set_up(dev=True), "-m", "tests.demo", *arguments])


def screenshots(arguments: list[str]) -> int:
    """Draw every window and tray state into a folder; with --docs, what the documents show."""
    need_packages([*RUN_PACKAGES, *TEST_PACKAGES])
    folder = arguments or [str(ROOT / "build" / "screenshots")]
    return call([set_up(dev=True), "-m", "tests.gui.screenshots", *folder])


def soak(arguments: list[str]) -> int:
    """Run the program under random faults and messages, and report."""
    need_packages([*RUN_PACKAGES, *TEST_PACKAGES])
    return call([set_up(dev=True), "-m", "tests.soak", *arguments])


def bench(arguments: list[str]) -> int:
    """Measure the program beside bare neonize."""
    need_packages([*RUN_PACKAGES, *TEST_PACKAGES])
    return call([set_up(dev=True), "-m", "tests.bench", *arguments])


def faults(arguments: list[str]) -> int:
    """Measure the recovery from every fault and write the table."""
    need_packages([*RUN_PACKAGES, *TEST_PACKAGES])
    return call([set_up(dev=True), "-m", "tests.e2e.faults_report", *arguments])


def kills(arguments: list[str]) -> int:
    """Kill workers and the program fifty times under load."""
    need_packages([*RUN_PACKAGES, *TEST_PACKAGES])
    os.environ["WABOT_KILLS"] = "50"
    patient = ["-o", "faulthandler_timeout=3600"]
    command = [set_up(dev=True), "-m", "pytest", "-s", *patient, "tests/e2e/test_kills.py"]
    return call([*command, *arguments])


def package(arguments: list[str]) -> int:
    """Build what people install; with --check, also install it in a bare Debian and use it."""
    check = "--check" in arguments
    need_packages([*RUN_PACKAGES, *PACKAGE_PACKAGES])
    python = set_up(groups=["package"])
    words = [word for word in arguments if word != "--check"]
    if status := call([python, "packaging/build.py", *words]):
        return status
    if not check:
        return 0
    need_packages([*TEST_PACKAGES, *CHECK_PACKAGES])
    built = max((ROOT / "dist").glob("*.deb"), key=lambda path: path.stat().st_mtime)
    os.environ["WABOT_PACKAGE_CHECK"] = str(built)
    patient = ["-o", "faulthandler_timeout=3600"]
    return call([set_up(dev=True), "-m", "pytest", "-v", *patient, "tests/packaging"])


COMMANDS = {
    "run": run,
    "test": test,
    "demo": demo,
    "lint": lint,
    "screenshots": screenshots,
    "soak": soak,
    "bench": bench,
    "faults": faults,
    "kills": kills,
    "package": package,
}


class _Plain(argparse.RawDescriptionHelpFormatter):
    pass


def _lint(python: str) -> int:
    scripts = Path(python).parent
    for command in (
        [python, "-m", "ruff", "check", "."],
        [python, "-m", "ruff", "format", "--check", "."],
        [python, "-m", "mypy"],
        [str(scripts / "lint-imports")],
    ):
        if status := call(command):
            return status
    return 0


def set_up(*, dev: bool = False, groups: Sequence[str] = ()) -> str:
    """Make .venv what the lock files say and return its Python. Quick when nothing changed.

    Args:
        dev: With what the tests need.
        groups: Further lock files, by the middle of their names.
    """
    python = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    locks = [ROOT / f"requirements-{name}.lock" for name in (*(["dev"] if dev else []), *groups)]
    inputs = sorted(ROOT.glob("requirements*.lock"))
    wanted = _digest([*inputs, ROOT / "pyproject.toml", Path(sysconfig.get_path("stdlib"))])
    stamp = VENV / "set-up"
    words = stamp.read_text(encoding="utf-8").split() if stamp.is_file() else []
    if words[:1] != [wanted] or not python.exists():
        say(f"making {VENV.name}")
        make_venv()
        words = [wanted]
    for lock in locks or [ROOT / "requirements.lock"]:
        # Every other lock file holds all of requirements.lock.
        if lock.name in words or (lock.name == "requirements.lock" and len(words) > 1):
            continue
        say(f"installing {lock.name} (once; about a minute)")
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        # The lock is complete. Left to resolve, older pips take the newest release of a
        # dependency with an extra, which has no hash here.
        must([*pip, "--no-deps", "--require-hashes", "-r", str(lock)])
        if len(words) == 1:
            must([*pip, "--no-deps", "--no-build-isolation", "-e", str(ROOT)])
        must([str(python), "-m", "pip", "check", "--disable-pip-version-check"], quiet=True)
        words.append(lock.name)
        stamp.write_text(" ".join(words), encoding="utf-8")
    must([str(python), str(ROOT / "packaging" / "build_catalogues.py")], quiet=True)
    return str(python)


def make_venv() -> None:
    """Make an empty .venv; on Debian, python3-venv is a package of its own."""
    try:
        import ensurepip  # noqa: F401, PLC0415 - Debian leaves it out of python3
    except ImportError:
        need_packages(["python3-venv"])
    venv.create(VENV, clear=True, with_pip=True)


def need_packages(packages: Sequence[str]) -> None:
    """Install missing system packages where we may, and name them where we may not."""
    if not sys.platform.startswith("linux"):
        return
    if shutil.which("dpkg-query") is None:
        say("if a window does not open, install what Qt 6 needs: " + " ".join(packages))
        return
    missing = [name for name in packages if not _has_package(name)]
    if not missing:
        return
    command = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    prefix = [] if os.geteuid() == 0 else ["sudo"]
    if prefix and shutil.which("sudo") is None:
        sys.exit(
            "Some system packages are missing. Please ask an administrator to run:\n  "
            + " ".join(command)
        )
    say("installing system packages: " + " ".join(missing))
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    must([*prefix, "apt-get", "update", "-qq"], env=environment, quiet=True)
    must([*prefix, *command], env=environment, quiet=True)


def _has_package(name: str) -> bool:
    query = ["dpkg-query", "-W", "-f", "${db:Status-Status}", name]
    answer = subprocess.run(query, capture_output=True, text=True, check=False)
    return answer.stdout.strip() == "installed"


def _digest(paths: Sequence[Path]) -> str:
    total = hashlib.sha256(sys.version.encode())
    for path in paths:
        total.update(path.read_bytes() if path.is_file() else str(path).encode())
    return total.hexdigest()[:16]


def say(text: str) -> None:
    """Tell the person what is being done."""
    print(f"[dev] {text}", flush=True)


def call(command: Sequence[str]) -> int:
    """Run `command` in the checkout and return its status; Ctrl+C is the child's business."""
    with subprocess.Popen(command, cwd=ROOT) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue


def must(command: Sequence[str], *, quiet: bool = False, env: dict[str, str] | None = None) -> None:
    """Run `command`; if it fails, show what it said and stop."""
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=quiet, text=True, check=False)
    if done.returncode:
        if quiet:
            print(done.stdout, done.stderr, sep="\n")
        sys.exit(f"failed: {' '.join(command)}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
