"""What can happen to a session. Every event is a frozen fact in the past tense."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from wabot_tray.core.reasons import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Anything that can happen to one session."""


class _Because:
    """An event whose reason is always the same."""

    REASON: ClassVar[Reason]

    @property
    def reason(self) -> Reason:
        """Why the session stands where this event put it."""
        return self.REASON


# --- A person, or a timer, in the main process ---------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class StartAsked(Event):
    """A person or the program's start wants the session connected."""

    reason: Reason = Reason.STARTING


@dataclass(frozen=True, slots=True, kw_only=True)
class StopAsked(_Because, Event):
    """A person wants the session off."""

    REASON: ClassVar[Reason] = Reason.STOPPED_BY_PERSON


@dataclass(frozen=True, slots=True, kw_only=True)
class PairAsked(_Because, Event):
    """A person wants to link a phone."""

    REASON: ClassVar[Reason] = Reason.PAIRING_STARTED

    phone: str = field(default="", repr=False)  # digits; by a QR code without them


@dataclass(frozen=True, slots=True, kw_only=True)
class NotPaired(Event):
    """The account has no credentials, so there is nothing to connect with."""

    reason: Reason = Reason.NOT_PAIRED


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryDue(_Because, Event):
    """The time of the next attempt has come, or was brought forward."""

    REASON: ClassVar[Reason] = Reason.RETRYING


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartAsked(Event):
    """A person, or the network's return, wants a fresh connection at once."""

    by_person: bool = False
    reason: Reason = Reason.RETRYING


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadlinePassed(Event):
    """The session stayed in its state for longer than that state may last."""

    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyUnavailable(Event):
    """The key that opens the vault could not be had."""

    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashLooped(_Because, Event):
    """The worker died too often in too short a time."""

    REASON: ClassVar[Reason] = Reason.CRASH_LOOP


# --- A worker ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerEvent(Event):
    """Anything a worker reports over its pipe."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerReady(WorkerEvent):
    """The worker has opened its vault and is about to connect."""

    pid: int
    live_in_ram: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat(WorkerEvent):
    """The worker's loop turns. Sent every 5 s."""

    memory_bytes: int = 0  # what it holds in RAM; 0 where the system does not say
    idle_s: float = 0.0  # since the last message came or was dealt with


@dataclass(frozen=True, slots=True, kw_only=True)
class QrShown(_Because, WorkerEvent):
    """WhatsApp gave a code for the phone to scan."""

    REASON: ClassVar[Reason] = Reason.WAITING_FOR_SCAN

    code: str = field(repr=False)
    number: int  # counts from 1
    code_expires_at: datetime  # UTC
    window_ends_at: datetime  # UTC; after that no code of this attempt is valid


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkCodeShown(_Because, WorkerEvent):
    """WhatsApp gave a code to be typed on the phone."""

    REASON: ClassVar[Reason] = Reason.WAITING_FOR_CODE

    code: str = field(repr=False)  # XXXX-XXXX
    phone: str = field(repr=False)  # digits; the only phone that takes it
    expires_at: datetime  # UTC


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkCodeRefused(WorkerEvent):
    """WhatsApp gave no code to be typed on the phone. QR codes go on being shown."""

    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class PairingSucceeded(_Because, WorkerEvent):
    """The phone accepted this computer; the first login follows."""

    REASON: ClassVar[Reason] = Reason.SCANNED

    phone: str = field(repr=False)  # digits, international form


@dataclass(frozen=True, slots=True, kw_only=True)
class PairingFailed(WorkerEvent):
    """No phone was linked in this attempt."""

    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedIn(_Because, WorkerEvent):
    """WhatsApp accepted the login and the session is ready."""

    REASON: ClassVar[Reason] = Reason.LOGGED_IN

    phone: str = field(repr=False)  # digits, international form


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkLost(_Because, WorkerEvent):
    """The connection broke; whatsmeow redials by itself."""

    REASON: ClassVar[Reason] = Reason.LINK_LOST


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepAliveMissed(_Because, WorkerEvent):
    """WhatsApp did not answer a keep-alive ping."""

    REASON: ClassVar[Reason] = Reason.KEEPALIVE_TIMEOUT


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkProved(_Because, WorkerEvent):
    """A round trip to WhatsApp succeeded."""

    REASON: ClassVar[Reason] = Reason.LINK_PROVED


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedOut(WorkerEvent):
    """WhatsApp removed this device; whatsmeow has deleted its credentials."""

    reason: Reason = Reason.PHONE_UNLINKED


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced(_Because, WorkerEvent):
    """Another program logged in with the same credentials."""

    REASON: ClassVar[Reason] = Reason.REPLACED


@dataclass(frozen=True, slots=True, kw_only=True)
class TemporarilyBanned(_Because, WorkerEvent):
    """WhatsApp refuses this account for a while."""

    REASON: ClassVar[Reason] = Reason.TEMPORARY_BAN

    expires_at: datetime  # UTC
    code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outdated(_Because, WorkerEvent):
    """WhatsApp refuses this version of the client."""

    REASON: ClassVar[Reason] = Reason.CLIENT_OUTDATED


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectRefused(WorkerEvent):
    """WhatsApp refused the login with a code that may pass."""

    code: int
    reason: Reason = Reason.SERVER_REFUSED


@dataclass(frozen=True, slots=True, kw_only=True)
class DialFailed(WorkerEvent):
    """The first connection could not be made; whatsmeow does not try again by itself."""

    reason: Reason = Reason.DIAL_FAILED  # or one of the three of a proxy
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageFailed(WorkerEvent):
    """The vault or the inbox cannot be used."""

    reason: Reason
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified(WorkerEvent):
    """The answer to a `Verify` command."""

    token: int
    answered: bool
    took_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered(WorkerEvent):
    """One message was dealt with; the counts are since the worker's start."""

    received: int
    replied: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneSeen(WorkerEvent):
    """The account's phone gave a sign of life. Told at most once a minute."""

    at: datetime  # UTC, by WhatsApp's clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Noticed(WorkerEvent):
    """Something a person should know that moves no state, or, with no reason, no longer holds."""

    topic: str  # one of wire.TOPICS
    reason: Reason | None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlinked(WorkerEvent):
    """The answer to an `Unlink` command."""

    done: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerExited(_Because, WorkerEvent):
    """The worker process is gone and nobody had asked it to go."""

    REASON: ClassVar[Reason] = Reason.WORKER_CRASHED

    status: int  # exit code, or minus the signal
