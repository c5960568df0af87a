"""A backup on one computer, restored on another with another keyring, against the real library."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.harness import ROOT, Shop, until
from tests.simulator.people import Customer
from tests.simulator.phone import Phone
from tests.simulator.running import RunningSimulator

pytestmark = pytest.mark.e2e

PASSPHRASE = "contraseña de la tienda"
RULES = '[[rule]]\nmatch = "question"\nreply = "restored: {text}"\n'


def with_passphrase(
    shop: Shop, *words: str, passphrase: str = PASSPHRASE
) -> subprocess.CompletedProcess[str]:
    """Run `wabot` with the passphrase on its standard input."""
    return subprocess.run(
        [sys.executable, "-m", "wabot_tray.cli.main", *words],
        cwd=ROOT,
        env=shop.env,
        input=passphrase + "\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def other(simulator: RunningSimulator) -> Iterator[Shop]:
    """Another computer: an empty data folder, and a keyring that knows nothing."""
    with Shop(simulator) as shop:
        yield shop


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "shop.wabot"


def test_backup_made_while_running_lives_on_another_computer_without_a_code(
    linked: Shop,
    other: Shop,
    simulator: RunningSimulator,
    phone: Phone,
    ana: Customer,
    file: Path,
) -> None:
    ana.send(phone, "question before")
    assert ana.wait_for_replies(1, 15)[0].text == "answer to: question before"
    done = with_passphrase(linked, "backup", str(file))
    assert done.returncode == 0, done.stderr
    assert linked.state() == "connected"
    ana.send(phone, "question after the backup")
    assert ana.wait_for_replies(2, 15)[1].text == "answer to: question after the backup"
    linked.quit()
    shutil.rmtree(linked.data)

    done = with_passphrase(other, "restore", str(file), "--yes")
    assert done.returncode == 0, done.stderr
    assert phone.number not in done.stdout
    other.running()
    other.until_state("connected")
    assert simulator.stats.pairings == 1
    ana.send(phone, "question on the other computer")
    assert ana.wait_for_replies(3, 20)[2].text == "answer to: question on the other computer"
    assert [reply.text for reply in ana.wait_for_replies(3, 1)] == [
        "answer to: question before",
        "answer to: question after the backup",
        "answer to: question on the other computer",
    ]
    ana.send(phone, "question and again")
    assert ana.wait_for_replies(4, 15)[3].text == "answer to: question and again"


def test_restore_into_a_running_program_connects_at_once_and_keeps_the_old(
    linked: Shop,
    other: Shop,
    simulator: RunningSimulator,
    phone: Phone,
    ana: Customer,
    file: Path,
) -> None:
    linked.write_rules(RULES)
    assert with_passphrase(linked, "backup", str(file)).returncode == 0
    linked.quit()
    other.running()
    done = with_passphrase(other, "restore", str(file), "--yes")
    assert done.returncode == 0, done.stderr
    other.until_state("connected")
    assert simulator.stats.pairings == 1
    assert other.sessions()["shop"]["label"] == "Shop"
    ana.send(phone, "question")
    assert ana.wait_for_replies(1, 20)[0].text == "restored: question"
    # And once more, over the account that is connected now.
    assert with_passphrase(other, "restore", str(file), "--yes").returncode == 1
    done = with_passphrase(other, "restore", str(file), "--yes", "--replace")
    assert done.returncode == 0, done.stderr
    other.until_state("connected")
    assert list((other.data / "auth_sessions").glob("shop.replaced-*"))
    ana.send(phone, "question again")
    until(lambda: len(ana.wait_for_replies(2, 20)) == 2, "an answer of the restored account")


def test_refusals_are_said_and_change_nothing(linked: Shop, other: Shop, file: Path) -> None:
    assert with_passphrase(linked, "backup", str(file)).returncode == 0
    other.running()
    before = tree(other)
    damaged = file.with_name("damaged.wabot")
    damaged.write_bytes(file.read_bytes()[:-1])
    letter = file.with_name("letter.wabot")
    letter.write_text("Dear aunt, " * 100)
    for path, passphrase, words in (
        (file, "another one", "does not open"),
        (damaged, PASSPHRASE, "damaged"),
        (letter, PASSPHRASE, "no backup"),
        (file.with_name("none.wabot"), PASSPHRASE, "no file"),
    ):
        done = with_passphrase(other, "restore", str(path), "--yes", passphrase=passphrase)
        assert done.returncode == 1
        assert words in done.stderr
    done = with_passphrase(other, "restore", str(file))  # nobody said that the other is closed
    assert done.returncode == 1
    assert "one computer only" in " ".join(done.stderr.split())
    assert tree(other) == before
    assert other.sessions() == {}


def tree(shop: Shop) -> dict[str, bytes]:
    skipped = ("logs", "program.lock")
    return {
        str(path.relative_to(shop.data)): path.read_bytes()
        for path in shop.data.rglob("*")
        if path.is_file() and path.relative_to(shop.data).parts[0] not in skipped
    }
