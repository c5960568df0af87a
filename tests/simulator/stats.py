"""What a simulator counts. Read it from any thread; wait with `wait_until`."""

import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Login:
    """A client that has shown who it is."""

    at: float  # time.monotonic()
    number: str
    device: int
    outcome: str  # "success", "failure NNN" or "mute"


@dataclass(frozen=True, slots=True)
class Undecryptable:
    """A message that the device it was sent to could not read."""

    number: str  # whose device
    message_id: str
    reason: str


@dataclass(slots=True)
class Stats:
    """Counters, and lists with times (`time.monotonic()`); numbers are those of the phones."""

    dials: list[float] = field(default_factory=list)
    logins: list[Login] = field(default_factory=list)
    delayed_handshakes: int = 0
    pairings: int = 0
    link_codes: Counter[str] = field(default_factory=Counter)  # asked for, by number
    pings: Counter[str] = field(default_factory=Counter)
    passive_round_trips: Counter[str] = field(default_factory=Counter)
    prekey_uploads: Counter[str] = field(default_factory=Counter)
    unanswered: int = 0  # stanzas left without an answer because of a fault
    messages_to_companions: int = 0
    messages_from_companions: int = 0
    messages_queued: int = 0
    retries_from_companions: int = 0
    retries_from_customers: int = 0
    undecryptable: list[Undecryptable] = field(default_factory=list)
    duplicate_ids: Counter[str] = field(default_factory=Counter)
    duplicate_texts: Counter[str] = field(default_factory=Counter)
    receipts: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def dialled(self) -> None:
        """Note a TCP connection."""
        self.dials.append(time.monotonic())

    def logged_in(self, number: str, device: int, outcome: str) -> None:
        """Note a login and what became of it."""
        self.logins.append(Login(time.monotonic(), number, device, outcome))

    def logins_of(self, number: str, outcome: str = "success") -> list[Login]:
        """Return the logins of a phone's companions that ended in `outcome`."""
        return [one for one in self.logins if (one.number, one.outcome) == (number, outcome)]
