"""Pairing by a code that is typed on the phone, with the real library."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulator import CodeError, Failure, Phone, RunningSimulator, ScanError
from tests.simulator.bare_process import BareProcess

pytestmark = pytest.mark.e2e


@pytest.fixture
def client(simulator: RunningSimulator, tmp_path: Path) -> Iterator[BareProcess]:
    """A client without a session that shows its first QR code."""
    with BareProcess(simulator, tmp_path / "db") as process:
        process.wait_for("qr")
        yield process


def ask(client: BareProcess, phone: Phone) -> str:
    """Return a code for `phone`."""
    client.do("code", number=phone.number)
    return str(client.wait_for("code")["text"])


def wrong(code: str) -> str:
    """Return another code."""
    return ("A" if code[0] != "A" else "B") + code[1:]


def test_only_the_newest_code_typed_right_on_its_own_phone_links(
    simulator: RunningSimulator, new_phone: Phone, client: BareProcess
) -> None:
    other = simulator.add_phone("34600990100")
    first, code = ask(client, new_phone), ask(client, new_phone)
    assert re.fullmatch(r"[1-9A-HJ-NP-TV-Z]{4}-[1-9A-HJ-NP-TV-Z]{4}", code)
    assert new_phone.link_notices == 2
    with pytest.raises(CodeError, match="no device"):
        other.enter_code(code)
    for stale in (first, wrong(code)):
        with pytest.raises(CodeError, match="wrong code"):
            new_phone.enter_code(stale)
    companion = new_phone.enter_code(code.lower())
    client.wait_for_login()
    simulator.wait_until(lambda: companion.is_active)
    assert "success" in [e["status"] for e in client.events if e["event"] == "login-status"]


def test_wrong_code_spoils_the_qr_code_of_the_same_attempt(
    simulator: RunningSimulator, new_phone: Phone, tmp_path: Path
) -> None:
    """The library changes the secret of its QR codes with each code that is typed, even wrongly."""
    with BareProcess(simulator, tmp_path / "db") as client:
        qr = client.wait_for("qr")["text"]
        code = ask(client, new_phone)
        with pytest.raises(CodeError):
            new_phone.enter_code(wrong(code))
        with pytest.raises(ScanError, match="hmac-mismatch"):
            new_phone.scan(qr)
        assert client.wait_for("login-status")["status"] == "error"


def test_qr_code_still_works_after_a_code_was_asked_for(
    simulator: RunningSimulator, new_phone: Phone, tmp_path: Path
) -> None:
    with BareProcess(simulator, tmp_path / "db") as client:
        qr = client.wait_for("qr")["text"]
        ask(client, new_phone)
        new_phone.scan(qr)
        client.wait_for_login()


def test_refusals_are_told(
    simulator: RunningSimulator, new_phone: Phone, client: BareProcess
) -> None:
    def refusal(number: str = new_phone.number, system: str = "Linux") -> str:
        client.do("code", number=number, os=system)
        return str(client.wait_for("code-error")["text"])

    assert "too short" in refusal("600111")
    assert "must not start with 0" in refusal("0600111222")
    assert "status 400" in refusal(system="Windows Nt")
    for status, text in ((429, "rate-overlimit"), (400, "bad-request")):
        simulator.faults.link_code_failure = Failure(status, {"text": text})
        assert f"status {status}: {text}" in refusal()
    simulator.faults.clear()
    code = ask(client, new_phone)
    simulator.faults.link_code_lives_s = 0
    with pytest.raises(CodeError, match="no device"):
        new_phone.enter_code(code)


@pytest.mark.parametrize("way", ["scan", "code"])
def test_demanded_passkey_is_reported(
    simulator: RunningSimulator, new_phone: Phone, tmp_path: Path, way: str
) -> None:
    simulator.faults.of(new_phone).demands_passkey = True
    with BareProcess(simulator, tmp_path / "db") as client:
        qr = client.wait_for("qr")["text"]
        code = ask(client, new_phone) if way == "code" else ""
        with pytest.raises(ScanError, match="passkey"):
            new_phone.enter_code(code) if code else new_phone.scan(qr)
        assert client.wait_for("login-status")["status"] == "passkey-request"
