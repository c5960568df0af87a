"""The answering desk: the way of one message to its one reply.

A message is written to the inbox before anything else. Then its chat is left alone until it has
been quiet for a while, because replying while a contact still writes corrupts session state inside
whatsmeow (2 to 12 % of replies had to be repaired, 0 of 400 after 0.6 s of quiet; measured with
neonize 0.5.2). One chat gets one reply at a time, in order; chats go side by side.

What the library's send leaves open is closed here: a reply that certainly did not leave is sent
when the link is back; one that may have left waits for evidence, a delivery receipt for a message
this program has not sent otherwise, and only without it is sent again, once.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from wabot_tray.bot.bookkeeping import Bookkeeping, InboxMaker, OneThread, Runner
from wabot_tray.bot.rulebook import Choice
from wabot_tray.bot.rulebook_file import CHECK_EVERY_S, RuleBookFile
from wabot_tray.core.backoff import Backoff
from wabot_tray.core.clock import SYSTEM_CLOCK, Clock
from wabot_tray.core.commands import Start
from wabot_tray.core.errors import NotSentError
from wabot_tray.core.messages import IncomingMessage
from wabot_tray.core.reasons import Reason
from wabot_tray.storage.inbox import Inbox, Stored

log = logging.getLogger(__name__)

INBOX_NAME: Final = "inbox.db"
EVIDENCE_S: Final = 30.0  # of an unbroken link, before a reply in doubt is sent again
# A receipt is stamped by WhatsApp's clock, a reply by ours; shop computers run some seconds off.
CLOCKS_DIFFER: Final = timedelta(seconds=60)
LONGEST_RETRY_S: Final = 300.0
_ALREADY_CHOSEN: Final = ""  # the inbox noted the rule before the reply was in doubt


@dataclass(frozen=True, slots=True)
class Outlets:
    """Whom the desk talks to; all are called on the event loop.

    Args:
        send: Sends words to a chat and returns the message's id once WhatsApp has acknowledged
            it. Raises NotSentError where the message certainly did not leave; anything else means
            that nobody knows.
        counted: Told of messages received and replies sent since the start, after each message.
        notify: Told of a topic ("bot" or "inbox"), a reason and a detail; None ends the topic.
    """

    send: Callable[[str, str], Awaitable[str]]
    counted: Callable[[int, int], None]
    notify: Callable[[str, Reason | None, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How patient the desk is.

    Args:
        quiet_s: Seconds a chat must be silent before it is answered.
        max_age_s: Older messages, in seconds, are not answered.
        parallel: Replies that may be on their way at once, one a chat.
    """

    quiet_s: float = 0.6
    max_age_s: float = 86_400.0
    parallel: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """What tests replace: time, chance and the inbox's thread."""

    clock: Clock = SYSTEM_CLOCK
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    random: Callable[[], float] = random.random
    runner: Callable[[], Runner] = OneThread


@dataclass(slots=True)
class _Chat:
    """What waits in one chat, and what is known of the reply under way."""

    heard_at: float  # monotonic; the last time the customer wrote
    waiting: list[Stored] = field(default_factory=list)
    evidence: asyncio.Event = field(default_factory=asyncio.Event)
    evidence_id: str = ""
    link_came: asyncio.Event = field(default_factory=asyncio.Event)
    retries: Backoff | None = None


class AnsweringDesk:
    """Answers one account's messages by the rules, each once.

    Args:
        inbox: Makes the inbox; is given whom to call when it was damaged.
        bot_file: The rules, read again when they change.
        outlets: Whom the desk talks to.
        pace: How patient it is.
        engine: Time and threads.
    """

    def __init__(
        self,
        inbox: InboxMaker,
        bot_file: Path,
        outlets: Outlets,
        *,
        pace: Pace | None = None,
        engine: Engine | None = None,
    ) -> None:
        self._outlets = outlets
        self._pace = pace if pace is not None else Pace()
        self._engine = engine if engine is not None else Engine()
        clock = self._clock = self._engine.clock
        self._rules = RuleBookFile(bot_file, lambda r, d: outlets.notify("bot", r, d), clock)
        self._books = Bookkeeping(
            inbox, self._engine.runner(), lambda r, d: outlets.notify("inbox", r, d), clock
        )
        self._chats: dict[str, _Chat] = {}
        self._arrived: list[tuple[float, IncomingMessage]] = []
        self._own_ids: list[str] = []
        self._keeping = asyncio.Lock()
        self._something_arrived = asyncio.Event()
        self._link = asyncio.Event()
        self._link_losses = 0
        self._slots = asyncio.Semaphore(self._pace.parallel)
        self._sending: set[asyncio.Task[None]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closing = False
        self._received = 0
        self._replied = 0

    # --- from outside ----------------------------------------------------------------------------

    async def start(self) -> None:
        """Take up what an earlier run left undone, and begin. Answers wait for `link_up`."""
        self._rules.current()
        undone = await self._books.undone()
        if undone:
            log.info("%d messages of before are still to be answered", len(undone))
        for stored in undone:
            self._received += 1
            self._queue(stored)
        self._own(self._keep_arrivals())
        self._own(self._watch())

    def receive(self, message: IncomingMessage) -> None:
        """Take a message in. Never blocks; messages of one chat come in the order of the calls."""
        if self._is_closing:
            return
        if message.from_me:
            # Its receipts must not be taken for those of a reply in doubt.
            self._own_ids.append(message.message_id)
        elif not self._is_for_us(message):
            return
        else:
            now = self._clock.monotonic()
            if (chat := self._chats.get(message.chat)) is not None:
                chat.heard_at = now
            self._arrived.append((now, message))
        self._something_arrived.set()

    def delivered(self, chat_id: str, message_ids: Sequence[str], at: datetime) -> None:
        """Take in a delivery receipt.

        Args:
            chat_id: The chat that received the messages, as `IncomingMessage.chat` has it.
            message_ids: What was delivered.
            at: When, aware UTC, by WhatsApp's clock.
        """
        chat = self._chats.get(chat_id)
        if chat is None or not chat.waiting or chat.waiting[0].sending_at is None:
            return
        stored = chat.waiting[0]
        mark = stored.sending_at
        assert mark is not None  # noqa: S101 - looked at above
        if at < max(stored.message.sent_at, mark - CLOCKS_DIFFER):
            return
        for message_id in message_ids:
            if not self._books.knows_sent(message_id) and message_id not in self._own_ids:
                chat.evidence_id = message_id
                chat.evidence.set()

    def link_up(self) -> None:
        """Answer from now on. A second call is harmless."""
        if self._link.is_set():
            return
        self._link.set()
        for chat in self._chats.values():
            chat.link_came.set()

    def link_down(self) -> None:
        """Begin no more replies until `link_up`. A second call is harmless."""
        self._link_losses += 1
        self._link.clear()

    async def close(self, *, grace_s: float = 1.0) -> None:
        """Stop: let replies on their way arrive, then close the inbox.

        Closing twice is harmless. What is not answered yet stays in the inbox for the next start.

        Args:
            grace_s: Seconds that replies on their way may take; after that they are in doubt.
        """
        if self._is_closing:
            return
        self._is_closing = True
        self._link.clear()
        if self._sending:
            await asyncio.wait(self._sending, timeout=grace_s)
        while self._arrived or self._own_ids:
            await self._keep()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._books.close()

    # --- in --------------------------------------------------------------------------------------

    def _is_for_us(self, message: IncomingMessage) -> bool:
        if message.is_broadcast:
            return False
        if message.is_group and not self._rules.current().groups:
            return False
        if self._is_too_old(message):
            log.info("a message older than the limit is not answered")
            return False
        return True

    def _is_too_old(self, message: IncomingMessage) -> bool:
        return (self._clock.now() - message.sent_at).total_seconds() > self._pace.max_age_s

    async def _keep_arrivals(self) -> None:
        while True:
            await self._something_arrived.wait()
            self._something_arrived.clear()
            await self._keep()

    async def _keep(self) -> None:
        """Write down all that came in; what comes meanwhile shares the next commit."""
        async with self._keeping:
            if ids := list(self._own_ids):
                await self._books.remember_sent(ids)
                del self._own_ids[: len(ids)]
            arrived, self._arrived = self._arrived, []
            if not arrived:
                return
            came_at = {id(message): moment for moment, message in arrived}
            for stored in await self._books.receive([message for _, message in arrived]):
                self._received += 1
                self._queue(stored, came_at[id(stored.message)])

    def _queue(self, stored: Stored, came_at: float | None = None) -> None:
        address = stored.message.chat
        chat = self._chats.get(address)
        heard_at = self._clock.monotonic() if came_at is None else came_at
        if chat is None:
            chat = self._chats[address] = _Chat(heard_at)
            chat.waiting.append(stored)
            self._own(self._serve(address, chat))
            return
        chat.heard_at = max(chat.heard_at, heard_at)
        # Sent times are whole seconds; among equals the order of arrival stays. What is being
        # answered stays first.
        place = len(chat.waiting)
        while place > 1 and chat.waiting[place - 1].message.sent_at > stored.message.sent_at:
            place -= 1
        chat.waiting.insert(place, stored)

    # --- out -------------------------------------------------------------------------------------

    async def _serve(self, address: str, chat: _Chat) -> None:
        """Answer what waits in one chat until nothing does."""
        while chat.waiting:
            await self._link.wait()
            stored = chat.waiting[0]
            if stored.sending_at is not None:
                await self._settle(chat, stored)
                continue
            quiet_s = chat.heard_at + self._pace.quiet_s - self._clock.monotonic()
            if quiet_s > 0:
                await self._engine.sleep(quiet_s)
                continue
            async with self._slots:
                if not self._link.is_set():
                    continue
                task = self._own(self._answer(chat, stored))
                self._sending.add(task)
                task.add_done_callback(self._sending.discard)
                try:
                    await asyncio.shield(task)  # closing lets a reply on its way arrive
                except Exception:  # noqa: BLE001 - logged where the task ends
                    # It stays in the inbox; the customer's other messages go on.
                    chat.waiting.remove(stored)
            if chat.retries is not None and chat.waiting and chat.waiting[0] is stored:
                await self._until(chat.link_came, chat.retries.next_delay_s())
        del self._chats[address]

    async def _answer(self, chat: _Chat, stored: Stored) -> None:
        """Try once to answer; what is dealt with leaves the chat's queue."""
        message = stored.message
        choice = self._choose(message)
        if choice.words is None or choice.reply is None:
            await self._done(chat, stored, None)
            return
        chat.evidence.clear()
        chat.link_came.clear()
        await self._books.mark_sending(stored, choice.reply)
        try:
            sent_id = await self._outlets.send(message.chat, choice.words)
        except NotSentError as err:
            log.info("a reply did not leave and will be sent again: %s", err)
            await self._books.mark_not_sent(stored, resent=stored.resent)
            if chat.retries is None:
                chat.retries = Backoff(self._engine.random, longest_s=LONGEST_RETRY_S)
            return
        except Exception as err:  # noqa: BLE001 - whatever it is, nobody knows what became of it
            log.warning("nobody knows whether a reply left: %s", type(err).__name__)
            return
        self._replied += 1
        await self._done(chat, stored, choice.reply.key, sent_id)

    def _choose(self, message: IncomingMessage) -> Choice:
        if self._is_too_old(message):
            log.info("a message has grown too old to be answered")
            return Choice()
        now = self._clock.now()
        book = self._rules.current()
        if message.is_group and not book.groups:
            return Choice()
        choice = book.choose(
            message, now, lambda reply: self._books.rests(message.chat, reply, now)
        )
        for rule in choice.slow:
            self._rules.report_slow(rule)
        return choice

    async def _settle(self, chat: _Chat, stored: Stored) -> None:
        """Find out what became of a reply in doubt: evidence, or 30 s of link without any."""
        losses = self._link_losses
        await self._until(chat.evidence, EVIDENCE_S)
        if chat.evidence.is_set():
            log.info("a delivery receipt shows that the reply in doubt had left")
            self._replied += 1
            await self._done(chat, stored, _ALREADY_CHOSEN, chat.evidence_id)
        elif losses != self._link_losses:
            return  # a receipt may have been missed: wait again once the link is back
        elif stored.resent:
            log.warning("a reply was in doubt twice and is not sent a third time")
            await self._done(chat, stored, _ALREADY_CHOSEN)
        else:
            log.warning("no sign of the reply in doubt; it is sent again, once")
            await self._books.mark_not_sent(stored, resent=True)

    async def _done(
        self, chat: _Chat, stored: Stored, reply_key: str | None, sent_id: str | None = None
    ) -> None:
        await self._books.finish(stored, reply_key, sent_id)
        chat.waiting.remove(stored)
        chat.retries = None
        self._outlets.counted(self._received, self._replied)

    # --- beside ----------------------------------------------------------------------------------

    async def _watch(self) -> None:
        """Look after the rules and the inbox while nobody writes."""
        while True:
            await self._engine.sleep(CHECK_EVERY_S)
            self._rules.current()
            await self._books.care(is_idle=not self._chats)

    async def _until(self, event: asyncio.Event, longest_s: float) -> None:
        """Wait for `event`, but not longer than `longest_s` seconds."""
        waits = [
            asyncio.ensure_future(event.wait()),
            asyncio.ensure_future(self._engine.sleep(longest_s)),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _own(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (err := task.exception()) is not None:
            log.error("a task of the bot failed", exc_info=err)


def make_desk(start: Start, outlets: Outlets) -> AnsweringDesk:
    """Return the desk of one worker's account, as the main process wants it."""
    path = Path(start.folder) / INBOX_NAME
    return AnsweringDesk(
        lambda on_damaged: Inbox(path, start.data_key, on_damaged),
        Path(start.bot_file),
        outlets,
        pace=Pace(quiet_s=start.quiet_s, max_age_s=start.answer_max_age_s),
    )
