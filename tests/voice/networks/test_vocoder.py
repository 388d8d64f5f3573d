"""Vocoder: overlap-add, edges, field of view."""

from __future__ import annotations

import torch
from torch.nn import functional

from voiceserver.voice.networks.features import (
    HOP,
    N_MELS,
    SYNTHESIS_BINS,
    SYNTHESIS_FFT,
    spectrum,
)
from voiceserver.voice.networks.vocoder import (
    AFTER,
    BEFORE,
    VocoderNet,
    VocoderShape,
    excite,
    overlap_add,
)


def test_analysis_then_synthesis_is_identity() -> None:
    """Away from the edges the windows add up to one."""
    torch.manual_seed(0)
    x = torch.randn(1, 30 * HOP)
    y = overlap_add(functional.pad(spectrum(x, SYNTHESIS_FFT), (BEFORE, AFTER)))
    assert y.shape == x.shape
    inner = slice(4 * HOP, -4 * HOP)
    assert (y[:, inner] - x[:, inner]).abs().max() < 1e-5


def test_filters_see_no_further_than_the_field() -> None:
    """A change outside the field of a frame leaves its filters alone."""
    torch.manual_seed(0)
    net = VocoderNet(VocoderShape(16, 2)).eval()
    mel = torch.randn(1, N_MELS, 60)
    f0, voicing = torch.full((1, 60), 150.0), torch.ones(1, 60)
    before = net(mel, f0, voicing)
    mel[:, :, 30] += 1
    after = net(mel, f0, voicing)
    changed = (before.hiss - after.hiss).abs().amax((0, 1)) > 0
    assert changed[30 - net.field : 31 + net.field].all()
    assert not changed[: 30 - net.field].any()
    assert not changed[31 + net.field :].any()


def test_two_draws_differ_in_noise_only() -> None:
    """Without hiss both draws are the same harmonic waveform."""
    torch.manual_seed(0)
    net = VocoderNet(VocoderShape(8, 1)).eval().requires_grad_(False)
    mel = torch.randn(2, N_MELS, 12)
    f0, voicing = torch.full((2, 12), 150.0), torch.ones(2, 12)
    filters = net(mel, f0, voicing)
    noises = [
        torch.randn(2, SYNTHESIS_BINS, 12, dtype=torch.complex64) for _ in range(2)
    ]
    one, two = excite(f0, voicing, filters, noises)
    assert one.shape == (2, 12 * HOP)
    assert not torch.equal(one, two)
    filters.hiss.mul_(0)
    one, two = excite(f0, voicing, filters, noises)
    assert torch.equal(one, two)
