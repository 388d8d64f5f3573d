"""Whisper's features against another way to compute them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from voiceserver.audio import Samples
from voiceserver.engines.whisper.features import log_mel, mel_bands

RNG = np.random.default_rng(3)


def slaney(hz: float) -> float:
    """Mel by Slaney's scale."""
    if hz < 1000:
        return hz * 3 / 200
    return 15 + math.log(hz / 1000) / (math.log(6.4) / 27)


def by_definition(samples: Samples, n_frames: int, n_bands: int) -> Samples:
    """Frame by frame, with a transform written out."""
    padded = np.pad(samples, (0, n_frames * 160 + 200 - len(samples)))
    padded = np.concatenate([padded[200:0:-1], padded]).astype(np.float64)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    turn = np.exp(-2j * np.pi * np.outer(np.arange(201), np.arange(400)) / 400)
    frames = np.stack([padded[at * 160 : at * 160 + 400] for at in range(n_frames)])
    power = np.abs((frames * window) @ turn.T) ** 2
    mel = np.linspace(0, slaney(8000), n_bands + 2)
    above = 1000 * np.exp(math.log(6.4) / 27 * (mel - 15))
    hz = np.where(mel < 15, mel * 200 / 3, above)
    bands = np.zeros((n_bands, 201))
    for band in range(n_bands):
        low, top, high = hz[band : band + 3]
        for n in range(201):
            f = n * 40
            if low < f < high:
                slope = min((f - low) / (top - low), (high - f) / (high - top))
                bands[band, n] = slope * 2 / (high - low)
    levels = np.log10(np.maximum(bands @ power.T, 1e-10))
    features = (np.maximum(levels, levels.max() - 8) + 4) / 4
    return np.asarray(features, np.float32)


@pytest.mark.parametrize("n_samples", [0, 150, 1600, 4801])
@pytest.mark.parametrize("n_bands", [80, 128])
def test_features_are_as_they_are_defined(n_samples: int, n_bands: int) -> None:
    """For audio of any length, silence behind it."""
    samples = RNG.normal(0, 0.1, n_samples).astype(np.float32)
    ours = log_mel(samples, 40, n_bands)
    assert ours.shape == (n_bands, 40)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, by_definition(samples, 40, n_bands), atol=2e-3)


def test_audio_beyond_the_frames_is_left_out() -> None:
    """But for the half frame that the last one reaches into."""
    samples = RNG.normal(0, 0.1, 16_000).astype(np.float32)
    np.testing.assert_array_equal(log_mel(samples, 50), log_mel(samples[:8200], 50))


def test_every_band_has_weights() -> None:
    """And none a negative one."""
    bands = mel_bands(80)
    assert (bands.sum(axis=1) > 0).all()
    assert (bands >= 0).all()
