"""Pitch of a recording by vote: WORLD's harvest and dio, and an autocorrelation.

Each estimator fails on its own (dio doubles or halves a creaky voice, harvest bridges
gaps), so F0 is what two agree on, or else what the waveform repeats at best. Where
WORLD is not installed the autocorrelation decides alone, which is rougher. Knows
nothing of the corpus.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.ndimage
import scipy.signal
from numpy.typing import NDArray

from voiceserver.voice.networks.features import F0_HIGH_HZ, F0_LOW_HZ, HOP, SAMPLE_RATE

try:
    import pyworld
except ImportError:  # it has to be compiled; a trial can do without
    pyworld = None

Floats = NDArray[np.float64]

AGREE = 0.12  # relative difference within which two estimates are one
DECIMATE = 3  # autocorrelation runs at 8 kHz
WINDOW_S = 0.035
QUIET_DB = -58.0  # frames below this are never voiced


@dataclass(frozen=True, slots=True)
class Pitch:
    """Pitch track of a recording, one value a frame.

    Attributes:
        f0_hz: Shape ``(frames,)``, float32; interpolated where unvoiced.
        voicing: Shape ``(frames,)``, float32, 0 (noise) to 1 (periodic).
    """

    f0_hz: NDArray[np.float32]
    voicing: NDArray[np.float32]


def _frames_at(x: Floats, rate: int, frames: int, width: int) -> Floats:
    """Windows of ``width`` samples centred on the frames, ``(frames, width)``."""
    hop = rate // 100
    padded = np.pad(x, (width // 2, width))
    return np.lib.stride_tricks.sliding_window_view(padded, width)[::hop][:frames]


def autocorrelation(samples: Floats, frames: int) -> Floats:
    """Normalised cross-correlation of each frame with its past and future.

    Returns:
        Shape ``(frames, lags)``; lag ``k`` is ``k`` samples at 8 kHz.
    """
    x = scipy.signal.resample_poly(samples, 1, DECIMATE)
    rate = SAMPLE_RATE // DECIMATE
    longest = int(rate / F0_LOW_HZ) + 2
    width = int(rate * WINDOW_S)
    span = width + longest
    window = _frames_at(x, rate, frames, span)
    window = window - window.mean(1, keepdims=True)
    size = 1 << (span + width - 1).bit_length()
    head = np.fft.rfft(window[:, :width], size)
    cross = np.fft.irfft(np.conj(head) * np.fft.rfft(window, size))[:, :longest]
    energy = np.cumsum(np.pad(window**2, ((0, 0), (1, 0))), 1)
    local = energy[:, width : width + longest] - energy[:, :longest]
    floor = 1e-7 * width
    scale = np.sqrt((local[:, :1] + floor) * (local + floor))
    return np.asarray(cross / scale, dtype=np.float64)


def _peak_near(corr: Floats, f0_hz: Floats) -> Floats:
    """Largest correlation within 6 % of the lag of each frame's F0; 0 if none."""
    rate = SAMPLE_RATE / DECIMATE
    best = np.zeros(len(f0_hz))
    rows = np.arange(len(f0_hz))
    for bend in (-0.06, -0.03, 0.0, 0.03, 0.06):
        lag = np.rint(rate * (1 + bend) / np.maximum(f0_hz, F0_LOW_HZ)).astype(int)
        lag = np.minimum(lag, corr.shape[1] - 1)
        best = np.maximum(best, corr[rows, lag])
    return np.where(f0_hz > 0, best, 0.0)


def _own_estimate(corr: Floats) -> Floats:
    """F0 at the first strong peak of the correlation; 0 where nothing repeats."""
    rate = SAMPLE_RATE / DECIMATE
    shortest = int(rate / F0_HIGH_HZ)
    inner = corr[:, shortest:].copy()
    top = inner.max(1, keepdims=True)
    left = np.pad(inner, ((0, 0), (1, 0)), constant_values=2)[:, :-1]
    right = np.pad(inner, ((0, 0), (0, 1)), constant_values=2)[:, 1:]
    # The first peak nearly as high as the highest: later ones are its multiples.
    peak = (inner >= left) & (inner >= right) & (inner >= 0.9 * top)
    lag = peak.argmax(1) + shortest
    strong = peak.any(1) & (top[:, 0] > 0.5)
    return np.where(strong, rate / np.maximum(lag, 1), 0.0)


def _vote(estimates: list[Floats], corr: Floats) -> Floats:
    """F0 that at least two estimators agree on, else the most periodic; 0 if one."""
    support = []
    for mine in estimates:
        near = [
            (np.abs(np.log(np.maximum(mine, 1) / np.maximum(other, 1))) < AGREE)
            & (other > 0)
            for other in estimates
        ]
        support.append(np.where(mine > 0, np.sum(near, 0), 0))
    periodic = np.stack([_peak_near(corr, e) for e in estimates])
    votes = np.stack(support)
    choice = np.argmax(votes + periodic, 0)
    rows = np.arange(len(choice))
    f0 = np.stack(estimates)[choice, rows]
    alone = votes[choice, rows] < 2
    return np.where(alone & (periodic[choice, rows] < 0.6), 0.0, f0)


def _without_islands(f0_hz: Floats, frames: int) -> Floats:
    """Drop voiced stretches of fewer than ``frames`` frames and octave spikes."""
    voiced = scipy.ndimage.binary_opening(f0_hz > 0, np.ones(frames))
    logs = np.log(_interpolated(np.where(voiced, f0_hz, 0.0)))
    spike = np.abs(logs - scipy.ndimage.median_filter(logs, 9)) > 0.3
    return np.where(voiced & ~spike, f0_hz, 0.0)


def _interpolated(f0_hz: Floats) -> Floats:
    """Straight lines in log F0 through what is unvoiced, level at both ends."""
    known = np.flatnonzero(f0_hz > 0)
    if len(known) == 0:
        return np.full(len(f0_hz), 160.0)
    grid = np.arange(len(f0_hz))
    return np.exp(np.interp(grid, known, np.log(f0_hz[known])))


def _by_vote(x: Floats, corr: Floats, thorough: bool) -> Floats:
    """F0 by all estimators, refined by WORLD's stonemask."""
    frames = len(corr)
    bounds = {"f0_floor": F0_LOW_HZ, "f0_ceil": F0_HIGH_HZ, "frame_period": 10}
    dio, times = pyworld.dio(x, SAMPLE_RATE, **bounds)
    estimates = [_own_estimate(corr), dio[:frames]]
    if thorough:
        estimates.append(pyworld.harvest(x, SAMPLE_RATE, **bounds)[0][:frames])
    voted = _without_islands(_vote(estimates, corr), 3)
    refined = pyworld.stonemask(x, voted, times[:frames], SAMPLE_RATE)
    sane = (refined > F0_LOW_HZ) & (np.abs(refined / np.maximum(voted, 1) - 1) < 0.06)
    return np.where(sane, refined, voted)


def track_pitch(samples: NDArray[np.float32], thorough: bool = True) -> Pitch:
    """Estimate F0 and voicing of every frame.

    Args:
        samples: 24 kHz mono, shape ``(n,)``.
        thorough: With harvest, which costs most of the time.

    Returns:
        Tracks of ``n // HOP`` frames.
    """
    x = samples.astype(np.float64)
    frames = len(x) // HOP
    corr = autocorrelation(x, frames)
    if pyworld is None:
        f0 = _without_islands(_own_estimate(corr), 3)
    else:
        f0 = _by_vote(x, corr, thorough)
    power = _frames_at(x, SAMPLE_RATE, frames, 2 * HOP)
    quiet = 10 * np.log10((power**2).mean(1) + 1e-12) < QUIET_DB
    voicing = np.clip((_peak_near(corr, f0) - 0.25) / 0.4, 0, 1)
    voicing = np.where(quiet | (f0 == 0), 0.0, voicing)
    filled = np.clip(_interpolated(f0), F0_LOW_HZ, F0_HIGH_HZ)
    # Three frames' median: one wrong frame would sound as a click of the pulses.
    filled = scipy.ndimage.median_filter(filled, 3)
    return Pitch(filled.astype(np.float32), voicing.astype(np.float32))
