"""Excitation of the vocoder: band-limited pulses and Gaussian noise, both stateless.

Every value depends only on the frame's absolute index in its clause and on the seed,
so any chunk can be made alone and equals the same stretch of the whole. Knows nothing
of networks; the filters that shape these sources are in ``vocoder``.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from voiceserver.voice.networks.features import (
    F0_LOW_HZ,
    HOP,
    SAMPLE_RATE,
    SYNTHESIS_BINS,
)

PULSE_LEVEL = 0.3  # brings the pulse train to the level of speech
NOISE_ROWS = 1024  # independent noise frames; recurrences are not audible
NOISE_LEVEL = 2.0  # spectrum of white noise of standard deviation about 0.1
_TABLE_KEY = 0x5EED


def frame_phases(f0_hz: Tensor) -> Tensor:
    """Phase of the voice at the start of each block, in cycles modulo 1.

    F0 runs linearly from frame to frame, so the phase gained in a block is its
    trapezoid; summing in float64 keeps an hour of speech free of drift.

    Args:
        f0_hz: Shape ``(batch, frames)``, above zero everywhere.

    Returns:
        Shape ``(batch, frames)``, float64.
    """
    f0 = f0_hz.double()
    gained = (f0[:, :-1] + f0[:, 1:]) * (HOP / (2 * SAMPLE_RATE))
    start = torch.zeros_like(f0[:, :1])
    return torch.cat([start, torch.cumsum(gained, 1)], 1) % 1.0


def pulses(f0_hz: Tensor, voicing: Tensor, phases: Tensor) -> Tensor:
    """Band-limited pulse train: all harmonics of F0 below half the sample rate.

    Uses the closed form of a sum of cosines, sin((K + 1/2) t) / (2 sin(t / 2)) - 1/2.

    Args:
        f0_hz: Shape ``(batch, frames)``; one frame more than is wanted, because the
            last block needs the F0 it runs to.
        voicing: Weight 0 to 1, shape ``(batch, frames)``.
        phases: From `frame_phases`, shape ``(batch, frames)``, float64.

    Returns:
        Shape ``(batch, (frames - 1) * HOP)``, float32.
    """
    n = torch.arange(HOP, dtype=torch.float32, device=f0_hz.device)
    here, ahead = f0_hz[:, :-1, None].float(), f0_hz[:, 1:, None].float()
    hz = here + (ahead - here) * (n / HOP)
    gained = (here * n + (ahead - here) * (n * n / (2 * HOP))) / SAMPLE_RATE
    cycle = torch.frac(phases[:, :-1, None].float() + gained)
    # Folding into half a cycle keeps float32 exact near the pulse's peak.
    cycle = torch.where(cycle > 0.5, cycle - 1, cycle)
    count = torch.floor(SAMPLE_RATE / 2 / hz.clamp_min(F0_LOW_HZ))
    half = math.pi * cycle
    near = half.abs() < 1e-4
    below = torch.where(near, torch.ones_like(half), torch.sin(half))
    train = 0.5 * (torch.sin((2 * count + 1) * half) / below - 1)
    train = torch.where(near, count, train)
    weight = voicing[:, :-1, None] + (voicing[:, 1:, None] - voicing[:, :-1, None]) * (
        n / HOP
    )
    return (train * torch.rsqrt(count) * weight * PULSE_LEVEL).flatten(1)


def _normals(n: int, key: int) -> NDArray[np.complex128]:
    """Pairs of standard normal numbers, shape ``(n,)``.

    Made from the raw counter stream of Philox by Box and Muller's transform, which
    is fixed for ever, unlike numpy's own normal variates.
    """
    bits = np.random.Philox(key=key).random_raw(2 * n)
    uniform = ((bits >> np.uint64(11)) + np.uint64(1)) * 2.0**-53
    radius = np.sqrt(-2 * np.log(uniform[0::2]))
    return np.asarray(radius * np.exp(2j * np.pi * uniform[1::2]))


@functools.cache
@torch.inference_mode(mode=False)
def noise_table(device: torch.device | None = None) -> Tensor:
    """Complex Gaussian spectra, shape ``(NOISE_ROWS, SYNTHESIS_BINS)``, complex64."""
    if device is not None:
        return noise_table().to(device)
    spectra = _normals(NOISE_ROWS * SYNTHESIS_BINS, _TABLE_KEY).reshape(
        NOISE_ROWS, SYNTHESIS_BINS
    )
    return torch.from_numpy((spectra * NOISE_LEVEL).astype(np.complex64))


@functools.cache
@torch.inference_mode(mode=False)
def normal_table(channels: int) -> Tensor:
    """Standard normal numbers, shape ``(NOISE_ROWS, channels)``, float32."""
    drawn = _normals(NOISE_ROWS * channels, _TABLE_KEY + channels)
    return torch.from_numpy(drawn.real.reshape(NOISE_ROWS, channels).astype(np.float32))


def noise_rows(first: int, frames: int, seed: int) -> Tensor:
    """Rows of the noise table for a run of frames, shape ``(frames,)``, int64.

    The row is a hash of seed and absolute frame index (the 32-bit finaliser of
    MurmurHash3, by A. Appleby, public domain).
    """
    index = np.arange(first, first + frames, dtype=np.uint64)
    mixed = (index + np.uint64(seed & 0xFFFFFFFF) * np.uint64(0x9E3779B9)) & np.uint64(
        0xFFFFFFFF
    )
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        mixed ^= mixed >> np.uint64(shift)
        mixed = (mixed * np.uint64(factor)) & np.uint64(0xFFFFFFFF)
    mixed ^= mixed >> np.uint64(16)
    return torch.from_numpy((mixed % np.uint64(NOISE_ROWS)).astype(np.int64))


def noise(first: int, frames: int, seed: int) -> Tensor:
    """Noise spectra of a run of frames, shape ``(SYNTHESIS_BINS, frames)``, complex64.

    Args:
        first: Index of the first frame in its clause.
        frames: How many.
        seed: Any integer; the same seed and index give the same noise.
    """
    return noise_table()[noise_rows(first, frames, seed)].T


def normal_noise(first: int, rows: int, channels: int, seed: int) -> Tensor:
    """Standard normal numbers, ``(rows, channels)``, float32; keyed as `noise`."""
    return normal_table(channels)[noise_rows(first, rows, seed + 1)]
