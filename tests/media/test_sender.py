"""The reply's packets and their times."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np
import pytest

from tests.media.test_libopus import buzz, tone
from tests.virtual_time import StallingClock, run_virtual
from voiceserver.audio import SPEECH_FRAME, SPEECH_RATE, AudioFrame, Samples, level_db
from voiceserver.media.codecs import OpusDecoder, OpusEncoder
from voiceserver.media.libopus import repairs
from voiceserver.media.rtp import RtpPacket
from voiceserver.media.sender import SETTLED, AudioSender


class Wire:
    """A sender, when its packets left, and what was dropped."""

    ssrc, payload_type = 7, 96

    def __init__(
        self,
        speaks: Callable[[int], bool] = lambda _n: True,
        sound: Callable[[int], Samples] = tone,
    ) -> None:
        self.clock = StallingClock()
        self.speaks, self.sound = speaks, sound
        self.dropped: list[int] = []
        self.at_ms: list[float] = []
        self.packets: list[RtpPacket] = []
        self.pulled = 0
        self.sender = AudioSender(self._pull, self.dropped.append, self.clock)

    def send(self, packet: RtpPacket) -> None:
        self.at_ms.append(round(self.clock.now_ns() / 1e6, 3))
        self.packets.append(packet)

    def watch(self, reported: Callable[[float], None]) -> None:
        self.report = reported

    async def run(self, seconds: float) -> None:
        self.sender.start(self, OpusEncoder())
        await asyncio.sleep(seconds)
        self.sender.stop()

    @property
    def index(self) -> list[int]:
        """Timestamps, in frames since the first."""
        first = self.packets[0].timestamp
        return [((p.timestamp - first) & 0xFFFFFFFF) // 960 for p in self.packets]

    def _pull(self) -> AudioFrame:
        number, self.pulled = self.pulled, self.pulled + 1
        if self.speaks(number):
            return AudioFrame(self.sound(number), SPEECH_RATE, 0, turn=1)
        return AudioFrame(np.zeros(SPEECH_FRAME, np.float32), SPEECH_RATE, 0)


def test_frames_leave_at_their_time() -> None:
    """20 ms apart by absolute deadlines, with no drift."""

    async def run() -> Wire:
        await asyncio.sleep(1)
        wire = Wire()
        await wire.run(0.085)
        return wire

    wire = run_virtual(run())
    assert wire.at_ms == [1000, 1020, 1040, 1060, 1080]
    assert (wire.index, wire.dropped) == ([0, 1, 2, 3, 4], [])
    numbers = [packet.sequence for packet in wire.packets]
    assert numbers == [numbers[0] + n for n in range(5)]


async def stalled(by_ms: int) -> Wire:
    """Two frames on time; then nothing runs for a while."""
    await asyncio.sleep(1)
    wire = Wire()
    wire.sender.start(wire, OpusEncoder())
    await asyncio.sleep(0.03)
    wire.clock.stalled_ms = by_ms
    await asyncio.sleep(0.055)
    wire.sender.stop()
    return wire


def test_a_stall_is_not_made_up_for_by_a_burst() -> None:
    """85 ms away: four frame times are left out; the words are only later."""
    wire = run_virtual(stalled(85))
    # The deadlines stay where they were: 1040, ... 1120, 1140, 1160.
    assert wire.at_ms == [1000, 1020, 1125, 1140, 1160]
    assert wire.index == [0, 1, 6, 7, 8]
    assert (wire.dropped, wire.pulled) == ([4], 5)


def test_a_short_delay_loses_nothing() -> None:
    """45 ms late: the two frames that are due leave at once, none is left out."""
    wire = run_virtual(stalled(45))
    assert wire.at_ms == [1000, 1020, 1085, 1085, 1085, 1100, 1120]
    assert wire.index == [0, 1, 2, 3, 4, 5, 6]
    assert wire.dropped == []


def test_a_talk_spurt_is_marked_and_silence_is_not() -> None:
    """RFC 3551: the first packet after silence, and only that."""
    wire = Wire(lambda n: 5 <= n < 10 or 12 <= n < 15)
    run_virtual(wire.run(0.395))
    assert [n for n, packet in enumerate(wire.packets) if packet.marker] == [5, 12]
    assert wire.index == list(range(20))


def test_silence_is_encoded_once() -> None:
    """When the codec has settled; and what follows sounds as it should."""
    wire = Wire(lambda n: n < 5 or n >= 40)
    run_virtual(wire.run(0.995))
    payloads = [packet.payload for packet in wire.packets]
    assert len(set(payloads[5 + SETTLED : 40])) == 1
    decoder = OpusDecoder()
    heard = [decoder.decode(payload) for payload in payloads]
    assert max(level_db(samples) for samples in heard[20:40]) < -80
    assert level_db(np.concatenate(heard[42:])) == pytest.approx(
        level_db(tone(0)), abs=1.5
    )
    assert np.abs(np.concatenate(heard[40:])).max() < 0.4  # no click


def test_calls_share_their_deadlines() -> None:
    """Multiples of 5 ms, whenever a call begins."""

    async def run() -> Wire:
        await asyncio.sleep(1.0123)
        wire = Wire()
        await wire.run(0.05)
        return wire

    assert run_virtual(run()).at_ms == [1015, 1035, 1055]


def test_correction_is_sent_where_there_is_loss() -> None:
    """From the start, not once the line is clean, and for 15 s after loss again."""

    async def run() -> list[bool]:
        wire, corrects = Wire(sound=buzz), []
        wire.sender.start(wire, OpusEncoder())
        for lost in (0.0, 0.04, 0.0, 0.0, 0.0):
            await asyncio.sleep(8)
            last = [repairs(packet.payload) for packet in wire.packets[-200:]]
            corrects.append(sum(last) > 100)
            wire.report(lost)
        wire.sender.stop()
        return corrects

    assert run_virtual(run()) == [True, False, True, True, False]


class NotedEncoder(OpusEncoder):
    """Notes what loss it was told to expect."""

    def __init__(self) -> None:
        self.expected: list[int] = []
        super().__init__()

    def expect_loss(self, percent: int) -> None:
        self.expected.append(percent)
        super().expect_loss(percent)


@pytest.mark.parametrize("lost", [0.0, 0.5])
def test_a_report_before_the_start_or_after_the_end_changes_nothing(
    lost: float,
) -> None:
    """One may be on its way: neither what is sent nor what is encoded."""

    async def run(reports: bool) -> tuple[list[int], list[bytes]]:
        wire, encoder = Wire(sound=buzz), NotedEncoder()
        if reports:
            wire.sender._reported(lost)
        wire.sender.start(wire, encoder)
        await asyncio.sleep(0.5)
        wire.sender.stop()
        if reports:
            wire.report(lost)
            await asyncio.sleep(1)
        return encoder.expected, [packet.payload for packet in wire.packets]

    assert run_virtual(run(reports=True)) == run_virtual(run(reports=False))


def test_nothing_leaves_after_the_end() -> None:
    """However often it is stopped."""

    async def run() -> Wire:
        wire = Wire()
        await wire.run(0.05)
        wire.sender.stop()
        await asyncio.sleep(1)
        return wire

    assert len(run_virtual(run()).packets) == 3
