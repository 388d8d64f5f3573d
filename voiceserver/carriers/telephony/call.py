"""A telephone call that a service brings over a WebSocket.

The service plays the reply and tells with marks how far it is; it is told to drop the
rest at an interruption. Knows neither HTTP nor what the service's messages look like.
"""

from __future__ import annotations

from collections.abc import Coroutine, Sequence

from voiceserver.audio import Samples
from voiceserver.carriers.base import Incoming
from voiceserver.carriers.telephony.attendant import Attendant, Dialled, phone_call
from voiceserver.carriers.telephony.line_audio import LineDecoder, LineEncoder
from voiceserver.carriers.telephony.messages import (
    Answered,
    Framing,
    Happening,
    Heard,
    Pressed,
    Returned,
    SocketMessage,
    Started,
    Stopped,
)
from voiceserver.carriers.telephony.services import Service
from voiceserver.carriers.telephony.tools import PhoneTools
from voiceserver.carriers.websocket.socket import (
    POLICY,
    Outgoing,
    Socket,
    SocketCall,
)
from voiceserver.commands import EndCode
from voiceserver.errors import BadAudio, BadRequest
from voiceserver.reply.marked import Marked
from voiceserver.session.ports import Carrier

NOT_AUDIO = 1007  # close code: a payload inconsistent with its type (RFC 6455, 7.4.1)
MAX_WAITING_BYTES = 512 * 1024  # half a second of audio is 64 kB at most


class SocketLine:
    """The way to the caller's ear.

    Args:
        framing: Writes the service's messages.
        encoder: Of the line's audio.
        outgoing: Takes them.
    """

    def __init__(
        self, framing: Framing, encoder: LineEncoder, outgoing: Outgoing
    ) -> None:
        self._framing = framing
        self._encoder = encoder
        self._outgoing = outgoing

    def say(self, samples: Samples) -> None:
        """Send samples at 24 kHz; what fills no frame is kept."""
        self._play(self._encoder.encode(samples))

    def say_rest(self) -> None:
        """Send what was kept."""
        self._play(self._encoder.rest())

    def mark(self, name: str) -> None:
        """Have ``name`` told once all before has been played."""
        self._send(self._framing.mark(name))

    def clear(self) -> None:
        """Silence at the caller's ear, as fast as the network is."""
        self._encoder.clear()
        self._send(self._framing.clear())

    def answer(self, messages: Sequence[SocketMessage]) -> None:
        """What the service asked of the connection."""
        self._send(messages)

    def begin(self) -> None:
        """The call is taken."""
        self._send(self._framing.begin())

    def hang_up(self) -> None:
        """The call is over."""
        self._send(self._framing.hang_up())

    def _play(self, payload: bytes) -> None:
        if payload:
            self._send(self._framing.audio(payload))

    def _send(self, messages: Sequence[SocketMessage]) -> None:
        for message in messages:
            self._outgoing.send(message)


class TelephonyCall(SocketCall):
    """One call.

    Args:
        incoming: What it is made of.
        socket: Open; its stream has begun.
        service: That brings it.
        framing: Has read the beginning.
        started: What that said.

    Raises:
        BadRequest: If the session of the number cannot be used.
    """

    def __init__(
        self,
        incoming: Incoming,
        socket: Socket,
        service: Service,
        framing: Framing,
        started: Started,
    ) -> None:
        clock, telephony = incoming.parts.clock, incoming.parts.config.telephony
        # Made before the call's own parts: the outlet needs its line.
        self._outgoing = Outgoing(self._not_read, MAX_WAITING_BYTES)
        encoder = LineEncoder(started.form, service.frame_ms)
        self._line = SocketLine(framing, encoder, self._outgoing)
        self._marked = Marked(clock.now_ns, self._line, service.marks_all)
        super().__init__(
            phone_call(incoming),
            socket,
            Carrier(service.name, telephone=True),
            self._marked,
            outgoing=self._outgoing,
            own_tools=PhoneTools(telephony.at(started.called).tools),
        )
        self._framing = framing
        self._decoder = LineDecoder(started.form)
        dialled = Dialled(started.caller, started.called)
        self._attendant = Attendant(
            self._session, telephony, dialled, clock, self.hang_up
        )

    async def answer(self, offer: str) -> str:
        """Take the call; the socket is open already."""
        self._line.begin()
        return offer

    async def _connect(self) -> None:
        self._attendant.greet()

    def _beside(self) -> Sequence[Coroutine[object, object, None]]:
        return (*super()._beside(), *self._attendant.beside())

    def _farewell(self, code: EndCode) -> str | None:
        return self._attendant.farewell(code)

    async def _close(self) -> None:
        self._attendant.close()
        await super()._close()

    async def _goodbye(self) -> None:
        self._line.hang_up()
        await super()._goodbye()

    async def _take(self, message: SocketMessage) -> bool:
        try:
            for happening in self._framing.read(message):
                if not await self._happened(happening):
                    return False
        except (BadRequest, BadAudio) as error:
            self._code = NOT_AUDIO if isinstance(error, BadAudio) else POLICY
            self.hang_up(f"A message of the service cannot be used: {error}.")
            return False
        return True

    async def _happened(self, happening: Happening) -> bool:
        """Act on what the service said; False if the call is over because of it."""
        match happening:
            case Answered(messages):
                self._line.answer(messages)
            case Heard(payload):
                await self._attendant.hear(self._decoder.decode(payload))
            case Returned(name):
                self._marked.returned(name)
            case Pressed(key):
                self._attendant.press(key)
            case Stopped():
                self.hang_up("The caller hung up.")
                return False
            case Started():
                raise BadRequest("the stream began twice", "out_of_order")
        return True
