"""Audio in events, both ways and in all formats."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from voiceserver.audio import Resampler
from voiceserver.dialects.realtime.audio import MicrophoneDecoder, VoiceEncoder
from voiceserver.errors import BadRequest

PCM = {"type": "audio/pcm", "rate": 24_000}
FORMATS = [PCM, {"type": "audio/pcmu"}, {"type": "audio/pcma"}]


def tone(duration_s: float) -> np.ndarray:
    at_s = np.arange(round(duration_s * 24_000)) / 24_000
    return np.asarray(0.4 * np.sin(2 * np.pi * 400 * at_s), np.float32)


@pytest.mark.parametrize("audio_format", FORMATS)
def test_what_is_encoded_can_be_decoded(audio_format: dict[str, object]) -> None:
    """A tone of 1 s, in uneven pieces, keeps its length and its level."""
    encoder, decoder = VoiceEncoder(audio_format), MicrophoneDecoder()
    heard = [
        samples
        for piece in np.array_split(tone(1), 7)
        for samples in decoder.slices(encoder.encode(piece), audio_format)
    ]
    samples = np.concatenate(heard)
    assert 15_900 <= len(samples) <= 16_000  # the filters withhold some
    assert abs(float(samples.std()) - 0.283) < 0.01  # 0.4 / sqrt(2)
    assert encoder.sent_ms == 1000


def test_one_octet_a_sample_of_g711() -> None:
    """8 kHz: 100 ms are 800 octets, less what the filter holds back."""
    encoder = VoiceEncoder({"type": "audio/pcmu"})
    assert 780 <= len(base64.b64decode(encoder.encode(tone(0.1)))) <= 800


@pytest.mark.parametrize(
    ("audio", "words"),
    [
        ("%%%", "base64"),
        ("AAA", "base64"),
        ("é" * 8, "base64"),
        ("AAAA", "odd"),
        ("AA==AAAA", "base64"),
    ],
)
def test_broken_audio_is_refused(audio: str, words: str) -> None:
    """Other letters, missing padding, no ASCII, half a sample (3 bytes)."""
    with pytest.raises(BadRequest, match=words):
        MicrophoneDecoder().slices(audio, PCM)


@pytest.mark.parametrize("audio_format", FORMATS)
def test_a_long_event_is_converted_slice_by_slice(
    audio_format: dict[str, object],
) -> None:
    """60 s: no slice is longer than half a second, and together they are all of it."""
    encoder = VoiceEncoder(audio_format)
    whole = encoder.encode(tone(60))
    slices = [len(one) for one in MicrophoneDecoder().slices(whole, audio_format)]
    assert max(slices) <= 8_000
    assert 959_900 <= sum(slices) <= 960_000


def test_slices_are_one_stream() -> None:
    """A tone that was cut has no seams: as converted in one go."""
    encoder = VoiceEncoder(PCM)
    whole = encoder.encode(tone(2))
    slices = np.concatenate(list(MicrophoneDecoder().slices(whole, PCM)))
    at_once = Resampler(24_000, 16_000).push(tone(2))
    assert np.abs(slices - at_once[: len(slices)]).max() < 1e-3


@pytest.mark.parametrize(
    ("audio_format", "n_octets"),
    [(PCM, 2_880_002), ({"type": "audio/pcmu"}, 480_001)],
)
def test_more_than_a_minute_in_one_event_is_refused(
    audio_format: dict[str, object], n_octets: int
) -> None:
    """Before anything is converted."""
    audio = base64.b64encode(bytes(n_octets)).decode()
    with pytest.raises(BadRequest, match="60 s"):
        MicrophoneDecoder().slices(audio, audio_format)


def test_base64_of_other_writers() -> None:
    """White space between the letters, and the letters that are safe in URLs."""
    octets = bytes(range(256)) * 3
    usual = np.concatenate(
        list(MicrophoneDecoder().slices(base64.b64encode(octets).decode(), PCM))
    )
    for audio in (base64.encodebytes(octets), base64.urlsafe_b64encode(octets)):
        slices = list(MicrophoneDecoder().slices(audio.decode(), PCM))
        assert np.array_equal(np.concatenate(slices), usual)
