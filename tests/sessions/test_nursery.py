"""Real processes that are forked, killed, stopped and let go; scripts stand in for accounts."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.sessions.nursery_entry import BROKEN, THREADED
from wabot_tray.sessions import nursery
from wabot_tray.sessions.children import Child, SpawnedChild
from wabot_tray.sessions.nursery import STATUS_UNKNOWN, ForkedChild, Nursery
from wabot_tray.sessions.starting import NurseryProcess, can_fork

ECHO = "import sys\nfor line in sys.stdin: print(line, end='', flush=True)\nsys.exit(7)\n"
Make = Callable[[str], Nursery]

pytestmark = pytest.mark.skipif(not can_fork(), reason="workers are forked on Linux only")


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    made: list[Nursery] = []

    def make_one(script: str) -> Nursery:
        made.append(Nursery([sys.executable, "-m", "tests.sessions.nursery_entry", script]))
        return made[-1]

    yield make_one
    for one in made:
        await one.close()


def parent_of(pid: int) -> int:
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(words[1])


async def said(child: Child, line: bytes) -> bytes:
    child.write(line)
    async with asyncio.timeout(20):
        return await child.stdout.readline()


async def end(child: Child) -> int:
    child.kill()
    async with asyncio.timeout(20):
        return await child.wait()


async def test_workers_are_forked_from_one_process_and_talk_to_us_alone(make: Make) -> None:
    young = make(ECHO)
    one, two = await asyncio.gather(young.launch(), young.launch())
    assert isinstance(one, ForkedChild)
    assert parent_of(one.pid) == parent_of(two.pid) != os.getpid()
    assert await said(one, b"to one\n") == b"to one\n"
    assert await said(two, b"to two\n") == b"to two\n"
    # Nobody else holds the ends of the first one's pipes: closing ours is heard at once.
    one._streams.close_stdin()
    async with asyncio.timeout(20):
        assert await one.wait() == 7
        assert await one.stdout.read() == b""
    assert one.status == 7
    assert two.status is None
    assert await end(two) == -signal.SIGKILL
    two.kill()  # harmless
    two.write(b"nobody reads this\n")


async def test_prepared_nursery_is_the_one_that_forks(make: Make) -> None:
    young = make(ECHO)
    young.prepare()
    young.prepare()
    child = await young.launch()
    assert len(young._lines) == 1
    await end(child)


async def test_nursery_that_was_started_before_is_used_first_and_replaced(make: Make) -> None:
    command = make(ECHO)._command
    early = NurseryProcess.start(command)
    young = Nursery(command, early)
    one = await young.launch()
    assert parent_of(one.pid) == early.pid
    early.hang_up()
    two = await young.launch()
    assert isinstance(two, ForkedChild)
    assert parent_of(two.pid) != early.pid
    await end(one)
    await end(two)
    await young.close()


async def test_nursery_that_was_started_and_never_used_ends(make: Make) -> None:
    early = NurseryProcess.start(make(ECHO)._command)
    early.hang_up()
    early.hang_up()
    await asyncio.to_thread(early.wait)
    assert early.control.fileno() < 0


async def test_nursery_that_cannot_be_prepared_is_met_at_the_launch() -> None:
    young = Nursery(["/nowhere/at/all"])
    young.prepare()
    await young.close()


async def test_log_of_a_worker_comes_by_its_own_pipe(make: Make) -> None:
    child = await make("import os\nos.write(2, b'a line\\n')\n").launch()
    async with asyncio.timeout(20):
        assert await child.stderr.read() == b"a line\n"
        assert await child.wait() == 0


async def test_terminated_worker_says_so(make: Make) -> None:
    child = await make(ECHO).launch()
    assert await said(child, b"up\n") == b"up\n"
    child.terminate()
    async with asyncio.timeout(20):
        assert await child.wait() == -signal.SIGTERM


async def test_killed_nursery_hurts_no_worker_and_is_replaced(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    young = make(ECHO)
    before = await young.launch()
    os.kill(parent_of(before.pid), signal.SIGKILL)
    after = await young.launch()
    assert isinstance(after, ForkedChild)
    assert parent_of(after.pid) != parent_of(before.pid)
    assert await said(before, b"alive\n") == b"alive\n"
    assert await said(after, b"alive\n") == b"alive\n"
    assert await end(after) == -signal.SIGKILL
    monkeypatch.setattr(nursery, "STATUS_GRACE_S", 0.0)
    assert await end(before) == STATUS_UNKNOWN  # who knew how it ended is gone


@pytest.mark.parametrize("script", [BROKEN, THREADED])
async def test_worker_is_spawned_where_forking_fails(make: Make, script: str) -> None:
    child = await make(script + ECHO).launch()
    assert isinstance(child, SpawnedChild)
    assert await said(child, b"up\n") == b"up\n"
    assert await end(child) == -signal.SIGKILL


async def test_worker_is_spawned_where_the_nursery_hangs(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    young = make(ECHO)
    first = await young.launch()
    os.kill(parent_of(first.pid), signal.SIGSTOP)
    monkeypatch.setattr(nursery, "FORK_DEADLINE_S", 0.05)
    child = await young.launch()
    assert await said(child, b"up\n") == b"up\n"
    await end(first)
    await end(child)


async def test_worker_is_spawned_where_nothing_can_be_forked(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not can_fork()
    child = await make(ECHO).launch()
    assert isinstance(child, SpawnedChild)
    await end(child)


async def test_program_that_is_not_there_raises() -> None:
    young = Nursery(["/nowhere/at/all"])
    with pytest.raises(OSError, match="nowhere"):
        await young.launch()
    await young.close()


async def test_nursery_that_is_let_go_ends_and_its_workers_do_not(make: Make) -> None:
    young = make(ECHO)
    child = await young.launch()
    parent = os.pidfd_open(parent_of(child.pid))
    gone = asyncio.Event()
    asyncio.get_running_loop().add_reader(parent, gone.set)
    await young.close()
    await young.close()
    async with asyncio.timeout(20):
        await gone.wait()
    asyncio.get_running_loop().remove_reader(parent)
    os.close(parent)
    assert await said(child, b"alive\n") == b"alive\n"
    await end(child)
