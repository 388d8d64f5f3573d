"""Calls by SIP for ``call_cost``: mu-law over RTP, without sockets and signalling.

What a call by SIP is made of is the very code; what arrives is handed to where its
socket would hand it.
"""

from __future__ import annotations

import socket

from benchmarks import caller
from benchmarks.phone_caller import FRAME, RATE, mu_law
from voiceserver.audio import Samples, resample
from voiceserver.carriers.base import Incoming
from voiceserver.carriers.sip.call import SipCall
from voiceserver.carriers.sip.signalling import Place
from voiceserver.carriers.sip.udp import Address, Pair, Receive
from voiceserver.carriers.telephony.attendant import Dialled
from voiceserver.media.rtp import RtpPacket, serialize

THERE = ("127.0.0.2", 4000)
OFFER = (
    f"v=0\r\no=- 1 1 IN IP4 {THERE[0]}\r\ns=-\r\nc=IN IP4 {THERE[0]}\r\nt=0 0\r\n"
    f"m=audio {THERE[1]} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
)


def narrow(samples: Samples) -> list[bytes]:
    """Payloads of an utterance at 48 kHz."""
    return mu_law(resample(samples, caller.RATE, RATE))


def packet(index: int, at: int, payload: bytes) -> bytes:
    """A caller's packet."""
    return serialize(RtpPacket(0, at, at * FRAME, 1 + index, payload))


class _Ended:
    """Signalling of a call that nobody ends."""

    async def end(self) -> None:
        """Nothing is left to do."""


class _Wire:
    """A socket: what comes is handed over, what is sent goes where nobody reads."""

    def __init__(self, sink: socket.socket) -> None:
        self._sink = sink
        self._to = sink.getsockname()
        self.receive: Receive | None = None

    @property
    def address(self) -> Address:
        """As the call's description has it."""
        return "127.0.0.1", 20_000

    def start(self, receive: Receive) -> None:
        """Give packets to ``receive``."""
        self.receive = receive

    def send(self, packet: bytes, to: Address) -> None:
        """Send."""
        del to
        self._sink.sendto(packet, self._to)

    def close(self) -> None:
        """Nothing is bound."""


class PhoneCall(SipCall):
    """A call as by SIP, without the network.

    Args:
        incoming: What it is made of.
        sink: Socket that takes what is sent.
    """

    def __init__(self, incoming: Incoming, sink: socket.socket) -> None:
        self._wire = _Wire(sink)
        self.n_texts = 0

        def bind() -> Pair:
            return self._wire, _Wire(sink)

        place = Place("127.0.0.1", THERE[0], bind)
        super().__init__(incoming, _Ended(), place, Dialled())  # type: ignore[arg-type]

    async def answer(self, offer: str) -> str:
        """Take the call."""
        del offer
        answer = await super().answer(OFFER)
        self.established()
        return answer

    def take(self, datagram: bytes) -> None:
        """A datagram of the caller's."""
        if self._wire.receive is not None:
            self._wire.receive(datagram, THERE)
