"""`wabot settings`, `set` and `proxy`: what is set, and another wish."""

import argparse
import getpass
import sys
from collections.abc import Mapping
from typing import Any

from wabot_tray.cli.exits import Exit
from wabot_tray.cli.output import say, say_json
from wabot_tray.control.client import connect
from wabot_tray.core.proxies import AS_SET
from wabot_tray.system.i18n import t
from wabot_tray.system.paths import Paths

_AS_SET_WORD = "default"


def show(args: argparse.Namespace, paths: Paths) -> Exit:
    """Say every setting and its value, as they may stand in settings.toml."""
    with connect(paths) as client:
        body = client.call("settings")
    if args.json:
        say_json(body)
    else:
        _say_all(body)
    return Exit.GOOD


def change(args: argparse.Namespace, paths: Paths) -> Exit:
    """Set one setting; it is in force when this returns."""
    with connect(paths) as client:
        body = client.call("set", name=args.name, value=args.value)
    say(t("cli.set_done", name=args.name, value=_written(body["settings"][args.name])))
    return Exit.GOOD


def proxy(args: argparse.Namespace, paths: Paths) -> Exit:
    """Set the way to WhatsApp of all accounts or of one; a password is asked, never an argument."""
    password = None
    if args.password:
        question = t("cli.proxy_password") + " "
        is_person = sys.stdin.isatty()
        password = getpass.getpass(question) if is_person else sys.stdin.readline().rstrip("\r\n")
    way = AS_SET if args.way == _AS_SET_WORD else args.way
    with connect(paths) as client:
        body = client.call("proxy", proxy=way, password=password, id=args.account)
    if args.account is None:
        say(t("cli.set_done", name="proxy", value=_written(body["settings"]["proxy"])))
    else:
        own = body["proxies"].get(args.account, _AS_SET_WORD)
        say(t("cli.proxy_done", id=args.account, value=own))
    return Exit.GOOD


def _say_all(body: Mapping[str, Any]) -> None:
    for name, value in body["settings"].items():
        say(f"{name} = {_written(value)}")
    for account_id, way in body["proxies"].items():
        say(t("cli.proxy_own", id=account_id, value=way))


def _written(value: object) -> str:
    """Return a value as TOML has it."""
    if isinstance(value, float):
        return f"{value:g}"
    return f'"{value}"'
