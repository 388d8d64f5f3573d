"""Packets of the reply, samples of the microphone."""

from __future__ import annotations

import asyncio
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest

from tests.virtual_time import VirtualClock, run_virtual
from voiceserver.audio import SPEECH_FRAME, SPEECH_RATE, AudioFrame, level_db
from voiceserver.carriers.media import MicrophoneConverter, OpusEncoder, ReplyTrack
from voiceserver.session.clock import MonotonicClock


def tone(index: int, frequency_hz: float = 440) -> AudioFrame:
    time_s = (np.arange(SPEECH_FRAME) + index * SPEECH_FRAME) / SPEECH_RATE
    samples = 0.3 * np.sin(2 * np.pi * frequency_hz * time_s)
    return AudioFrame(samples.astype(np.float32), SPEECH_RATE, index * SPEECH_FRAME, 1)


def decoded(packets: list[Any]) -> np.ndarray:
    decoder: Any = av.CodecContext.create("libopus", "r")
    decoder.sample_rate = 48_000
    frames = [f for p in packets for f in decoder.decode(av.Packet(bytes(p)))]
    converter = MicrophoneConverter()
    return np.concatenate([converter.convert(frame) for frame in frames])


def test_opus_keeps_the_tone() -> None:
    """24 kHz in, 440 Hz out, at its level."""
    encoder = OpusEncoder()
    heard = decoded([encoder.encode(tone(i), i) for i in range(50)])[3200:]
    spectrum = np.abs(np.fft.rfft(heard))
    assert spectrum.argmax() * 16_000 / len(heard) == pytest.approx(440, abs=5)
    assert level_db(heard) == pytest.approx(level_db(tone(0).samples), abs=1.5)


def test_time_stamps_count_48_khz() -> None:
    """960 a frame, whatever rate went in."""
    encoder = OpusEncoder()
    packets = [encoder.encode(tone(i), i) for i in range(3)]
    assert [packet.pts for packet in packets] == [0, 960, 1920]
    assert packets[0].time_base == Fraction(1, 48_000)


def test_a_packet_is_small() -> None:
    """About 32 kb/s: 80 bytes for 20 ms."""
    encoder = OpusEncoder()
    sizes = [len(bytes(encoder.encode(tone(i), i))) for i in range(50)]
    assert np.mean(sizes) < 140


@pytest.mark.parametrize(
    ("rate", "layout", "form"),
    [
        (48_000, "stereo", "s16"),
        (48_000, "mono", "s16"),
        (8_000, "mono", "s16"),
        (48_000, "stereo", "fltp"),
    ],
)
def test_any_decoded_form_becomes_16_khz_mono(
    rate: int, layout: str, form: str
) -> None:
    """As long, as loud, and the right tone."""
    channels = 2 if layout == "stereo" else 1
    time_s = np.arange(rate // 5) / rate
    wave = 0.5 * np.sin(2 * np.pi * 300 * time_s)
    if form == "s16":
        pcm = np.repeat((wave * 32767).astype(np.int16), channels)[None]
    else:
        pcm = np.stack([wave.astype(np.float32)] * channels)
    frame = av.AudioFrame.from_ndarray(pcm, format=form, layout=layout)
    frame.sample_rate = rate
    samples = MicrophoneConverter().convert(frame)
    assert len(samples) == pytest.approx(3200, abs=40)
    assert np.abs(samples).max() == pytest.approx(0.5, abs=0.02)


class StallingClock(VirtualClock):
    """The virtual loop's time, plus stalls during which nothing else ran."""

    def __init__(self) -> None:
        self.stalled_ms = 0

    def now_ns(self) -> int:
        return super().now_ns() + self.stalled_ms * 1_000_000


class Pulled:
    """A reply track, when its frames left and what was dropped."""

    def __init__(self) -> None:
        self.clock = StallingClock()
        self.dropped: list[int] = []
        self.at_ms: list[float] = []
        self.pts: list[int] = []
        self.pulled = 0
        self.track = ReplyTrack(self._pull, self.dropped.append, self.clock)
        self.track.encode_opus()

    async def take(self, count: int) -> None:
        for _ in range(count):
            packet = await self.track.recv()
            self.at_ms.append(round(self.clock.now_ns() / 1e6, 3))
            self.pts.append(packet.pts // 960)

    def _pull(self) -> AudioFrame:
        self.pulled += 1
        return tone(0)


def test_frames_are_pulled_at_their_time() -> None:
    """20 ms apart by absolute deadlines, with no drift."""

    async def run() -> Pulled:
        await asyncio.sleep(1)
        pulled = Pulled()
        await pulled.take(5)
        return pulled

    pulled = run_virtual(run())
    assert pulled.at_ms == [1000, 1020, 1040, 1060, 1080]
    assert (pulled.pts, pulled.dropped) == ([0, 1, 2, 3, 4], [])


def test_a_stall_is_not_made_up_for_by_a_burst() -> None:
    """85 ms away: four frame times are left out; the words are only later."""

    async def run() -> Pulled:
        await asyncio.sleep(1)
        pulled = Pulled()
        await pulled.take(2)  # at 1000 and 1020
        pulled.clock.stalled_ms = 105  # now it is 1125: 85 ms after the next is due
        await pulled.take(3)
        return pulled

    pulled = run_virtual(run())
    # The deadlines stay where they were: 1040, ... 1120, 1140, 1160.
    assert pulled.at_ms == [1000, 1020, 1125, 1140, 1160]
    assert pulled.pts == [0, 1, 6, 7, 8]
    assert (pulled.dropped, pulled.pulled) == ([4], 5)


def test_a_short_delay_loses_nothing() -> None:
    """45 ms late: the two frames that are due leave at once, none is left out."""

    async def run() -> Pulled:
        await asyncio.sleep(1)
        pulled = Pulled()
        await pulled.take(2)
        pulled.clock.stalled_ms = 65  # now it is 1085: 45 ms after the next is due
        await pulled.take(4)
        return pulled

    pulled = run_virtual(run())
    assert pulled.at_ms == [1000, 1020, 1085, 1085, 1085, 1100]
    assert pulled.pts == [0, 1, 2, 3, 4, 5]
    assert pulled.dropped == []


def test_a_stream_keeps_its_length() -> None:
    """Ten seconds of the microphone are ten seconds, less what the filter holds."""
    converter, rate = MicrophoneConverter(), 48_000
    total = 0
    for index in range(500):
        pcm = np.zeros((1, rate // 50), np.int16)
        frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout="mono")
        frame.sample_rate, frame.pts = rate, index * 960 + 7 * (index > 250)
        total += len(converter.convert(frame))
    assert 160_000 - 32 <= total <= 160_000


async def test_without_opus_frames_are_left_to_aiortc() -> None:
    """For PCMU and PCMA, which it encodes itself."""
    frame = await ReplyTrack(lambda: tone(0), lambda _n: None, MonotonicClock()).recv()
    assert (frame.sample_rate, frame.samples) == (SPEECH_RATE, SPEECH_FRAME)
