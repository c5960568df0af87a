"""The simulated server: who may come in, who is who, and the socket it listens on."""

import asyncio
import itertools
import socket
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

from tests.simulator.certs import certificate_chain
from tests.simulator.companion import Companion
from tests.simulator.connection import Connection, Peer
from tests.simulator.faults import AccountFaults, Failure, Faults, HasNumber, Mute, RedialFault
from tests.simulator.home import Home, in_loop
from tests.simulator.keys import KeyPair
from tests.simulator.linkcode import Hello
from tests.simulator.messages import now
from tests.simulator.nodes import Attrs, Node
from tests.simulator.noise import Finished, ServerHandshake
from tests.simulator.pairing import USUAL_REFS, Pairing
from tests.simulator.peer import CompanionPeer
from tests.simulator.people import Customer, Person
from tests.simulator.phone import Phone
from tests.simulator.stats import Stats

HOST = "127.0.0.1"
# fields of ClientPayload
_USERNAME, _DEVICE, _PAIRING_DATA = 1, 18, 19


AnyPerson = TypeVar("AnyPerson", bound=Person)


class Simulator:
    """A WhatsApp Web server on the loopback interface, for one event loop."""

    def __init__(self) -> None:
        self.home = Home()
        self.stats = Stats()
        self.qr_refs = USUAL_REFS
        self.sends_delivery_receipts = True
        self.connections: set[Connection] = set()
        self.port = 0
        self.faults = Faults(
            home=self.home,
            connections=lambda: list(self.connections),
            set_listening=self._set_listening,
        )
        self._root = KeyPair.generate()
        self._static = KeyPair.generate()
        self._chain = certificate_chain(self._root, self._static)
        self._people: dict[str, Person] = {}
        self._lids = itertools.count(100000000000001)
        self._companions: dict[bytes, tuple[Phone, Companion]] = {}
        self._pairings: list[Pairing] = []
        self._listener: asyncio.Server | None = None
        self._opening: asyncio.Task[None] | None = None
        self._is_running = False

    @property
    def root_public_key(self) -> bytes:
        """The key that clients must have pinned."""
        return self._root.public

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen on a free port of the loopback interface."""
        self.home.move_in()
        listening = socket.create_server((HOST, self.port))
        self.port = listening.getsockname()[1]
        await self._serve(listening)
        self._is_running = True

    async def stop(self) -> None:
        """End every connection and stop listening. Stopping twice is harmless."""
        if not self._is_running:
            return
        self._is_running = False
        self._set_listening(False)
        self.faults.cut(how="rst")
        await self.home.until(lambda: not self.connections, timeout_s=5)
        self.home.move_out()

    # people

    @in_loop
    def add_phone(self, number: str, name: str = "") -> Phone:
        """Add an account that devices can be linked to."""
        return self._add(Phone(self, number, str(next(self._lids)), name))

    @in_loop
    def add_customer(self, number: str, name: str = "") -> Customer:
        """Add somebody who writes to phones."""
        return self._add(Customer(self, number, str(next(self._lids)), name))

    def find(self, user: str) -> Person | None:
        """Return the account with this number or LID."""
        return self._people.get(user)

    def live(self, phone: Phone) -> bool:
        """Whether a companion of this phone is logged in."""
        return any(companion.is_live for companion in phone.companions)

    def _add(self, person: AnyPerson) -> AnyPerson:
        for user in (person.pn.user, person.lid.user):
            if user in self._people:
                raise ValueError(f"{user} is taken")
            self._people[user] = person
        return person

    # waiting

    async def await_until(self, is_true: Callable[[], object], timeout_s: float = 30.0) -> None:
        """Return once `is_true` is; it is asked on the simulator's loop after every change.

        Raises:
            TimeoutError: It was not within `timeout_s`.
        """
        await self.home.until(is_true, timeout_s)

    def wait_until(self, is_true: Callable[[], object], timeout_s: float = 30.0) -> None:
        """Do what `await_until` does, for threads."""
        self.home.block_on(self.await_until(is_true, timeout_s))

    def changed(self) -> None:
        """Wake those who wait for a change."""
        self.home.changed()

    # connections

    def new_handshake(self) -> ServerHandshake:
        """Return the server's half of a handshake."""
        return ServerHandshake(self._static, self._chain)

    def admit(self, connection: Connection, finished: Finished) -> Peer | None:
        """Return who has come, or None if it was sent away."""
        if _PAIRING_DATA in finished.payload:
            return self._begin_pairing(connection, finished)
        number = str(finished.payload.number(_USERNAME))
        device = finished.payload.number(_DEVICE)
        phone, companion = self._companions.get(finished.client_static, (None, None))
        is_known = phone and companion and (number, device) == (phone.number, companion.device)
        if phone is None or companion is None or not is_known or not companion.is_linked:
            return self._refuse(connection, Failure(401), number, device)
        faults = self.faults.met_by(phone)
        if faults.login_failure:
            return self._refuse(connection, faults.login_failure, number, device)
        if faults.is_login_mute or self.faults.mute is Mute.BEFORE_SUCCESS:
            self.stats.logged_in(number, device, "mute")
            connection.freeze()
            return None
        return self._log_in(connection, phone, companion)

    def _refuse(
        self, connection: Connection, failure: Failure, number: str, device: int
    ) -> Peer | None:
        self.stats.logged_in(number, device, f"failure {failure.reason}")
        connection.end_stream(failure.node())
        return None

    def _log_in(self, connection: Connection, phone: Phone, companion: Companion) -> Peer:
        if old := companion.connection:
            if old.is_frozen:
                old.cut("rst")
            else:
                old.end_stream(Node("stream:error", content=[_replaced()]))
        companion.attach(connection)
        self.stats.logged_in(phone.number, companion.device, "success")
        attrs: Attrs = {"t": now(), "lid": companion.lid, "location": "sim", "props": "0"}
        connection.send(Node("success", attrs))
        return CompanionPeer(self, phone, companion, connection)

    # pairing

    def _begin_pairing(self, connection: Connection, finished: Finished) -> Peer | None:
        if failure := self.faults.pairing_failure:
            return self._refuse(connection, failure, "", 0)
        pairing = Pairing(connection, finished.client_static, self)
        self._pairings.append(pairing)
        pairing.begin()
        return pairing

    def find_pairing(self, ref: str) -> Pairing | None:
        """Return the client that shows a code with this text now."""
        return next((pairing for pairing in self._pairings if pairing.is_valid(ref)), None)

    def find_code(self, number: str) -> tuple[Pairing, Hello] | None:
        """Return the client that shows a code for this number now; the newest, of several."""
        shown = [(p, hello) for p in self._pairings if (hello := p.code_for(number))]
        return max(shown, key=lambda found: found[1].asked_at, default=None)

    def code_asked(self, hello: Hello) -> None:
        """Count a code, and show the phone its notification."""
        self.stats.link_codes[hello.number] += 1
        phone = self.find(hello.number)
        if isinstance(phone, Phone) and hello.notifies:
            phone.link_notices += 1

    def faults_of(self, phone: HasNumber) -> AccountFaults:
        """Return the faults in force for a phone."""
        return self.faults.met_by(phone)

    def ended(self, pairing: Pairing) -> None:
        """Forget a client that has gone."""
        self._pairings.remove(pairing)

    def linked(self, phone: Phone, companion: Companion) -> None:
        """Let a companion log in."""
        self._companions[companion.noise_key] = (phone, companion)
        companion.is_cut_off = lambda: _is_cut_off(self.faults.met_by(phone))
        self.stats.pairings += 1
        match self.faults.met_by(phone).redial_after_pairing:
            case RedialFault.REFUSED:
                self.faults.refuse()
            case RedialFault.CUT:
                self.faults.cuts_next_dial = True
            case None:
                pass

    # listening

    def _set_listening(self, wanted: bool) -> None:
        if wanted and self._listener is None:
            # The kernel queues dials from here on, so the port is open when this returns.
            self._opening = self.home.loop.create_task(
                self._serve(socket.create_server((HOST, self.port)))
            )
        elif not wanted and self._listener is not None:
            self._listener.close()
            self._listener = None

    async def _serve(self, listening: socket.socket) -> None:
        self._listener = await self.home.loop.create_server(
            lambda: Connection(self), sock=listening
        )


def _is_cut_off(faults: AccountFaults) -> bool:
    return faults.is_zombie or faults.withholds_messages


def _replaced() -> Node:
    return Node("conflict", {"type": "replaced"})
