"""WebSockets to services that are asked by URL: opened, bounded, let go of.

Every fault becomes a ``ProviderFailed`` that names the service and quotes neither
headers nor what was said, but for an error's code. Redirects are never followed: the
key would go along. What the messages mean is not known here.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidStatus,
    InvalidURI,
)
from websockets.frames import CloseCode

from voiceserver.engines.providers.services.service_errors import (
    MAX_ERROR_BYTES,
    status_failure,
)
from voiceserver.errors import ProviderFailed, system_said

CONNECT_S = 5.0  # TLS and upgrade included; meanwhile somebody speaks
MAX_MESSAGE_BYTES = 128 * 1024
_CLEAN = (CloseCode.NORMAL_CLOSURE, CloseCode.GOING_AWAY, CloseCode.NO_STATUS_RCVD)
_SILENT = logging.getLogger("voiceserver.engines.providers.services.sockets.wire")
_SILENT.disabled = True  # the library's own words hold headers, and so keys


class Socket(Protocol):
    """An open WebSocket."""

    async def send(self, message: str | bytes) -> None:
        """Send a message; waits while the other side takes none.

        Raises:
            ProviderFailed: If it has broken off.
        """

    async def receive(self) -> str | bytes | None:
        """Wait for a message; None once the other side has closed it properly.

        Raises:
            ProviderFailed: If it has broken off.
        """

    def abort(self) -> None:
        """Let go of it, at once."""


class SocketTransport(Protocol):
    """Opens WebSockets."""

    async def open(self, source: str, url: str, headers: Mapping[str, str]) -> Socket:
        """Open one; it is the caller's to let go of.

        Args:
            source: Name of the service, for messages.
            url: ``ws://`` or ``wss://``.
            headers: May hold a key.

        Raises:
            ProviderFailed: If there is none to be had.
        """


def socket_url(base_url: str, path: str) -> str:
    """Where a WebSocket is, by the ``http(s)://`` address of its service."""
    scheme, _, rest = base_url.partition("://")
    return f"{'wss' if scheme == 'https' else 'ws'}://{rest.rstrip('/')}/{path}"


@dataclass(frozen=True, slots=True)
class _Refusal:
    """The head of an answer that opens nothing."""

    status: int
    headers: Mapping[str, str]


class _Unredirected(connect):
    """Connects to where it is told to and nowhere else."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class WebSockets:
    """A ``SocketTransport`` over sockets."""

    def __init__(self, connect_s: float = CONNECT_S) -> None:
        self._connect_s = connect_s

    async def open(self, source: str, url: str, headers: Mapping[str, str]) -> Socket:
        """See ``SocketTransport``."""
        try:
            connection = await _Unredirected(
                url,
                additional_headers=dict(headers),
                user_agent_header=None,  # it is among the headers
                compression=None,  # samples do not shrink, and words are few
                proxy=None,
                open_timeout=self._connect_s,
                max_size=MAX_MESSAGE_BYTES,
                logger=_SILENT,
            )
        except TimeoutError:
            raise ProviderFailed(source, "did not answer in time", "late") from None
        except InvalidStatus as error:
            raise _refused(source, error) from None
        except (InvalidHandshake, InvalidURI, OSError, EOFError, ValueError) as error:
            raise _unreachable(source, error) from None
        return _Socket(source, connection)


class _Socket:
    """A ``Socket`` of websockets'."""

    def __init__(self, source: str, connection: ClientConnection) -> None:
        self._source = source
        self._connection = connection

    async def send(self, message: str | bytes) -> None:
        try:
            await self._connection.send(message)
        except ConnectionClosed as closed:
            raise self._broken(closed) from None

    async def receive(self) -> str | bytes | None:
        try:
            return await self._connection.recv()
        except ConnectionClosed as closed:
            if closed.rcvd is not None and closed.rcvd.code in _CLEAN:
                return None
            raise self._broken(closed) from None

    def abort(self) -> None:
        self._connection.transport.abort()

    def _broken(self, closed: ConnectionClosed) -> ProviderFailed:
        # Not its reason, which may quote what was sent.
        told = "" if closed.rcvd is None else f" (close code {int(closed.rcvd.code)})"
        busy = closed.rcvd is not None and closed.rcvd.code == CloseCode.TRY_AGAIN_LATER
        return ProviderFailed(
            self._source, f"broke off{told}", "busy" if busy else "error"
        )


def _refused(source: str, error: InvalidStatus) -> ProviderFailed:
    answer = error.response
    head = _Refusal(answer.status_code, answer.headers)
    body = bytes(answer.body or b"")[:MAX_ERROR_BYTES].decode(errors="replace")
    return status_failure(source, head, body)


def _unreachable(source: str, error: Exception) -> ProviderFailed:
    # Not its text, which may quote the headers.
    if isinstance(error, ssl.SSLCertVerificationError):
        what = "its certificate is not trusted, or is another host's"
    elif isinstance(error, ssl.SSLError):
        what = "no secure connection can be made; is it http:// perhaps?"
    elif isinstance(error, InvalidHandshake):
        what = f"is no WebSocket there ({type(error).__name__})"
    else:
        reason = system_said(error) or type(error).__name__
        what = f"cannot be reached ({reason})"
    return ProviderFailed(source, what)
