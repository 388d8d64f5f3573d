"""Packets of the reply, samples of the microphone."""

from __future__ import annotations

import asyncio
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest

from voiceserver.audio import SPEECH_FRAME, SPEECH_RATE, AudioFrame, level_db
from voiceserver.carriers.media import MicrophoneConverter, OpusEncoder, ReplyTrack


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


async def test_frames_are_pulled_at_their_time() -> None:
    """Five frames take four waits of 20 ms; a late loop drops, and never bursts."""
    dropped: list[int] = []
    pulled = 0

    def pull() -> AudioFrame:
        nonlocal pulled
        pulled += 1
        return tone(0)

    track = ReplyTrack(pull, dropped.append)
    track.encode_opus()
    first = [await track.recv() for _ in range(3)]
    assert [packet.pts for packet in first] == [0, 960, 1920]
    track._due_s -= 1.0  # the loop was away for a second
    late = await track.recv()
    assert pulled == 4
    assert dropped[0] == pytest.approx(50, abs=2)
    assert late.pts == (3 + dropped[0]) * 960
    await asyncio.sleep(0)


async def test_without_opus_frames_are_left_to_aiortc() -> None:
    """For PCMU and PCMA, which it encodes itself."""
    frame = await ReplyTrack(lambda: tone(0), lambda _n: None).recv()
    assert (frame.sample_rate, frame.samples) == (SPEECH_RATE, SPEECH_FRAME)
