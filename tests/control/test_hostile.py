"""Whatever comes over the socket, the server goes on serving others."""

import asyncio
import contextlib
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.control.conftest import FakeHost
from tests.control.fake_manager import FakeManager, session
from tests.control.wire_client import WireClient
from wabot_tray.control.server import ControlServer, Limits
from wabot_tray.system.paths import Paths

SHAPED = st.sampled_from(
    [
        b'{"v":1,"id":1,"method":"status"}\n',
        b'{"v":1,"id":1,"method":"watch"}\n',
        b'{"v":1,"id":1,"method":"pair","params":{"id":"shop"}}\n',
        b'{"v":1,"id":1,"method":"reconnect","params":{"wait_s":1e-9}}\n',
        b'{"v":1,"id":1,"method":"rename","params":{"id":"shop","label":"\\ud800"}}\n',
        b'{"v":1,"id":1,"method":"',
        b"\n",
        b"{}\n",
        b"[" * 5000 + b"\n",
    ]
)
PIECES = st.lists(SHAPED | st.binary(max_size=64), min_size=1, max_size=5)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(PIECES, st.booleans())
def test_server_survives_any_bytes(pieces: list[bytes], polite: bool) -> None:
    asyncio.run(_attack(pieces, polite=polite))


async def _attack(pieces: list[bytes], *, polite: bool) -> None:
    manager, host = FakeManager(session("shop")), FakeHost()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        data.mkdir()
        paths = Paths(data=data, runtime=Path(folder) / "run", runtime_in_ram=True)
        server = ControlServer(manager, host.host, paths, limits=Limits(request_s=0.05))
        await server.start(lock_held=True)
        try:
            attacker = await WireClient.connect(paths)
            for piece in pieces:
                attacker.writer.write(piece)
                await asyncio.sleep(0)
            if polite:
                attacker.writer.write_eof()
                with contextlib.suppress(ConnectionError):
                    async with asyncio.timeout(20):
                        await attacker.reader.read()
            attacker.writer.transport.abort()
            friend = await WireClient.connect(paths)
            assert "result" in await friend.ask("hello")
            await friend.close()
        finally:
            await server.close()
    assert manager.listeners == []
    assert asyncio.all_tasks() == {asyncio.current_task()}
