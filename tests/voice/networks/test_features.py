"""Mel features and their constants."""

from __future__ import annotations

import math

import torch

from voiceserver.voice.networks.features import (
    BINS,
    HOP,
    N_MELS,
    SAMPLE_RATE,
    SILENT_MEL,
    log_energy,
    log_mel,
    mel_matrix,
)


def test_every_filter_sees_a_bin_and_they_have_equal_area() -> None:
    """No mel band is blind; the areas agree within the grid's coarseness."""
    matrix = mel_matrix()
    assert matrix.shape == (N_MELS, BINS)
    area = matrix.sum(1)
    assert (area > 0).all()
    assert (area / area.median() - 1).abs().max() < 0.35


def test_silence_lies_on_the_floor() -> None:
    """A silent recording has the floor everywhere, and one frame for each hop."""
    mel = log_mel(torch.zeros(10 * HOP + 17))
    assert mel.shape == (N_MELS, 10)
    assert torch.allclose(mel, torch.full_like(mel, SILENT_MEL))
    assert torch.allclose(log_energy(mel), torch.full((10,), SILENT_MEL), atol=1e-4)


def test_a_tone_lights_its_own_band() -> None:
    """1 kHz is the 15th mel of Slaney's scale, of 51.1 that 80 bands divide."""
    t = torch.arange(SAMPLE_RATE) / SAMPLE_RATE
    mel = log_mel(torch.sin(2 * math.pi * 1000 * t))
    top = 15 + 27 * math.log(12) / math.log(6.4)
    assert abs(int(mel[:, 50].argmax()) + 1 - 15 / top * (N_MELS + 1)) <= 1
