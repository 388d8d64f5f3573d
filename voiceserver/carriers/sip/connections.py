"""SIP over connections, in the clear or by TLS: messages cut out of the stream.

A connection of a stranger is closed unread, and so is one whose stream cannot be cut.
Knows nothing of what the messages say.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import Callable, Iterator

from voiceserver.carriers.sip.message import LONGEST, NotSip
from voiceserver.carriers.sip.udp import Address, family_of
from voiceserver.errors import ConfigError

MOST = 256  # connections at a time
# A connection may be silent for as long as the longest call that it set up.
SILENT_S = 3600.0
HANDSHAKE_LIMIT_S = 5.0
UNREAD_BYTES = 256 * 1024  # that the other side does not take; then it is closed
READ_BYTES = 16 * 1024
BACKLOG = 128  # connections that the kernel keeps
PING, PONG = b"\r\n\r\n", b"\r\n"  # RFC 5626, section 4.4.1

_HEAD_END = re.compile(rb"\r?\n\r?\n")
_LENGTH = re.compile(rb"(?im)^(?:content-length|l)[ \t]*:[ \t]*(\d{1,9})[ \t]*\r?$")

Receive = Callable[[bytes, "Connection", Address], None]


class Framer:
    """Cuts messages out of one stream."""

    def __init__(self) -> None:
        self._waiting = b""

    def feed(self, received: bytes) -> Iterator[bytes]:
        """Take what came; yield each whole message, and ``PING`` where that came.

        Raises:
            NotSip: If the stream cannot be cut: the rest of it is of no use.
        """
        self._waiting += received
        while True:
            if self._waiting.startswith(PING):
                self._waiting = self._waiting[len(PING) :]
                yield PING
                continue
            start = self._waiting.lstrip(b"\r\n")
            message = _first(start)
            if message is None:
                if len(self._waiting) > LONGEST:
                    raise NotSip("a message without an end")
                return
            self._waiting = start[len(message) :]
            yield message


def _first(stream: bytes) -> bytes | None:
    """The first message; None if it is not whole yet."""
    end = _HEAD_END.search(stream)
    if end is None:
        return None
    found = _LENGTH.search(stream[: end.end()])
    if found is None:
        raise NotSip("no Content-Length")  # RFC 3261, section 18.3: there must be one
    size = end.end() + int(found[1])
    if size > LONGEST:
        raise NotSip("longer than any message")
    return stream[:size] if len(stream) >= size else None


class Connection:
    """One side that is reached by one connection.

    Args:
        writer: Of it.
        transport: ``"TCP"`` or ``"TLS"``.
        contact: Host and port at which we are reached.
    """

    reliable = True

    def __init__(
        self, writer: asyncio.StreamWriter, transport: str, contact: Address
    ) -> None:
        self._writer = writer
        self.transport = transport
        self._contact = contact

    @property
    def gone(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._writer.is_closing()

    def close(self) -> None:
        """End it; may be called again."""
        self._writer.close()

    def send(self, packet: bytes, to: Address) -> None:
        """Send; who takes nothing, or has gone, is not waited for."""
        del to
        if self._writer.is_closing():
            return
        if self._writer.transport.get_write_buffer_size() > UNREAD_BYTES:
            self._writer.transport.abort()
            return
        self._writer.write(packet)

    def contact(self, towards: Address) -> Address:
        """Host and port at which that side reaches us."""
        del towards
        return self._contact


class Connections:
    """A listening port.

    Args:
        host: To bind.
        port: To bind.
        public_ip: At which we are reached; empty is where the connection came.
        tls: Of TLS; None is in the clear.
    """

    def __init__(
        self, host: str, port: int, public_ip: str, tls: ssl.SSLContext | None
    ) -> None:
        self._public_ip = public_ip
        self._tls = tls
        self._n = 0
        self._socket = socket.socket(family_of(host), socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((host, port))
            self._socket.listen(BACKLOG)  # else two may be bound to one address
        except OSError as error:
            self._socket.close()
            raise ConfigError(
                f"cannot listen at TCP {host}:{port}: {error.strerror}; "
                "choose another [sip] host or port"
            ) from None

    async def run(self, knows: Callable[[str], bool], receive: Receive) -> None:
        """Take connections until cancelled.

        Args:
            knows: Whether an address may connect.
            receive: Takes messages; must not raise.
        """

        async def take(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            peer = writer.get_extra_info("peername")
            source: Address = peer[:2] if peer else ("", 0)  # it was reset already
            if not peer or self._n >= MOST or not knows(source[0]):
                writer.transport.abort()
                return
            self._n += 1
            try:
                await self._read(reader, writer, source, receive)
            except (NotSip, OSError, TimeoutError):
                pass  # closed below: nothing could be said that would be understood
            finally:
                self._n -= 1
                writer.close()

        limit = HANDSHAKE_LIMIT_S if self._tls else None
        server = await asyncio.start_server(
            take, sock=self._socket.dup(), ssl=self._tls, ssl_handshake_timeout=limit
        )
        async with server:
            await server.serve_forever()

    def close(self) -> None:
        """Give the address back; may be called again."""
        self._socket.close()

    async def _read(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        source: Address,
        receive: Receive,
    ) -> None:
        host, port = writer.get_extra_info("sockname")[:2]
        contact = (self._public_ip or host, port)
        connection = Connection(writer, "TLS" if self._tls else "TCP", contact)
        await read_messages(reader, connection, source, receive)


async def read_messages(
    reader: asyncio.StreamReader,
    connection: Connection,
    source: Address,
    receive: Receive,
) -> None:
    """Read a connection to its end.

    Raises:
        NotSip: If its stream cannot be cut.
        OSError: If it breaks.
        TimeoutError: If it is silent for too long.
    """
    framer = Framer()
    while True:
        async with asyncio.timeout(SILENT_S):
            received = await reader.read(READ_BYTES)
        if not received:
            return
        for message in framer.feed(received):
            if message == PING:
                connection.send(PONG, source)
            else:
                receive(message, connection, source)


def tls_context(certificate: str, key: str) -> ssl.SSLContext:
    """What TLS is spoken with.

    Raises:
        ConfigError: If the certificate cannot be used.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"[server] tls_cert cannot be used for SIP: {error}"
        ) from None
    return context
