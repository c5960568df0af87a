"""The answering desk: the way of one message to its one reply.

A message is written to the inbox before anything else. Then its chat is left alone until it has
been quiet for a while, because replying while a contact still writes corrupts session state inside
whatsmeow (2 to 12 % of replies had to be repaired, 0 of 400 after 0.6 s of quiet; measured with
neonize 0.5.2). One chat gets one reply at a time, in order; chats go side by side.

What the library's send leaves open is closed here: a reply that certainly did not leave is sent
when the link is back; one that may have left waits for evidence (`doubts.py`), and only without it
is sent again, once.
"""

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from wabot_tray.bot.bookkeeping import Bookkeeping, InboxMaker
from wabot_tray.bot.doubts import Chat, Doubts
from wabot_tray.bot.outlets import Engine, Outlets, Pace
from wabot_tray.bot.rulebook import Choice
from wabot_tray.bot.rulebook_file import CHECK_EVERY_S, RuleBookFile
from wabot_tray.bot.servertime import ServerTime
from wabot_tray.core.backoff import Backoff
from wabot_tray.core.commands import Start
from wabot_tray.core.errors import NotSentError
from wabot_tray.core.messages import IncomingMessage
from wabot_tray.storage.inbox import Inbox, Stored
from wabot_tray.storage.intake import Intake

__all__ = ["AnsweringDesk", "Engine", "Outlets", "Pace", "make_desk"]

log = logging.getLogger(__name__)

INBOX_NAME: Final = "inbox.db"
EVIDENCE_S: Final = 30.0  # of an unbroken link, before a reply in doubt is sent again
LONGEST_RETRY_S: Final = 300.0
# asyncio's timers end up to a millisecond late (epoll counts whole ones), waiting for the rest of
# one would take another, and choosing and noting a reply takes most of one: begun this much early,
# it leaves when the quiet is over.
_CLOSE_ENOUGH_S: Final = 0.0035
_ALREADY_CHOSEN: Final = ""  # the inbox noted the rule before the reply was in doubt


class AnsweringDesk:
    """Answers one account's messages by the rules, each once.

    Args:
        inbox: Makes the inbox; is given whom to call when it was damaged.
        bot_file: The rules, read again when they change.
        outlets: Whom the desk talks to.
        account: The account's id, for rules that speak for some accounts only.
        pace: How patient it is.
        engine: Time and threads.
    """

    def __init__(
        self,
        inbox: InboxMaker,
        bot_file: Path,
        outlets: Outlets,
        *,
        account: str = "",
        pace: Pace | None = None,
        engine: Engine | None = None,
    ) -> None:
        self._outlets = outlets
        self._account = account
        self._pace = pace if pace is not None else Pace()
        self._engine = engine if engine is not None else Engine()
        clock = self._clock = self._engine.clock
        self._server_time = ServerTime(clock)
        self._rules = RuleBookFile(bot_file, lambda r, d: outlets.notify("bot", r, d), clock)
        self._books = Bookkeeping(
            inbox, self._engine.runner, lambda r, d: outlets.notify("inbox", r, d), clock
        )
        self._doubts = Doubts(self._books, outlets.traces)
        self._chats: dict[str, Chat] = {}
        self._arrived: list[tuple[float, IncomingMessage]] = []
        self._keeping = asyncio.Lock()
        self._something_arrived = asyncio.Event()
        self._link = asyncio.Event()
        self._link_losses = 0
        self._slots = asyncio.Semaphore(self._pace.parallel)
        self._sending: set[asyncio.Task[None]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_leaving = False
        self._is_closing = False
        self._received = 0
        self._replied = 0

    # --- from outside ----------------------------------------------------------------------------

    async def start(self) -> None:
        """Take up what an earlier run left undone, and begin. Answers wait for `link_up`."""
        self._rules.current()
        jotted = await self._books.recover()
        undone = await self._books.undone()
        known = {stored.tag for stored in undone}
        undone += [stored for stored in jotted if stored.tag not in known]  # a disk that refuses
        left = await self._doubts.look_back(undone)
        if undone:
            log.info("%d messages of before are still to be answered", len(undone) - len(left))
        for stored in undone:
            self._received += 1
            if stored.tag in left:
                self._replied += 1
                await self._books.finish(stored, _ALREADY_CHOSEN, left[stored.tag])
            else:
                self._queue(stored)
        self._own(self._keep_arrivals())
        self._own(self._watch())

    def jot(self, message: IncomingMessage) -> bool:
        """Write a message down before this returns, some hundredths of a millisecond; any thread.

        WhatsApp has been told that it arrived, so until this is done a killed process loses it.

        Returns:
            What `receive` is to be given with the message: whether it is written down.
        """
        if message.from_me or message.is_group or message.is_broadcast:
            return False
        return self._books.jot(message)

    def receive(self, message: IncomingMessage, *, is_jotted: bool = False) -> None:
        """Take a message in; messages of one chat come in the order of the calls.

        Args:
            message: The message.
            is_jotted: What `jot` said of it.
        """
        if self._is_closing:
            return
        if message.from_me:
            # Its receipts must not be taken for those of a reply in doubt.
            self._doubts.own_ids.append(message.message_id)
        elif not self._is_for_us(message) and not is_jotted:
            return  # what was jotted down is looked at once more before it is answered
        else:
            now = self._clock.monotonic()
            if (chat := self._chats.get(message.chat)) is not None:
                chat.heard_at = now
            self._arrived.append((now, message))
        self._something_arrived.set()

    def delivered(self, chat_id: str, message_ids: Sequence[str], at: datetime) -> None:
        """Take in a receipt of a customer's device, or of the shop's own phone.

        Args:
            chat_id: The chat the messages were sent to, as `IncomingMessage.chat` has it.
            message_ids: What was delivered.
            at: When, aware UTC, by WhatsApp's clock.
        """
        if self._chats and not self._is_closing:
            self._doubts.receipt(self._chats, chat_id, message_ids, at)

    def link_up(self) -> None:
        """Answer from now on. A second call is harmless."""
        if self._link.is_set() or self._is_leaving:
            return
        self._link.set()
        for chat in self._chats.values():
            chat.link_came.set()

    def link_down(self) -> None:
        """Begin no more replies until `link_up`. A second call is harmless."""
        self._link_losses += 1
        self._link.clear()

    def set_pace(self, *, quiet_s: float, max_age_s: float) -> None:
        """Be so patient from now on. A chat that is waited for already keeps its end."""
        self._pace = replace(self._pace, quiet_s=quiet_s, max_age_s=max_age_s)

    async def stop_answering(self, *, grace_s: float = 1.0) -> None:
        """Let replies on their way arrive and begin no more; go on keeping what comes in.

        As long as the connection is open the library tells WhatsApp that messages have arrived,
        so nobody but the inbox has them. A second call is harmless.

        Args:
            grace_s: Seconds that replies on their way may take; after that they are in doubt.
        """
        self._is_leaving = True
        self._link.clear()
        if self._sending:
            await asyncio.wait(self._sending, timeout=grace_s)

    async def close(self, *, grace_s: float = 1.0) -> None:
        """Stop answering and close the inbox, once the connection is closed.

        Closing twice is harmless. What is not answered yet stays in the inbox for the next start.

        Args:
            grace_s: See `stop_answering`.
        """
        if self._is_closing:
            return
        await self.stop_answering(grace_s=grace_s)
        self._is_closing = True
        while self._arrived or self._doubts.own_ids:
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
        if not message.offline:
            self._server_time.learn(message.sent_at)
        if self._is_too_old(message):
            log.info("a message older than the limit is not answered")
            return False
        return True

    def _is_too_old(self, message: IncomingMessage) -> bool:
        age = self._server_time.now() - message.sent_at
        return age.total_seconds() > self._pace.max_age_s

    async def _keep_arrivals(self) -> None:
        while True:
            await self._something_arrived.wait()
            self._something_arrived.clear()
            try:
                await self._keep()
            except Exception:
                log.exception("what came in could not be taken up; the next will be")

    async def _keep(self) -> None:
        """Write down all that came in; what comes meanwhile shares the next commit."""
        async with self._keeping:
            if ids := list(self._doubts.own_ids):
                await self._books.remember_sent(ids)
                del self._doubts.own_ids[: len(ids)]
            arrived, self._arrived = self._arrived, []
            if not arrived:
                return
            came_at = {id(message): moment for moment, message in arrived}
            for stored in await self._kept([message for _, message in arrived]):
                self._received += 1
                self._queue(stored, came_at[id(stored.message)])

    async def _kept(self, messages: list[IncomingMessage]) -> list[Stored]:
        """Write messages down; one that cannot be written costs no other its answer."""
        try:
            return list(await self._books.receive(messages))
        except Exception:
            if len(messages) == 1:
                log.exception("a message could not be taken up and is not answered")
                return []
        return [stored for message in messages for stored in await self._kept([message])]

    def _queue(self, stored: Stored, came_at: float | None = None) -> None:
        address = stored.message.chat
        chat = self._chats.get(address)
        heard_at = self._clock.monotonic() if came_at is None else came_at
        if chat is None:
            chat = self._chats[address] = Chat(heard_at)
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

    async def _serve(self, address: str, chat: Chat) -> None:
        """Answer what waits in one chat until nothing does."""
        while chat.waiting:
            await self._link.wait()
            stored = chat.waiting[0]
            if stored.sending_at is not None:
                await self._settle(chat, stored)
                continue
            quiet_s = chat.heard_at + self._pace.quiet_s - self._clock.monotonic()
            if quiet_s > _CLOSE_ENOUGH_S:
                await self._engine.sleep(quiet_s - _CLOSE_ENOUGH_S / 2)
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

    async def _answer(self, chat: Chat, stored: Stored) -> None:
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
            mark = self._books.secret(stored)
            sent_id = await self._outlets.send(message.chat, choice.words, mark)
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
            message, now, lambda reply: self._books.rests(message.chat, reply, now), self._account
        )
        for rule in choice.slow:
            self._rules.report_slow(rule)
        return choice

    async def _settle(self, chat: Chat, stored: Stored) -> None:
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
            self._doubts.forget(stored)
            await self._books.mark_not_sent(stored, resent=True)

    async def _done(
        self, chat: Chat, stored: Stored, reply_key: str | None, sent_id: str | None = None
    ) -> None:
        await self._books.finish(stored, reply_key, sent_id)
        self._doubts.forget(stored)
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
    intake = Intake(Path(start.live_folder))
    return AnsweringDesk(
        lambda on_damaged: Inbox(path, start.data_key, on_damaged, intake=intake),
        Path(start.bot_file),
        outlets,
        account=start.account_id,
        pace=Pace(quiet_s=start.quiet_s, max_age_s=start.answer_max_age_s),
    )
