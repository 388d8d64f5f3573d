"""Binary messages to samples and back."""

from __future__ import annotations

from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voiceserver.audio import (
    MIC_RATE,
    SPEECH_FRAME,
    SPEECH_RATE,
    AudioFrame,
    Samples,
    from_int16,
    level_db,
)
from voiceserver.carriers.websocket.stream_audio import (
    OPUS,
    PCM,
    RATES,
    MessageDecoder,
    MessageEncoder,
    StreamFormat,
    read_format,
)
from voiceserver.errors import BadAudio, BadRequest

HZ = 440


def tone(rate: int, seconds: float = 1.0) -> Samples:
    at_s = np.arange(round(rate * seconds)) / rate
    return (0.3 * np.sin(2 * np.pi * HZ * at_s)).astype(np.float32)


def frames(samples: Samples) -> list[AudioFrame]:
    return [
        AudioFrame(part, SPEECH_RATE, 0, 1)
        for part in np.split(samples, len(samples) // SPEECH_FRAME)
    ]


def pitch_hz(samples: Samples, rate: int) -> float:
    return int(np.abs(np.fft.rfft(samples)).argmax()) * rate / len(samples)


@pytest.mark.parametrize("rate", RATES)
def test_pcm_of_any_rate_is_heard_at_16_khz(rate: int) -> None:
    """With its pitch and level, whatever the size of the messages."""
    decoder = MessageDecoder(StreamFormat(PCM, rate))
    pcm = (tone(rate) * 32767).astype("<i2").tobytes()
    parts = [decoder.decode(pcm[at : at + 606]) for at in range(0, len(pcm), 606)]
    heard = np.concatenate(parts)
    assert abs(len(heard) - MIC_RATE) < MIC_RATE // 100
    assert pitch_hz(heard, MIC_RATE) == pytest.approx(HZ, abs=2)
    assert level_db(heard) == pytest.approx(level_db(tone(rate)), abs=0.5)


@pytest.mark.parametrize("rate", RATES)
def test_a_reply_leaves_at_the_rate_wanted(rate: int) -> None:
    """50 frames are a second; each message is about 20 ms."""
    encoder = MessageEncoder(StreamFormat(PCM, rate))
    messages = [encoder.encode(frame) for frame in frames(tone(SPEECH_RATE))]
    assert all(abs(len(m) // 2 - rate // 50) <= 64 for m in messages)
    heard = from_int16(b"".join(messages))
    assert abs(len(heard) - rate) < rate // 100
    assert pitch_hz(heard, rate) == pytest.approx(HZ, abs=2)


def test_opus_is_one_packet_a_message_both_ways() -> None:
    """What the server encodes it also understands."""
    form = StreamFormat(OPUS)
    encoder, decoder = MessageEncoder(form), MessageDecoder(form)
    messages = [encoder.encode(frame) for frame in frames(tone(SPEECH_RATE))]
    heard = np.concatenate([decoder.decode(message) for message in messages])
    assert abs(len(heard) - MIC_RATE) < MIC_RATE // 50
    assert pitch_hz(heard[3200:], MIC_RATE) == pytest.approx(HZ, abs=5)


def test_opus_of_16_khz_and_60_ms_is_understood() -> None:
    """What small devices send."""
    codec: Any = av.CodecContext.create("libopus", "w")
    codec.sample_rate, codec.layout, codec.format = 16_000, "mono", "s16"
    codec.options = {"frame_duration": "60", "application": "voip"}
    pcm = (tone(16_000, 0.6) * 32767).astype(np.int16)[None]
    decoder = MessageDecoder(StreamFormat(OPUS))
    parts = []
    for at in range(0, 9_600, 960):
        frame = av.AudioFrame.from_ndarray(pcm[:, at : at + 960], "s16", "mono")
        frame.sample_rate = 16_000
        parts += [decoder.decode(bytes(packet)) for packet in codec.encode(frame)]
    assert len(np.concatenate(parts)) >= 9_600 * 9 // 10


@pytest.mark.parametrize(
    ("form", "message"),
    [
        (PCM, b"abc"),
        (OPUS, b""),
        (OPUS, b"\xff" * 9_000),
        (OPUS, b"\xff"),
    ],
)
def test_what_is_no_audio_is_refused(form: str, message: bytes) -> None:
    """With our own error."""
    with pytest.raises(BadAudio):
        MessageDecoder(StreamFormat(form)).decode(message)


def test_an_empty_message_of_pcm_is_no_audio_and_no_error() -> None:
    """An empty continuation of nothing."""
    assert len(MessageDecoder(StreamFormat()).decode(b"")) == 0


@given(st.lists(st.binary(max_size=200), max_size=8), st.sampled_from([PCM, OPUS]))
@settings(deadline=None, max_examples=60)
def test_no_bytes_raise_anything_else(messages: list[bytes], form: str) -> None:
    """Whatever a stranger sends."""
    decoder = MessageDecoder(StreamFormat(form))
    for message in messages:
        try:
            assert np.isfinite(decoder.decode(message)).all()
        except BadAudio:
            continue


def test_formats_are_read_and_others_refused() -> None:
    """The error names what there is."""
    assert read_format("pcm_s16le", "8000") == StreamFormat(PCM, 8_000)
    assert read_format("opus", "16000").name == OPUS
    with pytest.raises(BadRequest, match="pcm_s16le or opus"):
        read_format("mp3", "16000")
    for rate in ("44100", "-1", "16000.0", "", "1e4"):
        with pytest.raises(BadRequest, match="8000, 16000"):
            read_format("pcm_s16le", rate)
