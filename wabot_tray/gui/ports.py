"""What the windows need from the rest of the program, and a fake offers as well."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from wabot_tray.control.backups import Backups
from wabot_tray.control.preferences import Preferences
from wabot_tray.control.protocol import Check
from wabot_tray.core.codes import CodeAllowance
from wabot_tray.core.errors import WabotError
from wabot_tray.core.history import Mark
from wabot_tray.core.reasons import Reason
from wabot_tray.core.settings import Settings
from wabot_tray.core.snapshot import PairingProgress, SessionSnapshot, Update, VerifyResult
from wabot_tray.system.installed import Installed
from wabot_tray.system.paths import Paths


class History(Protocol):
    """What became of each account over time. See `sessions.recorder.Recorder`."""

    def marks(self, account_id: str) -> Sequence[Mark]:
        """Return an account's history as `core.history.timeline` reads it."""
        ...

    def revision(self, account_id: str) -> int:
        """Return a number that changes whenever the marks do."""
        ...


class Sessions(Protocol):
    """The accounts, as a window sees and changes them. See `sessions.manager.SessionManager`."""

    @property
    def history(self) -> History:
        """What became of them over time."""
        ...

    def snapshots(self) -> tuple[SessionSnapshot, ...]:
        """Return every account, in order."""
        ...

    def snapshot(self, account_id: str) -> SessionSnapshot:
        """Return one account. Raises AccountError where it is unknown."""
        ...

    def pairing(self, account_id: str) -> PairingProgress | None:
        """Return how far the current attempt to link a phone has come, if there is one."""
        ...

    def subscribe(self, listener: Callable[[Update], None]) -> Callable[[], None]:
        """Tell `listener` of every change, on the loop's thread, and return its remover."""
        ...

    def add(self, account_id: str, label: str = "") -> SessionSnapshot:
        """Add an account. Raises AccountError where the id is refused or taken."""
        ...

    def rename(self, account_id: str, label: str) -> None:
        """Give an account another name."""
        ...

    async def remove(self, account_id: str) -> bool:
        """Erase what is kept of the account, and return whether WhatsApp unlinked it."""
        ...

    async def connect(self, account_id: str) -> None:
        """Want the account on."""
        ...

    async def stop(self, account_id: str) -> None:
        """Want the account off."""
        ...

    async def reconnect(self, account_id: str) -> None:
        """Try at once. Raises WabotError with a sentence where that cannot help."""
        ...

    async def pair(self, account_id: str, phone: str = "") -> None:
        """Begin an attempt to link a phone, renew it, or change its way."""
        ...

    def code_allowance(self, account_id: str) -> CodeAllowance:
        """Return how many codes to type the account may still ask for."""
        ...

    async def cancel_pairing(self, account_id: str) -> None:
        """End the current attempt."""
        ...

    async def verify(self, account_ids: Sequence[str] | None = None) -> tuple[VerifyResult, ...]:
        """Ask WhatsApp for a sign of life on these links, or on all."""
        ...

    def check(self) -> None:
        """Hold every session's state against its deadline."""
        ...

    def network_changed(self, *, online: bool) -> None:
        """Take note that the computer's network came or went."""
        ...


class Keys(Protocol):
    """Where the key of the sessions comes from. See `storage.keyring.KeySource`."""

    @property
    def kind(self) -> str:
        """One of "keyring", "key-file" and "passphrase"."""
        ...

    async def is_available(self) -> bool:
        """Whether the key could be had now without a person. Never opens a prompt."""
        ...


class Proxies(Protocol):
    """The ways to WhatsApp. See `control.proxies.Proxies`."""

    def of_accounts(self) -> dict[str, str]:
        """Return the way of each account that has one of its own."""
        ...

    async def set(
        self, proxy: str, *, password: str | None = None, account_id: str | None = None
    ) -> None:
        """Take another way, from now on. Raises WabotError where that cannot be."""
        ...

    async def has_password(self, proxy: str) -> bool:
        """Whether a password is kept for this proxy."""
        ...

    async def why_shut(self, proxy: str, password: str | None = None) -> Reason | None:
        """Look at WhatsApp's door by one way; return why it is shut, None where it is open."""
        ...


class Program(Protocol):
    """The program without its windows. See `control.program.Program`."""

    on_show: Callable[[], None]
    on_quit: Callable[[], None]
    extra_checks: Callable[[], Iterable[Check]]
    extra_facts: Callable[[], Mapping[str, object]]
    complaints: list[WabotError]
    preferences: Preferences  # what the person set, and who is told when that changes

    backups: Backups
    installed: Installed  # whether what runs is what is installed

    @property
    def paths(self) -> Paths:
        """Where everything lies."""
        ...

    @property
    def keys(self) -> Keys:
        """Where the key of the sessions comes from."""
        ...

    @property
    def proxies(self) -> Proxies:
        """The ways to WhatsApp."""
        ...

    @property
    def settings(self) -> Settings:
        """What the person set; another object after each change, so never keep it."""
        ...

    async def apply(self, settings: Settings) -> None:
        """Keep `settings` and use them from now on. Raises WabotError where that cannot be."""
        ...

    @property
    def manager(self) -> Sessions:
        """The accounts."""
        ...

    def facts(self) -> Mapping[str, object]:
        """Return figures of the program and its workers, for a bundle of diagnostics."""
        ...

    def restart(self) -> None:
        """End, and start again as what is installed now."""
        ...

    async def start(self) -> None:
        """Restore the accounts and listen to the command line."""
        ...

    async def close(self) -> None:
        """End every worker and let go of the data folder."""
        ...


class LoginItem(Protocol):
    """Whether the program starts when the person logs in. See `system.autostart`."""

    def is_enabled(self) -> bool:
        """Whether it does."""
        ...

    def enable(self) -> object:
        """Make it so."""
        ...

    def disable(self) -> object:
        """Make it so no longer."""
        ...
