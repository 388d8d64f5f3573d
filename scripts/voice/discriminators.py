"""Networks that tell recorded waveforms from made ones.

Some fold the waveform by a period and see each phase's course (Kong et al. 2020,
HiFi-GAN), some see magnitudes at several resolutions (Jang et al. 2021, UnivNet). What
they hold against a waveform is what distances do not see: smeared pulses, bursts that
are spread over a window. Least squares (Mao et al. 2017), features compared as well
(Larsen et al. 2016). Knows nothing of mel spectra or phones.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm

from scripts.voice.losses import magnitudes

PERIODS = (2, 3, 5, 7, 11)  # samples
PERIOD_WIDTHS = (24, 96, 192, 384)
RESOLUTIONS = ((1024, 256), (512, 128), (256, 64))  # window, hop
RESOLUTION_WIDTH = 24
LEAK = 0.2


class PeriodDiscriminator(nn.Module):
    """Judges ``(batch, samples)``, folded to rows of ``period`` samples."""

    def __init__(self, period: int, widths: tuple[int, ...] = PERIOD_WIDTHS) -> None:
        super().__init__()
        self.period = period
        sizes = [1, *widths]
        self.layers = nn.ModuleList(
            weight_norm(nn.Conv2d(a, b, (5, 1), (3, 1), (2, 0)))
            for a, b in zip(sizes, widths, strict=False)
        )
        last = widths[-1]
        self.layers.append(weight_norm(nn.Conv2d(last, last, (5, 1), 1, (2, 0))))
        self.outlet = weight_norm(nn.Conv2d(last, 1, (3, 1), 1, (1, 0)))

    def forward(self, wave: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Verdicts, near 1 for recorded, and the features of each layer."""
        short = -wave.shape[1] % self.period
        x = functional.pad(wave, (0, short)).reshape(len(wave), 1, -1, self.period)
        return _judged(x, self.layers, self.outlet)


class ResolutionDiscriminator(nn.Module):
    """Judges the magnitudes of ``(batch, samples)`` at one resolution."""

    def __init__(self, window: int, hop: int, width: int = RESOLUTION_WIDTH) -> None:
        super().__init__()
        self.window, self.hop = window, hop
        shapes = (
            (1, (9, 3), (2, 1)),
            (width, (9, 3), (2, 1)),
            (width, (9, 3), (2, 2)),
            (width, (3, 3), (1, 1)),
        )
        self.layers = nn.ModuleList(
            weight_norm(
                nn.Conv2d(inputs, width, size, stride, (size[0] // 2, size[1] // 2))
            )
            for inputs, size, stride in shapes
        )
        self.outlet = weight_norm(nn.Conv2d(width, 1, 3, 1, 1))

    def forward(self, wave: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Verdicts, near 1 for recorded, and the features of each layer."""
        with torch.autocast(wave.device.type, enabled=False):
            x = magnitudes(wave.float(), self.window, self.hop)
            x = torch.log(x + 1e-3)[:, None] / 3
        return _judged(x, self.layers, self.outlet)


def _judged(
    x: Tensor, layers: nn.ModuleList, outlet: nn.Module
) -> tuple[Tensor, list[Tensor]]:
    features = []
    for layer in layers:
        x = functional.leaky_relu(layer(x), LEAK)
        features.append(x)
    verdict: Tensor = outlet(x)
    return verdict, features


class Discriminators(nn.Module):
    """All of them.

    Args:
        tiny: Narrow ones, to see that all is there.
    """

    def __init__(self, tiny: bool = False) -> None:
        super().__init__()
        widths = (2, 4) if tiny else PERIOD_WIDTHS
        self.scales = nn.ModuleList(PeriodDiscriminator(p, widths) for p in PERIODS)
        width = 2 if tiny else RESOLUTION_WIDTH
        self.scales.extend(
            ResolutionDiscriminator(window, hop, width) for window, hop in RESOLUTIONS
        )

    def error(self, real: Tensor, made: Tensor) -> Tensor:
        """What they get wrong: mean squared error of the verdicts.

        Args:
            real: Recorded, ``(batch, samples)``.
            made: Without its gradient, the same shape.
        """
        total = torch.zeros((), device=real.device)
        for scale in self.scales:
            good, bad = scale(real)[0], scale(made)[0]
            total = total + (good - 1).square().mean() + bad.square().mean()
        return total / (2 * len(self.scales))

    def reproach(self, real: Tensor, made: Tensor) -> tuple[Tensor, Tensor]:
        """What they hold against made waveforms, and how far their features are off.

        The second is relative to the size of the features of the recorded ones.
        """
        total = torch.zeros((), device=real.device)
        apart = torch.zeros((), device=real.device)
        layers = 0
        for scale in self.scales:
            verdict, ours = scale(made)
            with torch.no_grad():
                _, theirs = scale(real)
            total = total + (verdict - 1).square().mean()
            for a, b in zip(ours, theirs, strict=True):
                apart = apart + (a - b).abs().mean() / b.abs().mean()
                layers += 1
        return total / len(self.scales), apart / layers
