"""Relays a WebSocket between a client and a worker, byte by byte.

The handshake is the worker's, over a connection of its own; both heads are read whole
and written anew, by ``websockets``. What follows is not parsed, so a frame costs no
more here than its bytes, and nothing a worker can say has to be known. What waits is
bounded both ways: who reads too slowly is waited for by who writes. If the worker dies,
the client is told with a close frame, where one can be put.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from aiohttp import web
from multidict import CIMultiDict
from websockets.datastructures import Headers
from websockets.exceptions import InvalidHandshake
from websockets.frames import CloseCode
from websockets.http11 import Request, Response
from websockets.streams import StreamReader

from voiceserver.server.answers import invalid
from voiceserver.server.front.forward import asked_with, passed_on
from voiceserver.server.front.frames import FrameBorders, close_frame
from voiceserver.server.front.holder import (
    ASK_LIMIT_S,
    CONNECT_LIMIT_S,
    Holder,
    HolderLost,
    target_of,
)
from voiceserver.streams import first_of

MAX_WAITING_BYTES = 65_536  # each way
LAST_WORDS_S = 1.0  # for a worker to read what a client said before it went
STUCK_S = 30.0  # a client that takes nothing for so long is gone, as heartbeats say
LOST = "The worker of this call has stopped; please connect again."


@dataclass(frozen=True, slots=True)
class Upstream:
    """A worker's side of a socket, its answer to the handshake read.

    Attributes:
        reader: What follows the answer and ``early``.
        writer: To the worker.
        answer: Of status 101; or a refusal, with its body.
        early: What came behind the answer and is read already.
    """

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    answer: Response
    early: bytes

    @property
    def taken(self) -> bool:
        """Whether the worker speaks WebSocket from here on."""
        return self.answer.status_code == 101

    def refusal(self) -> web.Response:
        """The worker's answer where it is not 101."""
        headers = passed_on(CIMultiDict(self.answer.headers.raw_items()))
        headers.popall("Content-Length", None)
        body = bytes(self.answer.body)
        return web.Response(status=self.answer.status_code, body=body, headers=headers)


@contextlib.asynccontextmanager
async def handshake(
    request: web.Request, holder: Holder
) -> AsyncGenerator[Upstream, None]:
    """Give a client's upgrade to a worker; inside, the worker has answered.

    Raises:
        Refusal: If it is no upgrade that may be passed on (400).
        HolderLost: If the worker is gone, or what it says is no HTTP.
    """
    head = _upgrade(request, holder).serialize()
    try:
        async with asyncio.timeout(CONNECT_LIMIT_S):
            reader, writer = await holder.connected(MAX_WAITING_BYTES)
    except (OSError, TimeoutError) as error:
        raise HolderLost(f"{holder.name} takes no connection") from error
    try:
        writer.write(head)
        try:
            async with asyncio.timeout(ASK_LIMIT_S):
                answer, early = await _answer(reader)
        except (OSError, EOFError, TimeoutError) as error:
            raise HolderLost(f"{holder.name} does not answer") from error
        # What ``Response.parse`` says of what is not well formed, or above its limits.
        except (
            ValueError,
            LookupError,
            InvalidHandshake,
            NotImplementedError,
        ) as error:
            raise HolderLost(f"{holder.name} answers no HTTP") from error
        yield Upstream(reader, writer, answer, early)
    finally:
        writer.transport.abort()


def _upgrade(request: web.Request, holder: Holder) -> Request:
    """What the worker is asked: what the client asked, less what frames a body.

    Raises:
        Refusal: If it has a body: what follows the head are frames, for both sides.
    """
    if request.method != "GET" or request.body_exists:
        raise invalid("An upgrade is a GET without a body.")
    headers = Headers()
    asked = holder.shown(
        "GET", target_of(request), asked_with(request), request.remote or ""
    )
    for name, value in asked.items():
        # aiohttp's way from bytes to text and back; then that of websockets.
        headers[name] = value.encode("utf-8", "surrogateescape").decode("latin-1")
    headers["Connection"] = "Upgrade"
    headers["Upgrade"] = "websocket"
    return Request(target_of(request), headers)


async def _answer(reader: asyncio.StreamReader) -> tuple[Response, bytes]:
    """Read a worker's answer; also what came behind it."""
    fed = StreamReader()
    parsing = Response.parse(fed.read_line, fed.read_exact, fed.read_to_eof)
    while True:
        try:
            next(parsing)
        except StopIteration as end:
            return end.value, bytes(fed.buffer)
        if chunk := await reader.read(MAX_WAITING_BYTES):
            fed.feed_data(chunk)
        else:
            fed.feed_eof()


class Relayed(web.StreamResponse):
    """What a route returns once everything has been said already."""

    async def prepare(self, request: web.BaseRequest) -> None:
        """Say nothing more."""
        self.force_close()

    async def write_eof(self, data: bytes = b"") -> None:
        """Say nothing more."""


async def relay(request: web.Request, upstream: Upstream) -> Relayed:
    """Relay until either side is gone.

    Args:
        request: The client's; its connection is closed afterwards.
        upstream: It has answered 101.
    """
    upwards = _Upwards(request, upstream.writer)
    request.protocol.set_parser(upwards)  # type: ignore[arg-type]
    await first_of(
        upwards.hold_back(), _downwards(request, upstream, upwards), upwards.over()
    )
    return Relayed()


async def _downwards(
    request: web.Request, upstream: Upstream, upwards: _Upwards
) -> None:
    """From the worker to the client."""
    borders = FrameBorders()
    try:
        await _send(request, upstream.answer.serialize())
        borders.feed(upstream.early)
        await _send(request, upstream.early)
        with contextlib.suppress(ConnectionResetError):  # it was killed
            while chunk := await upstream.reader.read(MAX_WAITING_BYTES):
                borders.feed(chunk)
                await _send(request, chunk)
        if borders.between and not borders.closed:
            await _send(request, close_frame(CloseCode.SERVICE_RESTART, LOST))
            # Closed while it still talks, a socket would take that back from it.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LAST_WORDS_S):
                    await upwards.ended.wait()
    except _ClientGone:
        if request.transport is not None:
            request.transport.abort()


class _ClientGone(Exception):
    """Nobody takes what the worker says."""


async def _send(request: web.Request, chunk: bytes) -> None:
    """Write to the client, waiting for room.

    Raises:
        _ClientGone: If there never is any.
    """
    transport = request.transport
    if transport is None or transport.is_closing():
        raise _ClientGone
    transport.write(chunk)
    if request.protocol.writing_paused:
        try:
            async with asyncio.timeout(STUCK_S):
                await request.writer.drain()
        except (ConnectionError, TimeoutError) as error:
            raise _ClientGone from error


class _Upwards:
    """From the client to the worker; aiohttp gives it the bytes as they come.

    Attributes:
        ended: The client is gone.
    """

    def __init__(self, request: web.Request, writer: asyncio.StreamWriter) -> None:
        self._protocol = request.protocol
        self._writer = writer
        self._full = asyncio.Event()
        self.ended = asyncio.Event()

    def feed(self, chunk: bytes) -> tuple[bool, bytes]:
        """Take what the client sent; what a dead worker would get is dropped."""
        transport = self._writer.transport
        if not transport.is_closing():
            transport.write(chunk)
        waiting = transport.get_write_buffer_size()
        if waiting > MAX_WAITING_BYTES and not self._full.is_set():
            self._protocol.pause_reading()
            self._full.set()
        return False, b""

    feed_data = feed  # aiohttp's name for it

    def feed_eof(self) -> None:
        """The client is gone."""
        self.ended.set()

    async def hold_back(self) -> None:
        """Let a client that sends faster than its worker reads wait."""
        while True:
            await self._full.wait()
            with contextlib.suppress(ConnectionError):  # nobody waits for the dead
                await self._writer.drain()
            self._full.clear()
            self._protocol.resume_reading()

    async def over(self) -> None:
        """Wait until the client is gone, and the worker has what it said."""
        await self.ended.wait()
        # Flushes; ended by force if the worker does not read.
        self._writer.close()
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(LAST_WORDS_S):
                await self._writer.wait_closed()
