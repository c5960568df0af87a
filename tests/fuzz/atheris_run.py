"""Fuzzing led by coverage, for an evening.

    python -m tests.fuzz.atheris_run wire -max_total_time=600

Not part of the tests: atheris has wheels for Linux alone and wants the process to itself. Install
it beside the project first (`pip install atheris`, 3.0 at this writing); all further words are
libFuzzer's. A finding becomes an example of the test that should have had it.
"""

import importlib
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from wabot_tray.core.errors import WabotError

Target = Callable[[bytes], object]


def _wire() -> Target:
    from wabot_tray.core import wire  # noqa: PLC0415 - under atheris's eyes

    def one(data: bytes) -> None:
        for decode in (wire.decode_event, wire.decode_command):
            message: Any = None
            try:
                message = decode(data)
            except WabotError:
                continue
            assert decode(wire.encode(message)) == message

    return one


def _control() -> Target:
    from wabot_tray.control import protocol  # noqa: PLC0415

    def one(data: bytes) -> None:
        protocol.request_id(data)
        for decode in (protocol.decode_request, protocol.decode_reply):
            try:
                decode(data)
            except WabotError:
                continue

    return one


def _rules() -> Target:
    from wabot_tray.bot.rules import parse  # noqa: PLC0415

    return lambda data: _refused(lambda: parse(data.decode(errors="replace")))


def _registry() -> Target:
    from wabot_tray.storage.documents import BrokenFileError, NewerFileError  # noqa: PLC0415
    from wabot_tray.storage.registry import Registry  # noqa: PLC0415

    path = Path(tempfile.mkdtemp()) / "accounts.json"

    def one(data: bytes) -> None:
        path.write_bytes(data)
        try:
            Registry(path).load()
        except (BrokenFileError, NewerFileError):
            return

    return one


def _refused(work: Callable[[], object]) -> None:
    try:
        work()
    except WabotError:
        return


TARGETS: Final = {"wire": _wire, "control": _control, "rules": _rules, "registry": _registry}


def main() -> None:
    """Fuzz the target that is named first."""
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(f"name one of: {', '.join(TARGETS)}")
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["wabot_tray"]):
        target = TARGETS[sys.argv.pop(1)]()
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
