"""Networks that tell mel spectra of recordings from made ones, patch by patch.

A decoder trained on distances alone emits what is likely on average: movement of the
bands above 8 Hz is too weak, speech sounds soft. A discriminator with a small field
sees that anywhere in a spectrum and says so at each place. Least squares (Mao et al.
2017), features compared as well (Larsen et al. 2016). Knows nothing of phones.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm

from voiceserver.voice.features import N_MELS

# Channels, kernel (bands, frames) and stride of each layer.
LAYERS = (
    (32, (5, 3), (2, 1)),
    (64, (5, 3), (2, 2)),
    (64, (5, 3), (2, 2)),
    (64, (3, 3), (1, 1)),
)
POOLS = ((1, 1), (2, 2))  # bands, frames: one discriminator each
MEL_MEAN, MEL_SCALE = -5.0, 3.0  # as the decoder's outlet has it
LEAK = 0.2


class PatchDiscriminator(nn.Module):
    """Judges each patch of a mel spectrum: near 1 is recorded, near 0 made.

    Args:
        pool: Bands and frames that are averaged before it looks.
    """

    def __init__(self, pool: tuple[int, int]) -> None:
        super().__init__()
        self.pool = pool
        widths = [2, *(width for width, _, _ in LAYERS)]
        self.layers = nn.ModuleList(
            weight_norm(
                nn.Conv2d(inputs, width, size, stride, (size[0] // 2, size[1] // 2))
            )
            for inputs, (width, size, stride) in zip(widths, LAYERS, strict=False)
        )
        self.outlet = weight_norm(nn.Conv2d(widths[-1], 1, 3, 1, 1))

    def forward(self, mel: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Judge ``(batch, N_MELS, frames)``.

        Returns:
            Verdicts ``(batch, 1, bands, frames)``, fewer of both than came in, and the
            features of each layer.
        """
        x = functional.avg_pool2d((mel[:, None] - MEL_MEAN) / MEL_SCALE, self.pool)
        # Which band it is: convolutions cannot tell, and sounds differ by it.
        height = torch.linspace(-1, 1, N_MELS // self.pool[0], device=mel.device)
        band = height[:, None].expand(x.shape[0], 1, -1, x.shape[3])
        x = torch.cat([x, band], 1)
        features = []
        for layer in self.layers:
            x = functional.leaky_relu(layer(x), LEAK)
            features.append(x)
        verdict: Tensor = self.outlet(x)
        return verdict, features


class Discriminators(nn.Module):
    """One patch discriminator for each scale."""

    def __init__(self) -> None:
        super().__init__()
        self.scales = nn.ModuleList(PatchDiscriminator(pool) for pool in POOLS)

    def error(self, real: Tensor, made: Tensor) -> Tensor:
        """What they get wrong: mean squared error of the verdicts.

        Args:
            real: Recorded, ``(batch, N_MELS, frames)``.
            made: Of the decoder, without its gradient, the same shape.
        """
        total = torch.zeros((), device=real.device)
        for scale in self.scales:
            good, bad = scale(real)[0], scale(made)[0]
            total = total + (good - 1).square().mean() + bad.square().mean()
        return total / (2 * len(self.scales))

    def reproach(self, real: Tensor, made: Tensor) -> tuple[Tensor, Tensor]:
        """What they hold against made spectra, and how far their features are off.

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
