"""The look at the door where the way to WhatsApp leads through a proxy."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.simulator.proxy import ConnectProxy, ProxyMood
from wabot_tray.core.reasons import Reason
from wabot_tray.sessions.proxy import ProxyDoor, door_by, door_to
from wabot_tray.sessions.reachability import WHATSAPP


class Proxy:
    """Answers each request with what the test says, or not at all."""

    def __init__(self) -> None:
        self.answer: bytes | None = b"HTTP/1.1 200 Connection established\r\n\r\n"
        self.asked: list[bytes] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append(await reader.readuntil(b"\r\n\r\n"))
        if self.answer is not None:
            writer.write(self.answer)
        await reader.read()  # until the other side goes
        writer.close()


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    proxy = Proxy()
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    async with server:
        yield proxy


async def test_door_behind_a_proxy_is_open_when_the_proxy_lets_us_through(proxy: Proxy) -> None:
    door = door_to(WHATSAPP, {"HTTPS_PROXY": f"http://ana:s%40l@127.0.0.1:{proxy.port}"})
    assert await door.is_open()
    lines = proxy.asked[0].split(b"\r\n")
    assert lines[0] == b"CONNECT web.whatsapp.com:443 HTTP/1.1"
    assert b"Proxy-Authorization: Basic YW5hOnNAbA==" in lines


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 502 Bad Gateway\r\n\r\n", b"\r\n", b"x" * 70_000, None]
)
async def test_proxy_that_cannot_connect_is_a_closed_door(
    proxy: Proxy, answer: bytes | None
) -> None:
    proxy.answer = answer
    door = door_to(WHATSAPP, {"https_proxy": f"127.0.0.1:{proxy.port}"})
    assert isinstance(door, ProxyDoor)
    door._timeout_s = 0.2
    assert not await door.is_open()
    assert proxy.asked


async def test_proxy_that_is_gone_is_a_closed_door() -> None:
    assert not await door_to(WHATSAPP, {"HTTPS_PROXY": "http://127.0.0.1:1"}).is_open()


@pytest.mark.parametrize(
    ("environ", "looked_at"),
    [
        ({}, WHATSAPP),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": ".whatsapp.com"}, WHATSAPP),
        ({"HTTPS_PROXY": "http://proxy:3128", "no_proxy": "*"}, WHATSAPP),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "a.b, WhatsApp.com:443"}, WHATSAPP),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "web.whatsapp.com"}, WHATSAPP),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "app.com,"}, ("proxy", 3128)),
        ({"HTTPS_PROXY": "http://proxy:port"}, WHATSAPP),
        ({"HTTPS_PROXY": "gopher://proxy"}, WHATSAPP),
        ({"HTTPS_PROXY": "http://"}, WHATSAPP),
        ({"HTTPS_PROXY": "proxy"}, ("proxy", 80)),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "example.org"}, ("proxy", 3128)),
        ({"HTTPS_PROXY": "https://proxy"}, ("proxy", 443)),
        ({"https_proxy": "socks5://proxy"}, ("proxy", 1080)),
    ],
)
def test_way_is_the_one_the_library_takes(
    environ: dict[str, str], looked_at: tuple[str, int]
) -> None:
    assert door_to(WHATSAPP, environ)._address == looked_at


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_this_computer_is_never_behind_a_proxy(host: str) -> None:
    door = door_to((host, 443), {"HTTPS_PROXY": "http://proxy:3128"})
    assert door._address == (host, 443)


@pytest.mark.parametrize("is_socks", [False, True], ids=["http", "socks5"])
async def test_way_through_a_proxy_says_why_it_is_shut(is_socks: bool, tmp_path: Path) -> None:
    kind = "socks5" if is_socks else "http"
    made = ConnectProxy(0, tmp_path, login=("ana", "s@l:t"), is_socks=is_socks)
    with made.running():
        place = f"127.0.0.1:{made.port}"

        async def shut(login: str) -> Reason | None:
            return await door_by(WHATSAPP, f"{kind}://{login}{place}", {}).why_shut()

        assert await shut("ana:s%40l%3At@") is None
        assert await shut("ana:wrong@") is Reason.PROXY_REFUSED
        assert await shut("ana@") is Reason.PROXY_REFUSED
        assert await shut("") is Reason.PROXY_REFUSED
        made.mood = ProxyMood.REFUSING
        assert await shut("ana:s%40l%3At@") is Reason.PROXY_CLOSED
    assert await shut("ana:s%40l%3At@") is Reason.PROXY_UNREACHABLE


@pytest.mark.parametrize("answer", [b"\x04\x00", b"\x05\x00\x05", b"HTTP/1.1 400\r\n", b"\x05\x07"])
async def test_socks_proxy_that_talks_nonsense_is_a_closed_door(answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(3)
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert not await door_by(WHATSAPP, f"socks5://127.0.0.1:{port}", {}).is_open()


async def test_straight_way_ignores_the_environment(proxy: Proxy) -> None:
    environ = {"HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}"}
    assert type(door_by(WHATSAPP, "", environ)) is not ProxyDoor
    assert type(door_by(WHATSAPP, None, environ)) is ProxyDoor
    assert await door_by(("127.0.0.1", 1), "", environ).why_shut() is Reason.DIAL_FAILED
