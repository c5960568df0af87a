"""The control socket lies in a folder that may go; the program stays reachable."""

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.control.conftest import Dial, StartServer
from wabot_tray.control import server as servers
from wabot_tray.control.transport import written_address
from wabot_tray.system.paths import Paths


class Looks:
    """Lets the server look when the test says so."""

    def __init__(self) -> None:
        self._go = asyncio.Semaphore(0)
        self._rests = asyncio.Event()

    async def pause(self, _seconds: float) -> None:
        self._rests.set()
        await self._go.acquire()

    async def one(self) -> None:
        """Let it look once, and wait until it has."""
        await self._rests.wait()
        self._rests.clear()
        self._go.release()
        await self._rests.wait()


async def test_socket_that_was_taken_away_is_made_anew(
    start_server: StartServer, dial: Dial, paths: Paths
) -> None:
    server, looks = await start_server(), Looks()
    task = asyncio.create_task(server.stay(looks.pause))
    before = await dial()
    await looks.one()
    inode = paths.control_socket.stat().st_ino
    shutil.rmtree(paths.runtime)
    await looks.one()
    assert "result" in await (await dial()).ask("hello")
    assert "result" in await before.ask("hello")  # who is inside stays inside
    await looks.one()
    assert (paths.control_socket.stat().st_ino, paths.control_socket.is_socket()) != (inode, False)
    task.cancel()
    await asyncio.wait([task])


async def test_door_moves_where_its_folder_cannot_be_made_again(
    start_server: StartServer, paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = replace(paths, runtime=tmp_path / "other")
    monkeypatch.setattr(servers, "runtime_places", lambda _: [paths, other])
    server, looks = await start_server(), Looks()
    task = asyncio.create_task(server.stay(looks.pause))
    shutil.rmtree(paths.runtime)
    paths.runtime.write_text("a file where the folder should be", encoding="utf-8")
    await looks.one()
    assert other.control_socket.is_socket()
    assert written_address(paths) == other.control_socket  # so the command line finds it
    task.cancel()
    await asyncio.wait([task])
    await server.close()
    assert not other.control_socket.exists()
