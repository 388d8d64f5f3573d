"""How far a made waveform is from a recording: spectra at several resolutions.

Speech holds noise, and a network that must hit each bin of it learns to be too quiet.
The energy distance (Gritsenko et al. 2020, "A spectral energy distance for parallel
speech synthesis") takes two draws and rewards their spread: 2 d(x, y) - d(y, y').
"""

from __future__ import annotations

import torch
from torch import Tensor

from voiceserver.voice.features import hann

RESOLUTIONS = ((2048, 480), (1024, 240), (512, 120), (240, 60))  # window, hop
# One pair a step, in turn: half the cost, and each pair sees both time and pitch.
PAIRS = (RESOLUTIONS[0::2], RESOLUTIONS[1::2])

Resolutions = tuple[tuple[int, int], ...]
FLOOR = 1e-4


def magnitudes(x: Tensor, resolutions: Resolutions = RESOLUTIONS) -> list[Tensor]:
    """Short-time magnitudes at each resolution of ``(batch, samples)``."""
    out = []
    for n, hop in resolutions:
        z = torch.stft(
            x, n, hop, n, hann(n, x.device), center=False, return_complex=True
        )
        # Not abs(): its gradient at zero is undefined.
        out.append((z.real.square() + z.imag.square() + 1e-10).sqrt())
    return out


def _distance(
    a: Tensor, b: Tensor, log_a: Tensor, log_b: Tensor, size: Tensor
) -> Tensor:
    linear = (a - b).flatten(1).norm(dim=1) / size
    total: Tensor = linear.mean() + (log_a - log_b).abs().mean()
    return total


def energy_distance(
    real: Tensor, one: Tensor, two: Tensor, resolutions: Resolutions = RESOLUTIONS
) -> tuple[Tensor, Tensor]:
    """Energy distance between a recording and two draws of the network.

    Args:
        real: Shape ``(batch, samples)``.
        one: First draw, same shape.
        two: Second draw.
        resolutions: Windows and hops to compare at.

    Returns:
        The distance to train on, and the plain distance of the first draw to watch.
    """
    total = plain = torch.zeros((), device=real.device)
    spectra = [magnitudes(v, resolutions) for v in (real, one, two)]
    for x, y, z in zip(*spectra, strict=True):
        size = x.flatten(1).norm(dim=1) + 1.0
        lx, ly, lz = (torch.log(v + FLOOR) for v in (x, y, z))
        first = _distance(x, y, lx, ly, size)
        second = _distance(x, z, lx, lz, size)
        spread = _distance(y, z, ly, lz, size)
        total = total + first + second - spread
        plain = plain + first.detach()
    return total / len(resolutions), plain / len(resolutions)


def plain_distance(real: Tensor, made: Tensor) -> Tensor:
    """Multi-resolution spectral distance without draws: convergence plus log L1."""
    total = torch.zeros((), device=real.device)
    for x, y in zip(magnitudes(real), magnitudes(made), strict=True):
        size = x.flatten(1).norm(dim=1) + 1.0
        lx, ly = torch.log(x + FLOOR), torch.log(y + FLOOR)
        total = total + _distance(x, y, lx, ly, size)
    return total / len(RESOLUTIONS)
