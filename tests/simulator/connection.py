"""One TCP connection: HTTP upgrade, WebSocket, Noise, frames, nodes; and silence on command."""

import asyncio
import logging
import socket
import struct
from collections import deque
from functools import partial
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from websockets.exceptions import InvalidState
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from tests.simulator import nodes
from tests.simulator.faults import Cut, Faults, Mute
from tests.simulator.nodes import Node
from tests.simulator.noise import Cipher, Finished, Frames, ServerHandshake, framed
from tests.simulator.stats import Stats

log = logging.getLogger(__name__)
_websocket_log = log.getChild("websocket")
_websocket_log.setLevel(logging.WARNING)

# A client that reads the end of the connection before it has handled the node in front of it
# takes the end for a loss and dials again.
_LINGER_S: Final = 0.1
_CLOSE_NORMAL: Final = 1000


class Peer(Protocol):
    """Who is at the other end, once the handshake has told."""

    @property
    def number(self) -> str | None:
        """The number of the account; None while it is being paired."""

    def on_node(self, node: Node) -> None:
        """Handle a node of the client."""

    def on_closed(self) -> None:
        """Handle the end of the connection."""


class Host(Protocol):
    """What a connection needs of the server."""

    faults: Faults
    stats: Stats
    connections: "set[Connection]"

    def new_handshake(self) -> ServerHandshake:
        """Return the server's half of a handshake."""

    def admit(self, connection: "Connection", finished: Finished) -> Peer | None:
        """Return who has come, or None if it was sent away."""

    def changed(self) -> None:
        """Wake those who wait for a change."""


class Connection(asyncio.Protocol):
    """The server's end of one connection."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._transport: asyncio.Transport | None = None
        self._ws = ServerProtocol(max_size=None, logger=_websocket_log)
        self._frames = Frames()
        self._inbox: deque[bytes] = deque()
        self._held: list[bytes] = []
        self._handshake: ServerHandshake | None = None
        self._is_hello_done = False
        self._ciphers: tuple[Cipher, Cipher] | None = None
        self._peer: Peer | None = None
        self.is_frozen = False
        self.is_open = False

    @property
    def number(self) -> str | None:
        """The number of the account, once the client has logged in."""
        return self._peer.number if self._peer else None

    # TCP

    @property
    def _tcp(self) -> socket.socket:
        if self._transport is None:
            raise ConnectionError("no connection yet")
        tcp: socket.socket = self._transport.get_extra_info("socket")
        return tcp

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("not a TCP connection")
        self._transport = transport
        # asyncio does so too, but only for sockets that were made with IPPROTO_TCP.
        self._tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._host.stats.dialled()
        self._host.connections.add(self)
        self.is_open = True
        faults = self._host.faults
        if faults.cuts_next_dial:
            faults.cuts_next_dial = False
            self.cut("rst")
        elif faults.mute is Mute.BEFORE_UPGRADE:
            # Not at once: asyncio starts reading only after this call (3.11).
            asyncio.get_running_loop().call_soon(self.freeze)
        self._host.changed()

    def data_received(self, data: bytes) -> None:
        self._ws.receive_data(data)
        for event in self._ws.events_received():
            if isinstance(event, Request):
                self._upgrade(event)
            elif isinstance(event, Frame) and event.opcode in (Opcode.BINARY, Opcode.CONT):
                try:
                    self._inbox.extend(self._frames.feed(bytes(event.data)))
                except ValueError:
                    self.cut("rst")
                    return
        self._flush()
        self._handle_inbox()

    def eof_received(self) -> None:
        self._ws.receive_eof()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio's
        self.is_open = False
        self._host.connections.discard(self)
        if self._peer:
            self._peer.on_closed()
        self._host.changed()

    def cut(self, how: Cut) -> None:
        """End the connection."""
        if self._transport is None or not self.is_open:
            return
        if how == "ws" and self._is_hello_done:
            self._ws.send_close(_CLOSE_NORMAL)
            self._flush()
        if how == "rst":
            # Without this, closing sends a FIN unless something is left unread.
            self._tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()
        else:
            self._transport.close()

    # silence

    def freeze(self) -> None:
        """Stop reading and writing; the kernel goes on taking bytes, as a dead link seems to."""
        if self._transport and not self.is_frozen:
            self.is_frozen = True
            self._transport.pause_reading()
            self._host.changed()

    def thaw(self) -> None:
        """Answer what has piled up, then go on."""
        if self._transport and self.is_frozen:
            self.is_frozen = False
            self._transport.resume_reading()
            held, self._held = self._held, []
            for data in held:
                self._transport.write(data)
            self._handle_inbox()

    # WebSocket

    def _upgrade(self, request: Request) -> None:
        faults = self._host.faults
        if faults.http_status is not None:
            response = self._ws.reject(faults.http_status, "not now")
        else:
            response = self._ws.accept(request)
        self._ws.send_response(response)
        self._flush()
        if faults.mute is Mute.BEFORE_SERVER_HELLO:
            self.freeze()

    def _flush(self) -> None:
        for data in self._ws.data_to_send():
            if self._transport is None or self._transport.is_closing():
                return
            if not data:
                self._transport.close()
            elif self.is_frozen:
                self._held.append(data)
            else:
                self._transport.write(data)

    def _send_frame(self, body: bytes) -> None:
        try:
            self._ws.send_binary(framed(body))
        except InvalidState:  # the client has said goodbye
            return
        self._flush()

    # Noise

    def _handle_inbox(self) -> None:
        while self._inbox and not self.is_frozen:
            frame = self._inbox.popleft()
            try:
                self._handle_frame(frame)
            except (ValueError, InvalidTag):
                log.exception("a frame that cannot be read")
                self.cut("rst")

    def _handle_frame(self, frame: bytes) -> None:
        if self._ciphers is not None:
            node = nodes.decode(self._ciphers[0].decrypt(frame))
            if self._peer:
                self._peer.on_node(node)
        elif self._handshake is None:
            self._handshake = self._host.new_handshake()
            hello = self._handshake.answer(frame)
            if delay_s := self._host.faults.handshake_delay_s:
                self._host.stats.delayed_handshakes += 1
                asyncio.get_running_loop().call_later(delay_s, partial(self._greet, hello))
            else:
                self._greet(hello)
        else:
            finished = self._handshake.finish(frame)
            self._ciphers = (finished.from_client, finished.to_client)
            self._peer = self._host.admit(self, finished)
        self._host.changed()

    def _greet(self, hello: bytes) -> None:
        self._is_hello_done = True
        self._send_frame(hello)

    # nodes

    def send(self, node: Node) -> None:
        """Send a node; on a connection that has ended this does nothing."""
        if self._ciphers is not None and self.is_open:
            self._send_frame(self._ciphers[1].encrypt(nodes.encode(node)))

    def end_stream(self, error: Node) -> None:
        """Send the last node and close a moment later."""
        self.send(error)
        asyncio.get_running_loop().call_later(_LINGER_S, self.cut, "fin")
