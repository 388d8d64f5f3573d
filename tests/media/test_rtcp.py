"""Reports of both sides."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
from aiortc.rtp import (
    RtcpByePacket,
    RtcpPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpSdesPacket,
    RtcpSrPacket,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.virtual_time import VirtualClock, run_virtual
from voiceserver.media.receiver import AudioReceiver
from voiceserver.media.reports import StreamReport
from voiceserver.media.rtcp import Reports
from voiceserver.media.rtp import RtpPacket

RATE = 8_000


@dataclass
class Clock:
    """Stands where it is put."""

    at_s: float = 100.0

    def now_ns(self) -> int:
        return round(self.at_s * 1e9)

    def computed_ns(self) -> int:
        return self.now_ns()


class Side:
    """One of two sides."""

    def __init__(self, ssrc: int, clock: Clock) -> None:
        self.receiver = AudioReceiver(lambda _samples, _made_up: None, VirtualClock())
        self.receiver.start({0: "audio/pcmu"})
        self.reports = Reports(ssrc, StreamReport(self.receiver), clock)
        self.ssrc = ssrc

    def say(self, n_packets: int) -> None:
        for n in range(n_packets):
            self.reports.sent(RtpPacket(0, n, n * 160, self.ssrc, b"x" * 160))


def test_who_speaks_says_how_much() -> None:
    """Packets, octets, and where the stream is now; under a name of nobody."""
    clock = Clock()
    it = Side(7, clock)
    it.say(10)
    clock.at_s += 0.5
    report, names = RtcpPacket.parse(it.reports.write(RATE))
    assert isinstance(report, RtcpSrPacket)
    assert isinstance(names, RtcpSdesPacket)
    info = report.sender_info
    assert (report.ssrc, info.packet_count, info.octet_count) == (7, 10, 1600)
    assert info.rtp_timestamp == 9 * 160 + RATE // 2
    assert info.ntp_timestamp >> 32 == 100
    ((kind, name),) = names.chunks[0].items
    assert kind == 1
    assert len(name) == 16


def test_who_is_silent_says_only_what_came() -> None:
    """And at the end, goodbye."""
    it = Side(7, Clock())
    it.say(1)
    it.reports.write(RATE)
    it.reports.received(9)
    report, _, bye = RtcpPacket.parse(it.reports.write(RATE, bye=True))
    assert isinstance(report, RtcpRrPacket)
    assert [each.ssrc for each in report.reports] == [9]
    assert isinstance(bye, RtcpByePacket)
    assert bye.sources == [7]


def test_loss_is_told() -> None:
    """A quarter of what was due."""

    async def run() -> None:
        it = Side(7, Clock())
        for n in range(40):
            if n % 4 != 1:
                packet = RtpPacket(0, n, n * 160, 9, b"x" * 160)
                it.receiver.receive(packet)
            await asyncio.sleep(0.02)
        it.receiver.stop()
        it.reports.received(9)
        report, _ = RtcpPacket.parse(it.reports.write(RATE))
        assert isinstance(report, RtcpRrPacket)
        (info,) = report.reports
        assert info.highest_sequence == 39
        assert info.packets_lost == 10
        assert info.fraction_lost == 64

    run_virtual(run())


def test_the_time_there_and_back_is_known_of_two_reports() -> None:
    """30 ms there, 2 s until theirs, 50 ms back."""
    clock = Clock()
    one, other = Side(1, clock), Side(2, clock)
    one.say(5)
    first = one.reports.write(RATE)
    clock.at_s += 0.03
    other.reports.received(1)
    assert other.reports.read(first) is None
    clock.at_s += 2.0
    second = other.reports.write(RATE)
    clock.at_s += 0.05
    feedback = one.reports.read(second)
    assert feedback is not None
    assert feedback.rtt_s == pytest.approx(0.08, abs=0.001)
    assert feedback.lost == 0


def test_what_they_lost_is_read() -> None:
    """Of ours; of others it is nothing. A time of nobody's clock is none."""
    it = Side(1, Clock())
    lost = RtcpReceiverInfo(1, 64, 5, 9, 0, lsr=5, dlsr=5)
    feedback = it.reports.read(bytes(RtcpRrPacket(2, [lost])))
    assert feedback is not None
    assert (feedback.lost, feedback.rtt_s) == (0.25, None)
    other = RtcpReceiverInfo(3, 64, 5, 9, 0, lsr=0, dlsr=0)
    assert it.reports.read(bytes(RtcpRrPacket(2, [other]))) is None


@given(st.binary(max_size=120))
def test_whatever_comes_is_read_or_none(packet: bytes) -> None:
    """Nothing is raised."""
    it = Side(1, Clock())
    for start in (b"", b"\x81\xc9\x00\x07", b"\x81\xc8\x00\x0c"):
        it.reports.read(start + packet)
