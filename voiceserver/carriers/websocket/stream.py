"""A call for kiosks over a WebSocket: binary audio both ways, events as text.

As over WebRTC the server keeps the pace: it sends 20 ms every 20 ms while something
sounds, so it knows what was played and can fall silent at once. It knows neither the
protocol of the texts nor HTTP.
"""

from __future__ import annotations

from voiceserver.carriers.base import Incoming
from voiceserver.carriers.websocket.socket import Socket, SocketCall
from voiceserver.carriers.websocket.stream_audio import (
    PCM,
    MessageDecoder,
    MessageEncoder,
    StreamFormat,
)
from voiceserver.errors import BadAudio
from voiceserver.media.pacing import Pacer
from voiceserver.reply.playout import Playout
from voiceserver.session.ports import Carrier

CARRIER = Carrier("stream")
NOT_AUDIO = 1007  # close code: a payload inconsistent with its type (RFC 6455, 7.4.1)
MAX_WAITING_BYTES = 1024 * 1024  # events not taken; audio is left out long before
MAX_WAITING_AUDIO = 96_000  # bytes not taken, beyond which audio is left out: 1..3 s


class StreamCall(SocketCall):
    """One call.

    Args:
        incoming: What it is made of.
        socket: Not yet open.
        form: What its binary messages hold.

    Raises:
        BadRequest: If the client's session cannot be used.
    """

    def __init__(self, incoming: Incoming, socket: Socket, form: StreamFormat) -> None:
        self._playout = Playout()
        super().__init__(incoming, socket, CARRIER, self._playout, MAX_WAITING_BYTES)
        self._form = form
        self._decoder = MessageDecoder(form)
        self._encoder = MessageEncoder(form)
        dropped = incoming.parts.metrics.dropped
        self._undecodable = dropped.labels("undecodable").inc
        self._left_out = dropped.labels("send").inc
        self._pacer = Pacer(self._send_next, self._left_out, incoming.parts.clock)
        self._sounding = False

    async def _connect(self) -> None:
        self._pacer.start()

    async def _goodbye(self) -> None:
        self._pacer.stop()
        await super()._goodbye()

    async def _close(self) -> None:
        self._pacer.stop()
        await super()._close()

    async def _take(self, message: str | bytes) -> bool:
        if isinstance(message, str):
            await self._session.door.deliver(message)
            return True
        return await self._hear(message)

    async def _hear(self, message: bytes) -> bool:
        """Listen to a message; False if the call is over because of it."""
        try:
            samples = self._decoder.decode(message)
        except BadAudio as error:
            if self._form.name != PCM:
                # As on any line: a packet that arrives damaged is a packet lost.
                self._undecodable()
                return True
            self._code = NOT_AUDIO
            self.hang_up(f"The audio cannot be used: {error}.")
            return False
        await self._session.door.hear(samples)
        return True

    def _send_next(self) -> None:
        """Send what sounds, and one frame of silence after it."""
        frame = self._playout.next_frame()
        if frame.turn or self._sounding:
            if self._outgoing.n_waiting > MAX_WAITING_AUDIO:
                self._left_out(1)  # late audio would only be later and later
            else:
                self._outgoing.send(self._encoder.encode(frame))
        self._sounding = frame.turn > 0
