"""Linking a phone: every way it fails is said, and trying again works."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.harness import ROOT, Shop, until
from tests.simulator.faults import Failure
from tests.simulator.phone import Phone, ScanError
from tests.simulator.running import RunningSimulator

pytestmark = pytest.mark.e2e


def attempt(shop: Shop, on_code: Callable[[str], object]) -> dict[str, Any]:
    """Run `wabot pair shop --json`, act on the first code, and return the last event."""
    command = [sys.executable, "-m", "wabot_tray.cli.main", "pair", "shop", "--json"]
    last: dict[str, Any] = {}
    codes = 0
    with subprocess.Popen(
        command, cwd=ROOT, env=shop.env, stdout=subprocess.PIPE, text=True
    ) as pairing:
        assert pairing.stdout is not None
        for line in pairing.stdout:
            last = json.loads(line)
            if last["event"] == "qr":
                codes += 1
                if codes == 1:
                    on_code(last["code"])
    return last | {"codes": codes, "status": pairing.returncode}


@pytest.fixture
def ready(shop: Shop) -> Shop:
    """Running, with an account that no phone is linked to."""
    shop.running().cli("add", "shop")
    return shop


@pytest.mark.parametrize("bad", ["hmac", "signature"])
def test_code_that_was_scanned_wrongly_is_said_and_can_be_tried_again(
    ready: Shop, phone: Phone, bad: Any
) -> None:
    def scan(code: str) -> None:
        with pytest.raises(ScanError):
            phone.scan(code, bad=bad)

    last = attempt(ready, scan)
    assert (last["event"], last["reason"], last["status"]) == ("failed", "qr-rejected", 1)
    assert ready.state() == "logged-out"
    until(lambda: not ready.workers(), "no worker: it would hold a thread for ever", 10)
    ready.pair(phone)
    assert ready.state() == "connected"


@pytest.mark.slow(45)
def test_code_nobody_scans_expires_and_a_new_one_works(
    ready: Shop, simulator: RunningSimulator, phone: Phone
) -> None:
    simulator.qr_refs = 2  # 20 s each
    last = attempt(ready, lambda _: None)
    assert (last["event"], last["reason"], last["codes"]) == ("failed", "qr-expired", 2)
    simulator.qr_refs = 6
    ready.pair(phone)
    assert ready.state() == "connected"


def test_outdated_client_is_said_while_pairing(ready: Shop, simulator: RunningSimulator) -> None:
    simulator.faults.pairing_failure = Failure(405)
    last = attempt(ready, lambda _: None)
    assert (last["event"], last["reason"]) == ("failed", "client-outdated")
    assert ready.state() == "outdated"


def test_link_that_breaks_while_the_code_shows_is_said(
    ready: Shop, simulator: RunningSimulator, phone: Phone
) -> None:
    last = attempt(ready, lambda _: simulator.faults.cut())
    assert (last["event"], last["reason"]) == ("failed", "pairing-no-network")
    ready.pair(phone)
