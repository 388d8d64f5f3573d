"""Pulse and noise sources against their definitions."""

from __future__ import annotations

import math

import numpy as np
import torch

from voiceserver.voice.networks.features import HOP, SAMPLE_RATE
from voiceserver.voice.networks.source import (
    NOISE_LEVEL,
    PULSE_LEVEL,
    frame_phases,
    noise,
    noise_rows,
    noise_table,
    normal_noise,
    pulses,
)


def test_closed_form_equals_the_sum_of_harmonics() -> None:
    """At constant F0 the train is the sum of all cosines below half the rate."""
    hz, frames = 163.3, 20
    f0 = torch.full((1, frames), hz)
    train = pulses(f0, torch.ones(1, frames), frame_phases(f0))[0]
    n = torch.arange((frames - 1) * HOP, dtype=torch.float64)
    count = int(SAMPLE_RATE / 2 / hz)
    angles = 2 * math.pi * hz / SAMPLE_RATE * n
    cosines = torch.stack([torch.cos(k * angles) for k in range(1, count + 1)])
    wanted = cosines.sum(0) * PULSE_LEVEL / math.sqrt(count)
    assert (train - wanted).abs().max() < 1e-3


def test_unvoiced_frames_are_silent() -> None:
    """Voicing weighs the pulses and runs linearly between frames."""
    f0 = torch.full((1, 4), 100.0)
    voicing = torch.tensor([[0.0, 0.0, 1.0, 1.0]])
    train = pulses(f0, voicing, frame_phases(f0))[0]
    assert train[:HOP].abs().max() == 0
    assert train[2 * HOP :].abs().max() > 0.5


def test_phase_follows_gliding_pitch() -> None:
    """A glide from 100 to 200 Hz over one second gains 150 cycles."""
    f0 = torch.linspace(100, 200, 101)[None]
    gained = frame_phases(f0)[0, -1]
    assert min(gained % 1, 1 - gained % 1) < 1e-9


def test_noise_depends_on_index_and_seed_alone() -> None:
    """Any stretch equals the same stretch of a longer one; seeds differ."""
    whole = noise(0, 50, seed=9)
    assert torch.equal(noise(17, 20, seed=9), whole[:, 17:37])
    assert not torch.equal(noise(0, 50, seed=10), whole)
    assert torch.equal(
        normal_noise(5, 10, 8, seed=3), normal_noise(0, 20, 8, seed=3)[5:15]
    )


def test_noise_is_standard() -> None:
    """Zero mean, the stated level in both parts, rows well mixed."""
    table = noise_table()
    assert abs(table.real.mean()) < 0.02
    assert abs(table.real.std() / NOISE_LEVEL - 1) < 0.01
    assert abs(table.imag.std() / NOISE_LEVEL - 1) < 0.01
    rows = noise_rows(0, 20_000, seed=1).numpy()
    counts = np.bincount(rows, minlength=len(table))
    assert counts.min() > 3
    assert (np.diff(rows) == 0).mean() < 0.005
