"""The commands, their options and their help, in the person's language."""

import argparse
from pathlib import Path
from typing import Any, Final, NoReturn

from wabot_tray import __version__
from wabot_tray.core.accounts import checked_id
from wabot_tray.core.errors import AccountError
from wabot_tray.system.i18n import sentence, t

RECONNECT_TIMEOUT_S: Final = 60.0
LONGEST_TIMEOUT_S: Final = 3600.0
LOG_LINES: Final = 50
_ARGPARSE: Final = {
    "usage: ": "cli.argparse.usage",
    "options": "cli.argparse.options",
    "positional arguments": "cli.argparse.positional",
    "the following arguments are required: %s": "cli.argparse.required",
    "unrecognized arguments: %s": "cli.argparse.unrecognized",
    "argument %(argument_name)s: %(message)s": "cli.argparse.argument",
    "invalid choice: %(value)r (choose from %(choices)s)": "cli.argparse.choice",
    "expected one argument": "cli.argparse.one",
    "not allowed with argument %s": "cli.argparse.not_with",
    "ignored explicit argument %r": "cli.argparse.no_value",
    "ambiguous option: %(option)s could match %(matches)s": "cli.argparse.ambiguous",
}


class Parser(argparse.ArgumentParser):
    """Speaks our language where argparse speaks English."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and how to find out what is right, and exit with 2."""
        self.print_usage()
        self.exit(2, f"{self.prog}: {message}\n{t('cli.see_help', prog=self.prog)}\n")

    def print_usage(self, file: Any = None) -> None:
        """Write the usage beside the output, where errors belong."""
        import sys  # noqa: PLC0415

        super().print_usage(file or sys.stderr)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser; `args.run` names the module and function of the command."""
    # argparse looks for its own words in gettext's default domain, by their English text.
    argparse._ = _argparse_words  # type: ignore[attr-defined]
    common = Parser(add_help=False)
    _add_common(common)
    parser = Parser(
        prog="wabot",
        description=t("cli.description"),
        epilog=t("cli.epilog"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[common],
        add_help=False,
    )
    parser.add_argument(
        "--version",
        action="version",
        version=f"wabot-tray {__version__}",
        help=t("cli.help.version"),
    )
    commands = parser.add_subparsers(
        title=t("cli.commands"), dest="command", metavar=t("cli.meta.command"), required=True
    )

    def command(name: str, run: str) -> argparse.ArgumentParser:
        text = t(f"cli.help.{name.replace('-', '_')}")
        added: argparse.ArgumentParser = commands.add_parser(
            name, help=text, description=text, parents=[common], add_help=False
        )
        added.set_defaults(run=run)
        return added

    _add_looking(command)
    _add_changing(command)
    _add_backups(command)
    _add_settings(command)
    _add_local(command)
    return parser


def _argparse_words(text: str) -> str:
    return t(_ARGPARSE[text]) if text in _ARGPARSE else text


def _add_common(common: argparse.ArgumentParser) -> None:
    common.add_argument("-h", "--help", action="help", help=t("cli.help.help"))
    common.add_argument(
        "--data-dir",
        type=Path,
        metavar=t("cli.meta.folder"),
        default=argparse.SUPPRESS,  # so that it may stand before the command or behind it
        help=t("cli.help.data_dir"),
    )


def _add_looking(command: Any) -> None:
    status = command("status", "status:run")
    _add_id(status, optional=True)
    _add_json(status)
    status.add_argument("--watch", action="store_true", help=t("cli.help.watch"))
    history = command("history", "history:run")
    _add_id(history, optional=True)
    _add_json(history)
    file = t("cli.meta.file")
    history.add_argument("--csv", type=Path, metavar=file, help=t("cli.help.csv"))
    history.add_argument("--force", action="store_true", help=t("cli.help.csv_force"))
    verify = command("verify", "verify:run")
    _add_id(verify, optional=True)
    _add_json(verify)
    _add_diagnose(command("diagnose", "diagnose:run"))
    logs = command("logs", "logs:run")
    logs.add_argument("-f", "--follow", action="store_true", help=t("cli.help.follow"))
    logs.add_argument(
        "-n",
        "--lines",
        type=_count,
        default=LOG_LINES,
        metavar="N",
        help=t("cli.help.lines", count=LOG_LINES),
    )


def _add_diagnose(diagnose: Any) -> None:
    _add_json(diagnose)
    file = t("cli.meta.file")
    diagnose.add_argument("--bundle", type=Path, metavar=file, help=t("cli.help.bundle"))
    diagnose.add_argument("--with-rules", action="store_true", help=t("cli.help.with_rules"))
    diagnose.add_argument("--force", action="store_true", help=t("cli.help.force"))


def _add_changing(command: Any) -> None:
    add = command("add", "accounts:add")
    _add_id(add)
    add.add_argument("--label", default="", metavar=t("cli.meta.text"), help=t("cli.help.label"))
    pair = command("pair", "pair:run")
    _add_id(pair)
    pair.add_argument("--phone", metavar=t("cli.meta.number"), help=t("cli.help.phone"))
    _add_json(pair)
    reconnect = command("reconnect", "reconnect:run")
    which = reconnect.add_mutually_exclusive_group()
    _add_id(which, optional=True)
    which.add_argument("--all", action="store_true", help=t("cli.help.all"))
    reconnect.add_argument(
        "--timeout",
        type=_seconds,
        default=RECONNECT_TIMEOUT_S,
        metavar="S",
        help=t("cli.help.timeout", seconds=int(RECONNECT_TIMEOUT_S)),
    )
    _add_id(command("start", "accounts:start"))
    _add_id(command("stop", "accounts:stop"))
    rename = command("rename", "accounts:rename")
    _add_id(rename)
    rename.add_argument("label", metavar=t("cli.meta.label"), help=t("cli.help.label"))
    remove = command("remove", "accounts:remove")
    _add_id(remove)
    remove.add_argument("--yes", action="store_true", help=t("cli.help.yes"))
    command("quit", "program:leave")


def _add_backups(command: Any) -> None:
    backup = command("backup", "backups:backup")
    backup.add_argument("--replace", action="store_true", help=t("cli.help.backup_replace"))
    restore = command("restore", "backups:restore")
    restore.add_argument(
        "--account",
        type=_account_id,
        metavar=t("cli.meta.id"),
        help=t("cli.help.restore_account"),
    )
    which = restore.add_mutually_exclusive_group()
    which.add_argument("--replace", action="store_true", help=t("cli.help.restore_replace"))
    which.add_argument(
        "--as",
        dest="target",
        type=_account_id,
        metavar=t("cli.meta.id"),
        help=t("cli.help.restore_as"),
    )
    restore.add_argument("--yes", action="store_true", help=t("cli.help.restore_yes"))
    for one in (backup, restore):
        one.add_argument(
            "file", type=Path, metavar=t("cli.meta.file"), help=t("cli.help.backup_file")
        )
        one.add_argument(
            "--key-file",
            type=Path,
            metavar=t("cli.meta.file"),
            help=t("cli.help.backup_key_file"),
        )


def _add_settings(command: Any) -> None:
    _add_json(command("settings", "settings:show"))
    change = command("set", "settings:change")
    change.add_argument("name", metavar=t("cli.meta.name"), help=t("cli.help.set_name"))
    change.add_argument("value", metavar=t("cli.meta.value"), help=t("cli.help.set_value"))
    proxy = command("proxy", "settings:proxy")
    proxy.add_argument("way", metavar=t("cli.meta.way"), help=t("cli.help.proxy_way"))
    proxy.add_argument(
        "--account", type=_account_id, metavar=t("cli.meta.id"), help=t("cli.help.proxy_account")
    )
    proxy.add_argument("--password", action="store_true", help=t("cli.help.proxy_password"))


def _add_local(command: Any) -> None:
    autostart = command("autostart", "local:autostart")
    autostart.add_argument(
        "what", choices=("on", "off", "status"), help=t("cli.help.autostart_what")
    )
    key_file = command("key-file", "local:key_file")
    key_file.add_argument("what", choices=("create",), help=t("cli.help.key_file_what"))
    key_file.add_argument(
        "path", type=Path, metavar=t("cli.meta.file"), help=t("cli.help.key_file_path")
    )


def _add_id(parser: Any, *, optional: bool = False) -> None:
    parser.add_argument(
        "id",
        type=_account_id,
        nargs="?" if optional else None,
        metavar=t("cli.meta.id"),
        help=t("cli.help.id_or_all" if optional else "cli.help.id"),
    )


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help=t("cli.help.json"))


def _account_id(text: str) -> str:
    try:
        return checked_id(text)
    except AccountError as err:
        raise argparse.ArgumentTypeError(sentence(err)) from err


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds <= LONGEST_TIMEOUT_S:
        raise argparse.ArgumentTypeError(t("cli.bad_seconds", longest=int(LONGEST_TIMEOUT_S)))
    return seconds


def _count(text: str) -> int:
    if not text.isdecimal() or len(text) > 7:  # noqa: PLR2004 - ten million lines are enough
        raise argparse.ArgumentTypeError(t("cli.bad_count"))
    return int(text)
