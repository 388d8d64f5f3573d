"""In which precision the networks multiply, measured where they are to run.

Products in bfloat16 take a fraction of the time on processors that have them, and are
slower on those that only imitate the format; so it is measured on a block itself, never
guessed from the processor's name. Knows nothing of what the networks say.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from voiceserver.voice.networks.packed import PackedBlock
from voiceserver.voice.networks.vocoder import ConvNeXtBlock

FRAMES = 160  # of a step in the middle of a clause
TRIALS = 8  # the best of so many counts: whatever else runs only adds to them
# How much faster it must be to be worth having: other layers change what is said in
# the seventh digit, another precision in the third.
GAINS = {torch.float32: 1.05, torch.bfloat16: 1.2}


@torch.inference_mode()
def fastest(width: int) -> torch.dtype | None:
    """The precision in which packed blocks of a width are fastest; takes some ms.

    Returns:
        None where blocks as they are loaded are as fast.
    """
    block, frames = ConvNeXtBlock(width).eval(), torch.randn(1, FRAMES, width)
    packed = [PackedBlock(block, dtype) for dtype in GAINS]
    best_s, *others_s = _best_s(
        [functools.partial(b, frames) for b in (block, *packed)]
    )
    found = None
    for (dtype, gain), taken_s in zip(GAINS.items(), others_s, strict=True):
        if best_s > gain * taken_s:
            best_s, found = taken_s, dtype
    return found


def _best_s(steps: Sequence[Callable[[], Tensor]]) -> list[float]:
    """Seconds of this thread that each takes at best, done in turn: load hits all."""
    for step in steps:
        step()
    best = [math.inf] * len(steps)
    for _ in range(TRIALS):
        for i, step in enumerate(steps):
            began = time.thread_time()
            step()
            best[i] = min(best[i], time.thread_time() - began)
    return best
