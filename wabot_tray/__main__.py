"""`wabot-tray`: the program, or, as `wabot-tray worker`, one of its workers."""

import argparse
import logging
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wabot_tray.control.program import Program
    from wabot_tray.control.wiring import Wiring
    from wabot_tray.core.errors import WabotError
    from wabot_tray.core.settings import Settings
    from wabot_tray.sessions.starting import NurseryProcess
    from wabot_tray.storage.keyring import KeySource
    from wabot_tray.system.paths import Paths


def main(argv: Sequence[str] | None = None, *, wiring: "Wiring | None" = None) -> int:
    """Run the program and return its exit status.

    Args:
        argv: The arguments, by default the process's own.
        wiring: Where tests put their own worker; nothing a person can reach.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["worker"]:
        from wabot_tray.worker.main import main as work  # noqa: PLC0415 - loads neonize

        work(words[1:])
    return _program(words, wiring)


def _program(words: Sequence[str], wiring: "Wiring | None") -> int:
    from wabot_tray.core.errors import VaultError  # noqa: PLC0415 - a worker needs none of this
    from wabot_tray.storage.locks import FileLock  # noqa: PLC0415
    from wabot_tray.system import i18n, logs  # noqa: PLC0415
    from wabot_tray.system.dumps import refuse_core_dumps  # noqa: PLC0415
    from wabot_tray.system.paths import find_paths  # noqa: PLC0415

    os.umask(0o077)  # what we write is for this user alone
    refuse_core_dumps()  # workers inherit it
    i18n.set_language()
    chosen = build_parser().parse_args(words)
    paths = find_paths(chosen.data_dir)
    settings, problem = _settings(paths)
    i18n.set_language(settings.language)
    lock = FileLock(paths.lock_file)
    try:
        paths.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_first = lock.acquire()
    except (VaultError, OSError):
        _complain(i18n.t("program.folder_unusable", folder=paths.data), chosen)
        return 1
    if not is_first:
        return _show_the_first(paths)
    nursery: NurseryProcess | None = None
    try:
        logs.setup(paths, settings.log_level)
        nursery = _start_nursery(wiring)
        program = _make(paths, settings, problem, chosen, wiring, nursery)
        if program is None:
            return 1
        status = _run(program, chosen)
    except Exception:
        logging.getLogger(__name__).exception("the program cannot go on")
        _complain(i18n.t("program.unexpected", log=paths.log_file), chosen)
        return 1
    finally:
        if nursery is not None:
            nursery.hang_up()  # where the program did not come to it
            nursery.wait()
        logs.teardown()
        lock.release()
    return _start_again(chosen) if program.starts_again else status


def _start_again(chosen: argparse.Namespace) -> int:
    """Become the program that is installed now; on Windows, start it."""
    from wabot_tray.system.i18n import t  # noqa: PLC0415
    from wabot_tray.system.installed import start_again_command  # noqa: PLC0415

    command = start_again_command()
    try:
        if sys.platform == "win32":
            subprocess.Popen(command)  # execv would let go of whoever waits for this process
            return 0
        if getattr(sys, "frozen", False):
            os.environ["PYINSTALLER_RESET_ENVIRONMENT"] = "1"  # not one more process of this one
        os.execv(command[0], command)  # noqa: S606
    except OSError as err:  # it is being replaced at this very moment, or is gone
        _complain(t("program.not_started_again", why=err), chosen)
    return 1


def _start_nursery(wiring: "Wiring | None") -> "NurseryProcess | None":
    """Start what workers are forked from, so that it loads while this process does."""
    from wabot_tray.sessions.starting import (  # noqa: PLC0415
        NurseryProcess,
        can_fork,
        worker_command,
    )

    if not can_fork():
        return None
    own = None if wiring is None else wiring.worker_command
    try:
        return NurseryProcess.start(own or worker_command())
    except OSError:
        return None  # the first worker meets it again, and says so


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the program's arguments; the manual page is written from it, too."""
    from wabot_tray import __version__  # noqa: PLC0415
    from wabot_tray.system.i18n import t  # noqa: PLC0415

    parser = argparse.ArgumentParser(prog="wabot-tray", description=t("program.description"))
    parser.add_argument("--headless", action="store_true", help=t("program.help_headless"))
    parser.add_argument("--minimized", action="store_true", help=t("program.help_minimized"))
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help=t("program.help_data_dir"))
    keys = parser.add_mutually_exclusive_group()
    keys.add_argument("--key-file", type=Path, metavar="PATH", help=t("program.help_key_file"))
    keys.add_argument("--passphrase", action="store_true", help=t("program.help_passphrase"))
    parser.add_argument("--version", action="version", version=f"wabot-tray {__version__}")
    return parser


def _settings(paths: "Paths") -> "tuple[Settings, WabotError | None]":
    """Return the settings and, where the file is refused, why."""
    from wabot_tray.core.errors import WabotError  # noqa: PLC0415
    from wabot_tray.core.settings import Settings  # noqa: PLC0415
    from wabot_tray.storage.settings_file import load_settings  # noqa: PLC0415

    try:
        return load_settings(paths.settings_file), None
    except WabotError as err:
        return Settings(), err


def _key_source(paths: "Paths", chosen: argparse.Namespace) -> "KeySource":
    from wabot_tray.storage.keyring import (  # noqa: PLC0415
        KeyFileKeys,
        KeyringKeys,
        PassphraseKeys,
    )

    if chosen.key_file is not None:
        return KeyFileKeys(chosen.key_file, paths)
    if chosen.passphrase:
        return PassphraseKeys(paths, _ask_passphrase)
    return KeyringKeys(paths)


def _ask_passphrase(is_new: bool) -> str:
    """Ask on the terminal; a new passphrase twice, until both agree."""
    import getpass  # noqa: PLC0415

    from wabot_tray.system.i18n import t  # noqa: PLC0415

    while True:
        key = "program.ask_new_passphrase" if is_new else "program.ask_passphrase"
        first = getpass.getpass(t(key) + " ")
        if not is_new or first == getpass.getpass(t("program.ask_passphrase_again") + " "):
            return first
        _say(t("program.passphrases_differ"))


def _make(
    paths: "Paths",
    settings: "Settings",
    problem: "WabotError | None",
    chosen: argparse.Namespace,
    wiring: "Wiring | None",
    nursery: "NurseryProcess | None",
) -> "Program | None":
    from wabot_tray.control.program import Program  # noqa: PLC0415
    from wabot_tray.control.wiring import PRODUCT  # noqa: PLC0415
    from wabot_tray.core.errors import WabotError  # noqa: PLC0415
    from wabot_tray.system.i18n import sentence  # noqa: PLC0415

    try:
        source = _key_source(paths, chosen)
        program = Program(paths, settings, source, wiring or PRODUCT, problem, nursery)
    except WabotError as err:
        _complain(sentence(err), chosen)
        return None
    if problem is not None:
        program.complain(problem)
    return program


def _run(program: "Program", chosen: argparse.Namespace) -> int:
    if chosen.headless or not _has_display():
        from wabot_tray.control import headless  # noqa: PLC0415

        return headless.run(program)
    from wabot_tray.gui import app  # noqa: PLC0415 - loads Qt

    return app.run(program, minimized=chosen.minimized)


def _has_display() -> bool:
    if not sys.platform.startswith("linux"):
        return True
    names = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    return any(os.environ.get(name) for name in names)


def _show_the_first(paths: "Paths") -> int:
    """Ask the program that runs on this data folder to show itself."""
    from wabot_tray.control.client import connect  # noqa: PLC0415
    from wabot_tray.core.errors import WabotError  # noqa: PLC0415
    from wabot_tray.system.i18n import sentence, t  # noqa: PLC0415

    try:
        with connect(paths) as client:
            client.call("show")
    except WabotError as err:
        _say(t("program.in_use", folder=paths.data))
        _say(sentence(err))
        return 1
    _say(t("program.already_running"))
    return 0


def _complain(text: str, chosen: argparse.Namespace) -> None:
    """Say why the program cannot start, where the person is looking."""
    _say(text)
    if not chosen.headless and _has_display():
        from wabot_tray.gui.app import show_error  # noqa: PLC0415

        show_error(text)


def _say(text: str) -> None:
    if sys.stderr is not None:  # pythonw.exe has none
        sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
