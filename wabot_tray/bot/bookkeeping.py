"""The inbox as the answering desk sees it: off the event loop, and never a reason not to answer.

What is written is safe from a killed process at once, which takes a tenth of a millisecond and is
done on the event loop; safe from a power cut some milliseconds later, which is waited for on a
thread. When the disk refuses, the person is told, messages are answered from memory, and what
should have been written is written once the disk allows it.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol, TypeVar

from wabot_tray.bot.rulebook import Reply
from wabot_tray.core.clock import Clock
from wabot_tray.core.errors import VaultError
from wabot_tray.core.messages import IncomingMessage
from wabot_tray.core.reasons import Reason
from wabot_tray.storage.inbox import Inbox, Stored

log = logging.getLogger(__name__)
Answer = TypeVar("Answer")

TIDY_EVERY: Final = timedelta(minutes=1)
InboxMaker = Callable[[Callable[[], None]], Inbox]
Notify = Callable[[Reason | None, str], None]


class Runner(Protocol):
    """Does blocking jobs one after the other, in the order they were given."""

    @property
    def is_free(self) -> bool:
        """Whether a brief job would be done here and now."""

    async def run(self, job: Callable[[], Answer], *, is_brief: bool = False) -> Answer:
        """Do `job` and return what it returns.

        Args:
            job: Work that may wait for the disk.
            is_brief: It does not, so it may be done on the event loop.
        """

    def close(self) -> None:
        """Let go of the thread; jobs that were given are done first."""


class OneThread:
    """The runner of the program."""

    def __init__(self) -> None:
        # Not asyncio's own pool: neonize fills that, and a full pool would hold up every reply.
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="inbox")
        self._last: Future[Any] | None = None

    @property
    def is_free(self) -> bool:
        """Whether no job is before the next one."""
        return self._last is None or self._last.done()

    async def run(self, job: Callable[[], Answer], *, is_brief: bool = False) -> Answer:
        """Do `job` on the thread; a brief one here and now, unless others are before it.

        The way to the thread and back takes longer (0.2 ms) than noting that a reply leaves.
        """
        if is_brief and self.is_free:
            return job()
        self._last = future = self._pool.submit(job)
        inner = asyncio.wrap_future(future)
        inner.add_done_callback(_heed)
        # Shielded: a job that waits its turn is done even if nobody waits for it any more.
        return await asyncio.shield(inner)

    def close(self) -> None:
        """Wait for the last job, some milliseconds, and end the thread."""
        self._pool.shutdown()


class Bookkeeping:
    """Writes down what comes in and what goes out.

    Args:
        inbox: Makes the inbox; is given whom to call when it was damaged.
        runner: Makes where the inbox works, and where it waits for the disk.
        notify: Told of trouble with the inbox, and with None once it is over.
        clock: Injected time.
    """

    def __init__(
        self, inbox: InboxMaker, runner: Callable[[], Runner], notify: Notify, clock: Clock
    ) -> None:
        self._inbox = inbox(self._on_damaged)
        self._runner = runner()
        self._syncer = runner()
        self._notify = notify
        self._clock = clock
        self._owed: list[Callable[[], object]] = []
        self._trouble: Reason | None = None
        self._damaged = False
        self._told: Reason | None = None
        self._unkept: set[bytes] = set()
        self._is_untidy = True
        self._tidied_at = clock.now()
        self._sync: asyncio.Task[None] | None = None
        self._is_sync_due = False

    async def undone(self) -> list[Stored]:
        """Return what an earlier run left undone; nothing if the inbox cannot be read."""
        return await self._attempt(self._inbox.undone, is_brief=False) or []

    async def receive(self, messages: Sequence[IncomingMessage]) -> list[Stored]:
        """Keep messages and return those that are new; without a disk they are kept in memory."""
        kept = await self._attempt(lambda: self._inbox.receive(messages, is_urgent=True))
        if kept is None:
            known = await self._known(messages)
            new = {self._inbox.tag(message): message for message in messages}
            kept = [
                Stored(tag, message)
                for tag, message in new.items()
                if tag not in known and tag not in self._unkept
            ]
            self._unkept.update(stored.tag for stored in kept)
        elif self._unkept:
            kept = [stored for stored in kept if stored.tag not in self._unkept]
        return kept

    def jot(self, message: IncomingMessage) -> bool:
        """Write a message down before this returns, on any thread; see `Inbox.jot`."""
        return self._inbox.jot(message)

    async def recover(self) -> list[Stored]:
        """Keep what an earlier run had only jotted down, and return it."""
        messages = await self._attempt(self._inbox.jotted, is_brief=False)
        return await self.receive(messages) if messages else []

    async def _known(self, messages: Sequence[IncomingMessage]) -> set[bytes]:
        try:
            return await self._runner.run(lambda: self._inbox.known(messages))
        except VaultError:
            return set()

    async def mark_sending(self, stored: Stored, reply: Reply) -> None:
        """Note that a reply is about to leave. It may leave when this returns."""
        now_ms = round(self._clock.now().timestamp() * 1000)
        stored.sending_at = datetime.fromtimestamp(now_ms / 1000, UTC)
        await self._attempt(lambda: self._inbox.mark_sending(stored, reply.key))

    def secret(self, stored: Stored) -> bytes:
        """Return what marks the reply under way; see `Inbox.secret`."""
        return self._inbox.secret(stored)

    def note_receipts(self, stored: Stored, message_ids: Sequence[str]) -> bool:
        """Note receipts that came while a reply was under way; see `Inbox.note_receipts`.

        Return whether that was possible at once; else it is left, since it serves only a crash.
        """

        def note() -> bool:
            self._inbox.note_receipts(stored, message_ids)
            return True

        return bool(self._now(note))

    async def has_receipt(self, stored: Stored, message_id: str | None) -> bool:
        """Return whether a receipt was noted for the reply in doubt; see `Inbox.has_receipt`."""
        return bool(await self._attempt(lambda: self._inbox.has_receipt(stored, message_id)))

    async def mark_not_sent(self, stored: Stored, *, resent: bool) -> None:
        """Note that the reply did not leave, or will be sent a second time after doubt."""
        await self._must(lambda: self._inbox.mark_not_sent(stored, resent=resent, is_urgent=True))
        stored.sending_at, stored.resent = None, resent

    async def finish(self, stored: Stored, reply_key: str | None, sent_id: str | None) -> None:
        """Note that a message is dealt with; see `Inbox.finish`."""
        self._is_untidy = True
        await self._must(
            lambda: self._inbox.finish(stored, reply_key=reply_key, sent_id=sent_id, is_urgent=True)
        )

    async def remember_sent(self, message_ids: Sequence[str]) -> None:
        """Note ids of messages sent from here or from the phone."""
        await self._must(lambda: self._inbox.remember_sent(message_ids))

    def knows_sent(self, message_id: str) -> bool:
        """Return whether a message of this id is known to be sent. Reads memory only."""
        return self._inbox.knows_sent(message_id)

    def rests(self, chat: str, reply: Reply, now: datetime) -> bool:
        """Return whether `chat` had this reply less than its `once_per` ago. Reads memory only."""
        if not reply.once_per_s:
            return False
        heard = self._inbox.last_heard(chat, reply.key)
        return heard is not None and (now - heard).total_seconds() < reply.once_per_s

    async def care(self, *, is_idle: bool) -> None:
        """Write what is owed and, when nothing else is to do, tidy up. Call it now and then."""
        if self._owed or self._trouble is not None:
            await self._attempt(self._inbox.probe, is_brief=False)
        now = self._clock.now()
        if is_idle and self._is_untidy and not self._owed and now - self._tidied_at >= TIDY_EVERY:
            self._is_untidy, self._tidied_at = False, now
            await self._attempt(self._inbox.tidy, is_brief=False)

    async def close(self) -> None:
        """Write what is owed, if the disk allows it now, and close the inbox."""
        if self._sync is not None:
            await self._sync
        await self._attempt(self._inbox.sync, is_brief=False)
        await self._runner.run(self._inbox.close)
        self._runner.close()
        self._syncer.close()

    def _now(self, job: Callable[[], Answer]) -> Answer | None:
        """Do a brief `job` before this returns; None if others are before it or the disk refuses.

        What waits for its turn on the event loop is lost if the process is killed meanwhile.
        """
        if self._owed or self._trouble is not None or not self._runner.is_free:
            return None
        try:
            found = job()
        except VaultError:
            return None  # whoever tries again tells
        self._sync_soon()
        self._tell()
        return found

    async def _must(self, job: Callable[[], None]) -> None:
        """Do `job` now or, if the disk refuses, once it no longer does."""

        def done() -> bool:
            job()
            return True

        if not await self._attempt(done):
            self._owed.append(job)

    async def _attempt(self, job: Callable[[], Answer], *, is_brief: bool = True) -> Answer | None:
        """Do what is owed and then `job`; return None if the disk refuses either.

        Args:
            job: What to do; brief jobs leave the waiting for the disk to a thread.
            is_brief: Whether it is one.
        """

        def in_order() -> Answer:
            while self._owed:
                self._owed[0]()
                del self._owed[0]
            return job()

        try:
            found = await self._runner.run(in_order, is_brief=is_brief and not self._owed)
        except VaultError as err:
            self._on_trouble(err)
            return None
        if is_brief:
            self._sync_soon()
        if self._trouble is not None:
            log.info("the inbox is written again")
        self._trouble = None
        self._tell()
        return found

    def _sync_soon(self) -> None:
        """Wait for the disk on a thread; what is written meanwhile shares the next wait."""
        self._is_sync_due = True
        if self._sync is None or self._sync.done():
            self._sync = asyncio.get_running_loop().create_task(self._wait_for_disk())

    async def _wait_for_disk(self) -> None:
        while self._is_sync_due:
            self._is_sync_due = False
            try:
                await self._syncer.run(self._inbox.sync)
            except VaultError as err:
                self._on_trouble(err)

    def _on_trouble(self, err: VaultError) -> None:
        if self._trouble is None:
            log.warning("the inbox cannot be written: %s (%s)", err.reason, err.detail)
        self._trouble = err.reason
        self._tell()

    def _on_damaged(self) -> None:
        self._damaged = True  # on the inbox's thread; told when its job is done

    def _tell(self) -> None:
        reason = self._trouble or (Reason.INBOX_DAMAGED if self._damaged else None)
        if reason is not self._told:
            self._told = reason
            self._notify(reason, "")


def _heed(future: asyncio.Future[Any]) -> None:
    """Look at the error of a job whose caller is gone, so that asyncio does not complain."""
    if not future.cancelled():
        future.exception()
