"""The vault beside the real neonize, which pairs and talks to a simulated WhatsApp."""

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.simulator.bare_process import BareProcess
from tests.simulator.running import RunningSimulator
from tests.storage.conftest import FakeTime
from tests.storage.test_vault import KEY, Bench, lose_live
from tests.storage.test_vault_writers import dump
from wabot_tray.core.errors import VaultError
from wabot_tray.storage.container import PageSeal
from wabot_tray.storage.recovery import find_newest
from wabot_tray.storage.vault import Origin, Sealer

MESSAGES = 40


@pytest.fixture
def bench(tmp_path: Path, time_: FakeTime) -> Iterator[Bench]:
    bench = Bench(tmp_path, time_)
    yield bench
    for vault in bench.opened:
        vault._let_go()


async def test_vault_sealed_beside_neonize_logs_in_again_after_a_power_cut(bench: Bench) -> None:
    troubles: list[VaultError | None] = []
    generations: list[int] = []
    vault = bench.open()
    sealer = Sealer(vault, on_trouble=troubles.append, on_sealed=generations.append, poll_s=0.01)
    sealing = asyncio.create_task(sealer.run())
    with RunningSimulator() as sim:
        phone, ana = sim.add_phone("34600111222"), sim.add_customer("34655000001", name="Ana")

        def pair_and_talk() -> None:
            with BareProcess(sim, Path(vault.database_name)) as bot:
                phone.scan(bot.wait_for("qr")["text"])
                bot.wait_for_login()
                for number in range(MESSAGES):
                    ana.send(phone, f"message {number}")
                    ana.wait_for_replies(number + 1)

        await asyncio.to_thread(pair_and_talk)  # ends in kill -9
        await sealer.stop()
        await sealing
        vault.seal()
        assert troubles == []
        assert len(generations) > 1  # beside the conversation, not only after it
        found = find_newest(bench.file, [], PageSeal("shop", KEY))
        assert found is not None
        with closing(sqlite3.connect(bench.database)) as db:
            assert dump(found.content) == list(db.iterdump())
        vault._let_go()
        lose_live(bench)

        again = bench.vault()
        assert again.open() is Origin.VAULT
        assert not again.recovered

        def talk() -> None:
            with BareProcess(sim, Path(again.database_name)) as bot:
                bot.wait_for_login()
                assert "qr" not in bot.names
                ana.send(phone, "still there?")
                ana.wait_for_replies(MESSAGES + 1)

        await asyncio.to_thread(talk)
        assert ana.replies[-1].text == "echo still there?"
        assert all(reply.retry_count == 0 for reply in ana.replies)
        again.close()
    assert not bench.live.exists()


OFFLINE = """
import asyncio, json, os, sys
from pathlib import Path
import pylibmagic
from neonize.aioze.client import NewAClient
from wabot_tray.storage.vault import Sealer, Vault

async def main():
    vault = Vault(
        Path(sys.argv[1]), Path(sys.argv[2]), live_in_ram=True, account_id="shop",
        data_key=bytes(range(32)),
    )
    vault.open()
    generations = []
    sealer = Sealer(vault, on_trouble=print, on_sealed=generations.append)
    running = asyncio.create_task(sealer.run())
    await NewAClient(vault.database_name).connect()
    async with asyncio.timeout(20):
        while not generations or vault.has_changed():
            await asyncio.sleep(0.05)
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in Path(sys.argv[2]).iterdir()}
    await sealer.stop()
    await running
    vault.close()
    print(json.dumps(modes), flush=True)
    os._exit(0)

asyncio.run(main())
"""


def test_vault_in_one_process_with_neonize_is_sealed_and_closed(bench: Bench) -> None:
    """No network is needed: neonize makes its tables before it dials."""
    command = [sys.executable, "-c", OFFLINE, str(bench.folder), str(bench.live)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    modes = done.stdout.splitlines()[-1]
    assert '"session.db-wal": "0o600"' in modes
    assert '"session.db-shm": "0o600"' in modes
    assert '"session.db": "0o600"' in modes
    assert not bench.live.exists()
    vault = bench.vault()
    assert vault.open() is Origin.VAULT
    assert not vault.is_empty
    with closing(sqlite3.connect(bench.database)) as db:
        assert db.execute("SELECT count(*) FROM whatsmeow_device").fetchone() == (0,)
