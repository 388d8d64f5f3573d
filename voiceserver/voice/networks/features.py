"""What the voice's networks see of a recording: mel spectrum, energy, shared constants.

Frame ``i`` is centred on sample ``i * HOP``; a recording of ``n`` samples has
``n // HOP`` frames and block ``i`` is samples ``[i * HOP, (i + 1) * HOP)``. Pure
arithmetic on tensors: knows nothing of files, pitch estimators or networks.
"""

from __future__ import annotations

import functools
import math

import torch
from torch import Tensor

SAMPLE_RATE = 24_000  # Hz
HOP = 240  # samples; one frame every 10 ms
N_FFT = 1024  # samples; window of analysis
BINS = N_FFT // 2 + 1
# Synthesis sees less at once: what is made of a window is smeared over it, and the
# burst of a stop lasts 10 ms.
SYNTHESIS_FFT = 512  # samples; window of synthesis
SYNTHESIS_BINS = SYNTHESIS_FFT // 2 + 1
N_MELS = 80
MEL_TOP_HZ = 12_000.0
LOG_FLOOR = 1e-5  # magnitudes below this count as silence
SILENT_MEL = math.log(LOG_FLOOR)

F0_LOW_HZ = 60.0
F0_HIGH_HZ = 450.0
F0_CENTRE_HZ = 200.0  # log F0 is given relative to this


@functools.cache
@torch.inference_mode(mode=False)
def hann(n: int, device: torch.device | None = None) -> Tensor:
    """Periodic Hann window, shape ``(n,)``, float32."""
    return torch.hann_window(n, device=device)


def _hz_to_mel(hz: Tensor) -> Tensor:
    # Slaney's auditory scale: linear below 1 kHz, logarithmic above.
    above = 15 + torch.log(hz.clamp_min(1e-3) / 1000) * (27 / math.log(6.4))
    return torch.where(hz < 1000, hz * 3 / 200, above)


def _mel_to_hz(mel: Tensor) -> Tensor:
    above = 1000 * torch.exp((mel - 15) * (math.log(6.4) / 27))
    return torch.where(mel < 15, mel * 200 / 3, above)


@functools.cache
@torch.inference_mode(mode=False)
def mel_matrix() -> Tensor:
    """Triangular mel filters of equal area, shape ``(N_MELS, BINS)``, float32."""
    top = _hz_to_mel(torch.tensor([MEL_TOP_HZ], dtype=torch.float64)).item()
    edges = _mel_to_hz(torch.linspace(0, top, N_MELS + 2, dtype=torch.float64))
    hz = torch.arange(BINS, dtype=torch.float64) * SAMPLE_RATE / N_FFT
    low, mid, high = (edges[i : i + N_MELS, None] for i in range(3))
    rising, falling = (hz - low) / (mid - low), (high - hz) / (high - mid)
    triangles = torch.minimum(rising, falling).clamp_min(0)
    return (triangles * 2 / (high - low)).float()


def spectrum(samples: Tensor, n_fft: int = N_FFT, hop: int = HOP) -> Tensor:
    """Complex short-time spectrum with silence assumed beyond both ends.

    Args:
        samples: Shape ``(batch, n)`` or ``(n,)``, float32.
        n_fft: Window length, in samples.
        hop: Step between windows, in samples.

    Returns:
        Shape ``(..., n_fft // 2 + 1, n // hop)``, complex64.
    """
    frames = samples.shape[-1] // hop
    full = torch.stft(
        samples,
        n_fft,
        hop,
        n_fft,
        hann(n_fft, samples.device),
        center=True,
        pad_mode="constant",
        return_complex=True,
    )
    return full[..., :frames]


def log_mel(samples: Tensor) -> Tensor:
    """Natural logarithm of the mel magnitudes, floored at ``SILENT_MEL``.

    Args:
        samples: Shape ``(..., n)``, float32 in [-1, 1).

    Returns:
        Shape ``(..., N_MELS, n // HOP)``, float32.
    """
    magnitude = spectrum(samples).abs()
    mel = mel_matrix().to(samples.device) @ magnitude
    return torch.log(mel.clamp_min(LOG_FLOOR))


def log_energy(mel: Tensor) -> Tensor:
    """Loudness of each frame: log of the mean mel magnitude.

    Args:
        mel: Log mel magnitudes, shape ``(..., N_MELS, frames)``.

    Returns:
        Shape ``(..., frames)``, natural-log units.
    """
    return torch.logsumexp(mel, -2) - math.log(N_MELS)
