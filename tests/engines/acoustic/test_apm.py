"""WebRTC's audio processing takes an echo out, and leaves who speaks."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from voiceserver.audio import MIC_FRAME, MIC_RATE, Samples, level_db
from voiceserver.engines.acoustic.apm import echo_cancelling
from voiceserver.errors import NotInstalled

LATE = MIC_RATE // 5


def syllables(seed: int) -> Samples:
    """Six seconds of noise in bursts, as loud as a voice."""
    random = np.random.default_rng(seed)
    bursts = np.repeat(random.uniform(0, 1, 48) ** 2, MIC_RATE // 8)
    noise = np.convolve(random.normal(0, 0.1, len(bursts)), np.ones(8) / 3, "same")
    return (noise * bursts).astype(np.float32)


def cleaned(heard: Samples, played: Samples) -> Samples:
    """As a listener has it, in frames."""
    engine = echo_cancelling("apm")
    assert engine is not None
    canceller = engine.open()
    frames = range(0, len(heard), MIC_FRAME)
    return np.concatenate(
        [
            canceller.clean(heard[a : a + MIC_FRAME], played[a : a + MIC_FRAME])
            for a in frames
        ]
    )


def test_an_echo_is_taken_out_and_a_voice_is_left() -> None:
    """From the second second on."""
    pytest.importorskip("pywebrtc_audio", reason="needs voiceserver[apm]")
    played, voice = syllables(1), syllables(2)
    echo = np.concatenate([np.zeros(LATE, np.float32), 0.1 * played])[: len(played)]
    voice[: 3 * MIC_RATE] = 0.0
    found = cleaned(echo + voice, played)
    assert len(found) == len(played)
    alone, over = slice(2 * MIC_RATE, 3 * MIC_RATE), slice(4 * MIC_RATE, None)
    assert level_db(found[alone]) < level_db(echo[alone]) - 10
    assert level_db(found[over]) > level_db(voice[over]) - 6


def test_without_its_package_it_is_left_out_unless_it_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Then the message says what to install."""
    monkeypatch.setitem(sys.modules, "pywebrtc_audio", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    assert echo_cancelling("none") is None
    assert echo_cancelling("auto") is None
    with pytest.raises(NotInstalled, match=r"voiceserver\[apm\]"):
        echo_cancelling("apm")
