"""Notifications on a real bus: shown, replaced, clicked, taken back, and nobody there."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.desktop import SessionBus, start_bus
from tests.notification_server import NotificationServer
from tests.waiting import until
from wabot_tray.system import notifications
from wabot_tray.system.notifications import DEFAULT, Note, NotificationService

NOTE = Note(
    title="Tienda <Rosa> needs you",
    body="Rosa & <b>Hijos</b> has no link.",
    actions=((DEFAULT, "Open"), ("act", "Pair again…")),
    urgency=2,
)


@pytest.fixture(scope="module")
def bus() -> Iterator[SessionBus]:
    with start_bus() as made:
        yield made


@pytest.fixture
async def server(bus: SessionBus) -> AsyncIterator[NotificationServer]:
    made = await NotificationServer.start(bus.address)
    yield made
    if made.bus.connected:
        await made.stop()


@pytest.fixture
def clicks() -> "asyncio.Queue[tuple[str, str]]":
    return asyncio.Queue()


@pytest.fixture
async def service(
    bus: SessionBus,
    clicks: "asyncio.Queue[tuple[str, str]]",
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[NotificationService]:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", bus.address)
    monkeypatch.delenv("XDG_ACTIVATION_TOKEN", raising=False)
    made = NotificationService(
        "wabot-tray",
        "wabot-tray",
        "file:///icon.svg",
        lambda key, action: clicks.put_nowait((key, action)),
        platform="linux",
    )
    yield made
    await made.close()
    await made.close()


async def test_note_arrives_whole_with_its_markup_made_harmless(
    server: NotificationServer, service: NotificationService
) -> None:
    assert await service.show("account:rosa", NOTE)
    (shown,) = server.history
    assert shown.title == NOTE.title  # never read as markup, says the specification
    assert shown.body == "Rosa &amp; &lt;b&gt;Hijos&lt;/b&gt; has no link."
    assert shown.actions == dict(NOTE.actions)
    assert shown.icon == "file:///icon.svg"
    hints = {"urgency": 2, "desktop-entry": "wabot-tray", "category": "network"}
    assert shown.hints == hints


async def test_service_without_markup_gets_the_plain_text(
    server: NotificationServer, service: NotificationService
) -> None:
    server.capabilities = ["body"]
    quiet = Note(title="a", body=NOTE.body, urgency=0, is_transient=True, is_silent=True)
    assert await service.show("key", quiet)
    assert server.history[0].body == NOTE.body
    hints = server.history[0].hints
    assert (hints["transient"], hints["suppress-sound"]) == (True, True)


async def test_second_with_one_key_replaces_the_first_and_goes_as_one(
    server: NotificationServer, service: NotificationService
) -> None:
    await service.show("a", NOTE)
    await service.show("b", NOTE)
    await service.show("a", NOTE)
    assert [note.replaces for note in server.history] == [0, 0, server.history[0].id]
    await service.withdraw("a")
    await service.withdraw("a")
    await service.withdraw("never shown")
    assert server.closed == [server.history[0].id]
    assert service.shown == ("b",)


async def test_click_is_heard_with_its_key_and_lets_a_window_come_to_the_front(
    server: NotificationServer,
    service: NotificationService,
    clicks: "asyncio.Queue[tuple[str, str]]",
) -> None:
    await service.show("a", NOTE)
    await service.show("b", NOTE)
    await server.click(4711, "act")  # somebody else's
    await server.click(server.history[1].id, "act")
    assert await asyncio.wait_for(clicks.get(), 5) == ("b", "act")
    assert clicks.empty()
    assert os.environ["XDG_ACTIVATION_TOKEN"] == "a-token"


async def test_dismissed_note_is_not_taken_back_again(
    server: NotificationServer, service: NotificationService
) -> None:
    await service.show("a", NOTE)
    await server.dismiss(server.history[0].id)
    await until(lambda: not service.shown)
    await service.withdraw("a")
    await service.show("a", NOTE)
    assert server.closed == []
    assert server.history[1].replaces == 0


async def test_next_service_is_not_asked_about_the_notes_of_the_last(
    bus: SessionBus, server: NotificationServer, service: NotificationService
) -> None:
    await service.show("a", NOTE)
    await server.stop()
    await until(lambda: not service.shown)
    following = await NotificationServer.start(bus.address)
    assert await service.show("a", NOTE)
    assert following.history[0].replaces == 0
    await following.stop()


async def test_nobody_on_the_bus_is_said_and_somebody_later_is_found(
    bus: SessionBus, service: NotificationService
) -> None:
    assert not await service.show("a", NOTE)
    server = await NotificationServer.start(bus.address)
    assert await service.show("a", NOTE)
    await server.stop()


async def test_service_that_never_answers_does_not_hold_us_up(
    server: NotificationServer, service: NotificationService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifications, "ANSWER_LIMIT_S", 0.2)
    server.is_mute = True
    assert not await service.show("a", NOTE)


async def test_bus_that_goes_is_found_again(
    service: NotificationService, monkeypatch: pytest.MonkeyPatch
) -> None:
    with start_bus() as first:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", first.address)
        await NotificationServer.start(first.address)
        assert await service.show("a", NOTE)
    assert not await service.show("a", NOTE)
    with start_bus() as second:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", second.address)
        await NotificationServer.start(second.address)
        assert await service.show("a", NOTE)
        await service.close()


@pytest.mark.parametrize("platform", ["win32", "darwin"])
async def test_other_systems_have_no_such_service(platform: str) -> None:
    service = NotificationService("a", "a", "", print, platform=platform)
    assert not await service.show("a", NOTE)
