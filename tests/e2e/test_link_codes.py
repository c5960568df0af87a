"""Linking by number with the whole program: the code is typed, wrong, refused, used up."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.harness import ROOT, Shop, until
from tests.simulator.faults import Failure
from tests.simulator.linkcode import CodeError
from tests.simulator.people import Customer
from tests.simulator.phone import Phone, ScanError
from tests.simulator.running import RunningSimulator

pytestmark = pytest.mark.e2e
NUMBER = "+34 600 11 12 22"


@pytest.fixture
def ready(shop: Shop) -> Shop:
    """Running, with an account that no phone is linked to."""
    shop.running().cli("add", "shop")
    return shop


def attempt(
    shop: Shop, *words: str, on_code: Callable[[str, str], object] = lambda *_: None
) -> list[dict[str, Any]]:
    """Run `wabot pair shop --json …`, act on each code, and return the events."""
    command = [sys.executable, "-m", "wabot_tray.cli.main", "pair", "shop", "--json", *words]
    events = []
    with subprocess.Popen(
        command, cwd=ROOT, env=shop.env, stdout=subprocess.PIPE, text=True
    ) as pairing:
        assert pairing.stdout is not None
        for line in pairing.stdout:
            events.append(json.loads(line))
            if events[-1]["event"] in {"qr", "code"}:
                on_code(events[-1]["event"], events[-1]["code"])
    return events


def test_code_typed_wrongly_then_rightly_links_and_answers(
    ready: Shop, phone: Phone, ana: Customer, simulator: RunningSimulator
) -> None:
    codes = []

    def typing(kind: str, code: str) -> None:
        assert kind == "code"
        codes.append(code)
        with pytest.raises(CodeError, match="wrong code"):
            phone.enter_code("ZZZZ-ZZZZ")
        phone.enter_code(code)

    events = attempt(ready, "--phone", NUMBER, on_code=typing)
    assert [event["event"] for event in events] == ["code", "paired"]
    assert events[-1]["phone"] == phone.number
    assert ready.state() == "connected"
    simulator.wait_until(lambda: simulator.live(phone))
    ana.send(phone, "a question")
    assert ana.wait_for_replies(1)[0].text == "answer to: a question"
    assert codes[0] not in ready.log()
    assert phone.number not in ready.log()


def test_three_codes_then_a_pause_that_a_restart_does_not_end(
    ready: Shop, phone: Phone, simulator: RunningSimulator
) -> None:
    def hang_up(*_: object) -> None:
        simulator.faults.cut()

    for _ in range(3):
        events = attempt(ready, "--phone", NUMBER, on_code=hang_up)
        assert events[-1] == {"event": "failed", "reason": "pairing-no-network"}
    assert simulator.stats.link_codes[phone.number] == 3
    ready.quit()
    ready.running()
    said = ready.cli("pair", "shop", "--phone", NUMBER, check=False)
    assert "three codes" in said.stderr
    assert "15 min" in said.stderr
    assert simulator.stats.link_codes[phone.number] == 3
    ready.pair(phone)  # a QR code is another matter
    assert ready.state() == "connected"


def test_refusals_are_said_and_whatsapps_own_limit_begins_the_pause(
    ready: Shop, simulator: RunningSimulator
) -> None:
    for status, reason in ((400, "number-refused"), (503, "server-busy"), (429, "code-limit")):
        simulator.faults.link_code_failure = Failure(status, {"text": "no"})
        events = attempt(ready, "--phone", NUMBER)
        assert events == [{"event": "failed", "reason": reason}]
    assert ready.state() == "logged-out"
    until(lambda: not ready.workers(), "no worker: it would hold a thread for ever", 10)
    simulator.faults.clear()
    said = ready.cli("pair", "shop", "--phone", NUMBER, check=False)
    assert "15 min" in said.stderr
    assert not simulator.stats.link_codes


@pytest.mark.parametrize("way", ["qr", "code"])
def test_demanded_passkey_is_explained(
    ready: Shop, simulator: RunningSimulator, phone: Phone, way: str
) -> None:
    simulator.faults.demands_passkey = True

    def link(kind: str, code: str) -> None:
        assert kind == way
        with pytest.raises(ScanError, match="passkey"):
            phone.enter_code(code) if kind == "code" else phone.scan(code)

    events = attempt(ready, *(["--phone", NUMBER] if way == "code" else []), on_code=link)
    assert events[-1] == {"event": "failed", "reason": "passkey-required"}
    simulator.faults.clear()
    ready.pair(phone)
    assert ready.state() == "connected"


def test_number_that_cannot_be_is_refused_before_anybody_is_asked(
    ready: Shop, simulator: RunningSimulator
) -> None:
    said = ready.cli("pair", "shop", "--phone", "+34 600", check=False)
    assert said.returncode != 0
    assert "too short" in said.stderr
    assert not simulator.stats.dials
