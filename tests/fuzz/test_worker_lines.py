"""A worker that was taken over, or is out of its mind: the program and the others go on."""

import asyncio
import dataclasses
import itertools
import json
import logging
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.test_wire import EVENTS, instances
from tests.fuzz.profile import JSON, tries
from tests.sessions.fakes import World, settle
from wabot_tray.control import protocol
from wabot_tray.core import commands, exits, wire
from wabot_tray.core import events as ev
from wabot_tray.core.errors import WireError
from wabot_tray.core.reasons import Reason
from wabot_tray.core.snapshot import SessionSnapshot
from wabot_tray.core.states import SessionState
from wabot_tray.sessions.children import spawn
from wabot_tray.sessions.pace import LINES_AT_ONCE, LINES_PER_S, Pace
from wabot_tray.sessions.starting import worker_command
from wabot_tray.sessions.supervisor import WorkerProcess
from wabot_tray.system.i18n import t
from wabot_tray.system.texts import notice_sentence, packed, reason_sentence, unpacked


def _or_any(*values: object) -> st.SearchStrategy[Any]:
    return st.one_of(st.sampled_from(values), JSON)


ROOT: Final = Path(__file__).resolve().parents[2]
BODIES: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"v": _or_any(1), "type": _or_any(*(cls.__name__ for cls in EVENTS))},
    optional={field.name: JSON for cls in EVENTS for field in dataclasses.fields(cls)},
)
LINES = (
    st.one_of([instances(cls) for cls in EVENTS]).map(wire.encode)
    | BODIES.map(lambda body: json.dumps(body).encode() + b"\n")
    | st.binary(max_size=60).map(lambda raw: raw.replace(b"\n", b"") + b"\n")
)


# --- events, through the real keeper and session -------------------------------------------------


@tries(60)
@given(st.lists(LINES, max_size=25), st.randoms(use_true_random=False))
def test_no_line_of_a_worker_harms_the_manager_or_another_account(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], chance: random.Random
) -> None:
    folder = tmp_path_factory.mktemp("world")
    asyncio.run(_plague(World(folder, accounts=("shop", "bar")), lines, chance))


async def _plague(world: World, lines: list[bytes], chance: random.Random) -> None:
    await world.connected()
    bar = world.manager.snapshot("bar")
    for line in lines:
        mad = next(w for w in reversed(world.workers) if w.account_id == "shop")
        try:
            event = wire.decode_event(line)
        except WireError:
            continue
        mad.report(event)
        await settle()
        if chance.random() < 0.2:
            await world.time.advance(chance.choice([1.0, 20.0, 700.0]))
            for worker in world.workers:
                if worker.account_id == "bar":
                    worker.report(ev.Heartbeat())
        _is_presentable(world)
    assert world.manager.snapshot("bar").phone == bar.phone
    assert world.manager.snapshot("bar").label == bar.label
    world.registry.load()  # what was kept can be read again
    await world.manager.stop("shop")
    assert world.state() is SessionState.STOPPED
    await world.manager.close()


def _is_presentable(world: World) -> None:
    """Say everything there is to say, as the window and the command line would."""
    now = world.time.wall
    for snapshot in world.manager.snapshots():
        assert reason_sentence(snapshot, now)
        notice_sentence(snapshot)
        line = protocol.encode_reply(protocol.Reply(1, result=protocol.to_json(snapshot)))
        result = protocol.decode_reply(line).result
        assert protocol.from_json(SessionSnapshot, result) == snapshot
        assert snapshot.phone is None or not snapshot.phone or snapshot.phone.isdigit()


async def test_ban_of_ten_years_keeps_a_timer_qt_can_hold(tmp_path: Path) -> None:
    world = World(tmp_path, accounts=("shop",))
    worker = await world.connected()
    until = world.time.wall.replace(year=world.time.wall.year + 10)
    worker.report(ev.TemporarilyBanned(expires_at=until, code=101))
    await settle()
    assert world.state() is SessionState.BANNED
    delays = [
        due - world.time.monotonic_s for due, _, timer in world.time._timers if timer.callback
    ]
    assert max(delays) <= 24 * 86_400  # QObject.startTimer takes 2**31 ms, 24.8 days
    await world.time.advance(3 * 86_400)
    assert world.state() is SessionState.BANNED
    assert len(world.workers) == 1
    await world.time.advance((until - world.time.wall).total_seconds() + 61)
    assert len(world.workers) == 2


async def test_event_that_cannot_be_handled_does_not_deafen_the_keeper(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(tmp_path, accounts=("shop",))
    worker = await world.connected()

    def fail(*_args: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(world.registry, "get", fail)
        worker.report(ev.LoggedIn(phone="34600111222"))
    assert "LoggedIn failed" in caplog.text
    worker.report(ev.LinkLost())
    assert world.state() is SessionState.RECONNECTING


@tries(100)
@given(
    st.text(st.characters(), max_size=200)
    | JSON.map(json.dumps)
    | st.builds(
        lambda key, params: json.dumps({"key": key, "params": params}),
        st.sampled_from(["error.bot_toml", "{a:>99999999999}", "{a.b}", "{}", "", "check.disk.ok"]),
        JSON,
    )
)
def test_any_detail_of_a_notice_is_a_sentence_or_nothing(detail: str) -> None:
    assert isinstance(unpacked(detail), str)


def test_detail_of_a_key_nobody_has_is_nothing() -> None:
    assert unpacked(packed("{a:>9999999999}", a=1)) == ""
    assert unpacked("[" * 100_000) == ""
    assert t("{a:>9999999999}", a=1) == "{a:>9999999999}"


# --- lines, through the real reader --------------------------------------------------------------


class Heard:
    def __init__(self) -> None:
        self.events: list[ev.WorkerEvent] = []
        self.begun = asyncio.Event()
        self.over = asyncio.Event()

    def __call__(self, event: ev.WorkerEvent) -> None:
        self.events.append(event)
        self.begun.set()
        if isinstance(event, ev.WorkerExited):
            self.over.set()


@pytest.fixture
async def said_by() -> AsyncIterator[Any]:
    """Start a child that says given bytes, and return what was heard of it."""
    workers: list[WorkerProcess] = []

    async def start(script: str) -> tuple[WorkerProcess, Heard]:
        heard = Heard()
        worker = WorkerProcess(partial(spawn, [sys.executable, "-c", script]), "shop", heard)
        workers.append(worker)
        await worker.start()
        return worker, heard

    yield start
    for worker in workers:
        await worker.kill()


async def test_bytes_of_every_kind_cost_their_line_and_nothing_else(
    said_by: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hostile = [
        b"\xff\xfe\x00",
        b"\0" * 1000,
        b'{"v":1,"type":"LoggedIn","phone":"\xc3("}',
        b'{"v":1,"type":"LoggedIn","phone":"\\ud800"}',
        b'{"v":1,"type":"LinkLost","type":"Heartbeat","v":NaN}',
        b"[" * 200_000,
        b'{"a":' * 100_000,
        b'{"v":1,"type":"Verified","token":1' + b"0" * 5000 + b"}",
        b"x" * (3 * wire.LONGEST_LINE_BYTES),
        b'{"v":1,"type":"Start","account_id":"bar"}',
        b'{"v":1,"type":"LinkLost","account_id":"bar"}',  # says nothing of whom: it is this one's
    ]
    for line in hostile:
        hostile_file = tmp_path / "lines"
        hostile_file.write_bytes(line + b"\n" + wire.encode(ev.LinkProved()))
        script = f"import sys; sys.stdout.buffer.write(open({str(hostile_file)!r}, 'rb').read())"
        with caplog.at_level(logging.WARNING):
            _, heard = await said_by(script)
            async with asyncio.timeout(30):
                await heard.over.wait()
        assert heard.events[-2:] == [ev.LinkProved(), ev.WorkerExited(status=0)]
        rest = heard.events[:-2]
        assert rest == (
            [ev.LinkLost()] if b'account_id":"bar"}' in line and b"Lost" in line else []
        )


async def test_flood_of_events_leaves_the_loop_to_everybody_else(said_by: Any) -> None:
    line = wire.encode(ev.Answered(received=1, replied=1))
    flood = f"import os\nlines = {line!r} * 1000\nwhile True: os.write(1, lines)\n"
    worker, heard = await said_by(flood)
    async with asyncio.timeout(20):
        await heard.begun.wait()
    loop = asyncio.get_running_loop()
    began, lags = loop.time(), []
    while loop.time() - began < 1.5:  # the passing of time is the fault
        before = loop.time()
        await asyncio.sleep(0.01)
        lags.append(loop.time() - before - 0.01)
    lasted = loop.time() - began
    assert len(heard.events) <= LINES_AT_ONCE + LINES_PER_S * (lasted + 5)
    assert sorted(lags)[len(lags) // 2] < 0.05  # it was the whole time of two megabytes of lines
    async with asyncio.timeout(15):
        await worker.kill()  # its end is seen although it had said more than was read


async def test_flood_on_standard_error_is_read_but_not_all_of_it_is_logged(said_by: Any) -> None:
    flood = 3 * LINES_AT_ONCE
    script = (
        f"import sys, time\nfor n in range({flood}): print('flood', file=sys.stderr)\n"
        "while True: print('calm', file=sys.stderr, flush=True); time.sleep(0.05)\n"
    )
    logged = Counter[str]()
    calm = asyncio.Event()

    def note(record: logging.LogRecord) -> bool:
        logged[record.getMessage()] += 1
        if record.getMessage() == "calm":
            calm.set()
        return True

    log = logging.getLogger("wabot_tray.worker")
    before = log.level
    log.addFilter(note)
    log.setLevel(logging.INFO)
    try:
        await said_by(script)
        async with asyncio.timeout(30):
            await calm.wait()
    finally:
        log.removeFilter(note)
        log.setLevel(before)
    assert LINES_AT_ONCE / 2 < logged["flood"] < flood


def test_pace_lets_a_burst_pass_and_then_so_many_a_second() -> None:
    now = 0.0
    pace = Pace(per_s=10, at_once=5, monotonic=lambda: now)
    for _ in range(5):
        assert pace.wait_s() == 0
        pace.take()
    assert pace.wait_s() == pytest.approx(0.1)
    now = 0.1001
    assert pace.wait_s() == 0
    now = 100.0
    assert sum(pace.wait_s() == 0 for _ in itertools.repeat(None, 5)) == 5


# --- commands, through the real worker -----------------------------------------------------------


async def test_worker_passes_over_hostile_commands_and_stops_when_asked() -> None:
    hostile = [
        b"\xff\n",
        b"{}\n",
        b"[" * 100_000 + b"\n",
        b"x" * (2 << 20) + b"\n",
        b'{"v":1,"type":"Start"}\n',
        b'{"v":1,"type":"Verify","token":NaN,"deadline_s":1}\n',
        b'{"v":1,"type":"Verify","token":1,"deadline_s":1e999}\n',
        b'{"v":1,"type":"LoggedIn","phone":""}\n',
        wire.encode(commands.Verify(token=7, deadline_s=-1.0)),
        wire.encode(commands.Unlink()),
    ]
    worker = await asyncio.create_subprocess_exec(
        *worker_command(),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    said = b"".join(hostile) + wire.encode(commands.Stop())
    async with asyncio.timeout(60):
        out, _ = await worker.communicate(said)
    found = [wire.decode_event(line) for line in out.splitlines()]
    answers = [event for event in found if isinstance(event, ev.Verified)]
    assert [answer.token for answer in answers] in ([], [7])  # or it left before it could say
    assert worker.returncode == exits.UNUSED


def test_reasons_of_the_worker_are_told_apart_from_ours() -> None:
    with pytest.raises(WireError):
        wire.decode_event(b'{"v":1,"type":"StartAsked","reason":"starting"}')
    assert Reason("starting")
