"""The power goes at any write of a real worker, in the middle of a conversation.

A recorder follows the worker's own system calls and kills the program after some of them. What was
not synced is lost, reordered or torn (tests/storage/powerloss_disk.py), memory is empty, and the
program starts on what is left.

Measured with neonize 0.5.2 over eleven cuts, each right in the writes that a message causes: no new
QR code ever; the first reply afterwards could not be read at once in each (its counter had been
used before) and came through when it was asked for again. The message on its way at that moment
was lost in four, since the library had acknowledged it before Python saw it or it was not synced
yet; one reply was sent a second time in four, since that it had left was not synced yet.
"""

import contextlib
import os
import random
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psutil
import pytest

from tests.conftest import Measure
from tests.e2e.harness import ROOT, Shop, until
from tests.simulator.people import Customer
from tests.simulator.phone import Phone
from tests.simulator.running import RunningSimulator
from tests.storage.powerloss_disk import Disk, put
from tests.storage.powerloss_trace import read_log

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        sys.platform != "linux" or os.geteuid() != 0,
        reason="following another process takes Linux's ptrace and, on most systems, root",
    ),
]
# WABOT_POWER_CUTS=all plays forty cuts instead of three.
CUTS: Final = 40 if os.environ.get("WABOT_POWER_CUTS") == "all" else 3


def worker_of(shop: Shop) -> psutil.Process:
    """Return the process that holds the vault."""
    vault = str(shop.data / "auth_sessions" / "shop" / "session.vault")
    for process in shop.family():
        if any(file.path == vault for file in process.open_files()):
            return process
    raise AssertionError("nobody holds the vault")


def cut_power(shop: Shop, folder: Path, changes: int) -> "subprocess.Popen[str]":
    """Begin to count the worker's changes; after `changes` of them every process is killed."""
    worker = worker_of(shop)
    others = [str(process.pid) for process in shop.family() if process.pid != worker.pid]
    account = shop.data / "auth_sessions" / "shop"
    command = [sys.executable, "-m", "tests.storage.powerloss_trace", "join"]
    command += [str(account), str(folder / "base"), str(folder / "log"), str(changes)]
    recorder = subprocess.Popen(
        [*command, str(worker.pid), *others], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert recorder.stdout is not None
    assert recorder.stdout.readline() == "joined\n"
    return recorder


def lose_power(shop: Shop, folder: Path, chance: random.Random) -> str:
    """Leave in the data folder what a disk may hold, and nothing in memory."""
    names, ops = read_log(folder / "log")
    disk = Disk.before(folder / "base", names)
    for op in ops:
        disk.do(op)
    account = shop.data / "auth_sessions" / "shop"
    shutil.rmtree(account)
    account.mkdir(mode=0o700)
    put(next(disk.cuts(chance, most=1)), account)
    for live in shop.runtime.rglob("live"):
        shutil.rmtree(live)
    unsynced = sum(len(file.since) for file in disk.files.values()) + len(disk.pending)
    return f"after {ops[-1].kind} {ops[-1].path}, {unsynced} changes not synced"


def restarted(shop: Shop) -> float:
    """Start the program again and return the seconds until it is connected."""
    began = shop.start()
    shop.answering()
    return shop.until_state("connected", timeout_s=60) - began


def talk_both_ways(phone: Phone, ana: Customer, text: str) -> None:
    """Have Ana write something, and wait for an answer she can read."""
    ana.send(phone, f"question {text}")
    until(
        lambda: any(reply.text == f"answer to: question {text}" for reply in ana.replies),
        "an answer that decrypts, to a message that decrypts",
        60,
    )


def tell(simulator: RunningSimulator) -> str:
    """Return what it cost that the ratchets were behind."""
    stats = simulator.stats
    return (
        f"{sum(stats.duplicate_texts.values())} answered twice, "
        f"asked again by us {stats.retries_from_companions}, "
        f"by the customer {stats.retries_from_customers}"
    )


@pytest.mark.parametrize("seed", range(CUTS))
def test_power_cut_in_a_conversation_costs_no_session(  # noqa: PLR0917 - fixtures
    seed: int,
    linked: Shop,
    simulator: RunningSimulator,
    phone: Phone,
    ana: Customer,
    tmp_path: Path,
    measured: Measure,
) -> None:
    chance = random.Random(seed)  # noqa: S311 - a sample, not a secret
    talk_both_ways(phone, ana, "0")
    written = 1
    with cut_power(linked, tmp_path, chance.randrange(1, 500)) as recorder:
        while recorder.poll() is None:
            assert written < 200, "the worker writes nothing any more"
            ana.send(phone, f"question {written}")
            written += 1
            with contextlib.suppress(TimeoutError):  # answered, or cut off
                ana.wait_for_replies(written, 1.0)
    assert recorder.returncode == 0
    linked.kill()
    where = lose_power(linked, tmp_path, chance)
    took_s = restarted(linked)
    assert simulator.stats.pairings == 1
    talk_both_ways(phone, ana, "after")
    talk_both_ways(phone, ana, "after that")
    assert not list((linked.data / "auth_sessions" / "shop").glob("*damaged*"))
    answered = {reply.text.removeprefix("answer to: question ") for reply in ana.replies}
    missing = [str(n) for n in range(written) if str(n) not in answered]
    measured(
        f"power cut {seed}, {where}; {written} messages, unanswered {missing or 'none'}, "
        f"{tell(simulator)}; connected",
        took_s,
        "5",
    )


def test_power_cut_that_takes_a_whole_conversation_step_heals_by_asking_again(
    linked: Shop, simulator: RunningSimulator, phone: Phone, ana: Customer, measured: Measure
) -> None:
    """The worst that a lost second can be: a message received and a reply sent, neither sealed.

    That takes a disk that needs longer to seal than a reply waits for quiet (0.6 s), so the vault
    of the time before is put back. The customer has read a reply made with a ratchet key which we
    have forgotten; her next message cannot be read, the library asks for it again, her phone begins
    a new session, and it is answered.
    """
    talk_both_ways(phone, ana, "0")
    account = linked.data / "auth_sessions" / "shop"
    until(lambda: not is_sealing(account), "everything is sealed")
    before = {path: path.read_bytes() for path in account.glob("session.vault*")}
    talk_both_ways(phone, ana, "in the lost second")
    linked.kill()
    for path in account.glob("session.vault*"):
        path.unlink()
    for path, content in before.items():
        path.write_bytes(content)
    for live in linked.runtime.rglob("live"):
        shutil.rmtree(live)
    took_s = restarted(linked)
    assert simulator.stats.pairings == 1
    talk_both_ways(phone, ana, "after")
    talk_both_ways(phone, ana, "after that")
    assert simulator.stats.retries_from_companions + simulator.stats.retries_from_customers > 0
    measured(
        f"power cut that takes a step of a conversation, {tell(simulator)}; connected", took_s, "5"
    )


def is_sealing(account: Path) -> bool:
    """Whether a vault was written to in the last second, which is the longest a seal waits."""
    newest = max(path.stat().st_mtime for path in account.glob("session.vault*"))
    return datetime.now(UTC).timestamp() - newest < 1.0
