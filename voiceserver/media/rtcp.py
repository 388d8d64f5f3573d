"""What both sides of a call's audio tell each other of how it arrives: RTCP.

Makes our reports and reads theirs (RFC 3550, section 6), over aiortc's packets: how
many of our packets they lost, and the time there and back. Pure but for its clock,
which stands in for the time of day: nobody learns that (section 6.4.1 allows it).
Knows no sockets.
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from aiortc.rtp import (
    RtcpByePacket,
    RtcpPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpSdesPacket,
    RtcpSenderInfo,
    RtcpSourceInfo,
    RtcpSrPacket,
)

from voiceserver.clock import Clock
from voiceserver.media.reports import StreamReport
from voiceserver.media.rtp import RtpPacket

CNAME = 1  # the kind of name that is the same for all streams (section 6.5.1)
_NTP = 1 << 32  # units of a second
_MIDDLE = 0xFFFFFFFF  # 16 bits of seconds and 16 of their fraction


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a report of theirs says of what we send.

    Attributes:
        lost: Share that was lost since their last one.
        rtt_s: Time there and back; None if that cannot be told.
    """

    lost: float
    rtt_s: float | None


class Reports:
    """Those of one call.

    Args:
        ssrc: Of what we send.
        arrivals: Of what they send.
        clock: Monotonic clock.
    """

    def __init__(self, ssrc: int, arrivals: StreamReport, clock: Clock) -> None:
        self._ssrc = ssrc
        self._arrivals = arrivals
        self._clock = clock
        self._name = secrets.token_hex(8).encode()  # of nobody (RFC 7022)
        self._n_packets = self._n_octets = 0
        self._n_told = 0  # packets at our last report
        self._timestamp = 0
        self._sent_ns = 0
        self._theirs: int | None = None
        self._their_report: tuple[int, int] | None = None  # middle of its time; when

    def sent(self, packet: RtpPacket) -> None:
        """Count a packet of ours."""
        self._n_packets += 1
        self._n_octets += len(packet.payload)
        self._timestamp, self._sent_ns = packet.timestamp, self._clock.now_ns()

    def received(self, ssrc: int) -> None:
        """Note whose packets come."""
        if ssrc != self._theirs:
            self._theirs, self._their_report = ssrc, None

    def write(self, clock_rate: int, bye: bool = False) -> bytes:
        """Make our report.

        Args:
            clock_rate: Ticks a second of what we send.
            bye: It is our last.
        """
        found: list[RtcpReceiverInfo] = []
        if self._theirs is not None:
            found.append(self._arrived(self._theirs))
        spoke = self._n_packets > self._n_told
        self._n_told = self._n_packets
        if spoke:
            report = bytes(RtcpSrPacket(self._ssrc, self._sender(clock_rate), found))
        else:
            report = bytes(RtcpRrPacket(self._ssrc, found))
        source = RtcpSourceInfo(self._ssrc, [(CNAME, self._name)])
        parts = [report, bytes(RtcpSdesPacket([source]))]
        if bye:
            parts.append(bytes(RtcpByePacket([self._ssrc])))
        return b"".join(parts)

    def read(self, packet: bytes) -> Feedback | None:
        """Read a report of theirs.

        Returns:
            What it says of ours; None if that is nothing, or it is no report.
        """
        try:
            parts = RtcpPacket.parse(packet)
        except (ValueError, IndexError, struct.error):
            return None
        feedback: Feedback | None = None
        for part in parts:
            if isinstance(part, RtcpSrPacket):
                middle = part.sender_info.ntp_timestamp >> 16 & _MIDDLE
                self._their_report = middle, self._clock.now_ns()
            if isinstance(part, RtcpSrPacket | RtcpRrPacket):
                feedback = self._of_ours(part.reports) or feedback
        return feedback

    def _of_ours(self, reports: Sequence[RtcpReceiverInfo]) -> Feedback | None:
        for each in reports:
            if each.ssrc != self._ssrc:
                continue
            rtt_s: float | None = None
            if each.lsr:
                now = self._now() >> 16 & _MIDDLE
                ticks = (now - each.lsr - each.dlsr) & _MIDDLE
                # Who says less than nothing, or a minute, has another clock.
                rtt_s = ticks / 65_536 if ticks < 60 * 65_536 else None
            return Feedback(each.fraction_lost / 256, rtt_s)
        return None

    def _arrived(self, ssrc: int) -> RtcpReceiverInfo:
        arrivals = self._arrivals
        lsr = dlsr = 0
        if self._their_report is not None:
            lsr, at_ns = self._their_report
            dlsr = (self._clock.now_ns() - at_ns) * 65_536 // 1_000_000_000 & _MIDDLE
        return RtcpReceiverInfo(
            ssrc,
            arrivals.fraction_lost,
            arrivals.packets_lost,
            arrivals.max_seq,
            arrivals.jitter,
            lsr,
            dlsr,
        )

    def _sender(self, clock_rate: int) -> RtcpSenderInfo:
        """Our clock now, and what our stream's is at the same moment."""
        since_ns = self._clock.now_ns() - self._sent_ns
        ticks = since_ns * clock_rate // 1_000_000_000
        return RtcpSenderInfo(
            self._now(),
            (self._timestamp + ticks) & 0xFFFFFFFF,
            self._n_packets & 0xFFFFFFFF,
            self._n_octets & 0xFFFFFFFF,
        )

    def _now(self) -> int:
        return self._clock.now_ns() * _NTP // 1_000_000_000 & 0xFFFFFFFFFFFFFFFF
