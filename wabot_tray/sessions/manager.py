"""All sessions: starts them, watches them, and is what the windows and the command line talk to."""

import asyncio
import logging
import random as system_random
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta

from wabot_tray.core import commands
from wabot_tray.core import events as ev
from wabot_tray.core.accounts import checked_label
from wabot_tray.core.clock import SYSTEM_CLOCK, Clock
from wabot_tray.core.codes import CodeAllowance
from wabot_tray.core.errors import AccountError, ControlError
from wabot_tray.core.proxies import checked_proxy
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
from wabot_tray.sessions.keywatch import Keys, ReturnWatch
from wabot_tray.sessions.launching import Launching
from wabot_tray.sessions.livewatch import LiveWatch
from wabot_tray.sessions.milestones import Milestones
from wabot_tray.sessions.phonewatch import Phones
from wabot_tray.sessions.recorder import Recorder
from wabot_tray.sessions.records import Records
from wabot_tray.sessions.session import Session
from wabot_tray.sessions.setdown import SetDown
from wabot_tray.sessions.supervisor import WorkerFactory
from wabot_tray.sessions.waking import Waking
from wabot_tray.sessions.ways import NO_PASSWORDS, Passwords, Ways
from wabot_tray.sessions.weight import LIMIT_BYTES
from wabot_tray.storage.history_file import HistoryFolder
from wabot_tray.storage.registry import Account, Registry
from wabot_tray.system.paths import Paths

log = logging.getLogger(__name__)


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
        memory_limit_bytes: What a worker may hold before it is replaced.
        passwords: Of proxies.
        history: Where the accounts' histories are kept; None keeps them in memory alone.
    """

    registry: Registry
    keys: Keys
    paths: Paths
    make_worker: WorkerFactory
    clock: Clock = SYSTEM_CLOCK
    random: Callable[[], float] = system_random.random
    call_later: Callable[[float, Callable[[], None]], Handle] | None = None
    memory_limit_bytes: int = LIMIT_BYTES
    passwords: Passwords = NO_PASSWORDS
    history: HistoryFolder | None = None


class SessionManager:
    """Every account's session, and the one object that outsiders ask and listen to.

    Args:
        parts: What it is made of.
        settings: What new workers are told of pace and age.
    """

    def __init__(self, parts: Parts, settings: Settings) -> None:
        self._parts = parts
        self._keepers: dict[str, SessionKeeper] = {}
        self._waking = Waking(self._keepers)
        self._phones = Phones()
        self._listeners: list[Callable[[Update], None]] = []
        self._milestones = Milestones()
        self.ways = Ways(parts.registry, parts.passwords, lambda: self._launching.settings)
        self.history = Recorder(parts.clock, self._call_later, parts.history)
        self._records = Records(parts.registry, parts.clock)
        self._launching = Launching(
            parts.paths, parts.keys, parts.clock, self._call_later, settings, self.ways.url_of
        )
        self._return_watch = ReturnWatch(
            parts.keys,
            self._launching.has_room,
            lambda: list(self._keepers.values()),
            call_later=self._call_later,
            clock=parts.clock,
            random=parts.random,
        )
        self._around = Surroundings(
            clock=parts.clock,
            call_later=self._call_later,
            make_worker=parts.make_worker,
            start_command=self._launching.start_command,
            worker_left=self._launching.worker_left,
            login_slot=self._launching.login_slot,
            published=self._publish,
            pairing=self._publish_pairing,
            on_event=self._on_event,
            memory_limit_bytes=parts.memory_limit_bytes,
        )
        self._set_down = SetDown(parts.registry, self._keepers, self._adopt, self._publish)
        self.live_watch = LiveWatch(self._launching, lambda: list(self._keepers.values()))

    # --- life ------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Restore every account that is wanted; returns at once, the logins follow staggered."""
        log.info("Initialising…")
        accounts = self._parts.registry.all()
        self.history.begin(account.id for account in accounts)
        for account in accounts:
            self._adopt(account)
        wanted = [account for account in accounts if account.enabled]
        self._milestones.begin(account.id for account in wanted if account.paired)
        for account in wanted:
            start = ev.StartAsked(reason=Reason.PROGRAM_STARTED)
            self._keepers[account.id].handle(start if account.paired else ev.NotPaired())
        for account in accounts:
            self.history.note(self.snapshot(account.id))

    async def close(self) -> None:
        """Let all workers go, sealed and politely. Closing twice is harmless."""
        await self._return_watch.close()
        await asyncio.gather(*(keeper.close() for keeper in self._keepers.values()))
        await self.history.close()

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
            answered_today=self.history.today(account_id).answered,
            notice=notice,
            notice_detail=detail,
            phone_silent_since=self._phones.silent_since(account_id, self._parts.clock.now()),
        )
        return keeper.session.view(base)

    def worker_memory(self) -> dict[str, int]:
        """Return the bytes each running worker last said it holds; 0 where it does not know."""
        return {
            account_id: keeper.memory_bytes
            for account_id, keeper in self._keepers.items()
            if keeper.session.state.has_worker
        }

    def pairing(self, account_id: str) -> PairingProgress | None:
        """Return the attempt to link a phone that is under way, if any.

        Raises:
            AccountError: There is no account of that name.
        """
        return self._keeper(account_id).linking.progress

    def code_allowance(self, account_id: str) -> CodeAllowance:
        """Return how many codes to type this account may still ask for.

        Raises:
            AccountError: There is no account of that name.
        """
        return self._records.code_allowance(account_id)

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
            ControlError: The label cannot be shown on one line, or a restore brings this id.
        """
        self._set_down.refuse(account_id)
        account = self._parts.registry.add(account_id, label=checked_label(label) or account_id)
        self.history.added(account.id)
        self._adopt(account).handle(ev.NotPaired())
        self._publish(account.id)
        return self.snapshot(account.id)

    def rename(self, account_id: str, label: str) -> None:
        """Give an account another label.

        Raises:
            AccountError: There is no account of that name.
            ControlError: The label cannot be shown on one line.
        """
        self._parts.registry.update(account_id, label=checked_label(label) or account_id)
        self._publish(account_id)

    async def remove(self, account_id: str) -> bool:
        """Unlink the phone where it can be reached, and forget the account and all it kept.

        Returns:
            Whether WhatsApp confirmed the unlinking; if not, the phone still lists this computer.

        Raises:
            AccountError: There is no account of that name.
        """
        keeper = self._free_keeper(account_id)
        unlinked = await keeper.unlink()
        keeper.handle(ev.StopAsked())
        await keeper.close()
        del self._keepers[account_id]
        self._phones.forget(account_id)
        live = self._launching.live_folder(account_id)
        for folder in (self._parts.paths.session(account_id), live):
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        self._parts.registry.remove(account_id)
        log.info("session %s: removed (%s)", account_id, "unlinked" if unlinked else "not unlinked")
        self.history.forget(account_id)
        self._tell(SessionRemoved(id=account_id))
        return unlinked

    async def connect(self, account_id: str) -> None:
        """Want this account connected from now on.

        Raises:
            AccountError: There is no account of that name.
            ControlError: It was never linked, or waits for a phone just now.
        """
        keeper = self._free_keeper(account_id)
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
        keeper = self._free_keeper(account_id)
        self._parts.registry.update(account_id, enabled=False)
        keeper.handle(ev.StopAsked())
        await keeper.gone()

    async def reconnect(self, account_id: str) -> None:
        """Connect anew at once, whatever the state is; returns when the attempt has begun.

        Raises:
            AccountError: There is no account of that name.
            ControlError: It would not help: the phone must be linked first, or a ban holds.
        """
        keeper = self._free_keeper(account_id)
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
            keeper.handle(ev.RestartAsked(by_person=True, reason=Reason.RECONNECT_BY_PERSON))
        elif session.state is SessionState.FAILED and not account.paired:
            await self.pair(account_id)  # there was no key to begin with; perhaps there is now
        else:
            await self.connect(account_id)

    async def pair(self, account_id: str, phone: str = "") -> None:
        """Begin to link a phone, or ask for new codes; `PairingProgress` tells the rest.

        A second call with another way goes over to that one and loses nothing that is shown.

        Args:
            account_id: Which account.
            phone: Its number in digits, international form, to be linked by a code that is typed
                there; by a QR code without it.

        Raises:
            AccountError: There is no account of that name.
            ControlError: The account is linked and connected, or has had its codes for now.
        """
        keeper = self._free_keeper(account_id)
        state = keeper.session.state
        if state.has_worker and state is not SessionState.PAIRING and not keeper.session.pairing:
            raise ControlError("error.already_linked", id=account_id)
        if phone and not keeper.linking.has_ready(phone):
            self._records.refuse_without_codes(account_id)
        self._parts.registry.update(account_id, enabled=True)
        if not keeper.session.linking:
            keeper.pair(phone)

    async def cancel_pairing(self, account_id: str) -> None:
        """End an attempt to link a phone; without one this is harmless.

        Raises:
            AccountError: There is no account of that name.
        """
        keeper = self._keeper(account_id)
        if keeper.session.pairing and not keeper.session.linking:
            keeper.handle(ev.PairingFailed(reason=Reason.PAIRING_CANCELLED))

    def use(self, settings: Settings) -> None:
        """Work by `settings` from now on; running workers are told what has changed for them."""
        ways = self.ways.by_account()
        before, self._launching.settings = self._launching.settings, settings
        self._take_new_ways(ways)
        if (before.quiet_s, before.answer_max_age_h) == (
            settings.quiet_s,
            settings.answer_max_age_h,
        ):
            return
        pace = commands.SetPace(
            quiet_s=settings.quiet_s, answer_max_age_s=settings.answer_max_age_h * 3600
        )
        for keeper in self._keepers.values():
            keeper.set_pace(pace)

    def set_down(self, account_ids: Collection[str]) -> AbstractAsyncContextManager[Registry]:
        """Run no worker of these accounts while a block changes their files. See `SetDown`."""
        return self._set_down.during(account_ids)

    def set_proxy(self, account_id: str, proxy: str) -> None:
        """Give an account a way of its own to WhatsApp; it takes it at once.

        Args:
            account_id: Which account.
            proxy: See core/proxies.py; "" for what the settings say.

        Raises:
            AccountError: There is no account of that name.
            SettingsError: `proxy` is no way.
            VaultError: It could not be saved.
        """
        ways = self.ways.by_account()
        self._parts.registry.update(account_id, proxy=checked_proxy(proxy, of_account=True))
        self._take_new_ways(ways)
        self._publish(account_id)

    def dial_anew(self, way: str) -> None:
        """Make new links for the accounts that take this way, since its password is another."""
        for account_id in self.ways.all().get(way, ()):
            self._waking.dial_anew(account_id)

    # --- watching --------------------------------------------------------------------------------

    def check(self) -> None:
        """Look at every session's deadlines and restart what is overdue. Cheap; never blocks."""
        acted = sum(keeper.check() for keeper in self._keepers.values())
        for account_id in self._keepers:
            self._keep_phone(account_id)
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
            self._waking.wake()

    def resumed(self, away: timedelta = timedelta()) -> None:
        """Hear that the computer was asleep: every link is doubtful and every wait is over.

        Args:
            away: How long, as far as that is known.
        """
        self.history.slept(away)
        log.info("back from sleep; every session is looked at")
        self._waking.wake()

    def clock_set(self, jump: timedelta) -> None:
        """Hear that the wall clock was set by `jump`: nothing restarts, what is shown stays right.

        A paused virtual machine looks the same from inside, so connected links are asked.
        """
        self.history.clock_set(jump)
        for account_id, keeper in self._keepers.items():
            keeper.clock_set(jump)
            self._publish(account_id)
            keeper.doubt()

    def trouble(self, account_ids: Sequence[str] | None = None) -> bool:
        """Whether any of these sessions, or of all, is on its way to a link: a look may help."""
        return self._waking.trouble(account_ids)

    def door_opened(self, account_ids: Sequence[str]) -> None:
        """Hear that WhatsApp can be reached again by the way of these accounts."""
        self._waking.wake(account_ids)

    # --- inside ----------------------------------------------------------------------------------

    def _take_new_ways(self, before: Mapping[str, str]) -> None:
        for account_id, way in self.ways.by_account().items():
            if before.get(account_id, way) != way:
                self._waking.dial_anew(account_id)

    def _adopt(self, account: Account) -> SessionKeeper:
        session = Session(account.id, self._parts.clock, self._parts.random)
        self._phones.adopt(account.id, account.phone_seen, account.phone_owes)
        keeper = self._keepers[account.id] = SessionKeeper(session, self._around)
        return keeper

    def _keeper(self, account_id: str) -> SessionKeeper:
        if (keeper := self._keepers.get(account_id)) is None:
            raise AccountError("error.account_unknown", id=account_id[:80])
        return keeper

    def _free_keeper(self, account_id: str) -> SessionKeeper:
        """Return a keeper that may act; ControlError while its account is set down."""
        keeper = self._keeper(account_id)
        self._set_down.refuse(account_id)
        return keeper

    def _call_later(self, delay_s: float, callback: Callable[[], None]) -> Handle:
        if self._parts.call_later is not None:
            return self._parts.call_later(delay_s, callback)
        return asyncio.get_running_loop().call_later(delay_s, callback)

    def _on_event(self, account_id: str, event: ev.Event) -> None:
        """Keep in the registry what outlives a session, and what else an event sets off."""
        self._phones.heard(account_id, event, self._parts.clock.now())
        match event:
            case ev.PairingSucceeded():
                known = self._parts.registry.get(account_id).phone
                if known is not None and known != event.phone:
                    notice = ev.Noticed(topic="phone", reason=Reason.WRONG_PHONE)
                    self._keepers[account_id].handle(notice)
            case ev.KeyUnavailable() | ev.StorageFailed():
                self._return_watch.arm()
            case _:
                pass
        self._records.note(account_id, event)

    def _keep_phone(self, account_id: str) -> None:
        account = self._parts.registry.get(account_id)
        kept = account.phone_seen, account.phone_owes
        worth = self._phones.worth_keeping(account_id, kept, self._parts.clock.now())
        if worth is not None:
            self._records.remember(account_id, phone_seen=worth[0], phone_owes=worth[1])

    def _publish(self, account_id: str) -> None:
        if (keeper := self._keepers.get(account_id)) is not None:
            self._milestones.note(account_id, keeper.session.state)
            self.history.note(self.snapshot(account_id))  # first, for it counts the day's messages
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
