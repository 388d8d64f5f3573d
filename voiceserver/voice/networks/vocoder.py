"""Vocoder: mel spectrum, F0 and voicing in, waveform out; pulses and noise, filtered.

A ConvNeXt stack sees the frames and gives, for every bin of the short-time spectrum,
the gain and phase of a pulse source, the gain of a noise source, and what is neither:
a spectrum of its own, for bursts and onsets. Feed-forward with
a bounded field, so chunks equal the whole (`VocoderNet.field`, `LOOK_AHEAD`). Knows
nothing of text, phones or files.

Sources: ConvNeXt blocks, Liu et al. 2022; harmonic-plus-noise excitation, Wang et
al. 2019 (neural source-filter models).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from voiceserver.voice.networks.features import (
    F0_CENTRE_HZ,
    HOP,
    N_MELS,
    SYNTHESIS_BINS,
    SYNTHESIS_FFT,
    hann,
)
from voiceserver.voice.networks.source import frame_phases, pulses

KERNEL = 7  # frames
BEFORE = (
    SYNTHESIS_FFT // 2 // HOP
)  # frames whose window reaches into a block from the left
AFTER = BEFORE + 1  # and from the right
GAIN_TOP = 6.0  # largest log gain of a filter


@dataclass(frozen=True, slots=True)
class VocoderShape:
    """Size of the network: what must be known to build it before loading weights."""

    width: int = 256
    blocks: int = 4


class FrameConv(nn.Conv1d):
    """Convolves ``(batch, frames, channels)`` over its frames, without any padding.

    The channels of a frame stay side by side, as the layers around it want them: as an
    image of one row that lies channels last, nothing is copied into another order.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Frames that have all their neighbours, ``(batch, n, channels)``."""
        image = x.transpose(1, 2)[:, :, None]
        out = functional.conv2d(
            image, self.weight[:, :, None], self.bias, groups=self.groups
        )
        return out[:, :, 0].transpose(1, 2)


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution over frames, then a two-layer net over channels.

    Works on ``(batch, frames, width)``. Normalises over channels only: statistics
    over time would make chunks differ from the whole.
    """

    def __init__(self, width: int, kernel: int = KERNEL, growth: int = 3) -> None:
        super().__init__()
        self.reach = kernel // 2
        self.depthwise = FrameConv(width, width, kernel, groups=width)
        self.norm = nn.LayerNorm(width)
        self.grow = nn.Linear(width, growth * width)
        self.shrink = nn.Linear(growth * width, width)
        self.scale = nn.Parameter(torch.full((width,), 0.1))

    def forward(self, x: Tensor) -> Tensor:
        """Same shape out as in; silence is assumed beyond both ends."""
        return self.inner(functional.pad(x, (0, 0, self.reach, self.reach)))

    def inner(self, x: Tensor) -> Tensor:
        """The frames that have all their neighbours: ``reach`` fewer at each end."""
        h = self.norm(self.depthwise(x))
        h = self.shrink(functional.gelu(self.grow(h)))
        out: Tensor = torch.addcmul(x[:, self.reach : -self.reach], h, self.scale)
        return out


@dataclass(frozen=True, slots=True)
class Filters:
    """What the network says, all ``(batch, SYNTHESIS_BINS, frames)``.

    Attributes:
        harmonic: Complex gain of the pulse source.
        hiss: Real gain of the noise source.
        own: Complex; added as it is.
    """

    harmonic: Tensor
    hiss: Tensor
    own: Tensor


class VocoderNet(nn.Module):
    """The network alone: frames in, filters out."""

    def __init__(self, shape: VocoderShape) -> None:
        super().__init__()
        self.shape = shape
        self.inlet: nn.Module = FrameConv(N_MELS + 2, shape.width, KERNEL)
        self.blocks = nn.Sequential(
            *[ConvNeXtBlock(shape.width) for _ in range(shape.blocks)]
        )
        self.norm = nn.LayerNorm(shape.width)
        self.outlet: nn.Module = nn.Linear(shape.width, 5 * SYNTHESIS_BINS)

    @property
    def field(self) -> int:
        """Frames on either side that a filter depends on."""
        return KERNEL // 2 * (self.shape.blocks + 1)

    def forward(self, mel: Tensor, f0_hz: Tensor, voicing: Tensor) -> Filters:
        """Filters for each frame.

        Args:
            mel: Log mel magnitudes, ``(batch, N_MELS, frames)``.
            f0_hz: ``(batch, frames)``, above zero everywhere.
            voicing: 0 to 1, ``(batch, frames)``.
        """
        x = self.inputs(mel, f0_hz, voicing)
        reach = KERNEL // 2
        padded = functional.pad(x, (0, 0, reach, reach))
        return self.filters(self.blocks(self.first(padded)))

    def inputs(self, mel: Tensor, f0_hz: Tensor, voicing: Tensor) -> Tensor:
        """What the first layer sees, ``(batch, frames, N_MELS + 2)``."""
        pitch = torch.log(f0_hz / F0_CENTRE_HZ)
        # Log mel runs from -11.5 to about 2; a fixed scale keeps the first layer sane.
        level = (mel.transpose(1, 2) + 5) / 3
        return torch.cat([level, pitch[..., None], voicing[..., None]], 2)

    def first(self, x: Tensor) -> Tensor:
        """The first layer: frames that have all their neighbours."""
        hidden: Tensor = self.inlet(x)
        return hidden

    def filters(self, hidden: Tensor) -> Filters:
        """Filters from the last block's output, ``(batch, frames, width)``."""
        # Bins lie side by side, as in the spectra they will shape.
        out = self.outlet(self.norm(hidden)).float()
        gain, hiss, phase, own, turn = out.chunk(5, 2)
        return Filters(
            _polar(gain, phase).transpose(1, 2),
            torch.exp(hiss.clamp(max=GAIN_TOP)).transpose(1, 2),
            _polar(own, turn).transpose(1, 2),
        )


def _polar(gain: Tensor, phase: Tensor) -> Tensor:
    """Complex numbers from log size and phase."""
    size = torch.exp(gain.clamp(max=GAIN_TOP))
    # A third of the time that torch.polar takes, which is not vectorised.
    return torch.complex(size * torch.cos(phase), size * torch.sin(phase))


def pulse_spectrum(f0_hz: Tensor, voicing: Tensor, phases: Tensor) -> Tensor:
    """Short-time spectrum of the pulse source at every frame but the outermost.

    Args:
        f0_hz: ``(batch, frames)``.
        voicing: ``(batch, frames)``.
        phases: ``(batch, frames)``, float64.

    Returns:
        ``(batch, SYNTHESIS_BINS, frames - 2 * AFTER)``, complex64: the frames whose
        whole window lies inside the given ones, from frame ``AFTER`` on.
    """
    train = pulses(f0_hz, voicing, phases)
    first = AFTER * HOP - SYNTHESIS_FFT // 2
    inner = f0_hz.shape[1] - 2 * AFTER
    framed = train[:, first:].unfold(1, SYNTHESIS_FFT, HOP)[:, :inner]
    spectra: Tensor = torch.fft.rfft(framed * hann(SYNTHESIS_FFT, f0_hz.device))
    return spectra.transpose(1, 2)


@functools.cache
@torch.inference_mode(mode=False)
def _window_sum(device: torch.device) -> Tensor:
    """Sum of squared windows over one block where all frames are there, ``(HOP,)``."""
    squared = hann(SYNTHESIS_FFT, device) ** 2
    total = torch.zeros(HOP, device=device)
    for offset in range(-BEFORE, AFTER + 1):
        start = SYNTHESIS_FFT // 2 - offset * HOP
        low, high = max(0, start), min(SYNTHESIS_FFT, start + HOP)
        total[low - start : high - start] += squared[low:high]
    return total


def overlap_add(spectra: Tensor) -> Tensor:
    """Waveform of a run of frames, by windowed overlap-add.

    Args:
        spectra: ``(batch, SYNTHESIS_BINS, frames)``, complex64.

    Returns:
        ``(batch, (frames - BEFORE - AFTER) * HOP)``: the blocks that have all their
        frames, which begin at frame ``BEFORE``.
    """
    waves = torch.fft.irfft(spectra.transpose(1, 2), SYNTHESIS_FFT)
    waves = waves * hann(SYNTHESIS_FFT, spectra.device)
    # Each window is laid over whole blocks; a block is the sum of what lies in it.
    lead = -(SYNTHESIS_FFT // 2 + BEFORE * HOP) % HOP
    reached = BEFORE + AFTER + 1
    rest = reached * HOP - lead - SYNTHESIS_FFT
    laid = functional.pad(waves, (lead, rest))
    laid = laid.reshape(*waves.shape[:2], reached, HOP)
    blocks = spectra.shape[2] - BEFORE - AFTER
    body = laid[:, :blocks, -1]
    for later in range(1, reached):
        body = body + laid[:, later : later + blocks, -1 - later]
    return (body / _window_sum(spectra.device)).flatten(1)


def pad_frames(x: Tensor, before: int, after: int) -> Tensor:
    """Repeat the first and last frame of ``(batch, frames)`` outwards."""
    return functional.pad(x[:, None], (before, after), mode="replicate")[:, 0]


def excite(
    f0_hz: Tensor, voicing: Tensor, filters: Filters, noises: list[Tensor]
) -> list[Tensor]:
    """Whole waveforms of a batch, one for each draw of the noise (for training).

    Args:
        f0_hz: ``(batch, frames)``.
        voicing: ``(batch, frames)``.
        filters: For the same frames.
        noises: Noise spectra, each ``(batch, SYNTHESIS_BINS, frames)``.

    Returns:
        For each noise ``(batch, frames * HOP)``; silence is assumed beyond the ends.
    """
    f0 = pad_frames(f0_hz, AFTER, AFTER)
    weight = functional.pad(voicing, (AFTER, AFTER))
    pulse = pulse_spectrum(f0, weight, frame_phases(f0))
    voiced = pulse * filters.harmonic + filters.own
    return [
        overlap_add(functional.pad(voiced + noise * filters.hiss, (BEFORE, AFTER)))
        for noise in noises
    ]
