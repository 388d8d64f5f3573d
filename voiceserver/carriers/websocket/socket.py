"""A WebSocket as calls use it: bounded both ways, opened, read, and closed in time.

It knows neither HTTP, as the socket comes as a small interface, nor what the messages
say.
"""

from __future__ import annotations

import asyncio
import logging
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Protocol

from voiceserver.carriers.base import HeldCall, Incoming, Throttle
from voiceserver.errors import SessionEnded
from voiceserver.reply.playout import Outlet
from voiceserver.session.ports import Carrier, OwnTools

log = logging.getLogger(__name__)

# 5 s of audio ahead are 0.3 MB; a client that takes nothing of this much is gone.
MAX_WAITING_BYTES = 2 * 1024 * 1024
GOODBYE_LIMIT_S = 1.0  # for what is still to be sent once the call is over
CLOSE_LIMIT_S = 2.0  # for the closing handshake
NORMAL, POLICY = 1000, 1008  # close codes (RFC 6455, 7.4.1)
MAX_REASON_BYTES = 123  # of a close frame (RFC 6455, 5.5)


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
        self._sent = asyncio.Event()
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

    async def gone(self, limit_s: float) -> None:
        """Wait until all is sent, or nothing more can be."""
        try:
            async with asyncio.timeout(limit_s):
                await self._sent.wait()
        except TimeoutError:
            log.info("a client did not take its last messages in time")

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
        finally:
            self._sent.set()


def _told_nobody(_text: str) -> None:
    """Nobody reads it."""


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


class SocketCall(HeldCall):
    """The life of a call on a WebSocket; a carrier says what its messages hold.

    Args:
        incoming: What the call is made of.
        socket: Not yet open.
        carrier: How its audio moves.
        outlet: Where replies sound.
        most_bytes: Messages that may wait for the client.
        outgoing: Made already, by a carrier whose client is not told the dialect's
            texts.
        own_tools: What the carrier offers to the text model.

    Raises:
        BadRequest: If the client's session cannot be used.
    """

    def __init__(
        self,
        incoming: Incoming,
        socket: Socket,
        carrier: Carrier,
        outlet: Outlet,
        most_bytes: int = MAX_WAITING_BYTES,
        outgoing: Outgoing | None = None,
        own_tools: OwnTools | None = None,
    ) -> None:
        self._socket = socket
        self._code = NORMAL
        self._outgoing = outgoing or Outgoing(self._not_read, most_bytes)
        send = self._outgoing.send if outgoing is None else _told_nobody
        super().__init__(incoming, carrier, outlet, send, own_tools)

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

    @abstractmethod
    async def _take(self, message: str | bytes) -> bool:
        """Take a message of the client; False if the call is over because of it."""

    def _beside(self) -> Sequence[Coroutine[object, object, None]]:
        return (self._read(),)

    def _until_goodbye(self) -> Sequence[Coroutine[object, object, None]]:
        return (self._outgoing.run(self._socket),)

    async def _goodbye(self) -> None:
        self._outgoing.end()
        await self._outgoing.gone(GOODBYE_LIMIT_S)

    async def _close(self) -> None:
        await close_in_time(self._socket, self._code, self._reason)

    async def _read(self) -> None:
        throttle = Throttle(self._parts.clock.now_ns)
        while (message := await self._socket.receive()) is not None:
            if wait_s := throttle.wait_s():
                await asyncio.sleep(wait_s)
            if not await self._take(message):
                return
        self.hang_up("The connection was closed.")

    def _not_read(self) -> None:
        self._code = POLICY
        self.hang_up("The client does not read its events.")
