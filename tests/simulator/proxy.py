"""An HTTP or SOCKS5 proxy before a simulator, and the certificate of the name it stands for.

The library dials web.whatsapp.com through it, TLS included; what leaves here goes to the simulator.
"""

import asyncio
import base64
import contextlib
import ssl
import struct
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

HOST: Final = "web.whatsapp.com"


class ProxyMood(StrEnum):
    """What becomes of the wish to be connected."""

    OPEN = "open"
    REFUSING = "refusing"  # 502: the proxy has no network itself
    MUTE = "mute"


class ConnectProxy:
    """The proxy, on an event loop of its own.

    Args:
        port: The simulator's.
        folder: Where the certificate and its key are put.
        login: The user and password that are asked for, if any.
        is_socks: Whether it speaks SOCKS5 (RFC 1928, 1929) and not HTTP.
    """

    def __init__(
        self,
        port: int,
        folder: Path,
        *,
        login: tuple[str, str] | None = None,
        is_socks: bool = False,
    ) -> None:
        self.mood = ProxyMood.OPEN
        self.login = login
        self.is_socks = is_socks
        self.connects = 0
        self.refusals = 0  # for want of the right user and password
        self.port = 0
        self.certificate = folder / "proxy.pem"
        self._simulator_port = port
        self._has_started = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over: asyncio.Event | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @contextlib.contextmanager
    def running(self) -> Iterator["ConnectProxy"]:
        """Serve as long as the block lasts."""
        key = _write_certificate(self.certificate)
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(self.certificate, key)
        thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        thread.start()
        assert self._has_started.wait(10)
        try:
            yield self
        finally:
            if self._loop is not None and self._over is not None:
                self._loop.call_soon_threadsafe(self._over.set)
            thread.join(10)

    def cut(self) -> None:
        """End every connection through it."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        for task in self._connections:
            task.cancel()

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._has_started.set()
        await self._over.wait()
        server.close()
        self._cancel()
        if self._connections:
            await asyncio.wait(self._connections)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._handle(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        plain = writer.transport  # TLS that was broken off leaves it open (Python 3.11)
        try:
            with contextlib.suppress(OSError, EOFError, asyncio.CancelledError):
                await self._connect(reader, writer)
        finally:
            writer.close()
            await asyncio.sleep(0)
            plain.abort()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        greet = self._greet_socks if self.is_socks else self._greet_http
        if not await greet(reader, writer):
            writer.write_eof()
            await reader.read()
            return
        await writer.start_tls(self._tls)
        behind, ahead = await asyncio.open_connection("127.0.0.1", self._simulator_port)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_pour(reader, ahead))
                both.create_task(_pour(behind, writer))
        except* (OSError, EOFError):
            pass
        finally:
            ahead.close()

    async def _greet_http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Hear a CONNECT; return whether the way is open."""
        request = await reader.readuntil(b"\r\n\r\n")
        assert request.startswith(f"CONNECT {HOST}:443 ".encode())
        self.connects += 1
        if self.login is not None:
            token = base64.b64encode(":".join(self.login).encode())
            if b"\r\nProxy-Authorization: Basic " + token + b"\r\n" not in request:
                self.refusals += 1
                writer.write(
                    b"HTTP/1.1 407 Proxy Authentication Required\r\n"
                    b'Proxy-Authenticate: Basic realm="p"\r\nContent-Length: 0\r\n\r\n'
                )
                return False
        if self.mood is ProxyMood.MUTE:
            await asyncio.Event().wait()  # until it is cut
        if self.mood is ProxyMood.REFUSING:
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
            return False
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        return True

    async def _greet_socks(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Hear the greeting, the login and the wish; return whether the way is open."""
        _, count = await reader.readexactly(2)
        methods = await reader.readexactly(count)
        self.connects += 1
        wanted = 0 if self.login is None else 2
        if wanted not in methods:
            self.refusals += 1
            writer.write(b"\x05\xff")
            return False
        writer.write(bytes((5, wanted)))
        if self.login is not None:
            await reader.readexactly(1)
            user = await reader.readexactly((await reader.readexactly(1))[0])
            password = await reader.readexactly((await reader.readexactly(1))[0])
            is_right = (user.decode(), password.decode()) == self.login
            writer.write(bytes((1, 0 if is_right else 1)))
            if not is_right:
                self.refusals += 1
                return False
        head = await reader.readexactly(4)
        assert head == b"\x05\x01\x00\x03"  # CONNECT, to a name
        name = await reader.readexactly((await reader.readexactly(1))[0])
        (port,) = struct.unpack(">H", await reader.readexactly(2))
        assert (name.decode(), port) == (HOST, 443)
        if self.mood is ProxyMood.MUTE:
            await asyncio.Event().wait()
        is_open = self.mood is ProxyMood.OPEN
        writer.write(bytes((5, 0 if is_open else 5, 0, 1, 0, 0, 0, 0, 0, 0)))
        return is_open


async def _pour(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        target.write(data)
        await target.drain()
    raise EOFError  # the other direction ends with it


def _write_certificate(path: Path) -> Path:
    """Write a certificate of the name, signed by itself, and return where its key is."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_path = path.with_suffix(".key")
    key_path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return key_path
