"""A call over a WebSocket: messages both ways, bounded; audio is inside them.

Owns the socket's reading and writing for the life of a call. It knows neither the
protocol of the messages nor HTTP: the socket comes as a small interface.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Protocol

from voiceserver.clock import Clock
from voiceserver.commands import HangUp
from voiceserver.dialects.realtime.dialect import RealtimeDialect
from voiceserver.engines.base import Engines
from voiceserver.errors import SessionEnded
from voiceserver.metrics import Metrics
from voiceserver.session.session import Session

log = logging.getLogger(__name__)

# 5 s of audio ahead are 0.3 MB; a client that takes nothing of this much is gone.
MAX_WAITING_BYTES = 2 * 1024 * 1024
GOODBYE_LIMIT_S = 1.0  # for what is still to be sent once the call is over
CLOSE_LIMIT_S = 2.0  # for the closing handshake
NORMAL, POLICY = 1000, 1008  # close codes (RFC 6455, 7.4.1)
MAX_REASON_BYTES = 123  # of a close frame (RFC 6455, 5.5)
# Beyond a burst, messages are read at this rate: the network holds them back.
MESSAGES_PER_S = 200
BURST = 400

MakeDialect = Callable[[Callable[[str], None]], RealtimeDialect]


class Socket(Protocol):
    """An open WebSocket."""

    async def open(self) -> None:
        """Complete the handshake."""

    async def receive(self) -> str | bytes | None:
        """The next message, text or binary; None once the socket is closed."""

    async def send(self, message: str | bytes) -> None:
        """Send a message, waiting for room.

        Raises:
            ConnectionError: If the socket is closed.
        """

    async def close(self, code: int, reason: str) -> None:
        """Close; may be called again."""


class Outgoing:
    """Messages on their way to one client, in order.

    Args:
        full: Called once when the client does not take them.
        most: Bytes that may wait.

    Attributes:
        n_waiting: Bytes that wait. Of texts the characters: events are ASCII but for
            the words.
    """

    def __init__(self, full: Callable[[], None], most: int = MAX_WAITING_BYTES) -> None:
        self._full = full
        self._most = most
        self._waiting: deque[str | bytes] = deque()
        self.n_waiting = 0
        self._arrived = asyncio.Event()
        self._ended = False

    def send(self, message: str | bytes) -> None:
        """Queue a message; never blocks or raises."""
        if self._ended:
            return
        self._waiting.append(message)
        self.n_waiting += len(message)
        if self.n_waiting > self._most:
            self._ended = True
            self._waiting.clear()
            self._full()
        self._arrived.set()

    def end(self) -> None:
        """Nothing more comes; ``run`` returns once all is sent."""
        self._ended = True
        self._arrived.set()

    async def run(self, socket: Socket) -> None:
        """Send until the end, or until the socket is closed."""
        try:
            while True:
                while self._waiting:
                    message = self._waiting.popleft()
                    await socket.send(message)
                    self.n_waiting -= len(message)
                if self._ended:
                    return
                self._arrived.clear()
                await self._arrived.wait()
        except ConnectionError:
            self._ended = True
            self._waiting.clear()


def as_text(message: str | bytes) -> str:
    """A message as the text it should have been."""
    return message if isinstance(message, str) else message.decode("utf-8", "replace")


async def close_in_time(socket: Socket, code: int, reason: str) -> None:
    """Close a socket; one that does not answer is given up."""
    try:
        async with asyncio.timeout(CLOSE_LIMIT_S):
            await socket.close(code, reason)
    except (TimeoutError, ConnectionError):
        log.info("a WebSocket did not close in time")


class Throttle:
    """Says how long to wait before the next message, to keep to a rate.

    Args:
        now_ns: Monotonic clock.
    """

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self._free_ns = now_ns()  # when a burst of the full size is possible again

    def wait_s(self) -> float:
        """Count a message; return the seconds to wait before it is handled."""
        now_ns = self._now_ns()
        self._free_ns = max(self._free_ns, now_ns) + 1_000_000_000 // MESSAGES_PER_S
        ahead_s = (self._free_ns - now_ns) / 1e9
        return max(0.0, ahead_s - BURST / MESSAGES_PER_S)


class WebSocketCall:
    """One call.

    Args:
        call_id: For logs.
        socket: Not yet open.
        engines: For the session.
        metrics: Of the server.
        clock: For the session.
        dialect_for: Makes the call's dialect, given what sends a text to the client;
            the session runs on the dialect's configuration.

    Raises:
        BadRequest: If the dialect cannot take the client's session.
    """

    def __init__(
        self,
        call_id: str,
        socket: Socket,
        engines: Engines,
        metrics: Metrics,
        clock: Clock,
        dialect_for: MakeDialect,
    ) -> None:
        self._socket = socket
        self._clock = clock
        self._reason = ""
        self._code = NORMAL
        self._over = asyncio.Event()
        self._outgoing = Outgoing(self._not_read)
        dialect = dialect_for(self._outgoing.send)
        self._session = Session(
            call_id, dialect.config, engines, dialect, clock, metrics, in_messages=True
        )
        self._session.command(dialect.starting)

    @property
    def conversation(self) -> Session:
        """For sidebands."""
        return self._session

    async def answer(self, offer: str) -> str:
        """Complete the handshake; there is nothing to negotiate.

        Raises:
            SessionEnded: If the client is gone already.
        """
        try:
            await self._socket.open()
        except ConnectionError:
            raise SessionEnded("The connection was closed.") from None
        return offer

    async def run(self) -> str:
        """Hold the call to its end; return why it ended."""
        try:
            return await self._hold()
        finally:
            await close_in_time(self._socket, self._code, self._reason)

    def hang_up(self, reason: str) -> None:
        """Ask the call to end; ``reason`` is told to the client."""
        self._reason = self._reason or reason
        self._over.set()

    def _not_read(self) -> None:
        self._code = POLICY
        self.hang_up("The client does not read its events.")

    async def _hold(self) -> str:
        async with asyncio.TaskGroup() as group:
            holding = group.create_task(self._session.run())
            sending = group.create_task(self._outgoing.run(self._socket))
            others = [
                group.create_task(self._read()),
                group.create_task(self._wait_for_end()),
            ]
            await asyncio.wait({holding})
            for other in others:
                other.cancel()
            self._outgoing.end()
            await asyncio.wait({sending}, timeout=GOODBYE_LIMIT_S)
            sending.cancel()
        self._reason = self._reason or holding.result()
        return holding.result()

    async def _read(self) -> None:
        throttle = Throttle(self._clock.now_ns)
        while (message := await self._socket.receive()) is not None:
            text = as_text(message)
            if wait_s := throttle.wait_s():
                await asyncio.sleep(wait_s)
            await self._session.door.deliver(text)
        self.hang_up("The connection was closed.")

    async def _wait_for_end(self) -> None:
        await self._over.wait()
        self._session.command(HangUp(self._reason))
