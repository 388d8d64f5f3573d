"""Training state on disk: whole or not at all, so that a run may be cut anywhere.

A checkpoint holds the networks, their moving averages, the optimisers and the step
reached. What the model files in ``models/`` hold is exported from it, smaller. Knows
nothing of losses or data.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn


class MovingAverage:
    """Exponential moving average of a network's weights: what is judged and shipped."""

    def __init__(self, net: nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights = {k: v.detach().clone() for k, v in net.state_dict().items()}

    @torch.no_grad()
    def update(self, net: nn.Module, step: int) -> None:
        """Move towards the network's present weights; faster in the first steps."""
        decay = min(self.decay, (1 + step) / (10 + step))
        mine = list(self.weights.values())
        torch._foreach_lerp_(mine, list(net.state_dict().values()), 1 - decay)


def save_checkpoint(path: Path, state: Mapping[str, object]) -> None:
    """Write atomically: the old file stays until the new one is complete."""
    partial = path.with_suffix(".part")
    torch.save(dict(state), partial)
    os.replace(partial, path)


def load_checkpoint(path: Path) -> dict[str, object] | None:
    """Read a checkpoint; None where there is none. Only tensors and plain values."""
    if not path.is_file():
        return None
    state = torch.load(path, weights_only=True, map_location="cpu")
    assert isinstance(state, dict)
    return state


class Journal:
    """One JSON line an entry, appended to a file and flushed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, **values: float | int | str) -> None:
        """Append an entry; floats are rounded to five digits."""
        tidy = {
            k: round(v, 5) if isinstance(v, float) else v for k, v in values.items()
        }
        line = json.dumps({"time": int(time.time()), **tidy})
        with self.path.open("a", encoding="utf-8") as f:
            f.write(line + "\n")
        print(line, flush=True)


def average_weights(state: Mapping[str, object]) -> dict[str, Tensor]:
    """The moving average held in a checkpoint."""
    weights = state["average"]
    assert isinstance(weights, dict)
    return weights
