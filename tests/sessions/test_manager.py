"""How sessions move: every fault's repair, with time in the test's hands."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.sessions.fakes import START, World, settle
from wabot_tray.core import commands
from wabot_tray.core import events as ev
from wabot_tray.core.errors import AccountError, ControlError, KeyUnavailableError
from wabot_tray.core.reasons import Reason
from wabot_tray.core.settings import Settings
from wabot_tray.core.snapshot import PairingStage, SessionRemoved
from wabot_tray.core.states import SessionState as S


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path, accounts=("shop",))
    yield world
    await world.manager.close()
    assert world.time.pending == 0


def qr(world: World, number: int = 1) -> ev.QrShown:
    now = world.time.wall
    return ev.QrShown(
        code=f"code-{number}",
        number=number,
        code_expires_at=now + timedelta(seconds=20),
        window_ends_at=now + timedelta(seconds=160),
    )


async def test_start_restores_a_linked_account(world: World) -> None:
    await world.manager.start()
    assert world.state() is S.CONNECTING
    await world.time.advance(0)
    assert world.worker.started is not None
    assert world.worker.started.pair is False
    world.worker.report(ev.LoggedIn(phone="34600111222"))
    assert world.state() is S.CONNECTED
    assert world.registry.get("shop").last_connected == world.time.wall


async def test_settings_that_change_reach_running_workers_and_the_next(world: World) -> None:
    first = await world.connected()
    world.manager.use(Settings(quiet_s=3.0, answer_max_age_h=2.0))
    pace = commands.SetPace(quiet_s=3.0, answer_max_age_s=7200.0)
    assert first.told[-1] == pace
    told = len(first.told)
    world.manager.use(Settings(quiet_s=3.0, answer_max_age_h=2.0, theme="dark"))
    assert len(first.told) == told
    await world.manager.reconnect("shop")
    await world.time.advance(1)
    started = world.worker.started
    assert started is not None
    assert (started.quiet_s, started.answer_max_age_s) == (3.0, 7200.0)


async def test_start_staggers_logins_to_two_a_second(tmp_path: Path) -> None:
    world = World(tmp_path, accounts=("a", "b", "c"))

    def told() -> list[str]:
        return [worker.account_id for worker in world.workers if worker.started is not None]

    await world.manager.start()
    await world.time.advance(0)
    assert len(world.workers) == 3  # they load the library while they wait for their turn
    assert told() == ["a"]
    await world.time.advance(0.5)
    assert told() == ["a", "b"]
    await world.time.advance(0.5)
    assert told() == ["a", "b", "c"]
    await world.manager.close()


async def test_start_leaves_a_stopped_account_alone(world: World) -> None:
    world.registry.update("shop", enabled=False)
    await world.manager.start()
    await world.time.advance(600)
    assert world.state() is S.STOPPED
    assert world.workers == []


async def test_start_of_an_unlinked_account_waits_for_a_phone(world: World) -> None:
    world.registry.update("shop", paired=False)
    await world.manager.start()
    await world.time.advance(600)
    assert (world.state(), world.reason()) == (S.LOGGED_OUT, Reason.NOT_PAIRED)
    assert world.workers == []


async def test_link_lost_is_left_to_the_library_for_20_s(world: World) -> None:
    worker = await world.connected()
    worker.report(ev.LinkLost())
    assert world.state() is S.RECONNECTING
    await world.time.advance(19.9)
    assert world.worker is worker
    worker.report(ev.LoggedIn(phone="34600111222"))
    assert world.states() == [S.RECONNECTING, S.CONNECTED]
    await world.time.advance(300)
    assert world.worker is worker


async def test_link_lost_for_longer_gets_a_new_worker_at_once(world: World) -> None:
    worker = await world.connected()
    worker.report(ev.LinkLost())
    await world.time.advance(10)
    worker.report(ev.LinkLost())  # whatsmeow says so at every failed dial; the deadline stays
    await world.time.advance(10)
    assert worker.ending == "killed"
    assert world.worker is not worker
    assert world.state() is S.CONNECTING
    assert world.manager.snapshot("shop").restarts == 1


async def test_missed_keepalive_with_an_answered_probe_changes_nothing(world: World) -> None:
    worker = await world.connected()
    worker.report(ev.KeepAliveMissed())
    await settle()
    assert world.states() == [S.RECONNECTING, S.CONNECTED]
    assert world.worker is worker


@pytest.mark.parametrize("answer", [False, None])
async def test_missed_keepalive_without_an_answer_gets_a_new_worker(
    world: World, answer: bool | None
) -> None:
    worker = await world.connected()
    worker.answers_verify = answer
    worker.report(ev.KeepAliveMissed())
    await settle()
    if answer is None:  # a hung worker says nothing; its heartbeat stops too
        worker.report(ev.Heartbeat())
        await world.time.advance(15)
    assert worker.ending == "killed"
    await world.time.advance(1)
    assert world.state() is S.CONNECTING


async def test_login_that_is_never_answered_is_given_up_after_30_s(world: World) -> None:
    await world.manager.start()
    await world.time.advance(0)
    first = world.worker
    await world.time.advance(30)
    assert first.ending == "killed"
    assert world.worker is not first


async def test_offline_at_start_waits_longer_each_time(world: World) -> None:
    await world.manager.start()
    await world.time.advance(0)
    delays = []
    for _ in range(7):
        world.worker.report(ev.DialFailed(detail="no such host"))
        snapshot = world.manager.snapshot("shop")
        assert snapshot.state is S.WAITING
        assert snapshot.next_attempt_at is not None
        delays.append((snapshot.next_attempt_at - world.time.wall).total_seconds())
        await world.time.advance(delays[-1] + 0.5)
        assert world.state() is S.CONNECTING
    assert delays == [2, 4, 8, 16, 32, 60, 60]


async def test_network_back_ends_every_wait(world: World) -> None:
    await world.manager.start()
    await world.time.advance(0)
    for _ in range(6):
        world.worker.report(ev.DialFailed())
        await world.time.advance(61)
    world.worker.report(ev.DialFailed())
    assert world.state() is S.WAITING
    before = len(world.workers)
    world.manager.network_changed(online=False)
    assert world.state() is S.WAITING
    world.manager.network_changed(online=True)
    await world.time.advance(0.5)
    assert world.state() is S.CONNECTING
    assert len(world.workers) == before + 1


async def test_server_that_breaks_off_logins_is_not_stormed(world: World) -> None:
    await world.manager.start()
    await world.time.advance(0)
    for _ in range(2):
        world.worker.report(ev.LinkLost())
    assert (world.state(), world.reason()) == (S.WAITING, Reason.SERVER_BUSY)
    began = len(world.workers)
    for _ in range(3600):
        if world.state() is S.CONNECTING:
            world.worker.report(ev.LinkLost())
            world.worker.report(ev.LinkLost())
        await world.time.advance(1)
    assert len(world.workers) - began <= 66  # the back-off's start, then one a minute


@pytest.mark.parametrize(
    ("event", "state", "reason"),
    [
        (ev.LoggedOut(), S.LOGGED_OUT, Reason.PHONE_UNLINKED),
        (ev.Replaced(), S.REPLACED, Reason.REPLACED),
        (ev.Outdated(), S.OUTDATED, Reason.CLIENT_OUTDATED),
        (ev.StorageFailed(reason=Reason.VAULT_DAMAGED), S.FAILED, Reason.VAULT_DAMAGED),
    ],
)
async def test_final_events_are_never_retried(
    world: World, event: ev.WorkerEvent, state: S, reason: Reason
) -> None:
    worker = await world.connected()
    worker.report(event)
    await world.time.advance(24 * 3600)
    world.manager.check()
    world.manager.network_changed(online=True)
    world.manager.resumed()
    await world.time.advance(60)
    assert (world.state(), world.reason()) == (state, reason)
    assert world.workers == [worker]
    assert worker.ending == "stopped"


async def test_logout_keeps_the_account_and_its_settings(world: World) -> None:
    worker = await world.connected()
    worker.report(ev.LoggedOut())
    account = world.registry.get("shop")
    assert (account.label, account.phone, account.paired) == ("Shop", "34600111222", False)
    with pytest.raises(ControlError, match="needs_pairing"):
        await world.manager.reconnect("shop")


async def test_ban_is_retried_once_after_its_end(world: World) -> None:
    worker = await world.connected()
    until = world.time.wall + timedelta(hours=2)
    worker.report(ev.TemporarilyBanned(expires_at=until, code=101))
    snapshot = world.manager.snapshot("shop")
    assert (snapshot.state, snapshot.expires_at) == (S.BANNED, until)
    with pytest.raises(ControlError, match="banned"):
        await world.manager.reconnect("shop")
    await world.time.advance(2 * 3600 + 59)
    assert world.workers == [worker]
    await world.time.advance(2)
    assert world.state() is S.CONNECTING
    assert len(world.workers) == 2


async def test_refused_login_is_tried_again_slowly(world: World) -> None:
    await world.manager.start()
    await world.time.advance(0)
    delays = []
    for _ in range(6):
        world.worker.report(ev.ConnectRefused(code=409))
        due = world.manager.snapshot("shop").next_attempt_at
        assert due is not None
        delays.append((due - world.time.wall).total_seconds())
        await world.time.advance(delays[-1] + 0.5)
    assert delays == [60, 120, 240, 480, 600, 600]


async def test_crashed_worker_is_replaced_after_2_s(world: World) -> None:
    worker = await world.connected()
    worker.report(ev.WorkerExited(status=-9))
    assert (world.state(), world.reason()) == (S.WAITING, Reason.WORKER_CRASHED)
    await world.time.advance(2)
    assert world.state() is S.CONNECTING


async def test_five_crashes_in_ten_minutes_end_in_failed(world: World) -> None:
    await world.connected()
    for _ in range(4):
        world.worker.report(ev.WorkerExited(status=-6))
        await world.time.advance(60)
        world.worker.report(ev.LoggedIn(phone="34600111222"))
    world.worker.report(ev.WorkerExited(status=-6))
    assert (world.state(), world.reason()) == (S.FAILED, Reason.CRASH_LOOP)
    started = len(world.workers)
    await world.time.advance(3600)
    assert len(world.workers) == started
    await world.manager.reconnect("shop")
    await world.time.advance(1)
    assert world.state() is S.CONNECTING


async def test_silent_worker_is_killed_after_15_s(world: World) -> None:
    worker = await world.connected()
    worker.report(ev.Heartbeat())
    await world.time.advance(14)
    worker.report(ev.Heartbeat())
    await world.time.advance(14.9)
    assert world.worker is worker
    await world.time.advance(0.2)
    assert worker.ending == "killed"
    assert world.worker is not worker


async def test_steady_link_resets_the_backoff(world: World) -> None:
    await world.manager.start()
    await world.time.advance(0)
    for _ in range(4):
        world.worker.report(ev.DialFailed())
        await world.time.advance(60)
    world.worker.report(ev.LoggedIn(phone="34600111222"))
    await world.time.advance(301)
    world.worker.report(ev.WorkerExited(status=1))
    due = world.manager.snapshot("shop").next_attempt_at
    assert due == world.time.wall + timedelta(seconds=2)


async def test_what_a_dismissed_worker_says_is_ignored(world: World) -> None:
    worker = await world.connected()
    worker.report(ev.LinkLost())
    await world.time.advance(21)
    worker.report(ev.LoggedIn(phone="34600111222"))
    assert world.state() is S.CONNECTING


async def test_verify_without_an_answer_twice_restarts_the_worker(world: World) -> None:
    worker = await world.connected()
    worker.answers_verify = False
    (result,) = await world.manager.verify()
    assert (result.connected, result.answered) == (True, False)
    assert sum(isinstance(c, commands.Verify) for c in worker.told) == 2
    await world.time.advance(1)
    assert worker.ending == "killed"
    assert world.state() is S.CONNECTING


async def test_verify_notes_the_time(world: World) -> None:
    await world.connected()
    await world.time.advance(300)
    (result,) = await world.manager.verify(["shop"])
    assert result.answered
    assert world.manager.snapshot("shop").last_verified_at == world.time.wall


async def test_verify_of_a_session_without_link_asks_nothing(world: World) -> None:
    await world.manager.start()
    (result,) = await world.manager.verify()
    assert (result.connected, result.answered, result.took_ms) == (False, False, None)


async def test_quiet_link_is_never_restarted(world: World) -> None:
    worker = await world.connected()
    for _ in range(24 * 30):
        worker.report(ev.Heartbeat())
        await world.time.advance(5)
        world.manager.check()
    assert world.workers == [worker]


async def test_check_acts_on_what_fell_due_in_a_sleep(world: World) -> None:
    await world.manager.start()
    await world.time.advance(0)
    for _ in range(6):
        world.worker.report(ev.DialFailed())
        await world.time.advance(61)
    world.worker.report(ev.DialFailed())
    world.manager.check()
    world.time.wall += timedelta(hours=8)
    world.time.monotonic_s += 8 * 3600  # no timer has run: the computer slept
    world.manager.check()
    await world.time.advance(0.5)
    assert world.state() is S.CONNECTING


async def test_stop_survives_everything_but_the_person(world: World) -> None:
    worker = await world.connected()
    await world.manager.stop("shop")
    assert worker.ending == "stopped"
    worker.report(ev.LoggedIn(phone="34600111222"))
    world.manager.network_changed(online=True)
    await world.time.advance(3600)
    assert (world.state(), world.reason()) == (S.STOPPED, Reason.STOPPED_BY_PERSON)
    assert world.registry.get("shop").enabled is False
    await world.manager.connect("shop")
    await world.time.advance(1)
    assert world.state() is S.CONNECTING
    assert world.registry.get("shop").enabled is True


async def test_reconnect_replaces_the_worker_of_a_connected_session(world: World) -> None:
    worker = await world.connected()
    await world.manager.reconnect("shop")
    await world.time.advance(0.5)
    assert worker.ending
    assert world.worker is not worker
    assert world.state() is S.CONNECTING


async def test_pairing_shows_codes_and_ends_connected(world: World) -> None:
    world.registry.update("shop", paired=False, phone=None)
    await world.manager.start()
    await world.manager.pair("shop")
    await world.time.advance(0)
    assert world.worker.started is not None
    assert world.worker.started.pair is True
    world.worker.report(qr(world, 1))
    world.worker.report(qr(world, 2))
    assert world.state() is S.PAIRING
    current = world.manager.pairing("shop")
    assert current is not None
    assert current.code == "code-2"
    world.worker.report(ev.PairingSucceeded(phone="34600111222"))
    assert world.registry.get("shop").paired is True
    world.worker.report(ev.LoggedIn(phone="34600111222"))
    assert world.state() is S.CONNECTED
    assert [step.stage for step in world.progress()] == [
        PairingStage.STARTING,
        PairingStage.CODE,
        PairingStage.CODE,
        PairingStage.LINKING,
        PairingStage.DONE,
    ]
    assert world.manager.pairing("shop") is None


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (ev.PairingFailed(reason=Reason.QR_REJECTED), Reason.QR_REJECTED),
        (ev.PairingFailed(reason=Reason.PASSKEY_REQUIRED), Reason.PASSKEY_REQUIRED),
        (ev.DialFailed(), Reason.PAIRING_NO_NETWORK),
        (ev.WorkerExited(status=-11), Reason.PAIRING_ERROR),
    ],
)
async def test_failed_pairing_says_why_and_can_be_renewed(
    world: World, event: ev.WorkerEvent, reason: Reason
) -> None:
    world.registry.update("shop", paired=False)
    await world.manager.start()
    await world.manager.pair("shop")
    await world.time.advance(0)
    world.worker.report(event)
    assert (world.state(), world.reason()) == (S.LOGGED_OUT, reason)
    assert world.progress()[-1].stage is PairingStage.FAILED
    assert world.progress()[-1].reason is reason
    await world.time.advance(600)
    assert len(world.workers) == 1
    await world.manager.pair("shop")
    await world.time.advance(1)
    assert len(world.workers) == 2


async def test_pairing_whose_worker_falls_silent_expires(world: World) -> None:
    world.registry.update("shop", paired=False)
    await world.manager.start()
    await world.manager.pair("shop")
    await world.time.advance(0)
    world.worker.report(qr(world))
    await world.time.advance(20 + 15)
    assert (world.state(), world.reason()) == (S.LOGGED_OUT, Reason.QR_EXPIRED)


async def test_pairing_without_a_code_in_30_s_has_no_network(world: World) -> None:
    world.registry.update("shop", paired=False)
    await world.manager.start()
    await world.manager.pair("shop")
    await world.time.advance(30)
    assert (world.state(), world.reason()) == (S.LOGGED_OUT, Reason.PAIRING_NO_NETWORK)


async def test_cancelled_pairing_ends_its_worker(world: World) -> None:
    world.registry.update("shop", paired=False)
    await world.manager.start()
    await world.manager.pair("shop")
    await world.time.advance(0)
    world.worker.report(qr(world))
    await world.manager.cancel_pairing("shop")
    await settle()
    assert world.worker.ending == "stopped"
    assert world.reason() is Reason.PAIRING_CANCELLED
    await world.manager.cancel_pairing("shop")


async def test_failed_redial_after_a_scan_is_repaired_without_a_new_code(world: World) -> None:
    world.registry.update("shop", paired=False)
    await world.manager.start()
    await world.manager.pair("shop")
    await world.time.advance(0)
    world.worker.report(qr(world))
    world.worker.report(ev.PairingSucceeded(phone="34600111222"))
    await world.time.advance(59)
    assert len(world.workers) == 1
    await world.time.advance(2)
    assert len(world.workers) == 2
    assert world.worker.started is not None
    assert world.worker.started.pair is False
    world.worker.report(ev.LoggedIn(phone="34600111222"))
    assert world.progress()[-1].stage is PairingStage.DONE


async def test_another_phone_is_linked_but_said(world: World) -> None:
    worker = await world.connected()
    worker.report(ev.LoggedOut())
    await world.manager.pair("shop")
    await world.time.advance(1)
    world.worker.report(qr(world))
    world.worker.report(ev.PairingSucceeded(phone="34999888777"))
    snapshot = world.manager.snapshot("shop")
    assert (snapshot.phone, snapshot.notice) == ("34999888777", Reason.WRONG_PHONE)


async def test_pairing_a_connected_account_is_refused(world: World) -> None:
    await world.connected()
    with pytest.raises(ControlError, match="already_linked"):
        await world.manager.pair("shop")


async def test_locked_key_fails_without_a_worker_and_goes_on_when_unlocked(world: World) -> None:
    world.keys.reason = Reason.KEYRING_LOCKED
    await world.manager.start()
    await world.time.advance(1)
    assert (world.state(), world.reason()) == (S.FAILED, Reason.KEYRING_LOCKED)
    await world.time.advance(60)
    assert world.workers == []
    assert len(world.keys.asked) == 1  # nobody is prompted again and again
    world.keys.reason = None
    await world.time.advance(4)
    assert world.state() is S.CONNECTING
    assert world.keys.asked[-1] == "shop"


async def test_remove_unlinks_and_forgets(world: World) -> None:
    worker = await world.connected()
    folder = world.paths.session("shop")
    (folder / "session.vault").write_bytes(b"x")
    assert await world.manager.remove("shop") is True
    assert any(isinstance(command, commands.Unlink) for command in worker.told)
    assert not folder.exists()
    assert world.registry.all() == ()
    assert world.updates[-1] == SessionRemoved(id="shop")
    with pytest.raises(AccountError):
        world.manager.snapshot("shop")


async def test_add_makes_an_account_that_waits_for_a_phone(world: World) -> None:
    await world.manager.start()
    snapshot = world.manager.add("second", "Second shop")
    assert (snapshot.label, snapshot.state) == ("Second shop", S.LOGGED_OUT)
    with pytest.raises(AccountError):
        world.manager.add("second")
    with pytest.raises(AccountError):
        world.manager.add("../evil")


async def test_subscribe_returns_its_remover(world: World) -> None:
    heard: list[object] = []
    remove = world.manager.subscribe(heard.append)
    await world.manager.start()
    count = len(heard)
    assert count
    remove()
    remove()
    await world.manager.stop("shop")
    assert len(heard) == count


async def test_counts_add_up_over_workers(world: World) -> None:
    worker = await world.connected()
    worker.report(ev.Answered(received=3, replied=2))
    worker.report(ev.WorkerExited(status=-9))
    await world.time.advance(3)
    world.worker.report(ev.Answered(received=1, replied=1))
    snapshot = world.manager.snapshot("shop")
    assert (snapshot.received, snapshot.replied) == (4, 3)


async def test_notice_appears_and_goes(world: World) -> None:
    worker = await world.connected()
    worker.report(ev.Noticed(topic="bot", reason=Reason.BOT_FILE_BROKEN, detail="line 3"))
    snapshot = world.manager.snapshot("shop")
    assert (snapshot.notice, snapshot.notice_detail) == (Reason.BOT_FILE_BROKEN, "line 3")
    worker.report(ev.Noticed(topic="bot", reason=None))
    assert world.manager.snapshot("shop").notice is None


def test_start_time_is_what_the_clock_says(tmp_path: Path) -> None:
    world = World(tmp_path)
    assert world.manager.add("x").since == START


async def test_flapping_link_is_not_written_down_each_time(world: World) -> None:
    worker = await world.connected()
    first = world.registry.get("shop").last_connected
    written = world.paths.registry_file.stat().st_mtime_ns
    for _ in range(10):
        await world.time.advance(1)
        worker.report(ev.LinkLost())
        worker.report(ev.LoggedIn(phone="34600111222"))
    assert world.paths.registry_file.stat().st_mtime_ns == written
    await world.time.advance(60)
    worker.report(ev.LinkLost())
    worker.report(ev.LoggedIn(phone="34600111222"))
    last = world.registry.get("shop").last_connected
    assert first is not None
    assert last == world.time.wall
    assert last > first


async def test_milestones_of_the_start_are_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(tmp_path, accounts=("north", "south", "west"))
    world.registry.update("west", paired=False)
    with caplog.at_level(logging.INFO, "wabot_tray.sessions.manager"):
        await world.manager.start()
        await world.time.advance(1)
        north, south = world.workers
        north.report(ev.LoggedIn(phone="34600111222"))
        assert "Ready" not in caplog.messages
        south.report(ev.LoggedOut())
    assert [m for m in caplog.messages if "pairing" not in m] == [
        "Initialising…",
        "Found 2 active connections",
        "Restoring session for: north",
        "Restoring session for: south",
        "Session restored for: north",
        "Auto-reconnection set for: north",
        "Session not restored for: south",
        "Ready",
    ]
    await world.manager.close()


async def test_folder_that_cannot_be_made_is_a_state_with_a_reason(world: World) -> None:
    world.paths.sessions.write_text("a file where the folder should be", encoding="utf-8")
    await world.manager.start()
    await world.time.advance(1)
    assert (world.state(), world.reason()) == (S.FAILED, Reason.STORAGE_UNWRITABLE)


async def test_network_back_doubts_connected_links_too(world: World) -> None:
    worker = await world.connected()
    worker.answers_verify = False
    world.manager.resumed()
    await world.time.advance(0)
    assert world.state() is S.CONNECTING  # the link had died in its sleep
    assert worker.ending == "killed"


async def test_reconnect_of_a_never_linked_account_without_key_pairs_once_there_is_one(
    world: World,
) -> None:
    world.registry.update("shop", paired=False)
    world.keys.reason = Reason.KEYRING_ABSENT
    await world.manager.start()
    await world.manager.pair("shop")
    await world.time.advance(1)
    assert (world.state(), world.reason()) == (S.FAILED, Reason.KEYRING_ABSENT)
    assert world.progress()[-1].reason is Reason.KEYRING_ABSENT
    world.keys.reason = None
    await world.manager.reconnect("shop")
    await world.time.advance(1)
    assert world.worker.started is not None
    assert world.worker.started.pair is True


async def test_restart_before_the_worker_got_its_command_is_harmless(world: World) -> None:
    await world.manager.start()
    await world.manager.reconnect("shop")
    await world.manager.reconnect("shop")
    await world.time.advance(5)
    started = [worker for worker in world.workers if worker.started and not worker.ending]
    assert started == [world.worker]


async def test_stop_while_the_key_is_asked_for_stays_a_stop(world: World) -> None:
    world.keys.prompt = asyncio.get_running_loop().create_future()
    await world.manager.start()
    await settle()
    await world.manager.stop("shop")
    world.keys.prompt.set_exception(KeyUnavailableError(Reason.KEYRING_LOCKED))
    await world.time.advance(60)
    assert world.state() is S.STOPPED
    assert world.workers == []
