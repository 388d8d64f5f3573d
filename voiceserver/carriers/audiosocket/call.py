"""A call by AudioSocket: frames of 20 ms, every 20 ms, over TCP.

What is written cannot be recalled, so the server keeps the pace and nothing is ahead.
It sends silence where nothing sounds, as Asterisk expects of a line. Knows neither
where its connection comes from nor what is said.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence

from voiceserver.carriers.audiosocket import frames
from voiceserver.carriers.audiosocket.frames import Frame, read_frame
from voiceserver.carriers.base import HeldCall, Incoming, Throttle
from voiceserver.carriers.telephony.attendant import Attendant, Dialled, phone_call
from voiceserver.carriers.telephony.line_audio import LineDecoder, LineEncoder
from voiceserver.carriers.telephony.messages import KEYS, LineForm
from voiceserver.carriers.telephony.tools import PhoneTools
from voiceserver.commands import EndCode
from voiceserver.errors import BadAudio
from voiceserver.media.pacing import Pacer
from voiceserver.reply.playout import Playout
from voiceserver.session.ports import Carrier

CARRIER = Carrier("audiosocket", telephone=True)
FIRST_RATE = 8_000  # Hz, until the first audio tells; all that the application speaks
MAX_WAITING_BYTES = 16_000  # not taken by Asterisk: a second at 8 kHz
CLOSE_LIMIT_S = 1.0


def _told_nobody(_text: str) -> None:
    """There is no place for texts."""


class AudioSocketCall(HeldCall):
    """One call.

    Args:
        incoming: What it is made of.
        reader: Behind the call's name.
        writer: To Asterisk.
        dialled: Who calls whom.

    Raises:
        BadRequest: If the session of the number cannot be used.
    """

    def __init__(
        self,
        incoming: Incoming,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        dialled: Dialled,
    ) -> None:
        self._playout = Playout()
        telephony = incoming.parts.config.telephony
        tools = PhoneTools(telephony.at(dialled.called).tools)
        super().__init__(
            phone_call(incoming), CARRIER, self._playout, _told_nobody, tools
        )
        self._reader, self._writer = reader, writer
        clock = incoming.parts.clock
        self._left_out = incoming.parts.metrics.dropped.labels("send").inc
        self._pacer = Pacer(self._send_next, self._left_out, clock)
        self._throttle = Throttle(clock.now_ns)
        self._tune(FIRST_RATE)
        self._attendant = Attendant(
            self._session, telephony, dialled, clock, self.hang_up
        )

    async def answer(self, offer: str) -> str:
        """Nothing is negotiated."""
        return offer

    async def _connect(self) -> None:
        self._pacer.start()
        self._attendant.greet()

    def _beside(self) -> Sequence[Coroutine[object, object, None]]:
        return (self._read(), *self._attendant.beside())

    async def _goodbye(self) -> None:
        self._pacer.stop()
        self._send(Frame(frames.HANG_UP))

    def _farewell(self, code: EndCode) -> str | None:
        return self._attendant.farewell(code)

    async def _close(self) -> None:
        self._attendant.close()
        self._pacer.stop()
        self._writer.close()
        try:
            async with asyncio.timeout(CLOSE_LIMIT_S):
                await self._writer.wait_closed()
        except (TimeoutError, ConnectionError):
            self._writer.transport.abort()

    def _tune(self, rate: int) -> None:
        """Speak and listen at a rate from now on."""
        self._rate = rate
        form = LineForm("l16", rate)
        self._decoder, self._encoder = LineDecoder(form), LineEncoder(form)

    async def _read(self) -> None:
        try:
            while await self._take(await read_frame(self._reader)):
                if wait_s := self._throttle.wait_s():
                    await asyncio.sleep(wait_s)
        except (EOFError, ConnectionError):
            self.hang_up("The connection was closed.")

    async def _take(self, frame: Frame) -> bool:
        """Act on a frame; False if the call is over because of it."""
        rate = frames.RATES.get(frame.kind)
        if rate is not None:
            return await self._hear(rate, frame.payload)
        match frame.kind:
            case frames.DTMF:
                key = frame.payload[:1].decode("ascii", "replace").upper()
                if key in KEYS:
                    self._attendant.press(key)
                return True
            case frames.HANG_UP:
                self.hang_up("The caller hung up.")
                return False
            case frames.ERROR:
                code = frame.payload.hex() or "none"
                self.hang_up(f"Asterisk reports the error {code}.", "fault")
                return False
            case _:
                return True  # of a newer Asterisk

    async def _hear(self, rate: int, payload: bytes) -> bool:
        if rate != self._rate:
            self._tune(rate)
        try:
            await self._attendant.hear(self._decoder.decode(payload))
        except BadAudio as error:
            self.hang_up(f"A frame of audio cannot be used: {error}.", "fault")
            return False
        return True

    def _send_next(self) -> None:
        payload = self._encoder.encode(self._playout.next_frame().samples)
        if self._writer.transport.get_write_buffer_size() > MAX_WAITING_BYTES:
            self._left_out(1)  # late audio would only be later and later
        elif payload:
            self._send(Frame(frames.KINDS[self._rate], payload))

    def _send(self, frame: Frame) -> None:
        # A connection that was reset is closed before reading says so, and uvloop
        # raises where that is written to.
        if not self._writer.transport.is_closing():
            self._writer.write(frame.written())
