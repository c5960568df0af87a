"""What the control server needs of the program around it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from wabot_tray.control.protocol import Check
from wabot_tray.core.history import Mark
from wabot_tray.core.snapshot import PairingProgress, SessionSnapshot, Update, VerifyResult


class History(Protocol):
    """What became of the accounts over time; `sessions.recorder` has it."""

    def marks(self, account_id: str) -> Sequence[Mark]:
        """Return an account's history, as `core.history.timeline` reads it."""


class Manager(Protocol):
    """What the server needs of the session manager; `sessions.manager` has it."""

    @property
    def history(self) -> History:
        """What became of the accounts over time."""

    def snapshots(self) -> tuple[SessionSnapshot, ...]:
        """Return all accounts, in the order they are shown."""

    def snapshot(self, account_id: str) -> SessionSnapshot:
        """Return one account; AccountError if there is none of that name."""

    def pairing(self, account_id: str) -> PairingProgress | None:
        """Return how far linking a phone has come."""

    def subscribe(self, listener: Callable[[Update], None]) -> Callable[[], None]:
        """Call `listener` in the loop's thread at every change, until the returned call."""

    def add(self, account_id: str, label: str = "") -> SessionSnapshot:
        """Make an account."""

    def rename(self, account_id: str, label: str) -> object:
        """Give an account another label."""

    async def remove(self, account_id: str) -> bool:
        """Unlink an account and forget it; say whether WhatsApp confirmed the unlinking."""

    async def connect(self, account_id: str) -> object:
        """Want it on from now on."""

    async def stop(self, account_id: str) -> object:
        """Want it off from now on."""

    async def reconnect(self, account_id: str) -> object:
        """Try at once. On return the session has left its old link, or the attempt is refused."""

    async def pair(self, account_id: str, phone: str = "") -> object:
        """Begin to link a phone: by a code to type there, for the number `phone`, or a QR code."""

    async def cancel_pairing(self, account_id: str) -> object:
        """Give up linking a phone."""

    async def verify(self, account_ids: Sequence[str] | None = None) -> tuple[VerifyResult, ...]:
        """Make one round trip in every named session, or in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """What the server asks of the program around it.

    Args:
        show: Bring up the window, or say why there is none; a second start asks for it.
        quit: Begin to end the program. Called after the answer is on its way.
        diagnose: Return what only the running program knows. Must not block.
        facts: Return figures of the running program for a bundle of diagnostics. Must not block.
    """

    show: Callable[[], None]
    quit: Callable[[], None]
    diagnose: Callable[[], Iterable[Check]]
    facts: Callable[[], Mapping[str, object]] = dict
