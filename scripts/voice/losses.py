"""How far what is made is from what was recorded: waveforms by their spectra at several
resolutions, mel spectra patch by patch. Knows nothing of networks.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from voiceserver.voice.networks.features import hann

RESOLUTIONS = ((2048, 240), (1024, 120), (512, 50), (240, 30))  # window, hop
FLOOR = 1e-4
PATCHES = ((1, 1), (5, 4), (16, 8))  # mel bands, frames
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


def patch_distance(a: Tensor, b: Tensor, mask: Tensor) -> Tensor:
    """Mean Euclidean distance of patches of several sizes, in log mel units."""
    squared = (a - b).square() * mask[:, None]
    total = torch.zeros((), device=a.device)
    for size in PATCHES:
        pooled = functional.avg_pool2d(squared[:, None], size)
        total = total + (pooled + 1e-6).sqrt().mean()
    mean: Tensor = total / len(PATCHES) / mask.mean()
    return mean
