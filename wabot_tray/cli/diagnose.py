"""`wabot diagnose`: everything that could keep an account from being connected, in one list."""

import argparse
from pathlib import Path
from typing import Final

from wabot_tray import __version__
from wabot_tray.cli.exits import Exit
from wabot_tray.cli.output import can_write, coloured, complain, say, say_json, wrapped
from wabot_tray.control.diagnosis import as_json, ask, findings, said
from wabot_tray.control.protocol import Check
from wabot_tray.system.i18n import t, tn
from wabot_tray.system.paths import Paths

_MARKS: Final = {"ok": ("✔", "+", "green"), "warn": ("▲", "!", "amber"), "fail": ("✖", "x", "red")}


def run(args: argparse.Namespace, paths: Paths) -> Exit:
    """Check everything; good unless something fails. A warning is no failure."""
    if args.bundle is not None:
        return _save_bundle(args, paths)
    if args.with_rules or args.force:
        complain(t("cli.bundle.only"))
        return Exit.USAGE
    checks: list[Check] = []
    for check in findings(paths, ask(paths)):
        checks.append(check)
        if not args.json:
            say(_told(check))
    failed = sum(check.level == "fail" for check in checks)
    warned = sum(check.level == "warn" for check in checks)
    if args.json:
        say_json({"version": __version__, "checks": [as_json(check) for check in checks]})
    else:
        say()
        say(tn("cli.diagnose.failed", failed) + " " + tn("cli.diagnose.warned", warned))
    return Exit.NOT_AS_WANTED if failed else Exit.GOOD


def _save_bundle(args: argparse.Namespace, paths: Paths) -> Exit:
    """Save what helps to find a fault; good when it is saved, whatever was found."""
    from wabot_tray.control.bundle import check_free, collect, save  # noqa: PLC0415 - zipfile

    target: Path = args.bundle.expanduser().absolute()
    check_free(target, replace=args.force)  # before anybody waits for the network
    parts = collect(paths, ask(paths))
    chosen = [part for part in parts if part.is_usual or args.with_rules]
    size = save(chosen, target, replace=args.force)
    if args.json:
        files = {part.name: len(part.content) for part in chosen}
        say_json({"version": __version__, "bundle": str(target), "bytes": size, "files": files})
        return Exit.GOOD
    for part in chosen:
        say(wrapped(f"{part.name}: {t(part.key)}", "", "    "))
    say()
    say(tn("cli.bundle.saved", len(chosen), path=target))
    return Exit.GOOD


def _told(check: Check) -> str:
    nice, plain, colour = _MARKS[check.level]
    mark = nice if can_write(nice) else plain
    sentence, advice = said(check)
    lines = [f"{coloured(mark, colour)} {wrapped(sentence, '  ').strip()}"]
    if advice is not None:
        lines.append(wrapped(advice, "  "))
    return "\n".join(lines)
