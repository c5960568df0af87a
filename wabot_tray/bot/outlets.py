"""What an answering desk is given: whom it talks to, how patient it is, and its engine."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from wabot_tray.bot.bookkeeping import OneThread, Runner
from wabot_tray.core.clock import SYSTEM_CLOCK, Clock
from wabot_tray.core.reasons import Reason
from wabot_tray.storage.traces import Traces


async def no_traces(_secrets: Sequence[bytes]) -> Traces:
    """Say that nothing is known of replies that were under way."""
    return Traces()


@dataclass(frozen=True, slots=True)
class Outlets:
    """Whom the desk talks to; all are called on the event loop.

    Args:
        send: Sends words to a chat, marked with 32 bytes of ours, and returns the message's id
            once WhatsApp has acknowledged it. Raises NotSentError where the message certainly did
            not leave; anything else means that nobody knows.
        counted: Told of messages received and replies sent since the start, after each message.
        notify: Told of a topic ("bot" or "inbox"), a reason and a detail; None ends the topic.
        traces: Looks for such marks of replies that an earlier run left in doubt. Asked once,
            before the library is started.
    """

    send: Callable[[str, str, bytes], Awaitable[str]]
    counted: Callable[[int, int], None]
    notify: Callable[[str, Reason | None, str], None]
    traces: Callable[[Sequence[bytes]], Awaitable[Traces]] = no_traces


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How patient the desk is.

    Args:
        quiet_s: Seconds a chat must be silent before it is answered.
        max_age_s: Older messages, in seconds, are not answered.
        parallel: Replies that may be on their way at once, one a chat. The library sends one at a
            time and holds the next until WhatsApp has acknowledged it (messageSendLock in
            whatsmeow), so more than two only means more that are in doubt after a power cut.
    """

    quiet_s: float = 0.6
    max_age_s: float = 86_400.0
    parallel: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """What tests replace: time, chance and the inbox's threads."""

    clock: Clock = SYSTEM_CLOCK
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    random: Callable[[], float] = random.random
    runner: Callable[[], Runner] = OneThread
