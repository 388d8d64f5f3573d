"""Connections that the server opens: one to each side that is reached by TCP or TLS.

One that is there is used again; one that is lost is opened anew by who needs it next.
Certificates are checked against the system's authorities (``SSL_CERT_FILE`` names
others). Knows nothing of what the messages say.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass

from voiceserver.carriers.sip.connections import Connection, Receive, read_messages
from voiceserver.carriers.sip.message import NotSip
from voiceserver.carriers.sip.udp import Address
from voiceserver.errors import CallRefused

CONNECT_LIMIT_S = 5.0


@dataclass(frozen=True, slots=True)
class Home:
    """Where we are reached in return.

    Attributes:
        public_ip: Empty is where a connection begins.
        port: Of TCP.
        tls_port: Of TLS; 0 is none.
    """

    public_ip: str
    port: int
    tls_port: int


class Links:
    """All connections of one server to others.

    Args:
        home: Where we are reached.
        receive: Takes messages; must not raise.
    """

    def __init__(self, home: Home, receive: Receive) -> None:
        self._home = home
        self._receive = receive
        self._links: dict[tuple[Address, str], Connection] = {}
        self._group: asyncio.TaskGroup | None = None
        self._reading: set[asyncio.Task[None]] = set()

    def open(self, group: asyncio.TaskGroup) -> None:
        """Connections may be opened, and are read, while the group lasts."""
        self._group = group

    def close(self) -> None:
        """End all of them; may be called again."""
        self._group = None
        for task in self._reading:
            task.cancel()
        for link in self._links.values():
            link.close()  # its task may not have begun

    async def to(self, address: Address, name: str, transport: str) -> Connection:
        """The connection to an address.

        Args:
            address: Host and port.
            name: Of the host, which its certificate is for.
            transport: ``"tcp"`` or ``"tls"``.

        Raises:
            CallRefused: If there is none to be had.
        """
        key = (address, transport)
        link = self._links.get(key)
        if link is not None and not link.gone:
            return link
        if self._group is None:
            raise CallRefused("Connections cannot be opened just now.", 503)
        secure = transport == "tls"
        context = ssl.create_default_context() if secure else None
        try:
            async with asyncio.timeout(CONNECT_LIMIT_S):
                reader, writer = await asyncio.open_connection(
                    *address, ssl=context, server_hostname=name if secure else None
                )
        except (OSError, TimeoutError) as error:
            why = getattr(error, "verify_message", "") or error.__class__.__name__
            raise CallRefused(
                f"There is no {transport.upper()} connection to {name}: {why}.", 502
            ) from None
        home = self._home
        port = (home.tls_port or home.port) if secure else home.port
        host = home.public_ip or writer.get_extra_info("sockname")[0]
        link = Connection(writer, transport.upper(), (host, port))
        self._links[key] = link
        task = self._group.create_task(self._held(key, link, reader))
        self._reading.add(task)
        task.add_done_callback(self._reading.discard)
        return link

    async def _held(
        self,
        key: tuple[Address, str],
        link: Connection,
        reader: asyncio.StreamReader,
    ) -> None:
        try:
            await read_messages(reader, link, key[0], self._receive)
        except (NotSip, OSError, TimeoutError):
            pass  # who needs it next opens another
        finally:
            if self._links.get(key) is link:
                del self._links[key]
            link.close()
