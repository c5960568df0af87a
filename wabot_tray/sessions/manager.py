"""All sessions: starts them, watches them, and is what the windows and the command line talk to."""

import asyncio
import logging
import random as system_random
import shutil
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from wabot_tray.core import commands
from wabot_tray.core import events as ev
from wabot_tray.core.clock import SYSTEM_CLOCK, Clock
from wabot_tray.core.errors import AccountError, ControlError, VaultError
from wabot_tray.core.reasons import Reason
from wabot_tray.core.settings import Settings
from wabot_tray.core.snapshot import (
    PairingProgress,
    SessionRemoved,
    SessionSnapshot,
    Update,
    VerifyResult,
)
from wabot_tray.core.states import SessionState
from wabot_tray.sessions.keeper import Handle, SessionKeeper, Surroundings
from wabot_tray.sessions.session import Session
from wabot_tray.sessions.supervisor import WorkerFactory
from wabot_tray.storage.registry import Account, Registry
from wabot_tray.storage.vault import remove_live
from wabot_tray.system.paths import Paths, make_private
from wabot_tray.system.power import JumpDetector

log = logging.getLogger(__name__)

LOGIN_SPACING_S: Final = 0.5  # at most two logins a second
KEY_POLL_S: Final = 3.0
KEY_REASONS: Final = frozenset(
    {
        Reason.KEYRING_LOCKED,
        Reason.KEYRING_ABSENT,
        Reason.KEYRING_SLOW,
        Reason.KEY_MISSING,
        Reason.KEY_WRONG,
    }
)


_UNDERWAY: Final = frozenset(
    {SessionState.CONNECTING, SessionState.WAITING, SessionState.RECONNECTING}
)


class Keys(Protocol):
    """Where the accounts' keys come from."""

    async def data_key(self, account_id: str) -> bytes:
        """Return an account's 32-byte key; raises KeyUnavailableError or VaultError."""

    async def is_available(self) -> bool:
        """Whether asking would succeed now, found out without prompting anybody."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a manager is made of.

    Args:
        registry: The accounts.
        keys: Where their keys come from.
        paths: Where everything lies.
        make_worker: Makes a worker.
        clock: Injected time.
        random: For jitter; returns numbers in [0, 1).
        call_later: Runs a callback after so many seconds; the running loop's by default.
    """

    registry: Registry
    keys: Keys
    paths: Paths
    make_worker: WorkerFactory
    clock: Clock = SYSTEM_CLOCK
    random: Callable[[], float] = system_random.random
    call_later: Callable[[float, Callable[[], None]], Handle] | None = None


class SessionManager:
    """Every account's session, and the one object that outsiders ask and listen to.

    Args:
        parts: What it is made of.
        settings: Intervals and limits; `apply_settings` changes them.
    """

    def __init__(self, parts: Parts, settings: Settings) -> None:
        self._parts = parts
        self._settings = settings
        self._keepers: dict[str, SessionKeeper] = {}
        self._listeners: list[Callable[[Update], None]] = []
        self._next_login = 0.0
        self._tasks: set[asyncio.Task[Any]] = set()
        self._restoring: set[str] = set()
        self._key_poll: Handle | None = None
        self._jumps = JumpDetector(parts.clock)
        self._closed = False
        self._around = Surroundings(
            clock=parts.clock,
            call_later=self._call_later,
            make_worker=parts.make_worker,
            start_command=self._start_command,
            worker_left=self._worker_left,
            login_slot=self._login_slot,
            published=self._publish,
            pairing=self._publish_pairing,
            on_event=self._on_event,
        )

    # --- life ------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Restore every account that is wanted; returns at once, the logins follow staggered."""
        log.info("Initialising…")
        accounts = self._parts.registry.all()
        for account in accounts:
            self._adopt(account)
        active = [account for account in accounts if account.enabled and account.paired]
        log.info("Found %d active connections", len(active))
        for account in accounts:
            keeper = self._keepers[account.id]
            if not account.enabled:
                continue
            if not account.paired:
                keeper.handle(ev.NotPaired())
                continue
            log.info("Restoring session for: %s", account.id)
            self._restoring.add(account.id)
            keeper.handle(ev.StartAsked(reason=Reason.PROGRAM_STARTED))
        if not self._restoring:
            log.info("Ready")

    async def close(self) -> None:
        """Let all workers go, sealed and politely. Closing twice is harmless."""
        self._closed = True
        if self._key_poll is not None:
            self._key_poll.cancel()
        await asyncio.gather(*(keeper.close() for keeper in self._keepers.values()))
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def apply_settings(self, settings: Settings) -> None:
        """Use `settings` from the next worker on."""
        self._settings = settings

    # --- looking ---------------------------------------------------------------------------------

    def snapshots(self) -> tuple[SessionSnapshot, ...]:
        """Return every account, in the order they were added."""
        return tuple(self.snapshot(account.id) for account in self._parts.registry.all())

    def snapshot(self, account_id: str) -> SessionSnapshot:
        """Return one account.

        Raises:
            AccountError: There is none of that name.
        """
        keeper = self._keeper(account_id)
        account = self._parts.registry.get(account_id)
        notice, detail = next(iter(keeper.notices.values()), (None, ""))
        base = SessionSnapshot(
            id=account.id,
            label=account.label,
            phone=account.phone,
            enabled=account.enabled,
            paired=account.paired,
            last_connected_at=account.last_connected,
            state=keeper.session.state,
            reason=keeper.session.reason,
            since=keeper.session.since,
            received=keeper.received,
            replied=keeper.replied,
            notice=notice,
            notice_detail=detail,
        )
        return keeper.session.view(base)

    def pairing(self, account_id: str) -> PairingProgress | None:
        """Return the attempt to link a phone that is under way, if any.

        Raises:
            AccountError: There is no account of that name.
        """
        return self._keeper(account_id).progress

    def subscribe(self, listener: Callable[[Update], None]) -> Callable[[], None]:
        """Call `listener` with every update from now on; return what ends that."""
        self._listeners.append(listener)

        def remove() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return remove

    # --- changing --------------------------------------------------------------------------------

    def add(self, account_id: str, label: str = "") -> SessionSnapshot:
        """Add an account, not linked yet.

        Raises:
            AccountError: The id is refused or taken.
        """
        account = self._parts.registry.add(account_id, label=label.strip() or account_id)
        self._adopt(account).handle(ev.NotPaired())
        self._publish(account.id)
        return self.snapshot(account.id)

    def rename(self, account_id: str, label: str) -> None:
        """Give an account another label.

        Raises:
            AccountError: There is no account of that name.
        """
        self._parts.registry.update(account_id, label=label.strip() or account_id)
        self._publish(account_id)

    async def remove(self, account_id: str) -> bool:
        """Unlink the phone where it can be reached, and forget the account and all it kept.

        Returns:
            Whether WhatsApp confirmed the unlinking; if not, the phone still lists this computer.

        Raises:
            AccountError: There is no account of that name.
        """
        keeper = self._keeper(account_id)
        unlinked = await keeper.unlink()
        keeper.handle(ev.StopAsked())
        await keeper.close()
        del self._keepers[account_id]
        self._restoring.discard(account_id)
        for folder in (self._parts.paths.session(account_id), self._parts.paths.live(account_id)):
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        self._parts.registry.remove(account_id)
        log.info("session %s: removed (%s)", account_id, "unlinked" if unlinked else "not unlinked")
        self._tell(SessionRemoved(id=account_id))
        return unlinked

    async def connect(self, account_id: str) -> None:
        """Want this account connected from now on.

        Raises:
            AccountError: There is no account of that name.
            ControlError: It was never linked, or waits for a phone just now.
        """
        keeper = self._keeper(account_id)
        account = self._parts.registry.update(account_id, enabled=True)
        if not account.paired:
            if keeper.session.state is SessionState.STOPPED:
                keeper.handle(ev.NotPaired())
            raise ControlError("error.needs_pairing", id=account_id)
        keeper.handle(ev.StartAsked(reason=Reason.STARTED_BY_PERSON))

    async def stop(self, account_id: str) -> None:
        """Want this account off, now and at the next start; returns when its worker is gone.

        Raises:
            AccountError: There is no account of that name.
        """
        keeper = self._keeper(account_id)
        self._parts.registry.update(account_id, enabled=False)
        keeper.handle(ev.StopAsked())
        await keeper.gone()

    async def reconnect(self, account_id: str) -> None:
        """Connect anew at once, whatever the state is; returns when the attempt has begun.

        Raises:
            AccountError: There is no account of that name.
            ControlError: It would not help: the phone must be linked first, or a ban holds.
        """
        keeper = self._keeper(account_id)
        session = keeper.session
        account = self._parts.registry.get(account_id)
        if session.state is SessionState.PAIRING or session.pairing:
            raise ControlError("error.pairing_under_way", id=account_id)
        if session.state is SessionState.LOGGED_OUT:
            raise ControlError("error.needs_pairing", id=account_id)
        if session.state is SessionState.BANNED:
            raise ControlError("error.banned", id=account_id)
        log.info("session %s: reconnect now", account_id)
        if session.state.has_worker or session.state is SessionState.WAITING:
            keeper.handle(ev.RestartAsked(by_person=True))
        elif session.state is SessionState.FAILED and not account.paired:
            await self.pair(account_id)  # there was no key to begin with; perhaps there is now
        else:
            await self.connect(account_id)

    async def pair(self, account_id: str) -> None:
        """Begin to link a phone, or ask for new codes; `PairingProgress` tells the rest.

        Raises:
            AccountError: There is no account of that name.
            ControlError: The account is linked and connected.
        """
        keeper = self._keeper(account_id)
        state = keeper.session.state
        if state.has_worker and state is not SessionState.PAIRING and not keeper.session.pairing:
            raise ControlError("error.already_linked", id=account_id)
        self._parts.registry.update(account_id, enabled=True)
        if state is SessionState.CONNECTING:
            return  # the codes are on their way
        keeper.handle(ev.PairAsked())

    async def cancel_pairing(self, account_id: str) -> None:
        """End an attempt to link a phone; without one this is harmless.

        Raises:
            AccountError: There is no account of that name.
        """
        keeper = self._keeper(account_id)
        if keeper.session.pairing and not keeper.session.linking:
            keeper.handle(ev.PairingFailed(reason=Reason.PAIRING_CANCELLED))

    # --- watching --------------------------------------------------------------------------------

    def check(self) -> None:
        """Look at every session's deadlines and restart what is overdue. Cheap; never blocks."""
        if (jump := self._jumps.observe()) is not None:
            log.info("the clock jumped by %.0f s", jump.total_seconds())
            self.resumed()
        acted = sum(keeper.check() for keeper in self._keepers.values())
        up = sum(
            keeper.session.state is SessionState.CONNECTED for keeper in self._keepers.values()
        )
        log.info("check: %d sessions, %d connected, %d overdue", len(self._keepers), up, acted)

    async def verify(self, account_ids: Sequence[str] | None = None) -> tuple[VerifyResult, ...]:
        """Make a round trip to WhatsApp for each account, or for those named.

        Raises:
            AccountError: There is no account of one of the names.
        """
        chosen = list(self._keepers) if account_ids is None else list(account_ids)
        keepers = [self._keeper(account_id) for account_id in chosen]
        began = self._parts.clock.monotonic()
        results = await asyncio.gather(*(keeper.verify() for keeper in keepers))
        took_ms = (self._parts.clock.monotonic() - began) * 1000
        asked = sum(result.connected for result in results)
        answered = sum(result.answered for result in results)
        log.info("verify: %d sessions, %d answered, %.0f ms", asked, answered, took_ms)
        return tuple(results)

    def network_changed(self, *, online: bool) -> None:
        """Hear from the system that the network came or went; only its coming is acted on."""
        log.info("the network is %s", "up" if online else "down")
        if online:
            self._wake()

    def resumed(self) -> None:
        """Hear that the computer was asleep: every link is doubtful and every wait is over."""
        log.info("back from sleep; every session is looked at")
        self._jumps.observe()  # the same sleep is not found a second time
        self._wake()

    def trouble(self) -> bool:
        """Whether any session is on its way to a link, so that a look at the network may help."""
        return any(keeper.session.state in _UNDERWAY for keeper in self._keepers.values())

    # --- inside ----------------------------------------------------------------------------------

    def _wake(self) -> None:
        doubtful = []
        for keeper in self._keepers.values():
            if keeper.session.state in {SessionState.WAITING, SessionState.RECONNECTING}:
                keeper.handle(ev.RestartAsked())
            elif keeper.session.state is SessionState.CONNECTED:
                doubtful.append(keeper)
            else:
                keeper.check()
        for keeper in doubtful:
            self._own(keeper.verify())

    def _adopt(self, account: Account) -> SessionKeeper:
        session = Session(account.id, self._parts.clock, self._parts.random)
        keeper = self._keepers[account.id] = SessionKeeper(session, self._around)
        return keeper

    def _keeper(self, account_id: str) -> SessionKeeper:
        if (keeper := self._keepers.get(account_id)) is None:
            raise AccountError("error.account_unknown", id=account_id[:80])
        return keeper

    async def _start_command(self, account_id: str, pair: bool) -> commands.Start:
        paths = self._parts.paths
        account = self._parts.registry.get(account_id)
        folder, live = paths.session(account_id), paths.live(account_id)
        for private in (paths.sessions, folder, paths.runtime, live.parent, live):
            make_private(private)
        key = await self._parts.keys.data_key(account_id)
        return commands.Start(
            account_id=account_id,
            folder=str(folder),
            live_folder=str(live),
            live_in_ram=paths.runtime_in_ram,
            bot_file=str(paths.bot_file),
            data_key=key,
            pair=pair,
            expected_phone=account.phone,
            quiet_s=self._settings.quiet_s,
            answer_max_age_s=self._settings.answer_max_age_h * 3600,
        )

    def _worker_left(self, account_id: str) -> None:
        """Remove what a worker could not: on Windows nobody may delete a file it has open."""
        try:
            remove_live(self._parts.paths.live(account_id))
        except VaultError as err:
            log.warning("session %s: the live file could not be removed: %s", account_id, err)

    async def _login_slot(self) -> None:
        now = self._parts.clock.monotonic()
        slot = max(now, self._next_login)
        self._next_login = slot + LOGIN_SPACING_S
        if slot > now:
            await self._pause(slot - now)

    async def _pause(self, delay_s: float) -> None:
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def wake() -> None:
            if not over.done():
                over.set_result(None)

        handle = self._call_later(delay_s, wake)
        try:
            await over
        finally:
            handle.cancel()

    def _call_later(self, delay_s: float, callback: Callable[[], None]) -> Handle:
        if self._parts.call_later is not None:
            return self._parts.call_later(delay_s, callback)
        return asyncio.get_running_loop().call_later(delay_s, callback)

    def _on_event(self, account_id: str, event: ev.Event) -> None:
        """Keep in the registry what outlives a session."""
        registry = self._parts.registry
        match event:
            case ev.PairingSucceeded():
                known = registry.get(account_id).phone
                if known is not None and known != event.phone:
                    notice = ev.Noticed(topic="phone", reason=Reason.WRONG_PHONE)
                    self._keepers[account_id].handle(notice)
                self._remember(account_id, paired=True, phone=event.phone)
            case ev.LoggedIn():
                now = self._parts.clock.now()
                phone = event.phone or registry.get(account_id).phone
                self._remember(account_id, paired=True, phone=phone, last_connected=now)
                self._restored(account_id)
            case ev.LoggedOut():
                self._remember(account_id, paired=False)
            case ev.KeyUnavailable():
                self._poll_keys()
            case _:
                pass

    def _remember(self, account_id: str, **changes: object) -> None:
        """Keep `changes`; a disk that refuses must not stop a session that is connected."""
        try:
            self._parts.registry.update(account_id, **changes)
        except VaultError as err:
            log.warning("session %s: the list of accounts could not be saved: %s", account_id, err)

    def _restored(self, account_id: str) -> None:
        if account_id not in self._restoring:
            return
        self._restoring.discard(account_id)
        log.info("Session restored for: %s", account_id)
        log.info("Auto-reconnection set for: %s", account_id)
        if not self._restoring:
            log.info("Ready")

    def _poll_keys(self) -> None:
        if self._key_poll is None and not self._closed:
            self._key_poll = self._call_later(KEY_POLL_S, self._look_for_keys)

    def _look_for_keys(self) -> None:
        self._key_poll = None
        stuck = [
            keeper
            for keeper in self._keepers.values()
            if keeper.session.state is SessionState.FAILED and keeper.session.reason in KEY_REASONS
        ]
        if stuck:
            self._own(self._retry_with_keys(stuck))

    async def _retry_with_keys(self, stuck: list[SessionKeeper]) -> None:
        if not await self._parts.keys.is_available():
            self._poll_keys()
            return
        for keeper in stuck:
            if keeper.session.state is SessionState.FAILED and keeper.session.reason in KEY_REASONS:
                keeper.handle(ev.RetryDue())

    def _publish(self, account_id: str) -> None:
        if account_id in self._keepers:
            self._tell(self.snapshot(account_id))

    def _publish_pairing(self, progress: PairingProgress) -> None:
        log.info("session %s: pairing: %s", progress.id, progress.stage)
        self._tell(progress)

    def _tell(self, update: Update) -> None:
        for listener in tuple(self._listeners):
            try:
                listener(update)
            except Exception:
                log.exception("a listener failed")

    def _own(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
