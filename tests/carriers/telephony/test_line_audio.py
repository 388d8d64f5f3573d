"""A line's octets and samples."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.audio import MIC_RATE, SPEECH_RATE, Samples
from voiceserver.carriers.telephony.line_audio import LineDecoder, LineEncoder
from voiceserver.carriers.telephony.messages import LineForm
from voiceserver.errors import BadAudio

FORMS = [
    LineForm("pcmu"),
    LineForm("pcma"),
    *(LineForm("l16", rate) for rate in (8_000, 16_000, 24_000, 44_100, 48_000)),
]


def tone(rate: int, duration_s: float = 1.0) -> Samples:
    at_s = np.arange(round(rate * duration_s)) / rate
    return (0.3 * np.sin(2 * np.pi * 440 * at_s)).astype(np.float32)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("frame_ms", [20, 100])
def test_a_tone_goes_out_and_comes_back(form: LineForm, frame_ms: int) -> None:
    """In whole frames, as loud as it was, no longer than its last frame."""
    encoder, decoder = LineEncoder(form, frame_ms), LineDecoder(form)
    spoken = tone(SPEECH_RATE)
    parts = [encoder.encode(spoken[at : at + 700]) for at in range(0, 24_000, 700)]
    octets = b"".join([*parts, encoder.rest()])
    size = form.rate * frame_ms // 1000 * (2 if form.codec == "l16" else 1)
    assert len(octets) % size == 0
    assert 0 <= len(octets) / size * frame_ms - 1000 <= frame_ms
    heard = decoder.decode(octets)
    assert len(heard) == pytest.approx(MIC_RATE, rel=0.11)
    assert np.sqrt(np.mean(heard[2000:14000] ** 2)) == pytest.approx(0.212, rel=0.05)


@given(st.lists(st.integers(0, 2000), max_size=12))
def test_nothing_is_lost_between_pushes(sizes: list[int]) -> None:
    """However the voice cuts its chunks."""
    encoder = LineEncoder(LineForm("l16", 8_000))
    spoken = tone(SPEECH_RATE, sum(sizes) / SPEECH_RATE)
    cuts = np.cumsum([0, *sizes])
    pieces = [spoken[a:b] for a, b in itertools.pairwise(cuts)]
    octets = b"".join([*map(encoder.encode, pieces), encoder.rest()])
    whole = LineEncoder(LineForm("l16", 8_000))
    assert octets == whole.encode(spoken) + whole.rest()


def test_what_was_cleared_is_not_said() -> None:
    """Nor does it ring on in the filter."""
    encoder = LineEncoder(LineForm("l16", 8_000))
    encoder.encode(tone(SPEECH_RATE, 0.03))
    encoder.clear()
    assert not np.frombuffer(encoder.encode(np.zeros(4800, np.float32)), "<i2").any()


def test_half_a_sample_is_refused() -> None:
    """Every sample after it would be noise."""
    with pytest.raises(BadAudio, match="whole samples"):
        LineDecoder(LineForm("l16", 8_000)).decode(b"abc")


def test_a_message_of_a_minute_is_refused() -> None:
    """Nobody speaks so much at a time."""
    with pytest.raises(BadAudio, match="10 s"):
        LineDecoder(LineForm()).decode(bytes(480_000))
