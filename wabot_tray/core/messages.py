"""What a customer wrote, as the bot sees it."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingMessage:
    """One message. What it says and who wrote it stay out of its repr, and so out of logs."""

    chat: str = field(repr=False)  # the address replies go to, as the library writes it
    message_id: str
    sender_phone: str = field(repr=False)  # digits, international form; empty where hidden
    sender_name: str = field(repr=False)  # as the sender calls himself; may be empty
    text: str = field(repr=False)
    sent_at: datetime  # aware UTC, whole seconds, by WhatsApp's clock
    from_me: bool = False
    is_group: bool = False
    is_broadcast: bool = False  # status updates too
    offline: bool = False  # came from the queue of what was missed
