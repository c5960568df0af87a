"""`wabot diagnose`, with the network and the keyring of the test."""

import importlib.metadata
import json
import os
import shutil
import socket
import sys
import threading
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Program
from tests.control.fake_manager import FakeManager, session
from wabot_tray.cli.main import main
from wabot_tray.control import bundleparts, checks, diagnosis, machine
from wabot_tray.control.protocol import Check
from wabot_tray.core.errors import ControlError
from wabot_tray.core.states import SessionState
from wabot_tray.system.i18n import set_language, t
from wabot_tray.system.paths import Paths

FAKE_MACHINE = (checks.good("versions", python="3", qt="6", neonize="0"),)


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANGUAGE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "en_GB.UTF-8")
    set_language("en")


@pytest.fixture
def no_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the computer, and above all the network, out of it."""
    monkeypatch.setattr(diagnosis, "machine_checks", lambda *_: iter(FAKE_MACHINE))
    monkeypatch.setattr(bundleparts, "tray_watcher", lambda: None)


@pytest.fixture
def diagnose(
    paths: Paths,
    capsys: pytest.CaptureFixture[str],
    no_machine: None,  # noqa: ARG001 - asked for what it does
) -> Callable[..., tuple[int, dict[str, Any]]]:
    def run() -> tuple[int, dict[str, Any]]:
        code = main(["diagnose", "--json", "--data-dir", str(paths.data)])
        body = json.loads(capsys.readouterr().out)
        return code, {check["name"]: check for check in body["checks"]}

    return run


def account(paths: Paths, account_id: str, *, paired: bool = True) -> Path:
    """Write an account as the program keeps it."""
    entry = {"id": account_id, "label": "Ana", "phone": "34600111222", "paired": paired}
    paths.registry_file.write_text(json.dumps({"version": 1, "accounts": [entry]}))
    folder = paths.session(account_id)
    folder.mkdir(mode=0o700, parents=True)
    (folder / "session.vault").touch(mode=0o600)
    return folder


def test_diagnose_works_without_the_program(
    diagnose: Callable[[], tuple[int, dict[str, Any]]],
) -> None:
    code, found = diagnose()
    assert code == 1
    assert (found["program"]["level"], found["accounts"]["level"]) == ("fail", "warn")
    assert "wabot-tray" in found["program"]["advice"]
    assert all(set(check) == {"name", "level", "text", "advice"} for check in found.values())


def test_diagnose_of_a_program_in_order_is_good_and_tells_no_secret(
    diagnose: Callable[[], tuple[int, dict[str, Any]]],
    program: Program,
    manager: FakeManager,
    paths: Paths,
) -> None:
    manager.sessions = {"shop": session("shop", label="Ana")}
    program.host.checks.append(checks.good("live_folder", path="/run/x"))
    account(paths, "shop")
    code, found = diagnose()
    assert (code, found["sessions"]["level"]) == (0, "ok")
    assert found["live_folder"]["text"] == t("check.live_folder.ok")
    assert found["vault"]["level"] == "ok"
    assert "34600111222" not in json.dumps(found)
    assert "Ana" not in json.dumps(found)


def test_diagnose_hears_what_only_the_program_knows(
    diagnose: Callable[[], tuple[int, dict[str, Any]]], program: Program
) -> None:
    program.host.checks.append(checks.bad("disk", "low", free=1))
    code, found = diagnose()
    assert code == 1
    assert found["disk"]["level"] == "fail"  # the program's view goes before ours
    assert found["sessions"]["level"] == "fail"


@pytest.mark.usefixtures("no_machine")
def test_diagnose_for_people_tells_what_to_do(
    paths: Paths, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANG", "es_AR.UTF-8")
    assert main(["diagnose", "--data-dir", str(paths.data)]) == 1
    out = capsys.readouterr().out
    assert "✖ El programa no está en marcha" in out
    assert "  Ábrelo desde el menú de aplicaciones" in out
    assert out.splitlines()[-1].startswith("1 problema.")
    assert "check." not in out


# --- Folders and files ---------------------------------------------------------------------------


def named(found: Check) -> tuple[str, str]:
    return found.level, found.key


def test_data_folder_that_is_not_there_or_no_folder(paths: Paths) -> None:
    assert named(checks.data_folder(paths)) == ("ok", "check.data_folder.ok")
    paths.data.rmdir()
    assert named(checks.data_folder(paths)) == ("warn", "check.data_folder.absent")
    paths.data.write_text("")
    assert named(checks.data_folder(paths)) == ("fail", "check.data_folder.unwritable")


def test_folders_that_cannot_be_written(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    paths.logs.mkdir()
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert checks.data_folder(paths).level == "fail"
    assert checks.log_folder(paths).level == "warn"


@pytest.mark.parametrize(("free_mb", "level"), [(9000, "ok"), (400, "warn"), (20, "fail")])
def test_disk_that_fills_up(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, free_mb: int, level: str
) -> None:
    usage = shutil._ntuple_diskusage(1, 1, free_mb << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert checks.disk(paths).level == level


def test_clock_before_files_that_exist_is_wrong(paths: Paths) -> None:
    real = datetime.now(UTC)
    assert checks.clock(paths, real).level == "ok"
    assert checks.clock(paths, datetime(1970, 1, 2, tzinfo=UTC)).level == "fail"
    assert checks.clock(paths, real - timedelta(hours=1)).level == "ok"


def test_live_folder_on_a_disk_is_told(paths: Paths) -> None:
    on_disk = Paths(data=paths.data, runtime=paths.runtime, runtime_in_ram=False)
    assert checks.live_folder(on_disk).level == "warn"


@pytest.mark.parametrize(
    ("text", "level"), [("", "ok"), ("quiet_s = 1", "ok"), ("quiet_s = -1", "fail"), ("[", "fail")]
)
def test_settings_are_read(paths: Paths, text: str, level: str) -> None:
    paths.settings_file.write_text(text)
    found = checks.settings(paths)
    assert found.level == level
    assert paths.settings_file.read_text() == text
    assert t(found.key, **found.params) != found.key


@pytest.mark.parametrize(
    ("content", "level"),
    [
        (None, "warn"),
        (b'[[rule]]\nmatch = "hello"\nreply = "Hi"\n', "ok"),
        (b'[[rule]]\nmatch = "("\nreply = "Hi"\n', "fail"),
        (b"\xff\xfe", "fail"),
    ],
)
def test_bot_file_is_read(paths: Paths, content: bytes | None, level: str) -> None:
    if content is not None:
        paths.bot_file.write_bytes(content)
    found = checks.bot_file(paths)
    assert found.level == level
    assert t(found.key, **found.params) != found.key


def test_bot_file_that_is_a_folder_fails(paths: Paths) -> None:
    paths.bot_file.mkdir()
    assert checks.bot_file(paths).level == "fail"


def test_vaults_are_there_for_our_eyes_only(paths: Paths) -> None:
    folder = account(paths, "shop")
    assert [named(check)[0] for check in checks.vaults(paths)] == ["ok", "ok"]
    (folder / "session.vault").chmod(0o644)
    assert [check.key for check in checks.vaults(paths)][1] == "check.vault.open"
    (folder / "session.vault").unlink()
    assert [named(check) for check in checks.vaults(paths)][1] == ("fail", "check.vault.missing")


def test_account_without_a_phone_is_told(paths: Paths) -> None:
    folder = account(paths, "shop", paired=False)
    assert [check.key for check in checks.vaults(paths)][1] == "check.vault.unpaired"
    (folder / "session.vault").unlink()  # what an attempt to link has left
    assert [check.key for check in checks.vaults(paths)][1] == "check.vault.unpaired"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"accounts": [{"id": "../x"}]}', "\0"])
def test_broken_list_of_accounts_is_told_and_left_alone(paths: Paths, text: str) -> None:
    paths.registry_file.write_text(text)
    assert [check.key for check in checks.vaults(paths)] == ["check.accounts.broken"]
    assert paths.registry_file.read_text() == text


@pytest.mark.parametrize(
    ("text", "key", "source"),
    [
        (None, "check.key_none.ok", ""),
        ('{"source": "keyring"}', "check.key_keyring.ok", "keyring"),
        ('{"source": "key-file"}', "check.key_key_file.ok", "key-file"),
        ('{"source": "passphrase"}', "check.key_passphrase.ok", "passphrase"),
        ("{", "check.key_source.broken", "unknown"),
    ],
)
def test_source_of_the_key_is_told(paths: Paths, text: str | None, key: str, source: str) -> None:
    paths.sessions.mkdir()
    if text is not None:
        (paths.sessions / "keys.json").write_text(text)
    found, named_source = checks.key_source(paths)
    assert (found.key, named_source) == (key, source)
    assert t(found.key) != found.key


# --- The computer --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("qt", "neonize", "python", "key"),
    [
        ("6.11.3", "0.5.2", (3, 11), "check.versions.ok"),
        ("6.12.0", "0.5.2", (3, 11), "check.versions.qt"),
        ("6.12.0", "0.5.2", (3, 12), "check.versions.ok"),
        ("6.11.3", "0.5.3", (3, 11), "check.versions.neonize"),
        (None, "0.5.2", (3, 11), "check.versions.missing"),
    ],
)
def test_versions_are_judged(
    monkeypatch: pytest.MonkeyPatch,
    qt: str | None,
    neonize: str,
    python: tuple[int, int],
    key: str,
) -> None:
    def version(name: str) -> str:
        if (found := {"PySide6-Essentials": qt, "neonize": neonize}[name]) is None:
            raise importlib.metadata.PackageNotFoundError
        return found

    monkeypatch.setattr(importlib.metadata, "version", version)
    monkeypatch.setattr(sys, "version_info", (*python, 1, "final", 0))
    assert machine.versions().key == key


class FakeKeyring:
    answer: Callable[[], bool] = staticmethod(lambda: True)

    def is_open(self) -> bool:
        return FakeKeyring.answer()


@pytest.mark.parametrize(("is_open", "key"), [(True, "ok"), (False, "closed")])
@pytest.mark.parametrize(("needed", "level"), [(True, "fail"), (False, "warn")])
def test_keyring_is_asked_without_a_prompt(
    monkeypatch: pytest.MonkeyPatch, is_open: bool, key: str, needed: bool, level: str
) -> None:
    monkeypatch.setattr("wabot_tray.storage.system_keyring.SystemKeyring", FakeKeyring)
    monkeypatch.setattr(FakeKeyring, "answer", staticmethod(lambda: is_open))
    found = machine.keyring(is_needed=needed)
    assert found.key == f"check.keyring.{key}"
    assert found.level == ("ok" if is_open else level)


def test_keyring_that_hangs_does_not_hang_us(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr("wabot_tray.storage.system_keyring.SystemKeyring", FakeKeyring)
    monkeypatch.setattr(FakeKeyring, "answer", staticmethod(release.wait))
    monkeypatch.setattr(machine, "_KEYRING_S", 0.01)
    assert machine.keyring(is_needed=True).key == "check.keyring.slow"
    release.set()


def refuse(*_: object, **__: object) -> None:
    raise OSError


class Door:
    def close(self) -> None:
        pass


def test_network_that_works(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def find(*where: object, **_: object) -> list[int]:
        asked.append(where)
        return [1]

    def dial(where: object, **_: object) -> Door:
        asked.append(where)
        return Door()

    monkeypatch.setattr(socket, "getaddrinfo", find)
    monkeypatch.setattr(socket, "create_connection", dial)
    assert [named(check) for check in machine.network()] == [
        ("ok", "check.dns.ok"),
        ("ok", "check.tcp.ok"),
    ]
    assert asked == [("web.whatsapp.com", 443), ("web.whatsapp.com", 443)]


def test_network_without_internet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert [check.key for check in machine.network()] == ["check.dns.failed"]


def test_network_whose_name_server_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: release.wait())
    monkeypatch.setattr(machine, "_NETWORK_S", 0.01)
    assert [check.key for check in machine.network()] == ["check.dns.silent"]
    release.set()


def test_network_that_is_blocked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [1])
    monkeypatch.setattr(socket, "create_connection", refuse)
    assert [check.key for check in machine.network()] == ["check.dns.ok", "check.tcp.failed"]


def test_stopped_accounts_are_no_fault(
    diagnose: Callable[[], tuple[int, dict[str, Any]]], program: Program, manager: FakeManager
) -> None:
    assert program.host.checks == []
    manager.sessions = {"off": session("off", enabled=False, state=SessionState.STOPPED)}
    assert diagnose()[1]["sessions"]["level"] == "ok"


class Answers:
    """A client of a program that is not as we are."""

    def __init__(self, version: str) -> None:
        self.version = version

    def __enter__(self) -> "Answers":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def call(self, method: str) -> dict[str, Any]:
        return {"status": {"version": self.version, "sessions": []}, "diagnose": {}}[method]


def test_program_of_another_version_is_told(
    diagnose: Callable[[], tuple[int, dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnosis, "connect", lambda _: Answers("9.9.9"))
    code, found = diagnose()
    assert (code, found["program"]["level"]) == (0, "warn")
    assert "9.9.9" in found["program"]["text"]


def test_program_of_another_user_is_told(
    diagnose: Callable[[], tuple[int, dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse_us(_: Paths) -> None:
        raise ControlError("error.other_user")

    monkeypatch.setattr(diagnosis, "connect", refuse_us)
    code, found = diagnose()
    assert (code, found["program"]["level"]) == (1, "fail")
    assert "another user" in found["program"]["text"]


def test_machine_is_looked_at_in_all_its_parts(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr("wabot_tray.storage.system_keyring.SystemKeyring", FakeKeyring)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with_keyring = [check.name for check in machine.machine_checks(paths, "keyring")]
    assert with_keyring == ["versions", "keyring", "autostart", "dns"]
    with_key_file = [check.name for check in machine.machine_checks(paths, "key-file")]
    assert with_key_file == ["versions", "autostart", "dns"]


@pytest.mark.skipif(sys.platform != "linux", reason="another system keeps it elsewhere")
def test_autostart_is_looked_at(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert named(machine.autostart(paths)) == ("warn", "check.autostart.off")
    assert main(["autostart", "on", "--data-dir", str(paths.data)]) == 0
    assert named(machine.autostart(paths)) == ("ok", "check.autostart.ok")
    other = Paths(data=tmp_path / "other", runtime=paths.runtime, runtime_in_ram=True)
    assert machine.autostart(other).level == "warn"


@pytest.mark.skipif(sys.platform != "linux", reason="another system keeps it elsewhere")
def test_autostart_that_cannot_be_written_is_told(
    paths: Paths,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "config").write_text("no folder")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert main(["autostart", "on", "--data-dir", str(paths.data)]) == 1
    assert "could not be changed" in capsys.readouterr().err


# --- the bundle ----------------------------------------------------------------------------------


def bundle(paths: Paths, *words: str) -> int:
    return main(["diagnose", "--data-dir", str(paths.data), *words])


@pytest.mark.usefixtures("no_machine")
def test_bundle_is_saved_without_the_program(
    paths: Paths, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    account(paths, "shop")
    paths.bot_file.write_text('[[rule]]\nmatch = "a"\nreply = "b"\n')
    target = tmp_path / "found.zip"
    assert bundle(paths, "--bundle", str(target)) == 0
    said = capsys.readouterr().out
    assert str(target) in said
    with zipfile.ZipFile(target) as archive:
        names = archive.namelist()
    assert "accounts.json" in names
    assert "bot.toml" not in names
    assert all(name in said for name in names)
    assert bundle(paths, "--bundle", str(target)) == 1
    assert "already" in capsys.readouterr().err
    assert bundle(paths, "--bundle", str(target), "--force", "--with-rules", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["bundle"] == str(target)
    assert "bot.toml" in told["files"]


@pytest.mark.usefixtures("no_machine")
def test_bundle_of_a_running_program_holds_its_figures(
    program: Program, manager: FakeManager, paths: Paths, tmp_path: Path
) -> None:
    assert program.host.facts == {}
    program.host.facts["worker_memory_mb"] = {"shop": 70.5}
    manager.sessions = {"shop": session("shop", label="Ana")}
    assert bundle(paths, "--bundle", str(tmp_path / "found.zip")) == 0
    with zipfile.ZipFile(tmp_path / "found.zip") as archive:
        found = json.loads(archive.read("system.json"))["running"]
    assert found["worker_memory_mb"] == {"shop": 70.5}


def test_options_of_the_bundle_belong_to_it(
    paths: Paths, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bundle(paths, "--force") == 2
    assert "--bundle" in capsys.readouterr().err
