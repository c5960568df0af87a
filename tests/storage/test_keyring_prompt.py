"""The prompt of a real gnome-keyring on a real screen: it blocks a thread, nothing else."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.desktop import Screen, start_xvfb, wait_for
from tests.secret_service import PASSWORD, SecretService
from wabot_tray.core.errors import KeyUnavailableError
from wabot_tray.core.reasons import Reason
from wabot_tray.storage.keyring import KeyringKeys
from wabot_tray.system.paths import Paths


@pytest.fixture
def screen() -> Iterator[Screen]:
    with start_xvfb() as server:
        yield Screen(server.display)


@pytest.fixture
def service(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> Iterator[SecretService]:
    with SecretService(activation=True, environ={"DISPLAY": screen.display}) as service:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", service.env["DBUS_SESSION_BUS_ADDRESS"])
        yield service


async def opened_prompt(service: SecretService, screen: Screen, paths: Paths) -> KeyringKeys:
    """Return keys whose question waits in a window on the screen."""
    await KeyringKeys(paths).master_key(create=True)
    service.lock()
    keys = KeyringKeys(paths, deadline_s=1.0)
    with pytest.raises(KeyUnavailableError) as raised:
        await keys.master_key(create=False)
    assert raised.value.reason is Reason.KEYRING_SLOW
    await asyncio.to_thread(wait_for, lambda: prompts(screen), what="the prompt")
    assert not await keys.is_available()
    return keys


def prompts(screen: Screen) -> list[str]:
    return screen.windows("Unlock Login Keyring")


async def test_keyring_prompt_answered_gives_the_key(
    service: SecretService, screen: Screen, paths: Paths
) -> None:
    keys = await opened_prompt(service, screen, paths)
    await asyncio.to_thread(screen.xdotool, "type", PASSWORD)
    screen.press("Return")
    await asyncio.to_thread(wait_for, lambda: not service.is_locked(), what="the keyring")
    assert await keys.is_available()
    assert len(await keys.master_key(create=False)) == 32


async def test_keyring_prompt_dismissed_says_locked(
    service: SecretService, screen: Screen, paths: Paths
) -> None:
    keys = await opened_prompt(service, screen, paths)
    screen.press("Escape")
    await asyncio.to_thread(wait_for, lambda: not prompts(screen), what="the prompt's end")
    assert not await keys.is_available()
    assert keys._pending is not None
    error = await asyncio.to_thread(keys._pending[1].exception, 10)
    assert isinstance(error, KeyUnavailableError)
    assert error.reason is Reason.KEYRING_LOCKED


async def test_keyring_unlocked_elsewhere_answers_though_its_prompt_is_open(
    service: SecretService, screen: Screen, paths: Paths
) -> None:
    keys = await opened_prompt(service, screen, paths)
    service.unlock()
    assert await keys.is_available()
    assert len(await keys.master_key(create=False)) == 32
