"""Phones: accounts that companions are linked to by scanning or typing their code."""

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from tests.simulator import messages
from tests.simulator.companion import Companion
from tests.simulator.faults import AccountFaults, HasNumber, stream_error
from tests.simulator.home import in_loop
from tests.simulator.linkcode import CodeError, Hello, PhoneSide, typed
from tests.simulator.messages import Outgoing, Received
from tests.simulator.nodes import SERVER, Attrs, Jid, Node
from tests.simulator.people import Person, World
from tests.simulator.protobuf import Fields, encode
from tests.simulator.xeddsa import verify

MAX_COMPANIONS: Final = 4
BadScan = Literal["hmac", "signature", "silence"]


class ScanError(Exception):
    """The phone could not link the device."""


class PairingInProgress(Protocol):
    """A client that shows codes."""

    noise_key: bytes

    async def greet(self, side: PhoneSide, timeout_s: float) -> Node:
        """Say that the code was typed, and return how the client goes on."""

    def demand_passkey(self) -> None:
        """Ask the client for a passkey."""

    async def link(self, success: Node, timeout_s: float) -> Node:
        """Send the result of a scan and return the client's signed identity."""

    def finish(self, companion: Companion) -> None:
        """Tell the client to log in."""


class PhoneWorld(World, Protocol):
    """What phones need of the server."""

    def find_pairing(self, ref: str) -> PairingInProgress | None:
        """Return the client that shows a code now."""

    def find_code(self, number: str) -> "tuple[PairingInProgress, Hello] | None":
        """Return the client that shows a code for this number now."""

    def faults_of(self, phone: HasNumber) -> AccountFaults:
        """Return the faults in force for a phone."""

    def linked(self, phone: "Phone", companion: Companion) -> None:
        """Let a companion log in."""


@dataclass(frozen=True, slots=True)
class ScannedCode:
    """What a QR code says."""

    ref: str
    noise_key: bytes
    identity: bytes
    adv_secret: bytes

    @classmethod
    def parse(cls, text: str) -> "ScannedCode":
        """Return what `text` says.

        Raises:
            ScanError: It is no code of WhatsApp Web.
        """
        address, _, payload = text.strip().partition("#")
        parts = payload.split(",")
        if not address.startswith("https://wa.me/settings/linked_devices") or len(parts) != 5:
            raise ScanError("not a code of WhatsApp Web")
        try:
            keys = [base64.b64decode(part, validate=True) for part in parts[1:4]]
        except binascii.Error as err:
            raise ScanError("not base64") from err
        if any(len(key) != 32 for key in keys):
            raise ScanError("a key that is not 32 bytes long")
        return cls(parts[0], *keys)


class Phone(Person):
    """The phone of an account."""

    def __init__(self, world: PhoneWorld, number: str, lid: str, name: str) -> None:
        super().__init__(world, number, lid, name)
        self.confirms_delivery = False  # of the copies of its own companions' messages
        self.link_notices = 0  # "enter the code to link a device", as WhatsApp shows it
        self._server = world
        self._companions: dict[int, Companion] = {}
        self._last_device = 0

    @property
    def companions(self) -> tuple[Companion, ...]:
        """Its linked devices."""
        return tuple(self._companions.values())

    def companion(self, device: int) -> Companion | None:
        """Return one linked device."""
        return self._companions.get(device)

    @property
    def copies(self) -> tuple[Received, ...]:
        """The copies of what its companions have sent."""
        return tuple(self._received)

    @in_loop
    def confirm(self, sender: Companion, message_id: str) -> None:
        """Tell a companion that the copy of its message has come here."""
        recipient = self._received[-1].recipient
        user, _, server = recipient.partition("@")
        attrs: Attrs = {"from": self.lid, "recipient": Jid(user, server), "type": "sender"}
        sender.push(Node("receipt", {**attrs, "id": message_id, "t": messages.now()}))

    # writing

    @in_loop
    def write(self, customer: Person, text: str) -> str:
        """Write to a customer on the phone itself: its companions get copies."""
        message = Outgoing(
            message_id=messages.new_message_id(),
            content=messages.device_sent(customer.lid, messages.text_message(text)),
            recipient=customer.lid,
        )
        self._sent[message.message_id] = message
        for companion in self.companions:
            self._post(companion, message)
        return message.message_id

    # linking

    def scan(
        self, qr_text: str, *, bad: BadScan | None = None, timeout_s: float = 10.0
    ) -> Companion:
        """Do what `ascan` does, for threads."""
        return self.home.block_on(self.ascan(qr_text, bad=bad, timeout_s=timeout_s))

    async def ascan(
        self, qr_text: str, *, bad: BadScan | None = None, timeout_s: float = 10.0
    ) -> Companion:
        """Link the device that shows this code, and return it once it has agreed.

        Args:
            qr_text: What the QR code says.
            bad: What the phone does wrong; "silence" scans and then does nothing.
            timeout_s: How long the device may take to agree.

        Raises:
            ScanError: The code is wrong, unknown or expired, the phone has four companions
                already, or the device refused.
        """
        code = ScannedCode.parse(qr_text)
        pairing = self._server.find_pairing(code.ref)
        if pairing is None or pairing.noise_key != code.noise_key:
            raise ScanError("the code is unknown or has expired")
        if len(self._companions) >= MAX_COMPANIONS:
            raise ScanError(f"this phone has {MAX_COMPANIONS} companions already")
        if bad == "silence":
            raise ScanError("the phone stays silent, as asked")
        return await self._link(pairing, code, bad, timeout_s)

    def enter_code(self, code: str, *, timeout_s: float = 10.0) -> Companion:
        """Do what `aenter_code` does, for threads."""
        return self.home.block_on(self.aenter_code(code, timeout_s=timeout_s))

    async def aenter_code(self, code: str, *, timeout_s: float = 10.0) -> Companion:
        """Type a code under "Link with phone number instead", and return the device it links.

        A code that was wrong may be typed again, as on real phones.

        Args:
            code: As the device shows it, with or without its dash.
            timeout_s: How long the device may take for each of its answers.

        Raises:
            CodeError: The code is wrong or has expired, nobody shows one for this number, or the
                device refused.
            ScanError: What makes a scan fail as well.
        """
        plain = typed(code)
        if (found := self._server.find_code(self.number)) is None:
            raise CodeError("no device waits for this number")
        if len(self._companions) >= MAX_COMPANIONS:
            raise ScanError(f"this phone has {MAX_COMPANIONS} companions already")
        pairing, hello = found
        side = PhoneSide(hello, plain, self._signal.identity)
        try:
            finish = await pairing.greet(side, timeout_s)
        except (TimeoutError, ConnectionError) as err:
            raise CodeError("the device does not answer") from err
        agreed = side.agree(finish)
        scanned = ScannedCode("", pairing.noise_key, agreed.identity, agreed.adv_secret)
        return await self._link(pairing, scanned, None, timeout_s)

    async def _link(
        self, pairing: PairingInProgress, code: ScannedCode, bad: BadScan | None, timeout_s: float
    ) -> Companion:
        if self._server.faults_of(self).demands_passkey:
            pairing.demand_passkey()
            raise ScanError("WhatsApp asks for a passkey first")
        device = self._last_device = self._last_device + 1
        companion = Companion(self, device, code.noise_key, code.identity)
        details, signed = self._sign(code, bad)
        success = self._success(companion, code, signed, bad)
        try:
            answer = await pairing.link(success, timeout_s)
        except (TimeoutError, ConnectionError) as err:
            raise ScanError("the device does not answer") from err
        self._check(code, details, answer)
        self._companions[device] = companion
        self._server.linked(self, companion)
        pairing.finish(companion)
        self.home.changed()
        return companion

    def _sign(self, code: ScannedCode, bad: BadScan | None) -> tuple[bytes, bytes]:
        """Return the details of the new device and the signed identity that holds them."""
        details = encode(
            [
                (1, secrets.randbits(31)),
                (2, int(messages.now())),
                (3, len(self._companions) + 1),
                (4, 0),
                (5, 0),
            ]
        )
        statement = b"\x06\x00" + details + code.identity
        signature = self._signal.identity.sign(
            b"?" + statement if bad == "signature" else statement
        )
        return details, encode([(1, details), (2, self.account_key), (3, signature)])

    def _success(
        self, companion: Companion, code: ScannedCode, signed: bytes, bad: BadScan | None
    ) -> Node:
        secret = bytes(32) if bad == "hmac" else code.adv_secret
        mac = hmac.digest(secret, signed, hashlib.sha256)
        identity = Node("device-identity", content=encode([(1, signed), (2, mac)]))
        device = Node("device", {"jid": companion.pn, "lid": companion.lid})
        platform = Node("platform", {"name": "android"})
        return Node("pair-success", content=[identity, device, platform])

    def _check(self, code: ScannedCode, details: bytes, answer: Node) -> None:
        sign = answer.child("pair-device-sign")
        if sign is None or (identity := sign.child("device-identity")) is None:
            error = answer.child("error")
            raise ScanError(f"the device refused: {error.text('text') if error else 'no reason'}")
        statement = b"\x06\x01" + details + code.identity + self.account_key
        if not verify(code.identity, statement, Fields(identity.data).data(4)):
            raise ScanError("the signature of the device is wrong")

    @in_loop
    def unlink(self, companion: Companion) -> None:
        """Remove a linked device: it hears of it now, or at its next login."""
        self.forget(companion)
        if companion.connection:
            companion.connection.end_stream(stream_error(401, "device_removed"))

    def forget(self, companion: Companion) -> None:
        """Take a device off the list, without a word to it."""
        companion.is_linked = False
        self._companions.pop(companion.device, None)


def pair_success(request_id: str, content: Node) -> Node:
    """Return the request that carries the result of a scan."""
    attrs: Attrs = {"from": SERVER, "type": "set", "id": request_id, "xmlns": "md"}
    return Node("iq", {**attrs, "t": messages.now()}, [content])
