"""A bundle of a program that has lived holds what helps, and nothing that is anybody's business."""

import json
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.e2e.harness import Shop
from tests.simulator.people import Customer
from tests.simulator.phone import Phone

pytestmark = pytest.mark.e2e

QUESTION = "hola secreta del cliente"
REPLY = "respuesta secreta de la tienda"
NUMBER_AS_ID = "573005550100"


def master_key(shop: Shop) -> str:
    found = subprocess.run(
        ["secret-tool", "search", "--all", "service", "wabot-tray"],
        env=shop.env,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    (line,) = (line for line in found.splitlines() if line.startswith("secret"))
    return line.partition("=")[2].strip()


def content(path: Path) -> dict[str, str]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_bundle_of_a_real_run_holds_nothing_private(
    shop: Shop, phone: Phone, ana: Customer, tmp_path: Path
) -> None:
    codes: list[str] = []
    shop.write_rules(f'[[rule]]\nmatch = "hola"\nreply = "{REPLY}"\n')
    shop.running()
    shop.cli("add", "shop", "--label", f"Rosa {phone.number}")
    shop.cli("add", NUMBER_AS_ID)
    shop.pair(phone, on_code=codes.append)
    ana.send(phone, QUESTION)
    assert ana.wait_for_replies(1, 15)[0].text == REPLY
    shop.cli("verify", "shop")
    lively, still = tmp_path / "lively.zip", tmp_path / "still.zip"
    shop.cli("diagnose", "--bundle", str(lively))
    private = [phone.number, ana.number, NUMBER_AS_ID, QUESTION, REPLY, master_key(shop), "Rosa"]
    private += [codes[0], codes[0].partition("#")[2]]
    private += [part for part in codes[0].split(",") if len(part) > 30]
    assert len(private) > 11
    shop.quit()
    shop.cli("diagnose", "--bundle", str(still))
    for path in (lively, still):
        parts = content(path)
        whole = "\n".join([*parts, *parts.values()])
        assert [word for word in private if word in whole] == []
        assert "session shop: connecting -> connected" in parts["logs/wabot-tray.log"]
        assert path.stat().st_mode & 0o777 == 0o600
    system = json.loads(content(lively)["system.json"])
    assert system["desktop"]["tray_watcher"] == ""  # a bus, and nobody on it who shows icons
    running = system["running"]
    assert running["worker_memory_mb"]["shop"] > 10
    assert running["program_memory_mb"] > 10
    (account, _) = json.loads(content(lively)["accounts.json"])
    assert account["now"]["state"] == "connected"
    assert account["now"]["replied"] == 1
    assert account["file_bytes"]["session.vault"] > 0
    assert "problem" in json.loads(content(still)["system.json"])["running"]
