"""G.722, and what it costs to say a line again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voiceserver.audio import SPEECH_FRAME, SPEECH_RATE, Samples
from voiceserver.errors import BadAudio
from voiceserver.media.g722 import G722_CLOCK, G722Decoder, G722Encoder
from voiceserver.media.sender import SETTLED, RepeatedAudio, SparingEncoder


def voiced(n_frames: int) -> list[Samples]:
    """Frames of a sound that changes."""
    t = np.arange(n_frames * SPEECH_FRAME) / SPEECH_RATE
    sound = 0.3 * np.sin(2 * np.pi * (300 + 900 * t) * t) * np.sin(9 * t)
    return list(sound.astype(np.float32).reshape(n_frames, SPEECH_FRAME))


def decoded(payloads: list[bytes]) -> Samples:
    decoder = G722Decoder()
    return np.concatenate([decoder.decode(payload) for payload in payloads])


def test_a_frame_is_a_packet_at_once() -> None:
    """160 octets each 20 ms: nothing is withheld."""
    encoder = G722Encoder()
    assert {len(encoder.encode(frame)) for frame in voiced(50)} == {160}
    assert encoder.ticks * 50 == G722_CLOCK == G722Decoder.clock_rate


def test_five_kilohertz_are_heard() -> None:
    """What G.711 cannot carry."""
    t = np.arange(50 * SPEECH_FRAME) / SPEECH_RATE
    sound = 0.2 * np.sin(2 * np.pi * 5000 * t).astype(np.float32)
    encoder = G722Encoder()
    heard = decoded([encoder.encode(one) for one in sound.reshape(50, SPEECH_FRAME)])
    steady = heard[4000:12_000]
    spectrum = np.abs(np.fft.rfft(steady))
    assert spectrum.argmax() * 16_000 / len(steady) == pytest.approx(5000, abs=10)
    assert np.sqrt(np.mean(steady**2)) == pytest.approx(0.2 / np.sqrt(2), rel=0.1)


def test_a_line_said_again_sounds_as_before() -> None:
    """What was encoded in another call is as good as encoded here."""
    memory = RepeatedAudio()
    silence = [np.zeros(SPEECH_FRAME, np.float32)] * SETTLED

    def call() -> list[bytes]:
        encoder = SparingEncoder(G722Encoder(), memory)
        before = [encoder.encode(frame) for frame in (*voiced(20), *silence)]
        encoder.settled()
        return before + [encoder.encode(frame) for frame in voiced(40)]

    first, second, third = (decoded(call()) for _ in range(3))
    assert np.abs(first).max() > 0.2
    for again in (second, third):
        error = np.sqrt(np.mean((again - first) ** 2))
        assert error < 0.02 * np.sqrt(np.mean(first**2))


@given(st.lists(st.binary(min_size=1, max_size=400), max_size=5))
@settings(max_examples=30, deadline=None)
def test_whatever_comes_is_decoded_or_refused(payloads: list[bytes]) -> None:
    """And two samples an octet are made of it."""
    decoder = G722Decoder()
    for payload in payloads:
        try:
            samples = decoder.decode(payload)
        except BadAudio:
            continue
        assert len(samples) == 2 * decoder.duration_ticks(payload)


def test_nothing_is_no_audio() -> None:
    """An empty packet keeps a line open."""
    assert G722Decoder().duration_ticks(b"") == 0
