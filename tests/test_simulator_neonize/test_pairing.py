"""Scans, good and bad, and what follows a pairing."""

from pathlib import Path

import pytest

from tests.simulator import (
    Failure,
    Phone,
    RedialFault,
    RunningSimulator,
    ScanError,
)
from tests.simulator.bare_process import BareProcess, pair

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("bad", ["hmac", "signature"])
def test_bad_scan_ends_the_pairing_with_an_error(
    simulator: RunningSimulator, new_phone: Phone, tmp_path: Path, bad: str
) -> None:
    with BareProcess(simulator, tmp_path / "db") as client:
        code = client.wait_for("qr")["text"]
        with pytest.raises(ScanError, match=f"{bad}-mismatch"):
            new_phone.scan(code, bad=bad)  # type: ignore[arg-type]  # one of the two
        assert client.wait_for("login-status")["status"] == "error"


def test_scan_of_unknown_code_fails(phone: Phone) -> None:
    key = "A" * 43 + "="
    with pytest.raises(ScanError, match="unknown"):
        phone.scan(f"https://wa.me/settings/linked_devices#2@x,{key},{key},{key},6")


def test_scan_of_closed_pairing_fails(
    simulator: RunningSimulator, new_phone: Phone, tmp_path: Path
) -> None:
    with BareProcess(simulator, tmp_path / "db") as client:
        code = client.wait_for("qr")["text"]
        simulator.faults.cut()
        simulator.wait_until(lambda: not simulator.connections)
        with pytest.raises(ScanError, match="unknown"):
            new_phone.scan(code)


def test_outdated_client_is_told_in_the_qr_phase(
    simulator: RunningSimulator, tmp_path: Path
) -> None:
    simulator.faults.pairing_failure = Failure(405)
    with BareProcess(simulator, tmp_path / "db") as client:
        assert client.wait_for("login-status")["status"] == "err-client-outdated"


@pytest.mark.parametrize("fault", list(RedialFault))
def test_failed_redial_after_pairing_is_silence_and_a_restart_helps(
    simulator: RunningSimulator, new_phone: Phone, tmp_path: Path, fault: RedialFault
) -> None:
    simulator.faults.of(new_phone).redial_after_pairing = fault
    with BareProcess(simulator, tmp_path / "db") as client:
        new_phone.scan(client.wait_for("qr")["text"])
        assert "SUCCESS" in client.wait_for("PairStatus")["text"]
        with pytest.raises(TimeoutError):
            client.wait_for("Connected", 1.5)
    simulator.faults.clear()
    with BareProcess(simulator, tmp_path / "db") as client:
        client.wait_for("Connected")
        assert "qr" not in client.names


def test_logout_by_the_client_removes_the_companion(
    simulator: RunningSimulator, new_phone: Phone, tmp_path: Path
) -> None:
    with BareProcess(simulator, tmp_path / "db") as client:
        pair(simulator, new_phone, client)
        client.do("logout")
        client.wait_for("logged-out")
        assert not new_phone.companions
    with BareProcess(simulator, tmp_path / "db") as client:
        client.wait_for("qr")


def test_fifth_companion_is_not_linked(
    simulator: RunningSimulator, new_phone: Phone, tmp_path: Path
) -> None:
    for number in range(4):
        with BareProcess(simulator, tmp_path / f"{number}.db") as client:
            new_phone.scan(client.wait_for("qr")["text"])
    with BareProcess(simulator, tmp_path / "fifth.db") as client:
        code = client.wait_for("qr")["text"]
        with pytest.raises(ScanError, match="4 companions"):
            new_phone.scan(code)
