"""Every codec that a call can be answered with."""

from __future__ import annotations

import numpy as np
import pytest

from tests.media.test_libopus import tone
from voiceserver.audio import MIC_RATE, level_db
from voiceserver.media.codecs import decoder_for, encoder_for

CODECS = ("audio/opus", "audio/PCMU", "audio/PCMA")


@pytest.mark.parametrize("mime_type", CODECS)
def test_a_tone_survives(mime_type: str) -> None:
    """24 kHz in, 16 kHz out, the right pitch and level, no time lost."""
    encoder, decoder = encoder_for(mime_type), decoder_for(mime_type)
    assert encoder is not None
    assert decoder is not None
    payloads = [encoder.encode(tone(index)) for index in range(50)]
    ticks = [decoder.duration_ticks(payload) for payload in payloads]
    assert ticks == [encoder.ticks] * 50
    assert encoder.ticks * 50 == decoder.clock_rate
    heard = np.concatenate([decoder.decode(payload) for payload in payloads])
    assert len(heard) == pytest.approx(MIC_RATE, abs=32)
    steady = heard[3200 : 3200 + 12_000]
    spectrum = np.abs(np.fft.rfft(steady))
    assert spectrum.argmax() * MIC_RATE / len(steady) == pytest.approx(440, abs=5)
    assert level_db(steady) == pytest.approx(level_db(tone(0)), abs=1.5)


@pytest.mark.parametrize("mime_type", CODECS)
def test_what_is_missing_is_made_up_and_fades(mime_type: str) -> None:
    """In the length that is asked for."""
    encoder, decoder = encoder_for(mime_type), decoder_for(mime_type)
    assert encoder is not None
    assert decoder is not None
    payload = b""
    for index in range(10):
        payload = encoder.encode(tone(index))
        decoder.decode(payload)
    assert len(decoder.recover(payload, 320)) == 320
    levels = []
    for _ in range(12):
        made_up = decoder.conceal(320)
        assert len(made_up) == 320
        levels.append(level_db(made_up))
    assert levels[0] > -30
    assert levels[-1] < levels[0] - 20


def test_telephone_events_are_no_audio() -> None:
    """They may be negotiated beside a codec."""
    assert decoder_for("audio/telephone-event") is None
    assert encoder_for("audio/telephone-event") is None
