"""`wabot verify`: asks WhatsApp itself, through every session, whether the link works."""

import argparse

from wabot_tray.cli.exits import Exit
from wabot_tray.cli.output import can_write, coloured, say, say_json
from wabot_tray.control.client import connect
from wabot_tray.control.protocol import from_json, to_json
from wabot_tray.core.snapshot import VerifyResult
from wabot_tray.system.i18n import t
from wabot_tray.system.paths import Paths

_LONGEST_S = 45.0


def run(args: argparse.Namespace, paths: Paths) -> Exit:
    """Verify one session or all that are switched on; good if all answered."""
    with connect(paths) as client:
        body = client.call("verify", id=args.id, timeout_s=_LONGEST_S)
    results = [from_json(VerifyResult, item) for item in body.get("results", ())]
    if args.json:
        say_json({"results": [to_json(result) for result in results]})
    elif not results:
        say(t("cli.nothing_on"))
    else:
        for result in results:
            say(_line(result))
    return Exit.GOOD if all(result.answered for result in results) else Exit.NOT_AS_WANTED


def _line(result: VerifyResult) -> str:
    if result.answered:
        mark, key = coloured("✔" if can_write("✔") else "+", "green"), "cli.verify.answered"
    else:
        mark = coloured("✖" if can_write("✖") else "x", "red")
        key = "cli.verify.silent" if result.connected else "cli.verify.off"
    return f"{mark} " + t(key, id=result.id, ms=round(result.took_ms or 0))
