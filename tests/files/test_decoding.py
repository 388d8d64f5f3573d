"""Sound files at the edges."""

from __future__ import annotations

import io
import struct
from typing import Any

import av
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from voiceserver.audio import MIC_RATE, SPEECH_RATE, Samples, level_db
from voiceserver.errors import BadAudio
from voiceserver.files.decoding import decode


def tone(seconds: float, rate: int, hz: float = 440.0, level: float = 0.5) -> Samples:
    at = np.arange(int(seconds * rate)) / rate
    return (level * np.sin(2 * np.pi * hz * at)).astype(np.float32)


def written(
    samples: Samples, rate: int, container: str = "WAV", subtype: str | None = None
) -> bytes:
    sink = io.BytesIO()
    soundfile.write(sink, samples, rate, subtype, format=container)
    return sink.getvalue()


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_any_rate_and_channel_count_becomes_16_khz_mono(
    rate: int, channels: int
) -> None:
    """With its pitch, length and level."""
    mono = tone(1.0, rate)
    samples = decode(written(np.stack([mono] * channels, axis=1), rate))
    assert samples.dtype == np.float32
    assert abs(len(samples) - MIC_RATE) <= MIC_RATE // 100
    spectrum = np.abs(np.fft.rfft(samples[:16_000]))
    assert abs(int(spectrum.argmax()) - 440) <= 2
    assert level_db(samples) == pytest.approx(level_db(mono), abs=0.5)


@pytest.mark.parametrize(
    ("container", "subtype"),
    [
        ("WAV", "PCM_16"),
        ("WAV", "PCM_24"),
        ("WAV", "FLOAT"),
        ("WAV", "ULAW"),
        ("FLAC", None),
        ("MP3", None),
        ("OGG", "VORBIS"),
        ("OGG", "OPUS"),
    ],
)
def test_usual_formats_are_read(container: str, subtype: str | None) -> None:
    """By content, not by name."""
    samples = decode(written(tone(0.5, 24_000), 24_000, container, subtype))
    assert len(samples) == pytest.approx(8_000, rel=0.2)


def recorded(form: str, codec: str, rate: int, samples: Samples) -> bytes:
    """What a browser's recorder makes of a sound."""
    sink = io.BytesIO()
    with av.open(sink, "w", format=form) as container:
        stream: Any = container.add_stream(codec, rate=rate)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(samples[None], format="flt", layout="mono")
        frame.sample_rate = rate
        converter = av.AudioResampler(stream.format.name, "mono", rate)
        for part in converter.resample(frame):
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return sink.getvalue()


WEBM = recorded("webm", "libopus", 48_000, tone(1.0, 48_000))
MP4 = recorded("mp4", "aac", 44_100, tone(1.0, 44_100))


@pytest.mark.parametrize("content", [WEBM, MP4], ids=["webm", "mp4"])
def test_what_browsers_record_is_read(content: bytes) -> None:
    """With its pitch, length and level."""
    samples = decode(content)
    assert len(samples) == pytest.approx(MIC_RATE, rel=0.1)
    spectrum = np.abs(np.fft.rfft(samples))
    assert spectrum.argmax() * MIC_RATE / len(samples) == pytest.approx(440, abs=3)
    assert level_db(samples) == pytest.approx(level_db(tone(1.0, 48_000)), abs=1.5)


def test_a_recording_that_was_cut_off_gives_what_is_there() -> None:
    """A recorder that crashed leaves such."""
    assert MIC_RATE // 4 < len(decode(WEBM[: len(WEBM) // 2])) < MIC_RATE


def test_a_film_without_sound_is_refused() -> None:
    """Its pictures are not even decoded."""
    sink = io.BytesIO()
    with av.open(sink, "w", format="mp4") as container:
        stream: Any = container.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 64
        picture = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8))
        container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    with pytest.raises(BadAudio, match="no sound"):
        decode(sink.getvalue())


def test_a_long_recording_of_a_browser_is_refused() -> None:
    """By what is decoded, whatever its header says."""
    with pytest.raises(BadAudio, match="longer than 1 seconds"):
        decode(recorded("webm", "libopus", 48_000, tone(3.0, 48_000)), longest_s=1.0)


def test_silence_and_clipping_are_audio() -> None:
    """What to make of them is the recogniser's affair."""
    assert not decode(written(np.zeros(8_000, np.float32), 8_000)).any()
    clipped = decode(written(tone(0.2, 16_000, level=8.0), 16_000, "WAV", "FLOAT"))
    assert np.abs(clipped).max() <= 1.0


GOOD = written(tone(0.5, 16_000), 16_000)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"RIFF",
        b"hello, this is a text file renamed to .wav",
        GOOD[:20],
        GOOD[:44],
        b"\0" * 1000,
        written(np.zeros(0, np.float32), 16_000),
        written(np.full(100, np.nan, np.float32), 16_000, "WAV", "FLOAT"),
        written(np.full(100, np.inf, np.float32), 16_000, "WAV", "FLOAT"),
    ],
)
def test_what_is_no_audio_is_refused(content: bytes) -> None:
    """With our own error, which says what to send."""
    with pytest.raises(BadAudio):
        decode(content)


def test_a_truncated_file_gives_what_is_there() -> None:
    """As players do."""
    assert len(decode(GOOD[: len(GOOD) // 2])) == pytest.approx(4_000, rel=0.05)


def test_a_sample_rate_beyond_reason_is_refused() -> None:
    """A damaged header must not cost gigabytes."""
    damaged = bytearray(GOOD)
    damaged[24:28] = struct.pack("<I", 2_000_000)
    with pytest.raises(BadAudio, match="sample rate"):
        decode(bytes(damaged))


def test_a_long_recording_is_refused_by_its_content() -> None:
    """An hour of silence is small as FLAC; it is read no further than the limit."""
    hour = written(np.zeros(3_600 * 8_000, np.float32), 8_000, "FLAC")
    assert len(hour) < 1_000_000
    with pytest.raises(BadAudio, match="longer than 1800 seconds"):
        decode(hour)


@given(st.binary(max_size=300), st.integers(0, 43))
@settings(max_examples=150, deadline=None)
def test_no_bytes_raise_anything_else(noise: bytes, at: int) -> None:
    """Neither at random nor in the place of a header."""
    spoilt = [good[:at] + noise + good[at + len(noise) :] for good in (GOOD, WEBM, MP4)]
    for content in (noise, *spoilt):
        try:
            samples = decode(content)
        except BadAudio:
            continue
        assert np.isfinite(samples).all()


def test_reading_mp3_is_silent(capfd: pytest.CaptureFixture[str]) -> None:
    """libmpg123 complains on standard error where a file is sought in."""
    content = written(tone(2.0, SPEECH_RATE), SPEECH_RATE, "MP3")
    for _ in range(3):
        decode(content)
    assert capfd.readouterr().err == ""


def test_a_flac_that_does_not_know_its_length_is_read_to_its_end() -> None:
    """As others stream it: its header is never completed."""
    sink, streamed = io.BytesIO(), b""
    with soundfile.SoundFile(sink, "w", 16_000, 1, format="FLAC") as file:
        for part in np.split(tone(1.0, 16_000), 10):
            file.write(part)
            streamed += sink.getvalue()[len(streamed) :]
    streamed += sink.getvalue()[len(streamed) :]
    assert len(decode(streamed)) == 16_000


@pytest.mark.parametrize("extra", [b"", b"LIST\x03\x00\x00\x00abc\x00"])
def test_a_wav_of_length_0_with_sound_behind_is_of_unknown_length(extra: bytes) -> None:
    """As recorders write that cannot go back to the header."""
    whole = written(tone(1.0, 16_000), 16_000)
    at = whole.index(b"data")
    for size in (whole[4:8], b"\0" * 4):
        streamed = whole[:4] + size + whole[8:at] + extra + b"data" + b"\0" * 4
        assert np.array_equal(decode(streamed + whole[at + 8 :]), decode(whole))


def test_a_wav_without_sound_is_empty() -> None:
    """Nothing behind its length of 0."""
    whole = written(tone(1.0, 16_000), 16_000)
    at = whole.index(b"data")
    with pytest.raises(BadAudio, match="empty"):
        decode(whole[:at] + b"data" + b"\0" * 4)


def test_many_channels_are_refused() -> None:
    """A small file that is large to decode."""
    file = io.BytesIO()
    quiet = np.zeros((16_000, 9), np.float32)
    soundfile.write(file, quiet, 16_000, format="WAV")
    with pytest.raises(BadAudio, match="9 channels"):
        decode(file.getvalue())
