"""The Secret Service that other tests lean on does what it says."""

import psutil
import pytest
import secretstorage
from jeepney.io.blocking import open_dbus_connection  # type: ignore[import-untyped]
from jeepney.wrappers import DBusErrorResponse  # type: ignore[import-untyped]

from tests.secret_service import SecretService


def test_secret_service_locks_and_unlocks_without_a_prompt() -> None:
    with SecretService() as service:
        assert not service.is_locked()
        service.lock()
        assert service.is_locked()
        with pytest.raises(DBusErrorResponse):
            service.unlock("wrong")
        assert service.is_locked()
        service.unlock()
        assert not service.is_locked()


def test_secret_service_started_with_wrong_password_stays_locked() -> None:
    with SecretService() as service:
        service.stop_keyring()
        service.start_keyring("wrong")
        assert service.is_locked()


def test_secret_service_without_keyring_has_no_service_and_leaves_no_process() -> None:
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    with (
        SecretService(with_keyring=False) as service,
        open_dbus_connection(service.env["DBUS_SESSION_BUS_ADDRESS"]) as bus,
    ):
        assert not secretstorage.check_service_availability(bus)
    after = {process.pid for process in psutil.Process().children(recursive=True)}
    assert after <= before
