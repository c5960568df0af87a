"""What a worker does with its account: vault, connection and bot, from start to exit."""

import asyncio
import itertools
import logging
import os
import time
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from wabot_tray.bot.answering import AnsweringDesk, Outlets, make_desk
from wabot_tray.core import commands, exits
from wabot_tray.core import events as ev
from wabot_tray.core.clock import SYSTEM_CLOCK
from wabot_tray.core.errors import VaultError
from wabot_tray.core.messages import IncomingMessage
from wabot_tray.core.reasons import Reason
from wabot_tray.storage.live import LiveFiles
from wabot_tray.storage.recovery import set_vault_aside
from wabot_tray.storage.sealer import Sealer
from wabot_tray.storage.traces import Traces, find_traces
from wabot_tray.storage.vault import Origin, Vault
from wabot_tray.storage.watching import watch_database
from wabot_tray.system.memory import resident_bytes
from wabot_tray.worker.client import Listeners, WhatsAppClient

log = logging.getLogger(__name__)

HEARTBEAT_S: Final = 5.0
PHONE_EVERY_S: Final = 60.0  # between two words about the phone
LEAVE_DEADLINE_S: Final = 1.5
UNLINK_DEADLINE_S: Final = 8.0
CODE_DEADLINE_S: Final = 12.0
# whatsmeow reports a logout before it has deleted its records; leaving earlier finds them again.
LOGOUT_SETTLES_S: Final = 0.5
_CLIENTS: Final = itertools.count(1)


class WorkerSession:
    """One account's work in this process.

    Args:
        send: Hands an event to the main process; never blocks.
    """

    def __init__(self, send: Callable[[ev.WorkerEvent], None]) -> None:
        self._send = send
        self._over = asyncio.Event()
        self._started: asyncio.Future[commands.Start] = asyncio.get_running_loop().create_future()
        self._tasks: set[asyncio.Task[None]] = set()
        self._start: commands.Start | None = None
        self._client: WhatsAppClient | None = None
        self._sealer: Sealer | None = None
        self._desk: AnsweringDesk | None = None
        self._pace: commands.SetPace | None = None  # newer than what the start command said
        self._logged_out_at: float | None = None
        self._unlinking = False
        self._busy_at = time.monotonic()
        self._phone_seen_at: datetime | None = None
        self._phone_told_at = -PHONE_EVERY_S

    # --- from the pipe ---------------------------------------------------------------------------

    def on_command(self, command: commands.Command) -> None:
        """Do what the main process asks; runs on the loop."""
        match command:
            case commands.Start():
                if not self._started.done():
                    self._started.set_result(command)
                    self._pace = None
            case commands.SetPace():
                self._set_pace(command)
            case commands.Verify():
                self._own(self._verify(command))
            case commands.AskCode():
                self._own(self._ask_code(command.phone))
            case commands.Unlink():
                self._own(self._unlink())
            case commands.Stop():
                self.on_orphaned()
            case _:
                log.warning("a command of an unknown kind was ignored")

    def on_orphaned(self) -> None:
        """End, because nobody is left to work for; runs on the loop."""
        self._over.set()
        if not self._started.done():
            self._started.cancel()

    # --- life ------------------------------------------------------------------------------------

    async def run(self) -> int:
        """Work until told to stop; return the process's exit status."""
        self._own(self._beat())
        try:
            self._start = start = await self._started
        except asyncio.CancelledError:
            return exits.UNUSED
        try:
            vault, origin = await asyncio.to_thread(self._open_vault, start)
        except VaultError as err:
            log.warning("the vault cannot be used: %s", err)
            self._send(ev.StorageFailed(reason=err.reason, detail=err.detail))
            return exits.STORAGE
        if vault.is_empty and not start.pair:
            self._send(ev.LoggedOut(reason=Reason.NOT_PAIRED))
            await asyncio.to_thread(vault.close)
            return exits.SEALED
        database = Path(start.live_folder) / LiveFiles.DATABASE
        self._sealer = Sealer(
            vault,
            on_trouble=self._on_vault_trouble,
            on_sealed=self._on_sealed,
            watch=watch_database(database),
        )
        self._client = WhatsAppClient(
            vault.database_name,
            f"{start.account_id}-{os.getpid()}-{next(_CLIENTS)}",
            Listeners(
                self._on_event, self._jot, self._on_message, self._on_delivered, self._on_phone_seen
            ),
        )

        async def look_for_traces(secrets: Sequence[bytes]) -> Traces:
            complete = origin is Origin.LIVE
            return await asyncio.to_thread(find_traces, database, secrets, is_complete=complete)

        self._desk = make_desk(
            start, Outlets(self._client.send, self._counted, self._notify, look_for_traces)
        )
        if self._pace is not None:
            self._set_pace(self._pace)
        self._own(self._sealer.run())
        await self._desk.start()
        self._send(ev.WorkerReady(pid=os.getpid(), live_in_ram=start.live_in_ram))
        if vault.recovered:
            self._send(ev.Noticed(topic="vault", reason=Reason.VAULT_RECOVERED))
        await self._client.connect(start.proxy)
        await self._over.wait()
        return await self._leave(vault)

    def _open_vault(self, start: commands.Start) -> tuple[Vault, Origin]:
        vault = Vault(
            Path(start.folder),
            Path(start.live_folder),
            live_in_ram=start.live_in_ram,
            account_id=start.account_id,
            data_key=start.data_key,
        )
        try:
            origin = vault.open()
        except VaultError as err:
            if not start.pair or err.reason is not Reason.VAULT_DAMAGED:
                raise
            # The person chose to link the phone anew; what cannot be read is kept beside.
            set_vault_aside(Path(start.folder), SYSTEM_CLOCK.now())
            origin = vault.open()
        return vault, origin

    async def _leave(self, vault: Vault) -> int:
        """Close the connection, then seal; a logout leaves nothing to seal."""
        assert self._client is not None  # noqa: S101 - made before anything could end
        assert self._desk is not None  # noqa: S101
        assert self._sealer is not None  # noqa: S101
        await self._desk.stop_answering()
        if self._logged_out_at is not None:
            settled_at = self._logged_out_at + LOGOUT_SETTLES_S
            await asyncio.sleep(max(0.0, settled_at - time.monotonic()))
        await self._client.leave(LEAVE_DEADLINE_S)
        await self._desk.close()
        await self._sealer.stop()
        try:
            if self._logged_out_at is not None:
                await asyncio.to_thread(vault.erase)
            else:
                await asyncio.to_thread(vault.close)
        except VaultError as err:
            log.warning("the vault could not be sealed; the live file stays: %s", err)
            return exits.STORAGE
        return exits.SEALED

    # --- from WhatsApp ---------------------------------------------------------------------------

    def _on_event(self, event: ev.WorkerEvent) -> None:
        assert self._start is not None  # noqa: S101 - there is no client before
        match event:
            case ev.QrShown() if not self._start.pair:
                event = ev.LoggedOut(reason=Reason.NOT_PAIRED)
            case ev.LoggedOut():
                self._logged_out_at = time.monotonic()
                if self._unlinking:
                    return  # our own wish, answered by `Unlinked`
            case ev.PairingSucceeded():
                self._own(self._seal_now())
            case _:
                self._tell_desk(event)
        self._send(event)

    def _tell_desk(self, event: ev.WorkerEvent) -> None:
        if self._desk is None:
            return
        if isinstance(event, ev.LoggedIn | ev.LinkProved):
            self._desk.link_up()
        elif isinstance(event, ev.LinkLost | ev.KeepAliveMissed):
            self._desk.link_down()

    def _jot(self, message: IncomingMessage) -> bool:
        return self._desk is not None and self._desk.jot(message)

    def _on_message(self, message: IncomingMessage, is_jotted: bool) -> None:
        self._busy_at = time.monotonic()
        if self._desk is not None:
            self._desk.receive(message, is_jotted=is_jotted)

    def _on_delivered(self, chat: str, message_ids: tuple[str, ...], at: datetime) -> None:
        if self._desk is not None:
            self._desk.delivered(chat, message_ids, at)

    def _on_phone_seen(self, at: datetime) -> None:
        self._phone_seen_at = max(at, self._phone_seen_at or at)

    def _tell_phone(self) -> None:
        """Tell the newest sign of life once a minute: each reply brings one."""
        now = time.monotonic()
        if self._phone_seen_at is not None and now >= self._phone_told_at + PHONE_EVERY_S:
            self._send(ev.PhoneSeen(at=self._phone_seen_at))
            self._phone_seen_at, self._phone_told_at = None, now

    # --- work ------------------------------------------------------------------------------------

    def _counted(self, received: int, replied: int) -> None:
        self._busy_at = time.monotonic()
        self._send(ev.Answered(received=received, replied=replied))

    def _notify(self, topic: str, reason: Reason | None, detail: str) -> None:
        self._send(ev.Noticed(topic=topic, reason=reason, detail=detail))

    def _set_pace(self, command: commands.SetPace) -> None:
        self._pace = command  # the desk may not be there yet
        if self._desk is not None:
            self._desk.set_pace(quiet_s=command.quiet_s, max_age_s=command.answer_max_age_s)

    async def _verify(self, command: commands.Verify) -> None:
        began = time.monotonic()
        answered = self._client is not None and await self._client.round_trip(command.deadline_s)
        took_ms = (time.monotonic() - began) * 1000
        self._send(ev.Verified(token=command.token, answered=answered, took_ms=took_ms))

    async def _ask_code(self, phone: str) -> None:
        if self._client is not None:
            await self._client.ask_code(phone, CODE_DEADLINE_S)

    async def _unlink(self) -> None:
        self._unlinking = True
        done = self._client is not None and await self._client.logout(UNLINK_DEADLINE_S)
        if done:
            self._logged_out_at = time.monotonic()
        self._unlinking = False
        self._send(ev.Unlinked(done=done))

    async def _seal_now(self) -> None:
        if self._sealer is not None:
            await self._sealer.seal_now()

    def _on_vault_trouble(self, error: VaultError | None) -> None:
        reason = None if error is None else error.reason
        self._send(ev.Noticed(topic="vault", reason=reason))

    def _on_sealed(self, generation: int) -> None:
        log.debug("sealed, generation %d", generation)

    async def _beat(self) -> None:
        while True:
            self._tell_phone()
            idle_s = time.monotonic() - self._busy_at
            self._send(ev.Heartbeat(memory_bytes=resident_bytes(), idle_s=idle_s))
            await asyncio.sleep(HEARTBEAT_S)

    def _own(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (err := task.exception()) is not None:
            log.error("a task of the worker failed", exc_info=err)
