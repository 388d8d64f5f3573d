"""HTTP to services that are asked by URL: one session, warm connections, bounded.

Every fault becomes a ``ProviderFailed`` that names the service and quotes neither
headers nor body. Redirects are never followed: the key would go along. A body is read
as bytes, or as the server-sent events in them. What the services say is not known
here, so a test can put bytes in its place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

import aiohttp

from voiceserver import __version__
from voiceserver.errors import (
    ConfigError,
    EngineFailed,
    ProviderFailed,
    system_said,
)

CONNECTIONS = 100
KEEP_ALIVE_S = 60.0  # idle connections; most servers close theirs after 60 to 75
EOF_WAIT_S = 0.02  # after the end of an answer, so that the connection can be kept
MAX_REST_BYTES = 16 * 1024  # read after it
MAX_EVENT_BYTES = 256 * 1024
_LINE_FEED = 0x0A


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """How long a service may take, in seconds; the stages' own limits are shorter.

    Attributes:
        connect_s: To resolve and connect, TLS included.
        gap_s: Between bytes.
        total_s: For a whole answer; None where it is read no faster than it is spoken,
            and so may last as long as a call.
    """

    connect_s: float = 2.0
    gap_s: float = 10.0
    total_s: float | None = None


class HttpResponse(Protocol):
    """An answer whose head has arrived."""

    @property
    def status(self) -> int:
        """HTTP status."""

    @property
    def content_type(self) -> str:
        """Media type without parameters, in lower case."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Other headers; names in any case."""

    async def read(self) -> bytes:
        """Return the next bytes of the body; none at its end.

        Raises:
            ProviderFailed: If it breaks off.
        """

    async def settle(self) -> None:
        """The answer is complete: wait a little for the body's end."""

    def close(self) -> None:
        """Let go of it; a connection whose answer was not read is closed."""


class Transport(Protocol):
    """Sends requests."""

    async def send(
        self,
        source: str,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes = b"",
    ) -> HttpResponse:
        """Send a request; return its answer when the head has come.

        Args:
            source: Name of the service, for messages.
            method: ``"GET"`` or ``"POST"``.
            url: Where to.
            headers: May hold a key.
            body: To be sent.

        Raises:
            ProviderFailed: If none comes.
        """


class Http:
    """A ``Transport`` over sockets; an asynchronous context manager."""

    def __init__(self, limits: HttpLimits | None = None) -> None:
        self._limits = limits or HttpLimits()
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Http:
        limits = self._limits
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=CONNECTIONS, keepalive_timeout=KEEP_ALIVE_S
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(
                total=limits.total_s,
                connect=limits.connect_s,
                sock_connect=limits.connect_s,
                sock_read=limits.gap_s,
            ),
            trust_env=False,
            auto_decompress=False,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def send(
        self,
        source: str,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes = b"",
    ) -> HttpResponse:
        """See ``Transport``."""
        if self._session is None:
            raise ProviderFailed(source, "is not open")
        try:
            try:
                answer = await self._send(self._session, method, url, headers, body)
            except aiohttp.ClientConnectorError:
                raise
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
                # A kept connection was closed just as it was taken: ask once more.
                answer = await self._send(self._session, method, url, headers, body)
        except TimeoutError:
            raise ProviderFailed(source, "did not answer in time", "late") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _unreachable(source, error) from None
        return _HttpResponse(source, answer)

    async def _send(
        self,
        session: aiohttp.ClientSession,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
    ) -> aiohttp.ClientResponse:
        return await session.request(
            method, url, data=body or None, headers=headers, allow_redirects=False
        )


class _HttpResponse:
    """A ``HttpResponse`` of aiohttp's."""

    def __init__(self, source: str, answer: aiohttp.ClientResponse) -> None:
        self._source = source
        self._answer = answer
        self.status = answer.status
        self.content_type = answer.content_type.lower()
        self.headers: Mapping[str, str] = answer.headers

    async def read(self) -> bytes:
        try:
            return await self._answer.content.readany()
        except TimeoutError:
            raise ProviderFailed(
                self._source, "stopped in its answer", "late"
            ) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            reason = type(error).__name__
            raise ProviderFailed(
                self._source, f"its answer broke off ({reason})"
            ) from None

    async def settle(self) -> None:
        try:
            async with asyncio.timeout(EOF_WAIT_S):
                await read_up_to(self, MAX_REST_BYTES)
        except (ProviderFailed, TimeoutError):
            return

    def close(self) -> None:
        self._answer.close()  # read to its end it has given its connection back


def _unreachable(source: str, error: Exception) -> ProviderFailed:
    # Not its text, which may quote the headers.
    reason = type(error).__name__
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        what = "its certificate is not trusted, or is another host's"
    elif isinstance(error, aiohttp.ClientConnectorSSLError | aiohttp.ClientSSLError):
        what = "no secure connection can be made; is it http:// perhaps?"
    elif isinstance(error, aiohttp.ClientConnectorDNSError):
        what = "its host name is unknown"
    else:
        what = f"cannot be reached ({system_said(error) or reason})"
    return ProviderFailed(source, what)


async def read_up_to(response: HttpResponse, limit: int) -> bytes:
    """Read the body to its end, or to a little beyond the limit."""
    body = b""
    while len(body) < limit and (chunk := await response.read()):
        body += chunk
    return body


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One event.

    Attributes:
        data: Its data lines, joined by line feeds.
        event: Its type; ``"message"`` if none was named.
    """

    data: str
    event: str = "message"


class SseParser:
    """Takes bytes as they arrive and gives whole events; one object per stream.

    Without I/O. Follows the WHATWG HTML standard, section 9.2.6 (interpreting an event
    stream), for any cutting of the bytes into chunks. Ids and reconnection times are
    passed over.

    Args:
        source: Who sends, for the error message.
        max_event_bytes: Bound of a line and of one event's data.
    """

    def __init__(self, source: str, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._source = source
        self._max = max_event_bytes
        self._rest = bytearray()  # of a line that has not ended
        self._skip_line_feed = False  # the last byte was a carriage return
        self._first_line = True
        self._data: list[str] = []
        self._data_bytes = 0
        self._event = ""

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """Add bytes; return the events they complete.

        An event that the stream breaks off in is not returned, as the standard says.

        Raises:
            EngineFailed: If a line or an event exceeds the bound.
        """
        if not chunk:
            return []
        if self._skip_line_feed and chunk[0] == _LINE_FEED:
            chunk = chunk[1:]
        self._skip_line_feed = chunk.endswith(b"\r")
        plain = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        lines = plain.split(b"\n")
        events = []
        for line in lines[:-1]:
            self._grow(line)
            whole, self._rest = bytes(self._rest), bytearray()
            event = self._line(whole)
            if event is not None:
                events.append(event)
        self._grow(lines[-1])
        return events

    def finish(self) -> list[ServerSentEvent]:
        """The stream has ended; return an event that lacks only its empty line.

        The standard drops it. Some services leave that line out at their end; whether
        the event is whole its reader has to see.

        Raises:
            EngineFailed: If the event exceeds the bound.
        """
        rest, self._rest = bytes(self._rest), bytearray()
        if rest:
            self._line(rest)
        event = self._dispatch()
        return [event] if event is not None else []

    def _grow(self, piece: bytes) -> None:
        if len(self._rest) + len(piece) > self._max:
            raise EngineFailed(self._source, "sent a line that is too long")
        self._rest += piece

    def _line(self, line: bytes) -> ServerSentEvent | None:
        text = line.decode(errors="replace")
        if self._first_line:
            self._first_line = False
            text = text.removeprefix("\ufeff")
        if not text:
            return self._dispatch()
        name, _, value = text.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data_bytes += len(line)
            if self._data_bytes > self._max:
                raise EngineFailed(self._source, "sent an event that is too long")
            self._data.append(value)
        elif name == "event":
            self._event = value
        return None

    def _dispatch(self) -> ServerSentEvent | None:
        data, name = self._data, self._event or "message"
        self._data, self._data_bytes, self._event = [], 0, ""
        return ServerSentEvent("\n".join(data), name) if data else None


def key_headers(
    environ: Mapping[str, str], key_env: str, header: str, prefix: str, where: str
) -> dict[str, str]:
    """Return the headers of a request: who asks, and the key.

    Args:
        environ: Where the key is.
        key_env: Its variable; ``""`` for none.
        header: That carries it.
        prefix: Before it.
        where: The table of the configuration, for messages.

    Raises:
        ConfigError: If it is missing or unusable; never quotes it.
    """
    headers = {
        "Accept-Encoding": "identity",  # compression holds deltas back
        "User-Agent": f"voiceserver/{__version__}",
    }
    if not key_env:
        return headers
    key = environ.get(key_env, "").strip()
    if not key:
        raise ConfigError(
            f"{where}: environment variable {key_env} is not set; it must hold the key"
        )
    if not (key.isascii() and key.isprintable()):
        raise ConfigError(
            f"{where}: environment variable {key_env} holds characters no key can have"
        )
    headers[header] = f"{prefix}{key}"
    return headers
