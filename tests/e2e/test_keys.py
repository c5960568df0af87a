"""Without its key the program starts nothing, overwrites nothing, and says what to do."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.harness import Shop
from tests.secret_service import SecretService
from tests.simulator.people import Customer
from tests.simulator.phone import Phone
from tests.simulator.running import RunningSimulator

pytestmark = pytest.mark.e2e


def sealed(shop: Shop) -> dict[str, str]:
    """Return a digest of everything that is sealed."""
    folder = shop.data / "auth_sessions"
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"]
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if path.name in {"keys.json", "session.key", "session.vault"}
    }


def test_locked_keyring_is_said_and_unlocking_continues(
    linked: Shop, simulator: RunningSimulator, phone: Phone, ana: Customer
) -> None:
    linked.quit()
    before = sealed(linked)
    linked.service.lock()
    linked.running()
    linked.until_state("failed")
    session = linked.sessions()["shop"]
    assert session["reason"] == "keyring-locked"
    assert session["text"]
    assert linked.workers() == []
    assert sealed(linked) == before
    linked.service.unlock()
    linked.until_state("connected", timeout_s=20)
    assert simulator.stats.pairings == 1
    ana.send(phone, "question")
    assert ana.wait_for_replies(1, 15)


def test_absent_keyring_is_said_and_nothing_is_overwritten(linked: Shop) -> None:
    linked.quit()
    before = sealed(linked)
    linked.service.stop_keyring()
    linked.running()
    linked.until_state("failed")
    assert linked.sessions()["shop"]["reason"] == "keyring-absent"
    assert sealed(linked) == before
    linked.service.start_keyring()
    linked.until_state("connected", timeout_s=20)


def test_another_keyring_is_no_key_for_this_vault(linked: Shop) -> None:
    linked.quit()
    before = sealed(linked)
    with SecretService() as other:
        mine, linked._service = linked._service, other
        linked.running()
        linked.until_state("failed")
        assert linked.sessions()["shop"]["reason"] == "key-missing"
        assert sealed(linked) == before
        linked.quit()
        linked._service = mine
    linked.running()
    linked.until_state("connected")


def test_key_file_serves_a_machine_without_a_keyring(
    simulator: RunningSimulator, phone: Phone, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    with SecretService(with_keyring=False) as bus, Shop(simulator, service=bus) as shop:
        shop.cli("key-file", "create", str(key))
        assert key.stat().st_mode & 0o777 == 0o600
        assert shop.cli("key-file", "create", str(key), check=False).returncode == 1
        shop.start("--key-file", str(key))
        shop.answering()
        shop.pair(phone)
        shop.quit()
        before = sealed(shop)
        other = tmp_path / "other"
        shop.cli("key-file", "create", str(other))
        shop.start("--key-file", str(other))
        shop.answering()
        shop.until_state("failed")
        assert shop.sessions()["shop"]["reason"] == "key-wrong"
        assert sealed(shop) == before
        shop.quit()
        key.chmod(0o644)
        shop.start("--key-file", str(key))
        shop.answering()
        shop.until_state("failed")
        assert sealed(shop) == before
        key.chmod(0o600)
        shop.until_state("connected", timeout_s=20)


SECRETS = ("hola secreta del cliente", "respuesta secreta de la tienda")


def test_nothing_secret_is_readable_anywhere(
    simulator: RunningSimulator, phone: Phone, ana: Customer
) -> None:
    codes: list[str] = []
    with Shop(simulator) as shop:
        shop.write_rules(
            f'[[rule]]\nmatch = "hola"\nreply = "{SECRETS[1][:9]} secreta de la tienda"\n'
        )
        shop.running()
        shop.pair(phone, on_code=codes.append)
        ana.send(phone, SECRETS[0])
        assert ana.wait_for_replies(1, 15)[0].text == SECRETS[1]
        secrets = [SECRETS[0].encode(), codes[0].encode(), codes[0].partition("#")[2].encode()]
        secrets += [part.encode() for part in codes[0].split(",") if len(part) > 30]
        stored = subprocess.run(
            ["secret-tool", "search", "--all", "service", "wabot-tray"],
            env=shop.env,
            capture_output=True,
            check=True,
        ).stdout
        key = next(
            line.partition(b"=")[2].strip()
            for line in stored.splitlines()
            if line.startswith(b"secret")
        )
        assert len(key) == 44
        secrets.append(key)
        places = {str(p): p.read_bytes() for p in shop.data.rglob("*") if p.is_file()}
        places["console"] = (shop.folder / "console.txt").read_bytes()
        for process in shop.family():
            for name in ("environ", "cmdline"):
                path = Path(f"/proc/{process.pid}/{name}")
                places[str(path)] = path.read_bytes()
        for place, content in places.items():
            for secret in secrets:
                assert secret not in content, place
            if not place.endswith(("bot.toml", "bot.last-good.toml")):  # the rules themselves
                assert SECRETS[1].encode() not in content, place
            if "auth_sessions" in place and not place.endswith((".json", ".key", ".lock")):
                for word in (b"whatsmeow_device", b"CREATE TABLE whatsmeow", phone.number.encode()):
                    assert word not in content, place
        log = b"".join(c for p, c in places.items() if "logs" in p or p == "console")
        assert phone.number.encode() not in log
        assert ana.number.encode() not in log
        ours = [path for path in shop.data.rglob("*") if path.name != "bot.toml"]
        assert [path for path in ours if path.stat().st_mode & 0o077] == []
        live = list(shop.runtime.rglob("session.db"))
        assert len(live) == 1
        assert live[0].stat().st_mode & 0o777 == 0o600
        assert live[0].parent.stat().st_mode & 0o777 == 0o700
        shop.quit()
        assert not list(shop.runtime.rglob("session.db*"))


def test_damaged_vault_is_said_kept_and_replaced_by_a_new_pairing(
    linked: Shop, phone: Phone
) -> None:
    linked.quit()
    folder = linked.data / "auth_sessions" / "shop"
    vaults = sorted(folder.glob("session.vault*"))
    assert vaults
    for vault in vaults:
        vault.write_bytes(b"not a vault " * 1000)
    linked.running()
    linked.until_state("failed")
    assert linked.sessions()["shop"]["reason"] == "vault-damaged"
    assert all(vault.read_bytes().startswith(b"not a vault") for vault in vaults)
    linked.pair(phone)
    assert linked.state() == "connected"
    assert len(list(folder.glob("*.damaged-*"))) == len(vaults)


def test_flipped_byte_in_the_vault_costs_no_session(
    linked: Shop, simulator: RunningSimulator, phone: Phone, ana: Customer
) -> None:
    linked.quit()
    vault = linked.data / "auth_sessions" / "shop" / "session.vault"
    content = bytearray(vault.read_bytes())
    content[len(content) // 2] ^= 0xFF
    vault.write_bytes(content)
    linked.running()
    linked.until_state("connected")
    assert simulator.stats.pairings == 1
    ana.send(phone, "question")
    assert ana.wait_for_replies(1, 15)


def test_deleted_session_folder_is_said_and_can_be_linked_anew(linked: Shop, phone: Phone) -> None:
    linked.quit()
    shutil.rmtree(linked.data / "auth_sessions" / "shop")
    linked.running()
    linked.until_state("logged-out")
    assert linked.sessions()["shop"]["reason"] == "not-paired"
    linked.pair(phone)
    assert linked.state() == "connected"
