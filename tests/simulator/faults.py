"""Everything that can go wrong on command.

Settings take effect on what happens after them; methods act at once. Both may be used from any
thread. Settings in `AccountFaults` may be made for one phone, see `Faults.of`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Final, Literal, Protocol

from tests.simulator.home import Home, in_loop
from tests.simulator.nodes import Node

Cut = Literal["fin", "rst", "ws"]
LINK_CODE_LIVES_S: Final = 180.0


class Mute(StrEnum):
    """Where a new connection falls silent: no answer, no close, no FIN."""

    BEFORE_UPGRADE = "before-upgrade"
    BEFORE_SERVER_HELLO = "before-server-hello"
    BEFORE_SUCCESS = "before-success"


class RedialFault(StrEnum):
    """What the first dial after a pairing meets."""

    REFUSED = "refused"  # until Faults.clear(), for everybody
    CUT = "cut"


@dataclass(frozen=True, slots=True)
class Failure:
    """A login that is answered with a failure node."""

    reason: int
    attrs: dict[str, str] = field(default_factory=dict)

    def node(self) -> Node:
        """Return what the client sees."""
        return Node("failure", {"reason": str(self.reason), **self.attrs})


def temporary_ban(code: int, expires_in_s: int) -> Failure:
    """Return the failure of an account that is banned for a while."""
    return Failure(402, {"code": str(code), "expire": str(expires_in_s)})


@dataclass(slots=True)
class AccountFaults:
    """Faults that can be told apart by account."""

    login_failure: Failure | None = None
    is_login_mute: bool = False
    is_zombie: bool = False  # answers keep-alive pings and nothing else
    withholds_messages: bool = False  # everything is answered, and nothing comes
    drops_passive: bool = False  # leaves the verification round trip unanswered
    drops_acks: bool = False  # messages arrive, their acks do not
    ack_error: int | None = None  # messages are refused with this number
    ack_delay_ms: int = 0
    redial_after_pairing: RedialFault | None = None
    demands_passkey: bool = False  # after a scan or a code, instead of linking


class FaultTarget(Protocol):
    """A connection, as far as faults know it."""

    @property
    def number(self) -> str | None:
        """The number of the account, once the client has logged in."""

    @property
    def is_frozen(self) -> bool:
        """Whether it is mute."""

    def cut(self, how: Cut) -> None:
        """End it."""

    def freeze(self) -> None:
        """Let it fall silent."""

    def thaw(self) -> None:
        """Let it answer again, what has piled up first."""

    def end_stream(self, error: Node) -> None:
        """Send a stream error and close."""


class HasNumber(Protocol):
    """A phone, as far as faults know it."""

    @property
    def number(self) -> str:
        """Its number."""


_NOTHING: Final = AccountFaults()


@dataclass(slots=True)
class Faults(AccountFaults):
    """The faults of a whole simulator, and of single phones through `of`."""

    home: Home = field(default_factory=Home)
    connections: Callable[[], list[FaultTarget]] = list
    set_listening: Callable[[bool], None] = lambda _: None
    http_status: int | None = None  # answer to the WebSocket upgrade
    mute: Mute | None = None
    handshake_delay_s: float = 0.0
    pairing_failure: Failure | None = None  # instead of QR codes
    link_code_failure: Failure | None = None  # instead of codes to type: 400, 429 ...
    link_code_lives_s: float = LINK_CODE_LIVES_S
    cuts_next_dial: bool = False
    _accounts: dict[str, AccountFaults] = field(default_factory=dict)

    def of(self, phone: HasNumber) -> AccountFaults:
        """Return the settings for one phone; those left alone follow the general ones."""
        return self._accounts.setdefault(phone.number, AccountFaults())

    def met_by(self, phone: HasNumber) -> AccountFaults:
        """Return what is in force for a phone."""
        if (own := self._accounts.get(phone.number)) is None:
            return self
        met = AccountFaults()
        for each in fields(AccountFaults):
            value = getattr(own, each.name)
            is_set = value != getattr(_NOTHING, each.name)
            setattr(met, each.name, value if is_set else getattr(self, each.name))
        return met

    @in_loop
    def cut(self, phone: HasNumber | None = None, how: Cut = "fin") -> int:
        """End connections by FIN, RST or a WebSocket close, and return how many there were."""
        targets = self._targets(phone)
        for target in targets:
            target.cut(how)
        return len(targets)

    @in_loop
    def refuse(self) -> None:
        """Refuse new connections until `accept` or `clear`; those that are open stay."""
        self.set_listening(False)

    @in_loop
    def accept(self) -> None:
        """Accept connections again, on the same port."""
        self.set_listening(True)

    @in_loop
    def black_hole(self, phone: HasNumber | None = None) -> None:
        """Let open connections fall silent: bytes are taken, nothing is answered."""
        for target in self._targets(phone):
            target.freeze()

    @in_loop
    def heal(self, phone: HasNumber | None = None) -> None:
        """End black holes. Connections that fell silent before the login are cut instead."""
        for target in self._targets(phone):
            if target.is_frozen and target.number is None:
                target.cut("rst")
            elif target.is_frozen:
                target.thaw()

    @in_loop
    def stream_error(self, code: int, phone: HasNumber | None = None, conflict: str = "") -> None:
        """End streams with an error: 401 device_removed, 503, 516 ...

        Code 0 sends the conflict alone, as for a session that was replaced.
        """
        for target in self._targets(phone):
            target.end_stream(stream_error(code, conflict))

    @in_loop
    def clear(self) -> None:
        """End every fault: settings, refusals and silence."""
        for each in fields(AccountFaults):
            setattr(self, each.name, getattr(_NOTHING, each.name))
        self.http_status = self.mute = self.pairing_failure = self.link_code_failure = None
        self.link_code_lives_s = LINK_CODE_LIVES_S
        self.handshake_delay_s = 0.0
        self.cuts_next_dial = False
        self._accounts.clear()
        self.set_listening(True)
        self.heal()

    def _targets(self, phone: HasNumber | None) -> list[FaultTarget]:
        connections = self.connections()
        if phone is None:
            return connections
        return [one for one in connections if one.number == phone.number]


def stream_error(code: int, conflict: str = "") -> Node:
    """Return the node that ends a stream."""
    attrs = {"code": str(code)} if code else {}
    return Node(
        "stream:error", dict(attrs), [Node("conflict", {"type": conflict})] if conflict else None
    )
