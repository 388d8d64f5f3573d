"""Audio in events, both ways and in all formats."""

from __future__ import annotations

import base64

import numpy as np
import pytest

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
        decoder.decode(encoder.encode(piece), audio_format)
        for piece in np.array_split(tone(1), 7)
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
    [("%%%", "base64"), ("AAA", "base64"), ("é" * 8, "base64"), ("AAAA", "odd")],
)
def test_broken_audio_is_refused(audio: str, words: str) -> None:
    """Other letters, missing padding, no ASCII, half a sample (3 bytes)."""
    with pytest.raises(BadRequest, match=words):
        MicrophoneDecoder().decode(audio, PCM)
