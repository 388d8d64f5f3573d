"""The audio of a call over UDP: whose packets are taken, and where ours are sent.

The first packet that fits, from the address that the signalling named or that it came
from, decides where the call's audio is; from then on nobody else is listened to until
the call is negotiated anew. Digits come out beside the audio, and how it arrives is
reported both ways. Knows neither SIP's messages nor codecs.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable

from voiceserver.carriers.sip.description import CODECS, EVENTS_TYPE, Agreed
from voiceserver.carriers.sip.srtp import Cipher
from voiceserver.carriers.sip.udp import Address, Pair
from voiceserver.clock import Clock
from voiceserver.media import rtp
from voiceserver.media.receiver import COMFORT_NOISE, AudioReceiver
from voiceserver.media.reports import StreamReport
from voiceserver.media.rtcp import Reports
from voiceserver.media.rtp import RtpPacket
from voiceserver.media.telephone_events import EventReader

REPORT_S = 5.0  # between reports, half to one and a half of it (RFC 3550, 6.3.1)
SILENCE_TYPE = 13  # payload type of comfort noise, offered or not (RFC 3389)
_RATES = dict(CODECS.values())  # of RTP clocks


class AudioLine:
    """One call's sockets.

    Args:
        pair: Sockets for RTP and RTCP; taken over.
        receiver: Takes the audio.
        pressed: Takes digits, when they are over.
        strange: Called for each packet that is not taken.
        clock: Monotonic clock.

    Attributes:
        n_received: Packets of audio and digits.
        rtt_s: Time there and back, by their last report; None if there is none.
    """

    def __init__(
        self,
        pair: Pair,
        receiver: AudioReceiver,
        pressed: Callable[[str], None],
        strange: Callable[[], None],
        clock: Clock,
    ) -> None:
        self._rtp, self._rtcp = pair
        self._receiver = receiver
        self._pressed = pressed
        self._strange = strange
        self._agreed: Agreed | None = None
        self._hosts: frozenset[str] = frozenset()
        self._to: Address | None = None
        self._latched: Address | None = None
        self._cipher: Cipher | None = None
        self._events = EventReader()
        self._reported: Callable[[float], None] = lambda _lost: None
        self._clock = clock
        self._report_ns = 0  # when the next is due; 0 before the start
        self._reports_to: Address | None = None  # where theirs come from
        self.ssrc = secrets.randbits(32)
        self._reports = Reports(self.ssrc, StreamReport(receiver), clock)
        self.payload_type = 0
        self.n_received = 0
        self.rtt_s: float | None = None

    @property
    def port(self) -> int:
        """Where audio is received."""
        return self._rtp.address[1]

    def agree(self, agreed: Agreed, signalled_from: str) -> None:
        """Hold to what was negotiated, now and whenever it is negotiated anew.

        Args:
            agreed: By both sides.
            signalled_from: IP address that the signalling comes from.
        """
        before, self._agreed = self._agreed, agreed
        self.payload_type = agreed.payload_type
        self._hosts = frozenset({agreed.host, signalled_from} - {""})
        moved = before is None or (before.host, before.port) != (
            agreed.host,
            agreed.port,
        )
        if moved:
            self._latched = self._reports_to = None
            self._to = (agreed.host, agreed.port) if agreed.host else None
        if agreed.keys is None:
            self._cipher = None
        elif before is None or before.keys != agreed.keys:
            self._cipher = Cipher(agreed.keys)
        # It comes where it was not agreed on too, and is no loss.
        self._receiver.start({SILENCE_TYPE: COMFORT_NOISE, **agreed.codecs})

    def discard(self) -> None:
        """Nothing that comes is of use yet: before a call is taken, it may ring."""
        self._rtp.start(lambda _packet, _address: None)

    def start(self) -> None:
        """Take packets from now on."""
        self._rtp.start(self._receive)
        self._rtcp.start(self._told)
        self._next_report()

    def send(self, packet: RtpPacket) -> None:
        """Send a packet now, or drop it if that cannot be."""
        if self._to is None:
            return
        wire = rtp.serialize(packet)
        self._reports.sent(packet)
        self._rtp.send(self._cipher.protect(wire) if self._cipher else wire, self._to)

    def watch(self, reported: Callable[[float], None]) -> None:
        """Call ``reported`` with the share lost that each report of theirs tells."""
        self._reported = reported

    def report(self) -> None:
        """Tell how their audio arrives, if it is time; to be called now and then."""
        if self._clock.now_ns() >= self._report_ns:
            self._next_report()
            self._tell()

    def close(self) -> None:
        """Say goodbye and give the ports back; may be called again."""
        self._tell(bye=True)
        self._to = None
        self._rtp.close()
        self._rtcp.close()

    def _receive(self, wire: bytes, source: Address) -> None:
        packet = self._fitting(wire, source)
        if packet is None or self._agreed is None:
            self._strange()
            return
        if self._latched is None:
            self._latched = self._to = source
        self.n_received += 1
        self._reports.received(packet.ssrc)
        if self._agreed.codecs.get(packet.payload_type) == EVENTS_TYPE:
            digits = self._events.read(packet)
        else:
            digits = ""
            self._receiver.receive(packet)
        for digit in digits:
            self._pressed(digit)

    def _fitting(self, wire: bytes, source: Address) -> RtpPacket | None:
        """The packet, if it is one of this call."""
        agreed = self._agreed
        if agreed is None:
            return None
        if self._latched is None:
            if source[0] not in self._hosts:
                return None
        elif source != self._latched:
            return None
        if self._cipher is not None:
            clear = self._cipher.unprotect(wire)
            if clear is None:
                return None
            wire = clear
        packet = rtp.parse(wire)
        if packet is None:
            return None
        latched = self._latched is not None
        known = packet.payload_type in agreed.codecs
        return packet if known or (latched and _is_silence(packet)) else None

    def _told(self, wire: bytes, source: Address) -> None:
        """Take a report of theirs."""
        host = self._latched[0] if self._latched else None
        if source[0] != host and (host is not None or source[0] not in self._hosts):
            self._strange()
            return
        clear: bytes | None = wire
        if self._cipher is not None:
            clear = self._cipher.unprotect_report(wire)
        if clear is None:
            self._strange()
            return
        self._reports_to = source
        feedback = self._reports.read(clear)
        if feedback is not None:
            self.rtt_s = self.rtt_s if feedback.rtt_s is None else feedback.rtt_s
            self._reported(feedback.lost)

    def _tell(self, bye: bool = False) -> None:
        if self._agreed is None or self._to is None or not self._report_ns:
            return
        report = self._reports.write(_RATES[self._agreed.mime_type], bye)
        if self._cipher is not None:
            report = self._cipher.protect_report(report)
        to = self._reports_to or (self._to[0], self._to[1] + 1)
        self._rtcp.send(report, to)

    def _next_report(self) -> None:
        wait_s = REPORT_S * random.uniform(0.5, 1.5)
        self._report_ns = self._clock.now_ns() + round(wait_s * 1e9)


def _is_silence(packet: RtpPacket) -> bool:
    return packet.payload_type == SILENCE_TYPE
