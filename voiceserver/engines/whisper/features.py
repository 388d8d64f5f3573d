"""Whisper's features: the logarithm of a mel spectrum, in numpy. Pure.

As Whisper was trained on them (Radford et al. 2022, section 2.2; its published code,
``audio.py``): frames of 25 ms every 10 ms, a Hann window, mel bands by Slaney's scale
to 8 kHz, 80 dB of range. Audio is not padded to 30 s: how long it is, the caller says.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from voiceserver.audio import MIC_RATE, Samples

FRAME = 400  # samples of a frame
HOP = 160  # samples from frame to frame
RANGE = 8.0  # tenth powers below the loudest band that are told apart

# Slaney's scale: even up to 1 kHz, then by ratios of 6.4 in 27 steps.
_EVEN_HZ = 200 / 3
_BREAK_HZ = 1000.0
_STEP = np.log(6.4) / 27


def _hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    at = _BREAK_HZ / _EVEN_HZ
    above = _BREAK_HZ * np.exp(_STEP * (np.maximum(mel, at) - at))
    return np.where(mel < at, _EVEN_HZ * mel, above)


@lru_cache(maxsize=4)
def mel_bands(n_bands: int) -> NDArray[np.float32]:
    """Weights of the bands, shape ``(n_bands, 201)``; each has an area of one."""
    top = _BREAK_HZ / _EVEN_HZ + np.log(MIC_RATE / 2 / _BREAK_HZ) / _STEP
    edges = _hz(np.linspace(0.0, top, n_bands + 2))
    frequencies = np.fft.rfftfreq(FRAME, 1 / MIC_RATE)
    rising = (frequencies - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - frequencies) / np.diff(edges)[1:, None]
    bands = np.maximum(0, np.minimum(rising, falling))
    return (bands * (2 / (edges[2:] - edges[:-2]))[:, None]).astype(np.float32)


_WINDOW = np.hanning(FRAME + 1)[:-1].astype(np.float32)


def log_mel(samples: Samples, n_frames: int, n_bands: int = 80) -> NDArray[np.float32]:
    """Features of audio that is followed by silence.

    Args:
        samples: Shape ``(n,)``, 16 kHz; what is beyond the frames is left out.
        n_frames: Of 10 ms; silence fills them up.
        n_bands: As the model was trained, 80 or 128.

    Returns:
        Shape ``(n_bands, n_frames)``.
    """
    n_samples = n_frames * HOP
    audio = np.zeros(n_samples + FRAME, np.float32)
    heard = np.asarray(samples[: n_samples + FRAME // 2], np.float32)
    audio[FRAME // 2 : FRAME // 2 + len(heard)] = heard
    # Whisper's frames are centred; at the edge the audio is mirrored.
    audio[: FRAME // 2] = audio[FRAME // 2 + 1 : FRAME + 1][::-1]
    # Silence needs no transform: only the frames that audio reaches into get one.
    n_heard = min(n_frames, -(-(len(heard) + FRAME // 2) // HOP))
    frames = np.lib.stride_tricks.sliding_window_view(audio, FRAME)[::HOP][:n_heard]
    spectra = np.fft.rfft(frames * _WINDOW, axis=1)
    power = (spectra.real**2 + spectra.imag**2).astype(np.float32)
    levels = np.full((n_bands, n_frames), -10.0, np.float32)
    levels[:, :n_heard] = np.log10(np.maximum(mel_bands(n_bands) @ power.T, 1e-10))
    levels = np.maximum(levels, levels.max() - RANGE)
    features: NDArray[np.float32] = (levels / 4 + 1).astype(np.float32)
    return features
