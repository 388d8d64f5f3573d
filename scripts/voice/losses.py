"""How far a made waveform is from a recording: spectra at several resolutions.

Speech holds noise, and a network that must hit each bin of it learns to be too quiet.
The energy distance (Gritsenko et al. 2020, "A spectral energy distance for parallel
speech synthesis") takes two draws and rewards their spread: 2 d(x, y) - d(y, y').
Measured: with the reward speech from text is judged better, without it copies of
recordings are; so a vocoder is trained with it first, then without, and the mean of
both sets of weights speaks (docs/train-a-voice.md).
"""

from __future__ import annotations

import torch
from torch import Tensor

from voiceserver.voice.features import hann

RESOLUTIONS = ((2048, 240), (1024, 120), (512, 50), (240, 30))  # window, hop
FLOOR = 1e-4
QUIET = 0.1  # norm below which an error counts in full, lest silence rule a batch


def magnitudes(x: Tensor, window: int, hop: int) -> Tensor:
    """Short-time magnitudes of ``(batch, samples)``: ``(batch, bins, frames)``."""
    z = torch.stft(
        x,
        window,
        hop,
        window,
        hann(window, x.device),
        center=False,
        return_complex=True,
    )
    # Not abs(): its gradient at zero is undefined.
    return (z.real.square() + z.imag.square() + 1e-10).sqrt()


def plain_distance(real: Tensor, made: Tensor) -> Tensor:
    """Multi-resolution spectral distance: convergence plus L1 of the logarithm.

    Args:
        real: Shape ``(batch, samples)``.
        made: Same shape.
    """
    total = torch.zeros((), device=real.device)
    for window, hop in RESOLUTIONS:
        x, y = (magnitudes(v, window, hop) for v in (real, made))
        size = x.flatten(1).norm(dim=1) + QUIET
        logs = (torch.log(x + FLOOR) - torch.log(y + FLOOR)).abs().mean()
        total = total + ((x - y).flatten(1).norm(dim=1) / size).mean() + logs
    return total / len(RESOLUTIONS)


def energy_distance(
    real: Tensor, one: Tensor, two: Tensor, reward: float = 1.0
) -> Tensor:
    """Mean distance of two draws to the recording, less a share of their spread.

    Args:
        real: Shape ``(batch, samples)``.
        one: First draw, same shape.
        two: Second draw.
        reward: 1 is the energy distance, 0 the plain distance of two draws.
    """
    near = plain_distance(real, one) + plain_distance(real, two)
    return (near - reward * plain_distance(one, two)) / 2
