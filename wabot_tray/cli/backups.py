"""`wabot backup` and `wabot restore`: through the program where it runs, else by themselves."""

import argparse
import getpass
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Protocol

from wabot_tray.cli.exits import Exit
from wabot_tray.cli.output import clean, coloured, complain, is_terminal, say, wrapped
from wabot_tray.control.client import ControlClient, connect
from wabot_tray.control.errors import NotRunningError
from wabot_tray.core.errors import BackupError, ControlError
from wabot_tray.system.i18n import t
from wabot_tray.system.paths import Paths
from wabot_tray.system.texts import masked_phone

_SLOW_S: Final = 1800.0
_SHORTEST: Final = 8  # control.backups.SHORTEST_PASSPHRASE, which is dear to import
Answer = Mapping[str, Any]


class Worker(Protocol):
    """Who does the work: the running program, or this process."""

    def backup(self, path: Path, passphrase: str, *, replace: bool) -> Answer:
        """Make a backup and return what is inside."""

    def look(self, path: Path, passphrase: str) -> Answer:
        """Return what is inside a backup and what could become of it."""

    def restore(self, path: Path, passphrase: str, wishes: Answer) -> Answer:
        """Restore and return the ids of the accounts."""

    def close(self) -> None:
        """Let go. Closing twice is harmless."""


def backup(args: argparse.Namespace, paths: Paths) -> Exit:
    """Write everything into one sealed file."""
    path = args.file.absolute()
    if path.exists() and not args.replace:
        raise BackupError("error.backup_exists", name=path.name)
    complain(wrapped(t("cli.backup.about"), ""))
    if (passphrase := _new_passphrase()) is None:
        return Exit.USAGE
    worker = _worker(args, paths)
    try:
        made = worker.backup(path, passphrase, replace=args.replace)
    finally:
        worker.close()
    say(t("cli.backup.made", path=path))
    _list(made)
    for account_id in made["left_out"]:
        complain(coloured(t("cli.backup.left_out", id=clean(str(account_id))), "amber"))
    complain(wrapped(t("backup.old_copy"), ""))
    return Exit.NOT_AS_WANTED if made["left_out"] else Exit.GOOD


def restore(args: argparse.Namespace, paths: Paths) -> Exit:
    """Put accounts from a backup in their place, once the person is sure."""
    if args.target and not args.account:
        complain(t("cli.restore.as_needs_account"))
        return Exit.USAGE
    path = args.file.absolute()
    passphrase = _passphrase(t("cli.restore.ask"))
    worker = _worker(args, paths)
    try:
        found = worker.look(path, passphrase)
        _list(found)
        wishes = _wishes(found, args)
        if not args.yes and not _is_sure():
            return Exit.NOT_AS_WANTED
        worker.close()  # the first connection has waited for a person
        worker = _worker(args, paths)
        done = worker.restore(path, passphrase, wishes)
    finally:
        worker.close()
    say(t("cli.restore.done", names=", ".join(done["accounts"]) or "-"))
    if isinstance(worker, _Local):
        say(t("cli.restore.start_now"))
    is_all = len(done["accounts"]) == (1 if args.account else len(found["accounts"]))
    return Exit.GOOD if is_all else Exit.NOT_AS_WANTED


def _wishes(found: Answer, args: argparse.Namespace) -> Answer:
    chosen = [one for one in found["accounts"] if args.account in {None, one["id"]}]
    if args.account and not chosen:
        raise BackupError("error.backup_lacks", id=args.account)
    wishes = []
    for one in chosen:
        options = one["wishes"]
        name = next(iter(options))
        if args.replace and "replace" in options:
            name = "replace"
        wish = options[name]
        if args.target:
            wish = {"source": one["id"], "target": args.target, "label": "", "enabled": None}
            beside = options.get("beside")
            if beside is not None:
                wish |= {"enabled": beside["enabled"], "label": one["label"]}
        if wish is None:
            complain(wrapped(t("cli.restore.kept", id=one["id"]), "  ", "    "))
            continue
        if wish["enabled"] is False:
            complain(wrapped(t("cli.restore.off", id=wish["target"]), "  ", "    "))
        wishes.append(wish)
    return {"accounts": wishes, "files": [] if args.account else list(found["files"])}


def _list(found: Answer) -> None:
    when = f"{datetime.fromisoformat(found['made_at']).astimezone():%Y-%m-%d %H:%M}"
    say(t("cli.restore.inside", when=when, computer=clean(str(found["computer"]))))
    for one in found["accounts"]:
        key = "cli.restore.linked" if one["linked"] else "cli.restore.unlinked"
        phone = masked_phone(one["phone"])
        say("  " + t(key, id=one["id"], label=clean(one["label"]), phone=phone).rstrip())


def _is_sure() -> bool:
    complain(wrapped(t("backup.only_one"), ""))
    if not sys.stdin.isatty():
        complain(t("cli.restore.needs_yes"))
        return False
    try:
        answer = input(t("cli.restore.sure") + " ")
    except EOFError:
        say()
        return False
    return answer.strip().lower() in t("cli.yes_words").split()


def _new_passphrase() -> str | None:
    """Ask twice until both agree; from a pipe, take its first line."""
    while True:
        first = _passphrase(t("cli.backup.ask", length=_SHORTEST))
        if len(first) < _SHORTEST:
            complain(t("error.passphrase_short", length=_SHORTEST))
        elif not sys.stdin.isatty() or first == getpass.getpass(t("cli.backup.again") + " "):
            return first
        else:
            complain(t("program.passphrases_differ"))
        if not sys.stdin.isatty():
            return None


def _passphrase(question: str) -> str:
    if sys.stdin.isatty():
        return getpass.getpass(question + " ")
    return sys.stdin.readline().rstrip("\r\n")


# --- who does it ---------------------------------------------------------------------------------


def _worker(args: argparse.Namespace, paths: Paths) -> Worker:
    try:
        return _Remote(connect(paths))
    except NotRunningError:
        return _Local(args, paths)


class _Remote:
    """The running program, over the control socket."""

    def __init__(self, client: ControlClient) -> None:
        self._client = client

    def backup(self, path: Path, passphrase: str, *, replace: bool) -> Answer:
        return self._call("backup", path=str(path), passphrase=passphrase, replace=replace)

    def look(self, path: Path, passphrase: str) -> Answer:
        return self._call("look", path=str(path), passphrase=passphrase)

    def restore(self, path: Path, passphrase: str, wishes: Answer) -> Answer:
        return self._call("restore", path=str(path), passphrase=passphrase, wishes=wishes)

    def close(self) -> None:
        self._client.close()

    def _call(self, method: str, **params: Any) -> Answer:
        result: Answer = {}
        for reply in self._client.stream(method, timeout_s=_SLOW_S, **params):
            if reply is not None and reply.event is not None:
                _show(float(reply.event.get("share", 0.0)))
            elif reply is not None and reply.result is not None:
                result = reply.result
        return result


class _Local:
    """This process, while no program runs; it holds the program's own lock meanwhile."""

    def __init__(self, args: argparse.Namespace, paths: Paths) -> None:
        from wabot_tray.cli.keys import key_source  # noqa: PLC0415 - loads cryptography
        from wabot_tray.control.backups import Backups  # noqa: PLC0415
        from wabot_tray.storage.locks import FileLock  # noqa: PLC0415
        from wabot_tray.storage.registry import Registry  # noqa: PLC0415
        from wabot_tray.storage.restore import recover  # noqa: PLC0415

        paths.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = FileLock(paths.lock_file)
        if not self._lock.acquire():
            raise ControlError("error.backup_in_use")
        try:
            registry = Registry(paths.registry_file)
            registry.load()
            recover(paths, registry)
            source = key_source(paths, args.key_file)
            self._backups = Backups(paths, source, registry, None)
        except BaseException:
            self._lock.release()
            raise

    def backup(self, path: Path, passphrase: str, *, replace: bool) -> Answer:
        from wabot_tray.control.backupdesk import index_to_json  # noqa: PLC0415

        work = self._backups.make(path, passphrase, _show, replace=replace)
        return index_to_json(_run(work))

    def look(self, path: Path, passphrase: str) -> Answer:
        from wabot_tray.control.backupdesk import look_to_json  # noqa: PLC0415

        found = _run(self._backups.look(path, passphrase))
        return look_to_json(found.index, self._backups.accounts())

    def restore(self, path: Path, passphrase: str, wishes: Answer) -> Answer:
        from wabot_tray.control.backupdesk import wishes_from_json  # noqa: PLC0415

        async def work() -> Answer:
            found = await self._backups.look(path, passphrase)
            accounts = await self._backups.restore(found, wishes_from_json(wishes), _show)
            return {"accounts": [account.id for account in accounts]}

        result: Answer = _run(work())
        return result

    def close(self) -> None:
        self._lock.release()


def _run(work: Any) -> Any:
    import asyncio  # noqa: PLC0415 - the other commands do without

    return asyncio.run(work)


def _show(share: float) -> None:
    if not is_terminal():
        return
    sys.stdout.write("\r" + t("cli.backup.progress", share=round(share * 100)))
    if share >= 1.0:
        sys.stdout.write("\r" + " " * 40 + "\r")
    sys.stdout.flush()
