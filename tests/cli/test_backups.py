"""`wabot backup` and `wabot restore` without a running program, on a computer without a keyring."""

import base64
import os
import pty
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.conftest import LIMIT_S, Cli, Result
from tests.storage.backup_bench import PASSPHRASE, Computer
from tests.storage.conftest import FakeTime
from wabot_tray.storage.key_record import KeyRecord, KeyRecordFile, check_value
from wabot_tray.storage.registry import Registry
from wabot_tray.system.paths import find_paths

KEY = b"f" * 32
HERE = "here/data"


@dataclass
class Desk:
    """A person's folder with a data folder, a key file and a backup."""

    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "b.wabot"

    def wabot(self, *words: str, data: str = HERE, typed: str = PASSPHRASE) -> Result:
        cli = Cli(find_paths(self.folder / data), self.folder)
        done = subprocess.run(
            [sys.executable, "-m", "wabot_tray.cli.main", *words],
            input=f"{typed}\n",
            capture_output=True,
            env=cli.env,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    @property
    def key(self) -> tuple[str, str]:
        return "--key-file", str(self.folder / "key")

    def ids(self, data: str) -> list[str]:
        registry = Registry(self.folder / data / "accounts.json")
        return [account.id for account in registry.load()]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    computer = Computer(tmp_path / "here", FakeTime(), KEY)
    computer.add("shop")
    record = KeyRecord(source="key-file", check=check_value(KEY))
    KeyRecordFile(computer.paths).save(record)
    (tmp_path / "key").write_text(base64.b64encode(KEY).decode())
    (tmp_path / "key").chmod(0o600)
    return Desk(tmp_path)


def test_backup_and_restore_without_the_program(desk: Desk) -> None:
    assert "--key-file" in desk.wabot("backup", str(desk.file)).err
    made = desk.wabot("backup", str(desk.file), *desk.key)
    assert made.code == 0, made.err
    assert "shop" in made.out
    assert "573005550100" not in made.out
    again = desk.wabot("backup", str(desk.file), *desk.key)
    assert again.code == 1
    assert "already exists" in again.err
    unsure = desk.wabot("restore", str(desk.file), *desk.key, data="new")
    assert unsure.code == 1
    assert desk.ids("new") == []
    wrong = desk.wabot("restore", str(desk.file), "--yes", *desk.key, data="new", typed="another")
    assert wrong.code == 1
    assert "does not open" in wrong.err
    done = desk.wabot("restore", str(desk.file), "--yes", *desk.key, data="new")
    assert done.code == 0, done.err
    assert desk.ids("new") == ["shop"]


def test_restore_of_one_account_under_another_name(desk: Desk) -> None:
    assert desk.wabot("backup", str(desk.file), *desk.key).code == 0
    words = ("restore", str(desk.file), "--yes", *desk.key)
    kept = desk.wabot(*words, "--account", "shop")
    assert kept.code == 1
    assert "stays as it is" in kept.err
    assert desk.wabot(*words, "--as", "shop-2").code == 2
    assert "no account" in desk.wabot(*words, "--account", "nobody").err
    beside = desk.wabot(*words, "--account", "shop", "--as", "shop-2")
    assert beside.code == 0, beside.err
    assert "switched off" in beside.err
    assert desk.ids(HERE) == ["shop", "shop-2"]


def test_short_passphrase_by_pipe_is_refused(desk: Desk) -> None:
    done = desk.wabot("backup", str(desk.file), *desk.key, typed="short")
    assert done.code == 2
    assert not desk.file.exists()


def test_terminal_asks_twice_and_shows_nothing(desk: Desk) -> None:
    cli = Cli(find_paths(desk.folder / HERE), desk.folder)
    ours, theirs = pty.openpty()
    # One who types ahead: a slip, then twice the same.
    with subprocess.Popen(
        [sys.executable, "-m", "wabot_tray.cli.main", "backup", str(desk.file), *desk.key],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=cli.env,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        seen = b""
        answers = iter([PASSPHRASE, "a slip of the finger", PASSPHRASE, PASSPHRASE])
        asked = 0
        while True:
            try:
                chunk = os.read(ours, 4096)
            except OSError:  # Linux says so when the other end is closed
                break
            if not chunk:
                break
            seen += chunk
            questions = seen.count(b"characters):") + seen.count(b"again:")
            while asked < questions:
                asked += 1
                os.write(ours, next(answers).encode() + b"\n")
        assert process.wait(LIMIT_S) == 0, seen
    os.close(ours)
    assert PASSPHRASE.encode() not in seen
    assert b"did not match" in seen
    assert desk.file.exists()
