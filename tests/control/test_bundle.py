"""What a bundle holds, what it never holds, and that saving it leaves all or nothing."""

import errno
import json
import os
import stat
import sys
import time
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.control.fake_manager import session
from wabot_tray.control import bundleparts
from wabot_tray.control.bundle import collect, save, suggested_name
from wabot_tray.control.bundleparts import Part, Sources
from wabot_tray.control.checks import bad, good
from wabot_tray.control.diagnosis import Running
from wabot_tray.control.errors import BundleError, NotRunningError
from wabot_tray.core.errors import BotFileError, WabotError
from wabot_tray.system.i18n import set_language, t
from wabot_tray.system.paths import Paths
from wabot_tray.system.texts import packed_error

NOW = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)
PHONE = "34600111222"
CUSTOMER = "34655000001"
REPLY = "We bake every morning from six"
RULES = f'[[rule]]\nname = "Bread"\nmatch = "bread"\nreply = "{REPLY}, call {CUSTOMER}"\n'
TRACE = "Traceback (most recent call last):\n  File x\nValueError: 34600999888\n"


@pytest.fixture(autouse=True)
def no_machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    found = [good("versions", python="3", qt="6", neonize="0"), bad("dns", "failed", host="x")]
    monkeypatch.setattr("wabot_tray.control.diagnosis.machine_checks", lambda *_: iter(found))
    monkeypatch.setattr(bundleparts, "tray_watcher", lambda: "")
    set_language("en")
    yield
    set_language("en")


@pytest.fixture
def lived_in(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> Paths:
    """A data folder with everything in it, secrets above all."""
    monkeypatch.setattr(Path, "home", classmethod(lambda _: paths.data.parent))
    entry = {"id": "shop", "label": "Rosa", "phone": PHONE, "paired": True, "enabled": True}
    registry = {"version": 1, "accounts": [entry | {"proxy": "http://rosa:hunter2@proxy:8080"}]}
    paths.registry_file.write_text(json.dumps(registry))
    folder = paths.session("shop")
    folder.mkdir(parents=True)
    for name in ("session.key", "session.vault", "inbox.db"):
        (folder / name).write_text("SEALED")
    (paths.sessions / "keys.json").write_text('{"source": "keyring", "check": "KEYCHECK"}')
    paths.bot_file.write_text(RULES)
    paths.settings_file.write_text("quiet_s = 1.5  # my own words\n")
    paths.logs.mkdir()
    log = f"2026-11-20 16:00:00 INFO  [Bot] old line of {CUSTOMER} in {paths.data}\n{TRACE}"
    paths.log_file.write_text(log)
    (paths.logs / "wabot-tray.log.1").write_bytes(b"older \xff\n")
    (paths.logs / "other.txt").write_text("OTHER")
    (paths.data / "history").mkdir()
    (paths.data / "history" / f"{PHONE}.log").write_text("2026-11-20T16:00:00.123+00:00 up - -\n")
    return paths


def running() -> Running:
    facts = {"worker_memory_mb": {"shop": 71.2}}
    return Running(version="0", sessions=(session("shop", phone=PHONE),), facts=facts)


def gathered(paths: Paths, who: Running | WabotError | None = None) -> dict[str, Part]:
    return {part.name: part for part in collect(paths, who or running(), now=NOW)}


def body(part: Part) -> Any:
    return json.loads(part.content)


def test_bundle_holds_what_helps(lived_in: Paths) -> None:
    parts = gathered(lived_in)
    assert list(parts) == [
        "about.txt",
        "diagnose.txt",
        "diagnose.json",
        "system.json",
        "settings.json",
        "accounts.json",
        "rules.json",
        "bot.toml",
        "history/…222.log",
        "logs/wabot-tray.log",
        "logs/wabot-tray.log.1",
    ]
    assert [name for name, part in parts.items() if not part.is_usual] == ["bot.toml"]
    assert t("check.dns.failed.advice", host="x") in parts["diagnose.txt"].content.decode()
    assert {"check.dns.failed", "check.bot_file.ok"} <= {
        finding["finding"] for finding in body(parts["diagnose.json"])
    }
    system = body(parts["system.json"])
    assert system["running"]["worker_memory_mb"] == {"shop": 71.2}
    assert set(system) == {"versions", "computer", "desktop", "running"}
    assert system["versions"]["packages"]["neonize"]
    assert body(parts["settings.json"])["quiet_s"] == 1.5
    (shop,) = body(parts["accounts.json"])
    assert (shop["id"], shop["phone"], shop["now"]["state"]) == ("shop", "…222", "connected")
    assert shop["file_bytes"] == {"inbox.db": 6, "session.key": 6, "session.vault": 6}
    assert body(parts["rules.json"])["rules"] == 1
    assert parts["history/…222.log"].content == b"2026-11-20T16:00:00.123+00:00 up - -\n"
    assert "ValueError: …888" in parts["logs/wabot-tray.log"].content.decode()


def test_bundle_never_holds_what_is_private(lived_in: Paths) -> None:
    home = str(lived_in.data.parent)
    for part in gathered(lived_in).values():
        text = part.name + part.content.decode()
        private = (PHONE, CUSTOMER, "SEALED", "KEYCHECK", "hunter2", "Rosa", "OTHER", home)
        assert [word for word in (*private, "my own words") if word in text] == []
        assert part.name == "bot.toml" or REPLY not in text


def test_every_part_says_what_it_is_in_both_languages(lived_in: Paths) -> None:
    for language in ("en", "es"):
        set_language(language)
        for part in gathered(lived_in).values():
            assert t(part.key) != part.key


def test_bundle_of_an_empty_folder_by_a_program_that_is_off(paths: Paths) -> None:
    parts = gathered(paths, NotRunningError())
    assert body(parts["system.json"])["running"]["problem"] == t("error.not_running")
    assert body(parts["accounts.json"]) == []
    assert body(parts["rules.json"]) == {"problem": "FileNotFoundError"}
    assert [name for name in parts if "/" in name or name == "bot.toml"] == []


def test_bundle_of_damaged_files_says_so_in_their_place(lived_in: Paths) -> None:
    lived_in.registry_file.write_text("{")
    lived_in.settings_file.write_text("quiet_s = [")
    lived_in.bot_file.write_text("[[rule]]\nreply = 1\n")
    parts = gathered(lived_in, NotRunningError())
    assert "problem" in body(parts["accounts.json"])
    assert "problem" in body(parts["settings.json"])
    assert body(parts["rules.json"])["problem"].startswith("error.bot")


def test_fault_in_the_rules_is_told_without_what_they_say(lived_in: Paths) -> None:
    lived_in.bot_file.write_text(f'[[rule]]\nmatch = "a"\nonce_per = "{REPLY}"\nreply = "b"\n')
    error = BotFileError("error.bot_duration", line=3, value=REPLY)
    line = f"2026-11-20 16:00:00 WARN  [Keeper] session shop: rules: {packed_error(error)}\n"
    lived_in.log_file.write_text(line)
    parts = gathered(lived_in)
    found = {finding["finding"]: finding for finding in body(parts["diagnose.json"])}
    (told,) = (finding for key, finding in found.items() if key.startswith("error.bot_"))
    assert "3" in told["text"]
    for name in ("diagnose.txt", "diagnose.json", "rules.json", "logs/wabot-tray.log"):
        assert REPLY[:12] not in parts[name].content.decode()
    assert "error.bot_duration" in parts["logs/wabot-tray.log"].content.decode()


def test_log_that_cannot_be_read_says_so_in_its_place(
    lived_in: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> bytes:
        raise PermissionError(errno.EACCES, "no")

    monkeypatch.setattr(bundleparts, "read_plain", refuse)
    content = gathered(lived_in)["logs/wabot-tray.log"].content.decode()
    assert content == t("bundle.unreadable", detail=os.strerror(errno.EACCES))


def test_one_more_source_is_one_more_line(paths: Paths) -> None:
    def more(sources: Sources) -> Iterator[Part]:
        yield Part("more.txt", "bundle.part.log", f"{sources.now:%Y}".encode())

    steps: list[tuple[int, int]] = []
    made = collect(paths, running(), now=NOW, makers=(more,), step=lambda *step: steps.append(step))
    assert [part.name for part in made] == ["about.txt", "more.txt"]
    assert made[1].content == b"2026"
    assert steps == [(0, 1), (1, 1)]


# --- saving --------------------------------------------------------------------------------------

PARTS = (Part("a.txt", "x", b"a" * 700_000), Part("logs/b.txt", "x", "ñ\n".encode()))


def test_saved_bundle_holds_exactly_its_parts(tmp_path: Path) -> None:
    target = tmp_path / suggested_name(NOW)
    steps: list[tuple[int, int]] = []
    size = save(PARTS, target, step=lambda *step: steps.append(step))
    assert size == target.stat().st_size
    with zipfile.ZipFile(target) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == {
            part.name: part.content for part in PARTS
        }
    whole = sum(len(part.content) for part in PARTS)
    assert steps[0] == (0, whole)
    assert steps[-1] == (whole, whole)
    assert len(steps) > len(PARTS) + 1  # a large part is several steps
    if sys.platform != "win32":
        assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_bundle_that_is_there_is_replaced_only_when_asked(tmp_path: Path) -> None:
    target = tmp_path / "a.zip"
    target.write_text("mine")
    with pytest.raises(BundleError) as caught:
        save(PARTS, target)
    assert caught.value.message_key == "error.bundle_exists"
    assert target.read_text() == "mine"
    save(PARTS, target, replace=True)
    assert zipfile.is_zipfile(target)
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("replace", [True, False])
def test_what_is_no_file_is_never_replaced(tmp_path: Path, replace: bool) -> None:
    target = tmp_path / "folder.zip"
    target.mkdir()
    with pytest.raises(BundleError) as caught:
        save(PARTS, target, replace=replace)
    assert caught.value.message_key == "error.bundle_strange"


def test_cancelled_bundle_leaves_nothing_and_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "a.zip"
    target.write_text("mine")

    class Cancelled(Exception):  # noqa: N818 - nothing went wrong
        pass

    def step(done: int, _whole: int) -> None:
        if done:
            raise Cancelled

    with pytest.raises(Cancelled):
        save(PARTS, target, replace=True, step=step)
    assert list(tmp_path.iterdir()) == [target]
    assert target.read_text() == "mine"


@pytest.mark.parametrize(
    ("number", "key"),
    [(errno.ENOSPC, "error.bundle_full"), (errno.EIO, "error.bundle_unwritable")],
)
def test_disk_that_refuses_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, key: str
) -> None:
    def refuse(_: int) -> None:
        raise OSError(number, "no")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(BundleError) as caught:
        save(PARTS, tmp_path / "a.zip")
    assert caught.value.message_key == key
    assert list(tmp_path.iterdir()) == []


def test_place_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BundleError) as caught:
        save(PARTS, tmp_path / "no" / "a.zip")
    assert caught.value.message_key == "error.bundle_unwritable"
    (tmp_path / "file").touch()
    with pytest.raises(BundleError):
        save(PARTS, tmp_path / "file" / "a.zip")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux alone has it")
def test_full_disk_is_told_by_a_real_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open

    def opened(path: Any, flags: int, mode: int = 0o777) -> int:
        return real("/dev/full", os.O_WRONLY) if flags & os.O_EXCL else real(path, flags, mode)

    monkeypatch.setattr(os, "open", opened)
    with pytest.raises(BundleError) as caught:
        save(PARTS, tmp_path / "a.zip")
    assert caught.value.message_key == "error.bundle_full"
    assert list(tmp_path.iterdir()) == []


def test_long_log_leaves_others_their_turn(
    lived_in: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread that masks it would hold Python nearly all the time."""
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    lived_in.log_file.write_text("".join(f"line {number}\n" for number in range(1000)))
    (part,) = [one for one in collect(lived_in, running()) if one.name == "logs/wabot-tray.log"]
    assert part.content.count(b"\n") == 1000
    assert len(pauses) >= 1000 / bundleparts._AT_ONCE
    assert all(pause > 0 for pause in pauses)
