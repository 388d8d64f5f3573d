"""The reply's packets and their times."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from tests.media.test_codecs import buzz, tone
from tests.virtual_time import StallingClock, run_virtual
from voiceserver.audio import SPEECH_FRAME, SPEECH_RATE, AudioFrame, Samples, level_db
from voiceserver.media import sender
from voiceserver.media.codecs import OpusDecoder, OpusEncoder, repairs
from voiceserver.media.g722 import G722Encoder
from voiceserver.media.rtp import RtpPacket
from voiceserver.media.sender import (
    SETTLED,
    AudioSender,
    RepeatedAudio,
    SparingEncoder,
)
from voiceserver.media.telephone_events import EventReader


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


SILENCE = np.zeros(SPEECH_FRAME, np.float32)
LINE = [buzz(index) for index in range(50)]


class Counting(OpusEncoder):
    """Counts what it encodes."""

    def __init__(self) -> None:
        super().__init__()
        self.n_encoded = 0

    def encode(self, samples: Samples) -> bytes:
        self.n_encoded += 1
        return super().encode(samples)


class Call:
    """An encoder that has settled in silence, and what its client hears."""

    def __init__(self, memory: RepeatedAudio) -> None:
        self.counting = Counting()
        self.encoder = SparingEncoder(self.counting, memory)
        self.decoder = OpusDecoder()
        self.say([SILENCE] * SETTLED)
        self.encoder.settled()

    def say(self, frames: list[Samples]) -> Samples:
        self.counting.n_encoded = 0
        heard = [self.decoder.decode(self.encoder.encode(frame)) for frame in frames]
        return np.concatenate(heard)


def test_the_third_time_nothing_is_encoded() -> None:
    """In any call: the first is noticed, the second kept."""
    memory = RepeatedAudio()
    counts = []
    for _ in range(3):
        call = Call(memory)
        call.say(LINE + [SILENCE] * SETTLED)
        counts.append(call.counting.n_encoded)
    assert counts == [60, 60, 0]


def test_it_sounds_as_it_did() -> None:
    """And so does what follows it, which is encoded."""
    memory, answer = RepeatedAudio(), [buzz(index) for index in range(70, 100)]
    for _ in range(2):
        Call(memory).say(LINE)
    plain, spared = Call(RepeatedAudio()), Call(memory)
    truth, heard = plain.say(LINE + answer), spared.say(LINE + answer)
    assert spared.counting.n_encoded == len(answer) + sender.PICKED_UP
    error_db = [
        level_db(heard[at : at + 1_600] - truth[at : at + 1_600])
        for at in range(0, len(truth), 1_600)
    ]
    assert max(error_db[:9]) < -60  # the line itself
    assert max(error_db) < level_db(truth) - 6  # no click where encoding begins


def test_another_past_is_another_payload() -> None:
    """What was said otherwise, before or with other correction, is not mixed up."""
    memory = RepeatedAudio()
    for _ in range(2):
        Call(memory).say(LINE)
    call = Call(memory)
    call.say([LINE[1], *LINE])
    assert call.counting.n_encoded == 51
    call = Call(memory)
    call.encoder.expect_loss(20)
    call.say(LINE)
    assert call.counting.n_encoded == 50


def test_a_report_in_silence_forgets_nothing() -> None:
    """Most calls hear their first while nothing is said."""
    memory, counts = RepeatedAudio(), []
    for _ in range(3):
        call = Call(memory)
        call.encoder.expect_loss(0)
        call.say(LINE)
        counts.append(call.counting.n_encoded)
    assert counts == [50, 50, 0]


def test_the_memory_is_bounded() -> None:
    """However much is said, once or often."""
    memory = RepeatedAudio()
    for number in range(sender.NOTICED + 50):
        memory.put(number.to_bytes(4, "big"), b"")
    assert len(memory._noticed) == sender.NOTICED
    for number in range(sender.NOTICED):
        memory.put((number + 50).to_bytes(4, "big"), b"payload")
    assert len(memory._payloads) == sender.KEPT
    assert memory.get((sender.NOTICED).to_bytes(4, "big")) == b"payload"


def test_a_long_reply_is_not_followed_for_ever() -> None:
    """Prepared lines are short; hashing the rest would be for nothing."""
    memory = RepeatedAudio()
    call = Call(memory)
    call.say([buzz(index) for index in range(sender.LONGEST_LINE + 20)])
    assert len(memory._noticed) == sender.LONGEST_LINE


def test_digits_take_the_place_of_audio() -> None:
    """Which waits; the sequence goes on, and a digit has the time of its begin."""
    wire = Wire()

    async def press() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(wire.run(2))
            await asyncio.sleep(1)
            took_s = wire.sender.press("12", 101, 8000)
            pulled = wire.pulled
            await asyncio.sleep(took_s - 0.04)
            assert wire.pulled - pulled <= 1

    run_virtual(press())
    events = [packet for packet in wire.packets if packet.payload_type == 101]
    reader = EventReader()
    assert "".join(reader.read(packet) for packet in events) == "12"
    assert len({packet.timestamp for packet in events}) == 2
    assert [packet.marker for packet in events].count(True) == 2
    numbers = [packet.sequence for packet in wire.packets]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert wire.packets[-1].payload_type == 96


@pytest.mark.parametrize(("ptime_ms", "at_ms"), [(10, 1000), (30, 1020), (60, 1040)])
def test_packets_are_as_long_as_the_other_side_wants(ptime_ms: int, at_ms: int) -> None:
    """Their times follow on each other; digits between them have the frame's own."""

    async def run() -> Wire:
        await asyncio.sleep(1)
        wire = Wire()
        wire.sender.start(wire, G722Encoder(), ptime_ms)
        await asyncio.sleep(0.35)
        wire.sender.press("5", 101, 8000)
        await asyncio.sleep(1)
        wire.sender.stop()
        return wire

    wire = run_virtual(run())
    audio = [packet for packet in wire.packets if packet.payload_type == 96]
    assert wire.at_ms[0] == at_ms
    numbers = [packet.sequence for packet in wire.packets]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    whole = ptime_ms * 8
    lengths = [len(packet.payload) for packet in audio]
    # What was held before the digit has left with it, and so is shorter.
    assert [n for n in lengths[:-1] if n != whole] in ([], [lengths[0] % 320 or 160])
    for before, after in pairwise(audio):
        if len(before.payload) == whole:
            ticks = (after.timestamp - before.timestamp) & 0xFFFFFFFF
            assert ticks == whole or ticks > 8 * 100
    assert len(wire.packets) > len(audio)
