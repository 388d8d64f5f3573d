"""Accepts connections: how many, and how long one may take to say what it wants.

aiohttp bounds the size of a request's head but not the time it takes: a client that
connects and sends nothing, or half a header, would stay for ever. Here such a
connection is closed after a while. Beyond the limits the one that has been idle for
longest gives way, so that who asks nothing keeps nobody out; where all are in use, the
new one is closed: before TLS, whose handshake may never end.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import ssl
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from voiceserver.config import ServerConfig
from voiceserver.errors import ConfigError, VoiceServerError
from voiceserver.metrics import Metrics

log = logging.getLogger(__name__)

HEAD_LIMIT_S = 10.0  # for the first request's head
KEEP_ALIVE_S = 30.0  # between requests
LINGER_S = 1.0  # for the rest of a body that was refused
MAX_CONNECTIONS = 512
MAX_PER_ADDRESS = 256
BACKLOG = 128  # connections that the kernel keeps
NO_FILES_S = 0.1  # before the next is accepted when that has failed
SEND_BUFFER = 131_072  # bytes; Linux keeps twice as many
HEAD_LIMIT = 8190  # bytes of a request line or header
END_LIMIT_S = 2.0  # for requests in progress when the server closes


class CannotListen(VoiceServerError):
    """The address cannot be bound; the text says what to do."""


@dataclass(slots=True)
class _Greeting:
    """A connection that is not the server's yet.

    Attributes:
        place: The client's address.
        task: Who makes it so.
        waits: TLS is being agreed, which may never end; else it takes no time.
        protocol: Of the connection.
    """

    place: str
    task: asyncio.Task[None]
    waits: bool
    protocol: RequestHandler | None = None

    @property
    def over(self) -> bool:
        """Whether it is the server's: a task that is cancelled would not close it."""
        return self.protocol is not None and self.protocol.transport is not None


class Connections:
    """Makes the protocol of each accepted connection.

    Args:
        metrics: Where refused connections are counted.
        head_limit_s: Until the first request's head is there.
        limit: Connections at a time.
        limit_per_address: Those of one address, so that it leaves room to others.
    """

    def __init__(
        self,
        metrics: Metrics,
        head_limit_s: float = HEAD_LIMIT_S,
        limit: int = MAX_CONNECTIONS,
        limit_per_address: int = MAX_PER_ADDRESS,
    ) -> None:
        self._metrics = metrics
        self._head_limit_s = head_limit_s
        self._limit = limit
        self._limit_per_address = limit_per_address
        self._greeted: dict[socket.socket, _Greeting] = {}
        self._silent: dict[RequestHandler, asyncio.TimerHandle] = {}
        self._idle: dict[RequestHandler, None] = {}  # between requests, longest first
        self._closed = False

    @contextlib.contextmanager
    def asking(self, request: web.Request) -> Iterator[None]:
        """A request's head has arrived on this connection; it is in use inside."""
        protocol = request.protocol
        self._idle.pop(protocol, None)
        timer = self._silent.pop(protocol, None)
        if timer is not None:
            timer.cancel()
        try:
            yield
        finally:
            # Not before the answer is written, which follows at once.
            asyncio.get_running_loop().call_soon(self._answered, protocol)

    def _answered(self, protocol: RequestHandler) -> None:
        if not self._closed and protocol.transport is not None:
            self._idle[protocol] = None

    async def accept(
        self,
        server: web.Server,
        listening: socket.socket,
        tls: ssl.SSLContext | None,
    ) -> None:
        """Accept connections until cancelled; those that are open live on.

        Each is counted from the moment in which it is accepted: a TLS handshake that
        is never finished is one, and has as long as a head.
        """
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as group:
            while True:
                try:
                    accepted, address = await loop.sock_accept(listening)
                except OSError:
                    self._metrics.dropped.labels("connections").inc()
                    # Mostly no file is left: until then they wait in the backlog.
                    await asyncio.sleep(NO_FILES_S)
                    continue
                place = address[0] if isinstance(address, tuple) else ""
                if self._has_room(server, place):
                    greeting = group.create_task(self._greet(server, accepted, tls))
                    waits = tls is not None
                    self._greeted[accepted] = _Greeting(place, greeting, waits)
                else:
                    accepted.close()
                # Many may have come at once; and what is begun can be cancelled.
                await asyncio.sleep(0)

    def _has_room(self, server: web.Server, place: str) -> bool:
        """Whether one more connection of an address is taken; makes room if it can."""
        for protocol in [one for one in self._idle if one.transport is None]:
            del self._idle[protocol]
        places = Counter(one.place for one in self._greeted.values() if not one.over)
        places.update(map(_place_of, server.connections))
        if place and places[place] >= self._limit_per_address:
            crowding = place
        elif places.total() >= self._limit:
            crowding = places.most_common(1)[0][0]
        else:
            return True
        self._metrics.dropped.labels("connections").inc()
        return self._drop_idlest(crowding)

    def _drop_idlest(self, place: str) -> bool:
        """Close the connection of an address that is of the least use, if one is."""
        for accepted, one in self._greeted.items():
            if one.place == place and one.waits and not one.over:
                del self._greeted[accepted]
                one.task.cancel()
                return True
        for protocol in (*self._silent, *self._idle):
            if _place_of(protocol) == place and protocol.transport is not None:
                self._idle.pop(protocol, None)
                if timer := self._silent.pop(protocol, None):
                    timer.cancel()
                protocol.force_close()
                return True
        return False

    async def _greet(
        self,
        server: web.Server,
        accepted: socket.socket,
        tls: ssl.SSLContext | None,
    ) -> None:
        """Give an accepted connection to the server, once TLS is agreed."""
        loop = asyncio.get_running_loop()

        def protocol() -> RequestHandler:
            made = server()
            if accepted in self._greeted:
                self._greeted[accepted].protocol = made
            self._silent[made] = loop.call_later(
                self._head_limit_s, self._too_slow, made
            )
            return made

        try:
            accepted.setblocking(False)
            await loop.connect_accepted_socket(
                protocol,
                accepted,
                ssl=tls,
                ssl_handshake_timeout=None if tls is None else self._head_limit_s,
            )
        except (OSError, TimeoutError):  # TLS errors and resets are OSErrors
            accepted.close()
        except Exception:  # a fault of ours: the others' connections go on
            accepted.close()
            log.exception("a connection could not be taken")
        finally:
            self._greeted.pop(accepted, None)

    def _too_slow(self, protocol: RequestHandler) -> None:
        self._silent.pop(protocol, None)
        protocol.force_close()

    def close(self) -> None:
        """Cancel what is pending."""
        for timer in self._silent.values():
            timer.cancel()
        self._silent.clear()
        self._idle.clear()
        self._closed = True


def _place_of(protocol: RequestHandler) -> str:
    """The client's address; ``""`` of a Unix socket, or one that is closed."""
    transport = protocol.transport
    # Of one that is closed uvloop raises when it is asked anything.
    if transport is None or transport.is_closing():
        return ""
    address = transport.get_extra_info("peername")
    return str(address[0]) if isinstance(address, tuple) else ""


def keep_little(request: web.Request) -> None:
    """Have the kernel keep little of an answer that is long.

    Else it keeps megabytes, and who reads slowly is known late.
    """
    transport = request.transport
    sock = None if transport is None else transport.get_extra_info("socket")
    # Of a Unix socket the other end is ours, and keeps little.
    if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
        with contextlib.suppress(OSError):  # it has just been closed
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)


def bound_socket(host: str, port: int) -> socket.socket:
    """Bind an address and listen there; who comes waits to be accepted.

    Both at once: two sockets may be bound to one address until one of them listens,
    and only then would it be told that the port is in use.

    Args:
        host: Name or address; of a name the first address is taken.
        port: 0 lets the system choose.

    Raises:
        CannotListen: If it cannot be bound.
    """
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:
        why = f"{host or 'an empty name'} is no address and no name that is known"
        raise CannotListen(
            f"cannot listen at {place}: {why} ({_said(error)}); choose another "
            "with --host"
        ) from None
    listening = socket.socket(family, kind, proto)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        raise CannotListen(f"cannot listen at {place}: {_advice(error)}") from None
    return listening


def bound_path(path: str) -> socket.socket:
    """Bind a Unix socket that only this user can open; an old one is replaced.

    Raises:
        CannotListen: If it cannot be bound.
    """
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        Path(path).unlink(missing_ok=True)
        listening.bind(path)
        Path(path).chmod(0o600)
        listening.listen(BACKLOG)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        raise CannotListen(f"cannot listen at {path}: {error}") from None
    return listening


def _advice(error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return (
                "the port is in use, perhaps by another voiceserver; stop it or "
                "choose another port with --port"
            )
        case errno.EACCES:
            return "not permitted; choose a port above 1023 with --port"
        case errno.EADDRNOTAVAIL:
            return "this machine has no such address; choose another with --host"
        case _:
            return _said(error)


def _said(error: OSError | UnicodeError) -> str:
    """What the system says of it, without its number."""
    return getattr(error, "strerror", None) or str(error)


def address_of(listening: socket.socket, tls: bool = False) -> str:
    """Return the URL of a bound socket, or the path of a Unix one."""
    if listening.family == socket.AF_UNIX:
        return f"unix:{listening.getsockname()}"
    host, port = listening.getsockname()[:2]
    scheme = "https" if tls else "http"
    name = f"[{host}]" if ":" in host else host
    return f"{scheme}://{name}:{port}"


def tls_context(config: ServerConfig) -> ssl.SSLContext | None:
    """Load the server's certificate; None if none is configured.

    Raises:
        ConfigError: If it cannot be read, or the key is not its own.
    """
    if not config.tls_cert:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(config.tls_cert, config.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"server.tls_cert and server.tls_key: cannot use {config.tls_cert} with "
            f"{config.tls_key}: {error}"
        ) from error
    return context
