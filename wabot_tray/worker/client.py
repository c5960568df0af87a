"""One connection to WhatsApp through neonize. The only file that imports it, see library.py.

Facts used here were measured with neonize 0.5.2 (docs/neonize.md). Two of them shape everything:
a dial may hang for ever and takes every other call with it, so each call has a deadline and the
process is the unit that is replaced; and an event nobody subscribed to is never delivered.
"""

import asyncio
import ctypes
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from neonize.aioze import events as nz
from neonize.aioze.client import NewAClient, ProxySettings
from neonize.events import EVENT_TO_INT, INT_TO_EVENT
from neonize.exc import NeonizeError, PairPhoneError, SendMessageError
from neonize.proto import Neonize_pb2 as pb
from neonize.proto.waCompanionReg.WAWebProtobufsCompanionReg_pb2 import DeviceProps
from neonize.utils.enum import ClientType

from wabot_tray.core import events as ev
from wabot_tray.core.clock import SYSTEM_CLOCK, Clock
from wabot_tray.core.errors import NotSentError
from wabot_tray.core.messages import IncomingMessage
from wabot_tray.core.reasons import Reason
from wabot_tray.worker.dialling import dial_reason
from wabot_tray.worker.linkcode import refusal, system_name
from wabot_tray.worker.logouts import LogoutLines
from wabot_tray.worker.sending import certainly_not_sent

log = logging.getLogger(__name__)

FIRST_CODE_S: Final = 60.0
NEXT_CODE_S: Final = 20.0
CODES: Final = 6
LONGEST_BAN_S: Final = 10 * 365 * 86_400  # more than a calendar holds must not lose the event
_MILLISECONDS_FROM: Final = 10**11
EVENTS_SETTLE_S: Final = 0.1  # without one, on a busy computer, there are no more
EVENTS_LONGEST_S: Final = 0.6
UNTOLD_S: Final = 1.0  # after which a logout that stands in the library's log alone is told
# Receipts of messages that have arrived. "Inactive" is a device nobody looks at just now, "sender"
# the shop's own phone. Not RETRY: who asks for a message again has not been able to read it.
_ARRIVED: Final = frozenset(
    {
        pb.Receipt.DELIVERED,
        pb.Receipt.INACTIVE,
        pb.Receipt.SENDER,
        pb.Receipt.READ,
        pb.Receipt.PLAYED,
    }
)
PHONE_SERVER: Final = "s.whatsapp.net"
# A login refused with a code that neonize does not know breaks its own message about it, and with
# that its connection to us (neonize 0.5.2).
_UNKNOWN_REFUSAL: Final = "required field neonize.ConnectFailure.Reason"
_LOGIN_FAILURES: Final = {
    "error": Reason.QR_REJECTED,
    "passkey-request": Reason.PASSKEY_REQUIRED,
    "err-scanned-without-multidevice": Reason.MULTIDEVICE_MISSING,
    "err-unexpected-state": Reason.PAIRING_ERROR,
}


@dataclass(frozen=True, slots=True)
class Listeners:
    """Who hears of what; but for `jot` on the event loop, in the order things happened.

    Args:
        event: Everything that moves the session's state.
        jot: Writes a message down at once, on the library's thread; the next one waits for it.
        message: A message, and what `jot` returned.
        delivered: A receipt of a customer's device or of the shop's own phone: the chat, the
            message ids, and the time it was given.
        phone_seen: A sign of life of the shop's own phone, and its time.
    """

    event: Callable[[ev.WorkerEvent], None]
    jot: Callable[[IncomingMessage], bool]
    message: Callable[[IncomingMessage, bool], None]
    delivered: Callable[[str, tuple[str, ...], datetime], None]
    phone_seen: Callable[[datetime], None]


class WhatsAppClient:
    """The library's client, its events translated into ours.

    Args:
        database_name: What neonize opens, options included.
        name: Marks this client inside the library; never used twice in a process.
        listeners: Who hears of what.
        clock: Injected time.
    """

    def __init__(
        self, database_name: str, name: str, listeners: Listeners, *, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self._listeners = listeners
        self._clock = clock
        self._loop: asyncio.AbstractEventLoop | None = None
        self._dial: asyncio.Task[None] | None = None
        self._is_catching_up = True  # with what came while we were away
        self._heard = 0  # messages and receipts, counted on a thread of the library
        self._codes = 0
        self._code_expires_at = clock.monotonic()
        self._window_ends_at: datetime | None = None
        self._pairing_phone = ""
        self._has_logged_out = False
        self._logout_lines = LogoutLines(lambda refused: self._soon(self._on_logout_line, refused))
        props = DeviceProps(os="wabot-tray", platformType=DeviceProps.SAFARI)
        self._client = NewAClient(database_name, uuid=name, props=props)
        self._subscribe()

    async def connect(self, proxy: str | None = None) -> None:
        """Begin to connect, or to pair where the database holds no session. Call once.

        Args:
            proxy: A URL, password and all; "" goes straight, None as the environment says.
        """
        self._loop = asyncio.get_running_loop()
        self._logout_lines.open()
        settings = None if proxy is None else ProxySettings(proxy_address=proxy)
        task = await self._client.connect(settings)
        self._dial = task
        task.add_done_callback(self._on_dial_ended)

    async def ask_code(self, phone: str, deadline_s: float) -> None:
        """Ask for a code to be typed on the phone; what comes of it is heard as an event.

        Works only while QR codes show. A second call gets another code, and the first one dies.

        Args:
            phone: Digits, international form.
            deadline_s: Seconds WhatsApp has for its answer.
        """
        asking = self._client.PairPhone(phone, True, system_name(), ClientType.CHROME)
        try:
            code = await asyncio.wait_for(asking, deadline_s)
        except TimeoutError:
            log.info("WhatsApp gave no code in time")
            self._tell(ev.LinkCodeRefused(reason=Reason.PAIRING_NO_NETWORK))
        except PairPhoneError as err:
            reason = refusal(str(err))
            log.info("WhatsApp gave no code: %s", reason)
            self._tell(ev.LinkCodeRefused(reason=reason))
        else:
            expires_at = self._window_ends_at or self._clock.now()
            self._tell(ev.LinkCodeShown(code=code, phone=phone, expires_at=expires_at))

    async def round_trip(self, deadline_s: float) -> bool:
        """Return whether WhatsApp answered a question within `deadline_s` seconds."""
        try:
            await asyncio.wait_for(self._client.set_passive(False), deadline_s)
        except (TimeoutError, NeonizeError, UnicodeDecodeError) as err:
            log.info("the round trip failed: %s", err or "no answer in time")
            return False
        return True

    async def send(self, chat: str, text: str, mark: bytes) -> str:
        """Send `text` to `chat` and return the message id once WhatsApp has acknowledged it.

        Args:
            chat: To whom.
            text: What to say.
            mark: 32 bytes that the library notes with the message's id before it leaves (see
                storage/traces.py). They travel inside the encrypted message, as the secret that
                the official programs put into each.

        Raises:
            NotSentError: It certainly did not go out.
            NeonizeError: It may or may not have gone out.
        """
        user, _, server = chat.rpartition("@")
        to = pb.JID(User=user, Server=server, Device=0, RawAgent=0, Integrator=0, IsEmpty=False)
        try:
            response = await self._client.send_message(to, _text_message(text, mark))
        except SendMessageError as err:
            if certainly_not_sent(str(err)):
                raise NotSentError(str(err)) from err
            raise
        return str(response.ID)

    async def logout(self, deadline_s: float) -> bool:
        """Unlink this device at WhatsApp; return whether WhatsApp confirmed it."""
        try:
            await asyncio.wait_for(self._client.logout(), deadline_s)
        except (TimeoutError, NeonizeError) as err:
            log.warning("WhatsApp did not confirm the unlinking: %s", err or "no answer in time")
            return False
        return True

    async def leave(self, deadline_s: float) -> None:
        """Close the connection politely, or give up after `deadline_s` seconds.

        What the library has read by then is still heard: `stop` alone would drop events that wait
        for Python, although WhatsApp has been told that they arrived.
        """
        try:
            async with asyncio.timeout(deadline_s):
                await self._client.disconnect()
                await self._hear_the_rest()
                await self._client.stop()
        except TimeoutError:
            log.info("the connection did not close in time")
        self._logout_lines.close()

    async def _hear_the_rest(self) -> None:
        """Wait until the library has handed over what it had read."""
        end = asyncio.get_running_loop().time() + EVENTS_LONGEST_S
        heard = -1
        while heard != self._heard and asyncio.get_running_loop().time() < end:
            heard = self._heard
            await asyncio.sleep(EVENTS_SETTLE_S)

    # --- from the library ------------------------------------------------------------------------

    def _subscribe(self) -> None:
        translate: dict[type, Callable[[Any], None]] = {
            nz.PairStatusEv: self._on_pair_status,
            nz.ConnectedEv: self._on_connected,
            nz.KeepAliveTimeoutEv: lambda _: self._tell(ev.KeepAliveMissed()),
            nz.KeepAliveRestoredEv: lambda _: self._tell(ev.LinkProved()),
            nz.LoggedOutEv: self._on_logged_out,
            nz.StreamReplacedEv: lambda _: self._tell(ev.Replaced()),
            nz.TemporaryBanEv: self._on_temporary_ban,
            nz.ConnectFailureEv: self._on_connect_failure,
            nz.ClientOutdatedEv: lambda _: self._tell(ev.Outdated()),
            nz.StreamErrorEv: lambda m: log.warning("WhatsApp reports stream error %s", m.Code),
            nz.DisconnectedEv: lambda _: self._tell(ev.LinkLost()),
            nz.MessageEv: lambda _: None,  # these three never get this far
            nz.ReceiptEv: lambda _: None,
            nz.OfflineSyncCompletedEv: lambda _: None,
        }
        for kind, handle in translate.items():
            self._client.event(kind)(_handler(handle))
        self._take_at_once(
            {
                nz.MessageEv: self._on_message,
                nz.ReceiptEv: self._on_receipt,
                nz.OfflineSyncCompletedEv: self._on_caught_up,
            }
        )

        async def on_qr(_: object, code: bytes) -> None:
            self._on_qr(code.decode())

        self._client.qr(on_qr)
        # The only place that says how a pairing ended; a private name, so session.py keeps a timer
        # of its own beside it and a test holds this to what neonize does.
        self._client._NewAClient__onLoginStatus = self._on_login_status  # noqa: SLF001

    def _take_at_once(self, handlers: dict[type, Callable[[Any], None]]) -> None:
        """Have these events handled on the library's thread, before it hands over the next.

        WhatsApp has been told of them by now; what still waits when the process is killed is lost.
        """
        events = self._client.event
        usual = events.execute
        by_code = {EVENT_TO_INT[kind]: handle for kind, handle in handlers.items()}

        def execute(uuid: int, binary: int, size: int, code: int) -> None:
            if (handle := by_code.get(code)) is None:
                self._is_catching_up |= code == EVENT_TO_INT[nz.DisconnectedEv]
                usual(uuid, binary, size, code)
                return
            self._heard += 1
            _safely(handle, INT_TO_EVENT[code].FromString(ctypes.string_at(binary, size)))

        events.execute = execute

    def _tell(self, event: ev.WorkerEvent) -> None:
        self._listeners.event(event)

    def _on_dial_ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            return
        if (err := task.exception()) is None:
            return
        if _UNKNOWN_REFUSAL in str(err):
            self._tell(ev.ConnectRefused(code=0))
        else:
            self._tell(ev.DialFailed(reason=dial_reason(str(err)), detail=str(err)[:300]))

    def _on_qr(self, code: str) -> None:
        now = self._clock.now()
        valid_s = NEXT_CODE_S if self._codes else FIRST_CODE_S
        if self._window_ends_at is None:
            window = timedelta(seconds=FIRST_CODE_S + NEXT_CODE_S * (CODES - 1))
            self._window_ends_at = now + window
        self._codes += 1
        self._code_expires_at = self._clock.monotonic() + valid_s
        expires_at = now + timedelta(seconds=valid_s)
        self._tell(
            ev.QrShown(
                code=code,
                number=self._codes,
                code_expires_at=expires_at,
                window_ends_at=max(self._window_ends_at, expires_at),
            )
        )

    def _on_login_status(self, _uuid: int, status: int) -> None:
        """Translate how a pairing ended. Runs on a thread of the library."""
        word = ctypes.string_at(status).decode(errors="replace")
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._on_login_word, word)

    def _on_login_word(self, word: str) -> None:
        if word == "success":
            return
        if word == "err-client-outdated":
            self._tell(ev.Outdated())
            return
        reason = _LOGIN_FAILURES.get(word, Reason.PAIRING_ERROR)
        if word == "timeout":
            # whatsmeow says "timeout" for a broken connection too (qrchan.go).
            early = self._clock.monotonic() < self._code_expires_at - NEXT_CODE_S / 2
            reason = Reason.PAIRING_NO_NETWORK if early else Reason.QR_EXPIRED
        self._tell(ev.PairingFailed(reason=reason))

    def _on_pair_status(self, message: Any) -> None:
        if message.Status == pb.PairStatus.SUCCESS:
            self._pairing_phone = message.ID.User
            self._tell(ev.PairingSucceeded(phone=self._pairing_phone))
        else:
            log.warning("pairing failed: %s", message.Error)
            self._tell(ev.PairingFailed(reason=Reason.QR_REJECTED))

    def _on_connected(self, _: Any) -> None:
        me = self._client.me
        phone = me.JID.User if me is not None and me.JID.User else self._pairing_phone
        self._tell(ev.LoggedIn(phone=phone))

    def _on_logged_out(self, message: Any) -> None:
        # Without OnConnect the stream was ended with 401 device_removed, and Reason says nothing.
        refused = message.OnConnect and message.Reason != pb.ConnectFailureReason.LOGGED_OUT
        self._tell_logout(refused=refused)

    def _on_logout_line(self, refused: bool) -> None:
        """Give the event that should follow its time."""
        assert self._loop is not None  # noqa: S101 - whence this comes
        self._loop.call_later(UNTOLD_S, lambda: self._tell_logout(refused=refused))

    def _tell_logout(self, *, refused: bool) -> None:
        if not self._has_logged_out:
            self._has_logged_out = True
            reason = Reason.LOGIN_REFUSED if refused else Reason.PHONE_UNLINKED
            self._tell(ev.LoggedOut(reason=reason))

    def _on_temporary_ban(self, message: Any) -> None:
        left_s = min(max(0, message.Expire), LONGEST_BAN_S)
        expires_at = self._clock.now() + timedelta(seconds=left_s)
        self._tell(ev.TemporarilyBanned(expires_at=expires_at, code=message.Code))

    def _on_connect_failure(self, message: Any) -> None:
        reason = pb.ConnectFailureReason
        busy = message.Reason in {reason.INTERNAL_SERVER_ERROR, reason.SERVICE_UNAVAILABLE}
        self._tell(
            ev.ConnectRefused(
                code=message.Reason, reason=Reason.SERVER_BUSY if busy else Reason.SERVER_REFUSED
            )
        )

    def _on_message(self, message: Any) -> None:
        self._look_for_phone(message.Info.MessageSource, message.Info.Timestamp)
        text = _text_of(message.Message)
        if text is None:
            return
        info = message.Info
        source = info.MessageSource
        incoming = IncomingMessage(
            chat=_address(source.Chat),
            message_id=_text(info.ID),
            sender_phone=_phone_of(source),
            sender_name=_text(info.Pushname),
            text=text,
            sent_at=_moment(info.Timestamp),
            from_me=source.IsFromMe,
            is_group=source.IsGroup,
            is_broadcast=source.Chat.Server in {"broadcast", "newsletter"},
            offline=self._is_catching_up,
        )
        is_jotted = self._listeners.jot(incoming)
        self._soon(self._listeners.message, incoming, is_jotted)

    def _on_caught_up(self, _: Any) -> None:
        self._is_catching_up = False

    def _look_for_phone(self, source: Any, stamp: int) -> None:
        """Tell what the phone itself has sent: it is device 0 of the account, we are another."""
        if source.IsFromMe and source.Sender.Device == 0:
            self._soon(self._listeners.phone_seen, _moment(stamp))

    def _on_receipt(self, message: Any) -> None:
        self._look_for_phone(message.MessageSource, message.Timestamp)
        if message.Type in _ARRIVED:
            self._soon(
                self._listeners.delivered,
                _address(message.MessageSource.Chat),
                tuple(message.MessageIDs),
                _moment(message.Timestamp),
            )

    def _soon(self, hear: Callable[..., None], *what: object) -> None:
        """Go over from a thread of the library to the event loop."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(hear, *what)


def _handler(handle: Callable[[Any], None]) -> Callable[[object, Any], Any]:
    """Wrap `handle` for the library, which starts each as a task in order and hides its errors."""

    async def run(_client: object, message: Any) -> None:
        _safely(handle, message)

    return run


def _safely(handle: Callable[[Any], None], message: Any) -> None:
    try:
        handle(message)
    except Exception:
        log.exception("an event of WhatsApp could not be handled")


def _text_message(text: str, secret: bytes) -> Any:
    from neonize.proto.waE2E.WAWebProtobufsE2E_pb2 import Message  # noqa: PLC0415

    message = Message(conversation=text)
    message.messageContextInfo.messageSecret = secret
    return message


def _text_of(content: Any) -> str | None:
    """Return what the customer wrote, "" for a message without words, None for no message."""
    if content.conversation:
        return _text(content.conversation)
    if content.HasField("extendedTextMessage"):
        return _text(content.extendedTextMessage.text)
    for kind in ("imageMessage", "videoMessage", "documentMessage"):
        if content.HasField(kind):
            return _text(getattr(content, kind).caption)
    wordless = ("audioMessage", "stickerMessage", "locationMessage", "contactMessage")
    return "" if any(content.HasField(kind) for kind in wordless) else None


def _text(value: str | bytes) -> str:
    """Return a text of the library, which hands over as bytes what is no UTF-8.

    Anybody can call himself so, or write so (measured with neonize 0.5.2 and protobuf 7).
    """
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _address(jid: Any) -> str:
    return f"{_text(jid.User)}@{_text(jid.Server)}"


def _phone_of(source: Any) -> str:
    for jid in (source.Sender, source.SenderAlt):
        if jid.Server == PHONE_SERVER:
            return _text(jid.User)
    return ""


def _moment(stamp: int) -> datetime:
    """Return a time of the library, in seconds in some of its events, milliseconds in others."""
    return datetime.fromtimestamp(stamp / 1000 if stamp > _MILLISECONDS_FROM else stamp, UTC)
