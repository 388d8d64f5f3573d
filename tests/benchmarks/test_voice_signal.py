"""Bursts, silences and aims of the voice's signal."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.voice_signal import burst_db, missed, silences_s
from voiceserver.audio import SPEECH_RATE, Samples

GOOD = {
    "burst_db": 25.0,
    "loudness_range_db": 2.5,
    "comma_s": {"min": 0.1, "max": 0.3},
}


def hiss(seconds: float) -> Samples:
    """White noise at a usual level."""
    rng = np.random.default_rng(1)
    n = round(seconds * SPEECH_RATE)
    return rng.normal(0, 0.05, n).astype(np.float32)


def test_silences_are_found_the_longest_first() -> None:
    """Shorter ones than a pause are closures of stops."""
    silence = np.zeros(4_800, np.float32)
    parts = [hiss(0.5), silence[:2_400], hiss(0.5), silence[:480], hiss(0.4)]
    found = silences_s(np.concatenate([*parts, silence, hiss(0.5)]))
    assert found == pytest.approx([0.2, 0.1], abs=0.011)


def test_a_sound_that_starts_at_once_is_a_burst() -> None:
    """One that comes up slowly is none."""
    n = SPEECH_RATE // 2
    sudden = np.concatenate([np.zeros(n), hiss(0.5)]).astype(np.float32)
    slow = (hiss(1.0) * np.linspace(0.05, 1, 2 * n)).astype(np.float32)
    assert burst_db(sudden) > burst_db(slow) + 5


def test_an_aim_that_is_missed_is_named_with_its_speaker() -> None:
    """One line each."""
    assert missed({"alloy": GOOD}) == []
    bad = {**GOOD, "burst_db": 15.8, "comma_s": {"min": 0.0, "max": 0.3}}
    lines = missed({"alloy": GOOD, "ash": bad})
    assert [line.split(":")[0] for line in lines] == ["ash burst_db", "ash comma_s"]
