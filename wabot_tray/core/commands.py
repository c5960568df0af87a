"""What the main process asks of a worker."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Anything the main process can ask of a worker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start(Command):
    """The first line a worker reads. It carries the key, which is why it comes by pipe."""

    account_id: str
    folder: str  # auth_sessions/<id>
    live_folder: str  # private to this account, in RAM where the system has it
    live_in_ram: bool
    bot_file: str
    data_key: bytes = field(repr=False)  # 32 bytes
    # The way to WhatsApp: a URL with its password, "" for none, None for the environment's.
    proxy: str | None = field(default=None, repr=False)
    pair: bool  # show QR codes if there are no credentials
    quiet_s: float = 0.6  # seconds a chat must be silent before it is answered
    answer_max_age_s: float = 86_400.0  # older messages are not answered


@dataclass(frozen=True, slots=True, kw_only=True)
class Verify(Command):
    """Make one round trip to WhatsApp and report it as `Verified` with the same token."""

    token: int
    deadline_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPace(Command):
    """Be so patient from now on; see `Start`."""

    quiet_s: float
    answer_max_age_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AskCode(Command):
    """Ask WhatsApp for a code to be typed on the phone with this number, while QR codes show."""

    phone: str = field(repr=False)  # digits, international form


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlink(Command):
    """Tell WhatsApp to forget this device, for good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop(Command):
    """Seal the vault, leave politely and exit."""
