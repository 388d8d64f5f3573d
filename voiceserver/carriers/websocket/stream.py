"""A call for kiosks over a WebSocket: binary audio both ways, events as text.

As over WebRTC the server keeps the pace: it sends 20 ms every 20 ms while something
sounds, so it knows what was played and can fall silent at once. It knows neither the
protocol of the texts nor HTTP.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from voiceserver.audio import PTIME_MS
from voiceserver.carriers.websocket.messages import (
    GOODBYE_LIMIT_S,
    NORMAL,
    POLICY,
    MakeDialect,
    Outgoing,
    Socket,
    Throttle,
    close_in_time,
)
from voiceserver.carriers.websocket.stream_audio import (
    PCM,
    MessageDecoder,
    MessageEncoder,
    StreamFormat,
)
from voiceserver.clock import Clock
from voiceserver.commands import HangUp
from voiceserver.engines.base import Engines
from voiceserver.errors import BadAudio, SessionEnded
from voiceserver.metrics import Metrics
from voiceserver.session.session import Session

NOT_AUDIO = 1007  # close code: a payload inconsistent with its type (RFC 6455, 7.4.1)
MAX_WAITING_BYTES = 1024 * 1024  # events not taken; audio is left out long before
MAX_WAITING_AUDIO = 96_000  # bytes not taken, beyond which audio is left out: 1..3 s
PTIME_NS = PTIME_MS * 1_000_000
CATCH_UP_NS = 2 * PTIME_NS  # a loop that was away makes up for so much by a burst


class Pacer:
    """Waits for the next 20 ms, by absolute deadlines.

    Args:
        clock: Monotonic clock.
        dropped: Called with the number of frame times left out as the loop was late.
    """

    def __init__(self, clock: Clock, dropped: Callable[[int], None]) -> None:
        self._clock = clock
        self._dropped = dropped
        self._due_ns = 0

    async def tick(self) -> None:
        """Return when the next frame is due."""
        now_ns = self._clock.now_ns()
        self._due_ns = self._due_ns or now_ns
        if self._due_ns > now_ns:
            await asyncio.sleep((self._due_ns - now_ns) / 1e9)
            now_ns = self._clock.now_ns()
        late_ns = now_ns - self._due_ns
        if late_ns > CATCH_UP_NS:
            self._dropped(late_ns // PTIME_NS)
            self._due_ns += late_ns // PTIME_NS * PTIME_NS
        self._due_ns += PTIME_NS


class StreamCall:
    """One call.

    Args:
        call_id: For logs.
        socket: Not yet open.
        form: What its binary messages hold.
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
        form: StreamFormat,
        engines: Engines,
        metrics: Metrics,
        clock: Clock,
        dialect_for: MakeDialect,
    ) -> None:
        self._socket = socket
        self._form = form
        self._metrics = metrics
        self._clock = clock
        self._reason = ""
        self._code = NORMAL
        self._over = asyncio.Event()
        self._outgoing = Outgoing(self._not_read, MAX_WAITING_BYTES)
        dialect = dialect_for(self._outgoing.send)
        self._session = Session(
            call_id, dialect.config, engines, dialect, clock, metrics
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
                group.create_task(self._speak()),
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
        decoder = MessageDecoder(self._form)
        while (message := await self._socket.receive()) is not None:
            if wait_s := throttle.wait_s():
                await asyncio.sleep(wait_s)
            if isinstance(message, str):
                await self._session.door.deliver(message)
            elif not await self._hear(decoder, message):
                return
        self.hang_up("The connection was closed.")

    async def _hear(self, decoder: MessageDecoder, message: bytes) -> bool:
        """Listen to a message; False if the call is over because of it."""
        try:
            samples = decoder.decode(message)
        except BadAudio as error:
            if self._form.name != PCM:
                # As on any line: a packet that arrives damaged is a packet lost.
                self._metrics.dropped.labels("undecodable").inc()
                return True
            self._code = NOT_AUDIO
            self.hang_up(f"The audio cannot be used: {error}.")
            return False
        await self._session.door.hear(samples)
        return True

    async def _speak(self) -> None:
        """Send what sounds, and one frame of silence after it."""
        dropped = self._metrics.dropped.labels("send").inc
        pacer = Pacer(self._clock, dropped)
        encoder = MessageEncoder(self._form)
        sounding = False
        while True:
            await pacer.tick()
            frame = self._session.playout.next_frame()
            if frame.turn or sounding:
                if self._outgoing.n_waiting > MAX_WAITING_AUDIO:
                    dropped(1)  # late audio would only be later and later
                else:
                    self._outgoing.send(encoder.encode(frame))
            sounding = frame.turn > 0

    async def _wait_for_end(self) -> None:
        await self._over.wait()
        self._session.command(HangUp(self._reason))
