"""What became of replies that may or may not have left: evidence, and where it comes from.

Two things speak for a reply whose sending nobody saw the end of: the library's own note of it, made
before it left (`storage/traces.py`), and a receipt from the customer or from the shop's own phone.
Receipts are acknowledged by the library, so WhatsApp gives them once: one that comes while a reply
is under way is written down, in case the process is killed before the reply's own end is known.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from wabot_tray.bot.bookkeeping import Bookkeeping
from wabot_tray.core.backoff import Backoff
from wabot_tray.storage.inbox import Stored
from wabot_tray.storage.traces import Traces

log = logging.getLogger(__name__)

# A receipt is stamped by WhatsApp's clock, a reply by ours; shop computers run some seconds off.
CLOCKS_DIFFER: Final = timedelta(seconds=60)


@dataclass(slots=True)
class Chat:
    """What waits in one chat, and what is known of the reply under way."""

    heard_at: float  # monotonic; the last time the customer wrote
    waiting: list[Stored] = field(default_factory=list)
    evidence: asyncio.Event = field(default_factory=asyncio.Event)
    evidence_id: str = ""
    link_came: asyncio.Event = field(default_factory=asyncio.Event)
    retries: Backoff | None = None

    @property
    def under_way(self) -> Stored | None:
        """The message whose reply has been handed over, until its end is known."""
        first = self.waiting[0] if self.waiting else None
        return first if first is not None and first.sending_at is not None else None


class Doubts:
    """Settles what an earlier run left open, and hears receipts.

    Args:
        books: The inbox.
        traces: Asks the library's database.
    """

    def __init__(
        self, books: Bookkeeping, traces: Callable[[Sequence[bytes]], Awaitable[Traces]]
    ) -> None:
        self._books = books
        self._traces = traces
        self._ids: dict[bytes, str] = {}  # of replies in doubt, by the message's tag
        self.own_ids: list[str] = []  # sent from the phone, not written down yet

    async def look_back(self, undone: Sequence[Stored]) -> dict[bytes, str]:
        """Find out what became of replies that an earlier run did not see the end of.

        What certainly never left is as good as new afterwards.

        Returns:
            The ids ("" where unknown) of replies that did leave, by the message's tag.
        """
        doubtful = [stored for stored in undone if stored.sending_at is not None]
        if not doubtful:
            return {}
        secrets = [self._books.secret(stored) for stored in doubtful]
        traces = await self._traces(secrets)
        left: dict[bytes, str] = {}
        for stored, secret in zip(doubtful, secrets, strict=True):
            reply_id = traces.ids.get(secret)
            if reply_id is None and traces.is_complete:
                log.info("a reply of before had not left; it is sent now")
                await self._books.mark_not_sent(stored, resent=stored.resent)
            elif await self._books.has_receipt(stored, reply_id):
                log.info("a receipt of before shows that a reply had left")
                left[stored.tag] = reply_id or ""
            elif reply_id is not None:
                self._ids[stored.tag] = reply_id
        return left

    def receipt(
        self, chats: dict[str, Chat], address: str, message_ids: Sequence[str], at: datetime
    ) -> None:
        """Take in a receipt: of a chat's reply under way, or of one that is in doubt."""
        for chat in chats.values():
            stored = chat.under_way
            if stored is not None and (known := self._ids.get(stored.tag)) in message_ids:
                assert known is not None  # noqa: S101 - it is one of them
                self._prove(chat, known)
        here = chats.get(address)
        stored = None if here is None else here.under_way
        if here is None or stored is None or stored.tag in self._ids:
            return
        mark = stored.sending_at
        assert mark is not None  # noqa: S101 - it is under way
        if at < max(stored.message.sent_at, mark - CLOCKS_DIFFER):
            return
        unknown = [
            message_id
            for message_id in message_ids
            if not self._books.knows_sent(message_id) and message_id not in self.own_ids
        ]
        if unknown:
            self._prove(here, unknown[-1])
            self._books.note_receipts(stored, unknown)

    def forget(self, stored: Stored) -> None:
        """Drop what is known of a reply that is settled or will be sent anew."""
        self._ids.pop(stored.tag, None)

    def _prove(self, chat: Chat, message_id: str) -> None:
        chat.evidence_id = message_id
        chat.evidence.set()
