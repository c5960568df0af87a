"""A desk on a real inbox file with time in the test's hand: nothing here ever sleeps."""

import asyncio
import heapq
import itertools
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from wabot_tray.bot.answering import AnsweringDesk, Engine, Outlets, Pace
from wabot_tray.core.clock import Clock
from wabot_tray.core.errors import NotSentError
from wabot_tray.core.messages import IncomingMessage
from wabot_tray.core.reasons import Reason
from wabot_tray.storage.inbox import Inbox
from wabot_tray.storage.intake import Intake
from wabot_tray.storage.traces import Traces

Answer = TypeVar("Answer")
KEY = bytes(range(32))
START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ECHO = "[[rule]]\nname = 'echo'\nmatch = '.'\nreply = 're: {text}'\n"
ANA = "34600111222@s.whatsapp.net"
LUIS = "34600333444@s.whatsapp.net"


class FakeTime:
    """Both clocks and the sleeps; `advance` lets everything due happen, in order."""

    def __init__(self) -> None:
        self.elapsed = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self.clock = Clock(monotonic=lambda: self.elapsed, now=self.now)

    def now(self) -> datetime:
        return START + timedelta(seconds=self.elapsed)

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.elapsed + seconds, next(self._order), future))
        await future

    async def settle(self) -> None:
        for _ in range(60):
            await asyncio.sleep(0)

    async def advance(self, seconds: float) -> None:
        end = self.elapsed + seconds
        await self.settle()
        while self._sleepers and self._sleepers[0][0] <= end + 1e-9:
            due, _, future = heapq.heappop(self._sleepers)
            self.elapsed = max(self.elapsed, due)
            if not future.done():
                future.set_result(None)
                await self.settle()
        self.elapsed = end
        await self.settle()


class Inline:
    """Does the inbox's jobs at once, on the loop."""

    is_free = True

    async def run(self, job: Callable[[], Answer], *, is_brief: bool = False) -> Answer:
        del is_brief
        return job()

    def close(self) -> None:
        pass


@dataclass
class Sender:
    """Plays the library's send: acknowledges, refuses, hangs or leaves in doubt."""

    sent: list[tuple[str, str]] = field(default_factory=list)
    moments: list[float] = field(default_factory=list)
    marks: list[bytes] = field(default_factory=list)  # of every call
    faults: list[Exception] = field(default_factory=list)  # for the next calls, in order
    hold: asyncio.Event | None = None
    under_way: int = 0
    most_under_way: int = 0
    ids: Iterable[int] = field(default_factory=lambda: itertools.count(1))

    async def __call__(self, chat: str, words: str, mark: bytes) -> str:
        self.marks.append(mark)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            if self.hold is not None:
                await self.hold.wait()
            if self.faults:
                raise self.faults.pop(0)
        finally:
            self.under_way -= 1
        self.sent.append((chat, words))
        return f"OUT{len(self.sent)}"

    @property
    def words(self) -> list[str]:
        return [words for _, words in self.sent]

    def to(self, chat: str) -> list[str]:
        return [words for address, words in self.sent if address == chat]


class Shop:
    """One account's desk, started again as often as a test likes, on the same files."""

    def __init__(self, folder: Path, rules: str = ECHO) -> None:
        self.folder = folder
        self.time = FakeTime()
        self.sender = Sender()
        self.send: Callable[[str, str, bytes], Awaitable[str]] = self.sender
        self.traces = Traces()
        self.looked_for: list[bytes] = []
        self.counts: list[tuple[int, int]] = []
        self.notices: list[tuple[str, Reason | None]] = []
        self.inboxes: list[Inbox] = []
        self.desks: list[AnsweringDesk] = []
        self.numbers = itertools.count(1)
        self.pace = Pace()
        self.inbox_type: type[Inbox] = Inbox
        self.rules(rules)

    def rules(self, text: str) -> None:
        (self.folder / "bot.toml").write_text(text, encoding="utf-8")

    @property
    def desk(self) -> AnsweringDesk:
        return self.desks[-1]

    @property
    def inbox(self) -> Inbox:
        return self.inboxes[-1]

    def make(self) -> AnsweringDesk:
        def make_inbox(on_damaged: Callable[[], None]) -> Inbox:
            path = self.folder / "inbox.db"
            intake = Intake(self.folder)
            self.inboxes.append(self.inbox_type(path, KEY, on_damaged, self.time.clock, intake))
            return self.inboxes[-1]

        return AnsweringDesk(
            make_inbox,
            self.folder / "bot.toml",
            Outlets(
                send=self.send,
                counted=lambda received, replied: self.counts.append((received, replied)),
                notify=lambda topic, reason, _detail: self.notices.append((topic, reason)),
                traces=self.look,
            ),
            pace=self.pace,
            engine=Engine(
                clock=self.time.clock, sleep=self.time.sleep, random=lambda: 0.5, runner=Inline
            ),
        )

    async def look(self, secrets: Sequence[bytes]) -> Traces:
        """Play the library's database."""
        self.looked_for = list(secrets)
        return self.traces

    async def open(self, *, link: bool = True) -> AnsweringDesk:
        self.desks.append(self.make())
        await self.desk.start()
        if link:
            self.desk.link_up()
        return self.desk

    async def crash(self) -> None:
        """End the desk as a killed process ends: nothing is written any more."""
        desk = self.desk
        desk._is_closing = True
        tasks = list(desk._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.inbox.close()

    async def close(self) -> None:
        for desk in self.desks:
            await desk.close()

    def message(self, text: str, chat: str = ANA, **more: Any) -> IncomingMessage:
        values: dict[str, Any] = {
            "chat": chat,
            "message_id": f"IN{next(self.numbers)}",
            "sender_phone": chat.partition("@")[0],
            "sender_name": "Ana",
            "text": text,
            "sent_at": self.time.now().replace(microsecond=0),
        }
        return IncomingMessage(**(values | more))

    async def write(self, text: str, chat: str = ANA, **more: Any) -> IncomingMessage:
        message = self.message(text, chat, **more)
        self.desk.receive(message)
        await self.time.settle()
        return message


def refused() -> NotSentError:
    return NotSentError("websocket not connected")
