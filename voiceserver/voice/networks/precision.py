"""The wide layers of the networks in bfloat16, where this processor is faster with it.

Weights are cast once, as a voice is loaded; sums, norms, sources and spectra stay in
float32. Whether it pays is measured on the layers themselves, never guessed from the
processor's name: one that only imitates the format is slower by it. Knows nothing of
what the networks say.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from voiceserver.voice.networks.vocoder import ConvNeXtBlock

FRAMES = 100  # of a step in the middle of a clause
TRIALS = 5  # the best of so many counts: whatever else runs only adds to them
GAIN = 1.25  # how much faster it must be to be worth having


class HalfLinear(nn.Module):
    """A linear layer that multiplies in bfloat16 and adds in what the library uses.

    Args:
        layer: Whose weights are taken over.
    """

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.weight = nn.Parameter(layer.weight.bfloat16(), requires_grad=False)
        self.bias = nn.Parameter(layer.bias.bfloat16(), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """``(..., inputs)`` of any precision in, ``(..., outputs)`` in bfloat16 out."""
        return functional.linear(x.bfloat16(), self.weight, self.bias)


def halve(net: nn.Module) -> None:
    """Cast both layers of each block of a network, for good."""
    for block in net.modules():
        if isinstance(block, ConvNeXtBlock):
            block.grow = HalfLinear(block.grow)  # type: ignore[assignment]
            block.shrink = HalfLinear(block.shrink)  # type: ignore[assignment]


@torch.no_grad()
def pays(width: int, gain: float = GAIN) -> bool:
    """Whether a block of a width is faster in bfloat16 here and now; takes some ms."""
    whole, half = ConvNeXtBlock(width).eval(), ConvNeXtBlock(width).eval()
    halve(half)
    frames = torch.randn(1, FRAMES, width)
    return _best_s(lambda: whole(frames)) > gain * _best_s(lambda: half(frames))


def _best_s(step: Callable[[], Tensor]) -> float:
    """Seconds of the fastest of a few trials, after one that does not count."""
    step()
    taken = []
    for _ in range(TRIALS):
        began = time.perf_counter()
        step()
        taken.append(time.perf_counter() - began)
    return min(taken)
